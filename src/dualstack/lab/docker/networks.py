"""Networks of labs: internal, labelled, with prefixes that overlap no other network."""

import contextlib
import fcntl
import ipaddress
import itertools
import os
import secrets
import socket
import struct
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dualstack.errors import HarnessError, HostCannot
from dualstack.families import Family
from dualstack.lab.docker.engine import Engine, explained
from dualstack.lab.docker.labels import remove_network
from dualstack.topology import Topology

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

POOLS = tuple(map(ipaddress.IPv4Network, ("10.192.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15")))
"""The pools of IPv4 prefixes, in order of preference: private ones (RFC 1918), first the less used upper part of
10.0.0.0/8; then the benchmarking range (RFC 2544)."""

_IPV6_POOLS = tuple(map(ipaddress.IPv6Network, ("2001:db8:d0c::/48", "3fff:d0c::/48")))
"""The pools of IPv6 prefixes: documentation (RFC 3849, RFC 9637), which few machines route."""

_TRIES = 32
"""How many prefixes of each pool are tried."""

_SHORTEST = {4: 8, 6: 16}
"""Routes with shorter prefixes, by IP version, are parts of a default route: tunnels split it in two or more."""

_OF_LINK = {4: 24, 6: 64}
"""The length of a link's prefix, by IP version."""

_GATEWAY = -2
"""The bridge's own address: the last one, since hosts count from the first."""

_OVERLAPS = ("overlaps with other one", "already in use", "Address already in use", "conflicts with network")


@dataclass(frozen=True, slots=True)
class LabNetwork:
    """A network that was made.

    Attributes:
        identity: The engine's id of it.
        name: Its name, which is unique.
        ipv4: Its IPv4 prefix, with room for a /24 of each link; planned also if it has none.
        ipv6: Its IPv6 prefix; the same.
        native: Whether the engine made it without IPv4.
    """

    identity: str
    name: str
    ipv4: ipaddress.IPv4Network
    ipv6: ipaddress.IPv6Network
    native: bool

    def length(self, family: Family) -> int:
        """Return the length of its prefix of a family."""
        return (self.ipv4 if family is Family.IPV4 else self.ipv6).prefixlen

    @property
    def of_first_link(self) -> tuple[ipaddress.IPv4Network, ipaddress.IPv6Network]:
        """The prefixes of the first link of the lab."""
        return next(self.ipv4.subnets(new_prefix=_OF_LINK[4])), next(self.ipv6.subnets(new_prefix=_OF_LINK[6]))


def prefixes_of(topology: Topology) -> int:
    """Return how many prefixes a lab has: one for each link, and one for the IPv4 addresses of a translator."""
    translates = any({"nat64", "clat"} & set(host.functions) for host in topology.host.values())
    return len(topology.links) + translates


def make_network(engine: Engine, topology: Topology, name: str, labels: dict[str, str]) -> LabNetwork:
    """Make the network of a lab.

    Raises:
        HostCannot: No prefix is free, the engine has no room for another network, or a host is another's twin.
        HarnessError: The engine refused, or made another network than requested.
    """
    _refuse_twins(topology)
    families = {family for host in topology.host for family in topology.families(host)}
    with _alone():
        taken = [*_machine_networks(), *_engine_networks(engine)]
        for prefixes in _room_for(prefixes_of(topology), taken):
            made = _create(engine, families, prefixes, name, labels)
            if made is not None:
                return made
    pools = ", ".join(map(str, POOLS))
    raise HostCannot(
        f"no free network: the prefixes tried of {pools} are taken; ip route and docker network ls show what uses them"
    )


def _refuse_twins(topology: Topology) -> None:
    """Refuse hosts with the hardware addresses of another: in docker labs all links share one Ethernet.

    Raises:
        HostCannot: There are some.
    """
    for name, host in topology.host.items():
        if host.twin:
            what = f"has the hardware addresses of {host.twin!r}"
            raise HostCannot(
                f"topology {topology.name}: host {name!r} {what}: it needs the namespace lab (--lab netns)"
            )


def _create(
    engine: Engine,
    families: set[Family],
    prefixes: tuple[ipaddress.IPv4Network, ipaddress.IPv6Network],
    name: str,
    labels: dict[str, str],
) -> LabNetwork | None:
    """Make a network with these prefixes; return None if one of them is taken."""
    ipv4, ipv6 = prefixes
    native = families == {Family.IPV6} and engine.makes_ipv6_only
    pools: list[Network] = [*([] if native else [ipv4]), *([ipv6] if Family.IPV6 in families else [])]
    wish: dict[str, Any] = {
        "Name": name,
        "Driver": "bridge",
        "CheckDuplicate": True,
        "Internal": True,
        "EnableIPv6": Family.IPV6 in families,
        "IPAM": {"Config": [{"Subnet": str(pool), "Gateway": str(pool[_gateway(pool)])} for pool in pools]},
        "Labels": labels,
        "Options": {
            # No packet but the lab's own may leave a bridge, however the machine forwards.
            "com.docker.network.bridge.enable_ip_masquerade": "false",
            # Nor does the engine announce addresses (since 28.1): it fails for a host whose IPv6 is switched off.
            "com.docker.network.advertise_addr_nmsgs": "0",
        },
    }
    if native:
        wish["EnableIPv4"] = False
    try:
        # The SDK's method has no argument for EnableIPv4.
        with explained("a network cannot be made"):
            identity = _post(engine, wish)
    except HarnessError as error:
        if any(text in str(error) for text in _OVERLAPS):
            return None
        if "could not find an available" in str(error) or "no available" in str(error):
            raise HostCannot(f"{error}; docker network ls shows who has them, dualstack sweep removes ours") from None
        raise
    if native:
        _check_native(engine, identity)
    return LabNetwork(identity, name, ipv4, ipv6, native)


