"""What this machine supports for each backend, what it does not, and how to enable it."""

import json
import os
import platform
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dualstack.errors import DualstackError, HarnessError, HostCannot
from dualstack.lab.docker.engine import Engine, NoEngine, connect
from dualstack.lab.docker.labels import Owner, remove_network
from dualstack.lab.docker.networks import make_network
from dualstack.topology import load_topology

_TRIAL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Check:
    """One feature of this machine.

    Attributes:
        name: The feature.
        ok: Whether this machine has it.
        found: What was found.
        enable: How to enable it; empty if this machine has it.
        required: Whether every namespace lab needs it; false if only some topologies do.
    """

    name: str
    ok: bool
    found: str
    enable: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class _Need:
    """The feature that a trial checks, and how to enable it."""

    name: str
    enable: str
    required: bool = True


_CONTAINER = "inside a container: start it with --security-opt seccomp=unconfined --security-opt systempaths=unconfined"

_NEEDS = {
    "proc": _Need("mounting /proc in a PID namespace", _CONTAINER),
    "overlay": _Need(
        "overlay file systems in a user namespace",
        "use Linux 5.11 or newer with CONFIG_OVERLAY_FS; without it a foreign root file system is read-only",
        required=False,
    ),
    "nested": _Need(
        "nested user namespaces", "sysctl -w user.max_user_namespaces=15000; services then run as your own user"
    ),
    "seccomp": _Need(
        "seccomp filters",
        "a kernel with CONFIG_SECCOMP_FILTER on x86_64 or aarch64; without it services have AF_VSOCK, and there is no "
        "ipv4-only-no-af-inet6",
        required=False,
    ),
    "users": _Need(
        "services of root without root's rights, with separate users",
        "run as root on Linux 5.12 or newer, on a file system that can map owners (ext4, xfs, btrfs); without it "
        "services run as your own user and cannot change it",
        required=False,
    ),
    "packets": _Need("capturing packets (AF_PACKET)", "a kernel with CONFIG_PACKET (modprobe af_packet)"),
    "links": _Need("bridges and veth pairs", "a kernel with CONFIG_BRIDGE and CONFIG_VETH (modprobe bridge veth)"),
    "nftables": _Need(
        "dropping packets (nftables)",
        "a kernel with CONFIG_NF_TABLES (modprobe nf_tables); only requirements about unreachable servers need it",
        required=False,
    ),
    "nat44": _Need(
        "translating IPv4 addresses (nftables masquerade)",
        "a kernel with CONFIG_NFT_MASQ and CONFIG_NF_NAT (modprobe nft_masq); only the topologies nat44… need it",
        required=False,
    ),
}

_REFUSALS = (
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "AppArmor restricts unprivileged user namespaces",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with 'userns,' for Python",
    ),
    (
        "/proc/sys/kernel/unprivileged_userns_clone",
        "0",
        "unprivileged user namespaces are switched off",
        "sysctl -w kernel.unprivileged_userns_clone=1",
    ),
    (
        "/proc/sys/user/max_user_namespaces",
        "0",
        "no user namespaces are allowed",
        "sysctl -w user.max_user_namespaces=15000",
    ),
    (
        "/proc/sys/user/max_net_namespaces",
        "0",
        "no network namespaces are allowed",
        "sysctl -w user.max_net_namespaces=15000",
    ),
)
"""Settings that forbid namespaces: the file, the forbidding value, what it means, how to change it."""


def diagnose() -> list[Check]:
    """Try every feature that the namespace lab needs, and return the results.

    Raises:
        HarnessError: The trials could not be run.
    """
    outcomes = _try_all()
    checks = [_kernel(), _namespaces(outcomes["namespaces"])]
    for name, need in _NEEDS.items():
        fault = outcomes[name]
        enable = need.enable if fault else ""
        checks.append(Check(need.name, not fault, fault or "works", enable, required=need.required))
    return [*checks, _confinement(outcomes), _cores()]


