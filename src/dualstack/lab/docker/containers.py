"""Makes, attaches to and starts the containers of a lab; decides what they are allowed to do."""

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
from dualstack.families import Family
from dualstack.lab.docker.engine import Engine, explained
from dualstack.lab.docker.labels import remove_container
from dualstack.lab.docker.secured import plain
from dualstack.lab.setup import host_settings, quiet_link
from dualstack.topology import HostSpec, Topology

_ENDPOINT_SYSCTLS = "1.46"
"""The API version from which an interface's settings belong to its endpoint; before, to the container."""

LINK = "IFNAME"
"""The engines' placeholder for the name of an interface."""

_ARCHITECTURES = {
    "x86_64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "aarch64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
}

_EAFNOSUPPORT, _ENOSYS, _AF_INET6 = 97, 38, 10

_IPV6_SETTINGS = "/proc/sys/net/ipv6"
"""What a kernel without IPv6 does not have."""

_MASKED = (
    *("/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats"),
    *("/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi"),
    *("/sys/firmware", "/sys/devices/virtual/powercap"),
)
"""What engines hide from containers unless they are told what to hide."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to make a container.

    Attributes:
        image: Its image.
        command: Replaces the image's entrypoint and command; None keeps them.
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
    """A container that was made and attached to, and does not run yet.

    Attributes:
        identity: The engine's id of it.
        stream: Its standard streams: output comes in the engine's frames, input goes as it is.
    """

    identity: str
    stream: socket.socket


def make(engine: Engine, plan: Plan) -> Attached:
    """Make a container and attach to it before it can write anything.

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
        # Its output comes over the attached stream; the engine stores none.
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
    """Return a socket to a container's standard streams, independent of the SDK."""
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
    own.setblocking(True)  # the SDK's timeout made the shared file description non-blocking
    with contextlib.suppress(OSError):
        found._response.close()  # noqa: SLF001 - the SDK keeps the first descriptor open here
    return own


def pause_plan(
    engine: Engine,
    *,
    image: str,
    topology: Topology,
    name: str,
    network: str,
    endpoint: dict[str, Any],
    mac: str,
    labels: Mapping[str, str],
) -> Plan:
    """Return the plan of a pause container: the only one with a network, and with the capability to change it.

    Args:
        engine: Where it will run.
        image: The prober's image.
        topology: The topology of its lab.
        name: The host's name.
        network: The name of the lab's network: engines before API 1.44 take no hardware address with its id.
        endpoint: Its addresses there (the engine's IPAMConfig).
        mac: Its hardware address there.
        labels: Its labels.
    """
    own, of_link = settings(topology, name)
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
        # The service's private folder is in shared memory, so that it exists before the service.
        "IpcMode": "shareable",
        # When the test process is killed, the standard input ends, and with it the container.
        "AutoRemove": True,
    }
    command = ["python3", "-m", "dualstack.lab.docker.supervisor"]
    return Plan(image=image, command=command, labels=labels, host=host, more=more, stdin=True)


def without_ipv6(spec: HostSpec) -> bool:
    """Return whether IPv6 is disabled on the interfaces of a host on links."""
    return spec.disable_ipv6 or not (spec.addresses(Family.IPV6) or spec.link_local)


def settings(topology: Topology, name: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the kernel settings of a host, and those of its link, whose name is `LINK`; both by name."""
    spec = topology.host[name]
    paths = {f"ipv6/conf/{LINK}/disable_ipv6": str(int(without_ipv6(spec)))}
    if not without_ipv6(spec):
        paths |= quiet_link(LINK)
    if not spec.disable_ipv6:  # an engine may take ::1 away from hosts on networks without IPv6
        paths["ipv6/conf/lo/disable_ipv6"] = "0"
    if len(spec.attachments) > 1:  # the other interfaces are made later, and start with these
        paths |= quiet_link("default") | {"ipv6/conf/default/disable_ipv6": str(int(without_ipv6(spec)))}
    paths |= host_settings(topology, name, LINK)
    link = {path for path in paths if f"/{LINK}/" in path}
    named = {path: f"net.{path.replace('/', '.')}" for path in paths}
    own = {named[path]: value for path, value in paths.items() if path not in link}
    return own, {named[path]: value for path, value in paths.items() if path in link}


def run(engine: Engine, plan: Plan, what: str) -> int:
    """Run one of our containers to its end and remove it; return its exit code.

    Raises:
        HarnessError: The engine refuses; the message begins with ``what``.
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
    """Return whether the engine has this version of the API."""
    return [int(part) for part in engine.api_version.split(".")] >= [int(part) for part in version.split(".")]


def member_host(pause: str, *, af_inet6: bool) -> dict[str, Any]:
    """Return the HostConfig of a container that joins the network and shared memory of a pause container."""
    host = {"NetworkMode": f"container:{pause}", "IpcMode": f"container:{pause}"}
    security = ["no-new-privileges"]
    if af_inet6:
        return {**host, "SecurityOpt": security}
    security.append(f"seccomp={json.dumps(no_inet6_profile())}")
    return {**host, "SecurityOpt": security, "MaskedPaths": [*_MASKED, _IPV6_SETTINGS]}


def sidecar_plan(image: str, service: str, labels: Mapping[str, str]) -> Plan:
    """Return the plan of a sidecar: it sees, and may signal, the processes of a service's container.

    Args:
        image: The prober's image.
        service: The engine's id of the service's container.
        labels: Its labels.
    """
    host = {
        "NetworkMode": "none",
        "PidMode": f"container:{service}",
        "CapDrop": ["ALL"],
        # A service may run as any user, and hide its files from others.
        "CapAdd": ["DAC_READ_SEARCH", "KILL", "SYS_PTRACE"],
        "SecurityOpt": ["no-new-privileges"],
        "AutoRemove": True,
    }
    command = ["python3", "-m", "dualstack.lab.docker.sidecar"]
    return Plan(image=image, command=command, labels=labels, host=host, more={"User": "0"}, stdin=True)


def no_inet6_profile() -> dict[str, Any]:
    """Return the seccomp profile under which socket(AF_INET6) fails as in a kernel without IPv6.

    io_uring is refused too: it can create sockets that no filter sees.
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
    """Start one of our containers.

    Raises:
        HarnessError: The engine refuses; the container is removed then.
    """
    try:
        with explained(what):
            engine.api.start(attached.identity)
    except BaseException:
        attached.stream.close()
        remove_container(engine, attached.identity)
        raise
