"""Containers of a lab: made, attached to, started; what they may do is decided here."""

import contextlib
import json
import os
import platform
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from docker.types import LogConfig

from dualstack.errors import HarnessError
from dualstack.lab.docker.engine import Engine, explained
from dualstack.lab.docker.labels import remove_container
from dualstack.lab.docker.secured import plain
from dualstack.lab.sysctl import UNLIMITED_ERRORS
from dualstack.topology import HostSpec

_ENDPOINT_SYSCTLS = "1.46"
"""The API from which settings of an interface belong to its endpoint; before, to the container."""

LINK = "IFNAME"
"""What engines call an interface whose name they have yet to give."""

_ARCHITECTURES = {
    "x86_64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "aarch64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
}

_EAFNOSUPPORT, _ENOSYS, _AF_INET6 = 97, 38, 10


@dataclass(frozen=True, slots=True)
class Plan:
    """What a container shall be.

    Attributes:
        image: Its image.
        command: What is executed, in place of the image's entrypoint and command; None for these.
        labels: Its labels.
        host: The fields of the engine's HostConfig.
        more: Other fields of the engine's container configuration.
        stdin: Whether it has a standard input, which ends with the attached stream.
    """

    image: str
    command: Sequence[str] | None
    labels: Mapping[str, str]
    host: Mapping[str, Any]
    more: Mapping[str, Any] = field(default_factory=dict)
    stdin: bool = False


@dataclass(frozen=True, slots=True)
class Attached:
    """A container that has been made and attached to; it does not run yet.

    Attributes:
        identity: The engine's id of it.
        stream: Its standard streams: output comes in the engine's frames, input goes as it is.
    """

    identity: str
    stream: socket.socket


def make(engine: Engine, plan: Plan) -> Attached:
    """Make a container and attach to it before it can say anything.

    Raises:
        APIError: The engine refuses.
        HarnessError: The connection cannot be attached.
    """
    wish: dict[str, Any] = {
        "Image": plan.image,
        "Labels": dict(plan.labels),
        "OpenStdin": plan.stdin,
        "StdinOnce": plan.stdin,
        "AttachStdin": plan.stdin,
        "AttachStdout": True,
        "AttachStderr": True,
        # What it says comes over the attached stream; nothing is kept on the engine's disk.
        "HostConfig": {"LogConfig": LogConfig(type="none"), **plan.host},
        **plan.more,
    }
    if plan.command is not None:
        wish |= {"Entrypoint": list(plan.command[:1]), "Cmd": list(plan.command[1:])}
    identity = str(engine.api.create_container_from_config(wish)["Id"])
    try:
        return Attached(identity, _attach(engine, identity, stdin=plan.stdin))
    except BaseException:
        remove_container(engine, identity)
        raise


def _attach(engine: Engine, identity: str, *, stdin: bool) -> socket.socket:
    """Return a socket of our own to a container's standard streams."""
    params = {"stdin": int(stdin), "stdout": 1, "stderr": 1, "stream": 1}
    found = engine.api.attach_socket(identity, params=params)
    raw = getattr(found, "_sock", found)
    if not isinstance(raw, socket.socket):
        raise HarnessError(
            f"cannot attach over this connection to the engine ({engine.address}); use unix:// or tcp://"
        )
    if isinstance(raw, ssl.SSLSocket):
        return plain(raw)
    own = socket.socket(fileno=os.dup(raw.fileno()))
    own.setblocking(True)  # the SDK's time-out has left the shared description non-blocking
    with contextlib.suppress(OSError):
        found._response.close()  # noqa: SLF001 - the SDK's way to keep the first descriptor open
    return own


def holder_plan(
    engine: Engine,
    *,
    image: str,
    name: str,
    spec: HostSpec,
    network: str,
    endpoint: dict[str, Any],
    mac: str,
    labels: Mapping[str, str],
    routing: Mapping[str, str] | None = None,
) -> Plan:
    """Return the plan of a holder: the only container with a network, and with the power to change it.

    Args:
        engine: Where it will run.
        image: The prober's image.
        name: The host's name.
        spec: What the host has.
        network: The name of the lab's network: engines before API 1.44 take no hardware address with its id.
        endpoint: Its addresses there (the engine's IPAMConfig).
        mac: Its hardware address there.
        labels: Its labels.
        routing: The `sysctl.routing_settings` of its link `LINK`, where there is a router.
    """
    own, of_link = settings(spec, routing or {})
    where: dict[str, Any] = {"IPAMConfig": endpoint}
    more: dict[str, Any] = {"Hostname": name, "NetworkingConfig": {"EndpointsConfig": {network: where}}}
    if _at_least(engine, _ENDPOINT_SYSCTLS):
        texts = [f"{key}={value}" for key, value in of_link.items()]
        where |= {"MacAddress": mac, "DriverOpts": {"com.docker.network.endpoint.sysctls": ",".join(texts)}}
    else:
        own |= {key.replace(LINK, "eth0"): value for key, value in of_link.items()}
        more["MacAddress"] = mac
    host = {
        "NetworkMode": network,
        "CapDrop": ["ALL"],
        "CapAdd": ["NET_ADMIN", "NET_RAW"],
        "SecurityOpt": ["no-new-privileges"],
        "Sysctls": own,
        # The service's own folder is shared memory of the pod: so it is there before the service is.
        "IpcMode": "shareable",
        # A test process that is killed takes its hosts with it: their standard input ends.
        "AutoRemove": True,
    }
    command = ["python3", "-m", "dualstack.lab.docker.holder"]
    return Plan(image=image, command=command, labels=labels, host=host, more=more, stdin=True)