def _post(engine: Engine, wish: dict[str, Any]) -> str:
    """Make a network through the low-level API; return its id."""
    api = engine.api
    answer = api._post_json(api._url("/networks/create"), data=wish)  # noqa: SLF001 - there is no public way
    return str(api._result(answer, json=True)["Id"])  # noqa: SLF001 - the same


def _check_native(engine: Engine, identity: str) -> None:
    """Refuse a network that has IPv4 although none was requested: engines may ignore that option.

    Raises:
        HarnessError: It has.
    """
    with explained("a network cannot be inspected"):
        found = engine.api.inspect_network(identity)
    if found.get("EnableIPv4") is not False:
        remove_network(engine, identity)
        raise HarnessError(
            f"engine {engine.version} (API {engine.api_version}) made an IPv4 network where none was asked for"
        )


def _gateway(pool: Network) -> int:
    """Return the host number of the bridge's address in a prefix."""
    return _GATEWAY if pool.version == 4 else 0xFFFF  # noqa: PLR2004 - IP's version


def _candidates(taken: Sequence[Network]) -> Iterator[tuple[ipaddress.IPv4Network, ipaddress.IPv6Network]]:
    """Yield pairs of prefixes that overlap no taken one, in a random order: other processes choose at the same time."""
    before = 0
    for pool in POOLS:
        yield from itertools.islice(_free_pairs(pool, before, taken), _TRIES)
        before += _size(pool)


def _room_for(links: int, taken: Sequence[Network]) -> Iterator[tuple[ipaddress.IPv4Network, ipaddress.IPv6Network]]:
    """Yield pairs of prefixes that overlap no taken one, and have room for the /24 and the /64 of each link.

    Engines drop packets from one internal network to another, but not within the prefixes of one.
    """
    bits = (links - 1).bit_length()
    for ipv4, ipv6 in _candidates(taken):
        wide4, wide6 = ipv4.supernet(bits), ipv6.supernet(bits)
        if not (bits and (_overlaps_any(wide4, taken) or _overlaps_any(wide6, taken))):
            yield wide4, wide6


def _free_pairs(
    pool: ipaddress.IPv4Network, before: int, taken: Sequence[Network]
) -> Iterator[tuple[ipaddress.IPv4Network, ipaddress.IPv6Network]]:
    """Yield every free pair of a pool; ``before``, the size of the pools before it, keeps IPv6 prefixes unique."""
    if any(isinstance(item, ipaddress.IPv4Network) and pool.subnet_of(item) for item in taken):
        return
    size = _size(pool)
    # A step that is coprime to the size visits every number once.
    start, step = secrets.randbelow(size), secrets.randbelow(size) | 1
    for number in ((start + turn * step) % size for turn in range(size)):
        ipv4 = ipaddress.IPv4Network((int(pool.network_address) + (number << 8), 24))
        subnet = (before + number + 1) << 64
        choice = (ipaddress.IPv6Network((int(item.network_address) + subnet, 64)) for item in _IPV6_POOLS)
        ipv6 = next((item for item in choice if not _overlaps_any(item, taken)), None)
        if ipv6 is not None and not _overlaps_any(ipv4, taken):
            yield ipv4, ipv6


def _size(pool: ipaddress.IPv4Network) -> int:
    """Return how many /24 prefixes a pool has."""
    return 1 << (24 - pool.prefixlen)


def _overlaps_any(one: Network, others: Sequence[Network]) -> bool:
    """Return whether a prefix has an address in common with any of the others."""
    return any(type(one) is type(other) and one.overlaps(other) for other in others)


def _engine_networks(engine: Engine) -> Iterable[Network]:
    """Yield the prefixes of the engine's networks."""
    with explained("the engine's networks cannot be listed"):
        listed = engine.api.networks()
    for network in listed:
        for pool in (network.get("IPAM") or {}).get("Config") or ():
            if "Subnet" in pool:
                yield ipaddress.ip_network(pool["Subnet"], strict=False)


def _machine_networks(proc: Path = Path("/proc/net")) -> Iterable[Network]:
    """Yield the destinations of this machine's routes, without default routes and parts of them.

    The routes of its interfaces' own networks are among them.
    """
    routes = proc / "route"
    for line in routes.read_text().splitlines()[1:] if routes.exists() else ():
        fields = line.split()
        address, mask = (socket.inet_ntoa(struct.pack("=I", int(fields[place], 16))) for place in (1, 7))
        network = ipaddress.IPv4Network((address, mask), strict=False)
        if network.prefixlen >= _SHORTEST[4]:
            yield network
    routes = proc / "ipv6_route"
    for line in routes.read_text().splitlines() if routes.exists() else ():
        fields = line.split()
        if (length := int(fields[1], 16)) >= _SHORTEST[6]:
            yield ipaddress.IPv6Network((bytes.fromhex(fields[0]), length), strict=False)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Allow one process of this user at a time to choose prefixes; the engine refuses overlaps in any case."""
    path = Path(tempfile.gettempdir()) / f"dualstack-networks-{os.getuid()}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