def _try_all() -> dict[str, str]:
    """Run the trials in a separate process; return the error of each trial, empty if it worked."""
    command = [sys.executable, "-P", "-m", "dualstack.lab.trials"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TRIAL_SECONDS, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        detail = getattr(error, "stderr", None) or b""
        raise HarnessError(f"the trials could not be run: {error} {detail.decode(errors='replace')}") from None
    outcomes: dict[str, str] = json.loads(done.stdout)
    return outcomes


def _kernel() -> Check:
    """Return whether this is Linux, and on which kind of machine."""
    found = f"{platform.system()} {platform.release()} on {platform.machine()}"
    return Check("Linux", sys.platform == "linux", found, "" if sys.platform == "linux" else "run it on Linux")


def _namespaces(fault: str) -> Check:
    """Return whether user, mount, PID, network, IPC and UTS namespaces can be created, and what forbids it."""
    name = "user, mount, PID and network namespaces"
    if not fault:
        who = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
        return Check(name, ok=True, found=f"works for {who}", enable="")
    for file, forbidding, meaning, enable in _REFUSALS:
        path = Path(file)
        if path.exists() and path.read_text().strip() == forbidding:
            return Check(name, ok=False, found=f"{fault}: {meaning} ({file} is {forbidding})", enable=enable)
    return Check(name, ok=False, found=fault, enable=f"a kernel with CONFIG_USER_NS and CONFIG_NET_NS; {_CONTAINER}")


def _confinement(outcomes: Mapping[str, str]) -> Check:
    """Return what a service can read and write on this machine."""
    name = "what a service can do to this machine"
    lacking = [outcomes[trial] for trial in ("proc", "nested") if outcomes[trial]]
    if lacking:
        return Check(name, ok=False, found="; ".join(lacking), enable="see above", required=False)
    whose = "every user may read"
    if os.geteuid() == 0 and outcomes["users"]:
        whose = "root may read"
    found = f"read what {whose}, except homes, /tmp and /run; not write, nor reach sockets, networks or other processes"
    return Check(name, ok=True, found=found, enable="", required=False)


def _cores() -> Check:
    """Return the number of cores for parallel runs."""
    cores = len(os.sched_getaffinity(0))
    return Check("processor cores", ok=True, found=f"{cores}", enable="")


def diagnose_engine() -> list[Check]:
    """Look for a container engine and try what Docker labs need from it; namespace labs need no engine."""
    name = "container engine (--lab docker)"
    try:
        engine = connect()
    except NoEngine as error:
        return [Check(name, ok=False, found=error.found, enable=error.remedy, required=False)]
    except HostCannot as error:
        enable = "name one on this kind of processor in DOCKER_HOST"
        return [Check(name, ok=False, found=str(error), enable=enable, required=False)]
    try:
        whose = "rootless" if engine.is_rootless() else "with root's rights"
        found = f"{engine.version}, API {engine.api_version}, at {engine.address}, {whose}"
        return [Check(name, ok=True, found=found, enable="", required=False), _ipv6_only_network(engine)]
    except DualstackError as error:
        return [Check(name, ok=False, found=str(error), enable="see the engine's log", required=False)]
    finally:
        engine.close()


def _ipv6_only_network(engine: Engine) -> Check:
    """Create and remove an IPv6-only network on the engine; return whether and how that works."""
    name = "IPv6-only networks on the container engine"
    run = f"doctor-{secrets.token_hex(4)}"
    try:
        made = make_network(engine, load_topology("ipv6-only"), f"dualstack-{run}", Owner(run, "doctor").labels())
        remove_network(engine, made.identity)
    except DualstackError as error:
        enable = "docker network ls shows what there is; dualstack sweep removes what killed runs have left"
        return Check(name, ok=False, found=str(error), enable=enable, required=False)
    found = "works, without any IPv4" if made.native else "works; each host removes the IPv4 of this older engine"
    return Check(name, ok=True, found=found, enable="", required=False)