def settings(spec: HostSpec, routing: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the kernel settings of a host, and those of its link, whose name is `LINK`; both by name."""
    own, of_link = _host_settings(spec)
    link = {f"net.ipv6.conf.{LINK}.{key}": value for key, value in of_link.items()}
    for key, value in routing.items():
        name = f"net.{key.replace('/', '.')}"
        (link if f".{LINK}." in name else own)[name] = value
    return own, link


def _host_settings(spec: HostSpec) -> tuple[dict[str, str], dict[str, str]]:
    """Return the kernel settings of a host: by name, and those of its link by name below net.ipv6.conf.<link>."""
    own = {
        "net.ipv4.ip_unprivileged_port_start": "0",
        "net.ipv6.bindv6only": str(int(spec.bindv6only)),
        **UNLIMITED_ERRORS,
    }
    if spec.disable_ipv6:
        own |= {f"net.ipv6.conf.{scope}.disable_ipv6": "1" for scope in ("all", "default", "lo")}
        return own, {"disable_ipv6": "1"}
    # An engine may take ::1 away from hosts on networks without IPv6.
    own["net.ipv6.conf.lo.disable_ipv6"] = "0"
    if not (spec.ipv6 or spec.link_local):
        return own, {"disable_ipv6": "1"}
    return own, {"disable_ipv6": "0", "accept_dad": "0", "accept_ra": "0", "router_solicitations": "0"}


def run(engine: Engine, plan: Plan, what: str) -> int:
    """Run a container of ours to its end and remove it; return its exit code.

    Raises:
        HarnessError: The engine cannot; ``what`` says what could not be done.
    """
    with explained(what):
        attached = make(engine, plan)
        start(engine, attached, what)
        try:
            return int(engine.api.wait(attached.identity)["StatusCode"])
        finally:
            attached.stream.close()
            remove_container(engine, attached.identity)


def _at_least(engine: Engine, version: str) -> bool:
    """Return whether the engine speaks this version of the API."""
    return [int(part) for part in engine.api_version.split(".")] >= [int(part) for part in version.split(".")]


def member_host(holder: str, *, af_inet6: bool) -> dict[str, Any]:
    """Return the HostConfig of a container that joins a holder's network and shared memory."""
    security = ["no-new-privileges"]
    if not af_inet6:
        security.append(f"seccomp={json.dumps(no_inet6_profile())}")
    return {"NetworkMode": f"container:{holder}", "IpcMode": f"container:{holder}", "SecurityOpt": security}


def attendant_plan(image: str, service: str, labels: Mapping[str, str]) -> Plan:
    """Return the plan of a container that sees, and may signal, the processes of a service's container.

    Args:
        image: The prober's image.
        service: The engine's id of the service's container.
        labels: Its labels.
    """
    host = {
        "NetworkMode": "none",
        "PidMode": f"container:{service}",
        "CapDrop": ["ALL"],
        "CapAdd": [
            "DAC_READ_SEARCH",
            "KILL",
            "SYS_PTRACE",
        ],  # a service may run as any user, and hide its files from others
        "SecurityOpt": ["no-new-privileges"],
        "AutoRemove": True,
    }
    command = ["python3", "-m", "dualstack.lab.docker.attendant"]
    return Plan(image=image, command=command, labels=labels, host=host, more={"User": "0"}, stdin=True)


def no_inet6_profile() -> dict[str, Any]:
    """Return the seccomp profile under which socket(AF_INET6) fails as in a kernel without IPv6.

    io_uring is refused as well, since it can create sockets past every filter.
    """
    inet6 = {"index": 0, "value": _AF_INET6, "op": "SCMP_CMP_EQ"}
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": _ARCHITECTURES.get(platform.machine(), []),
        "syscalls": [
            {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": _EAFNOSUPPORT, "args": [inet6]},
            {"names": ["io_uring_setup"], "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS},
        ],
    }


def start(engine: Engine, attached: Attached, what: str) -> None:
    """Start a container of ours.

    Raises:
        HarnessError: The engine cannot; the container is gone then.
    """
    try:
        with explained(what):
            engine.api.start(attached.identity)
    except BaseException:
        attached.stream.close()
        remove_container(engine, attached.identity)
        raise
