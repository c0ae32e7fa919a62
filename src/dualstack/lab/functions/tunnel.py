"""The function ``tunnel-6in4``: the host is an end of a tunnel that carries IPv6 packets in IPv4 packets (RFC 4213).

The interface on the tunnel is a device, whose packets a process of the lab carries (`tunnelling`), on every kernel in
the same way. The kernel routes over it as over any link. If the other end has no IPv4 address, the tunnel carries
nothing, and the host reports that its destinations are unreachable.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from dualstack.families import Family
from dualstack.lab.functions.function import Daemon, Device, Function, Passage, Site, far_end
from dualstack.lab.observation import HostObservation, ProofFailure, shown
from dualstack.lab.tap import TUNNELLED
from dualstack.lab.tunnelling.process import ENTRY, Order

if TYPE_CHECKING:
    from dualstack.addressing import InterfacePlan

NAME = "tunnel-6in4"

_LINK_LOCAL = IPv6Address("fe80::")
_LENGTH = 64

UNREACHABLE = "EHOSTUNREACH"
"""What connect() returns over a tunnel that carries nothing."""


def _tunnel(site: Site) -> "tuple[str, InterfacePlan]":
    """Return the name and the plan of the interface on the tunnel."""
    own = enumerate(site.plan.hosts[site.host].interfaces)
    return next((f"eth{place}", one) for place, one in own if one.over)


def _outer(site: Site, host: str) -> "InterfacePlan":
    """Return the plan of the interface of an end on the link that carries the tunnel."""
    over = _tunnel(site)[1].over
    return next(one for one in site.plan.hosts[host].interfaces if one.link == over)


def _devices(site: Site) -> tuple[Device, ...]:
    """Return the interface on the tunnel; its link-local address is made of the IPv4 address (RFC 4213 §3.7)."""
    name, own = _tunnel(site)
    outer = IPv4Address(_outer(site, site.host).planned[Family.IPV4][0])
    addresses = (*own.configured[Family.IPV6], str(_LINK_LOCAL + int(outer)))
    return (Device(name, far_end(name), own.mtu, tuple((address, _LENGTH) for address in addresses)),)


def _daemon(site: Site) -> Daemon:
    """Return the process that carries the packets."""
    name, own = _tunnel(site)
    (other,) = (end for end in site.topology.ends(own.link) if end != site.host)
    lacking = site.topology.lacking(own.link)
    order = Order(
        near=name,
        far=far_end(name),
        own="" if site.host in lacking else _outer(site, site.host).planned[Family.IPV4][0],
        remote=_outer(site, other).planned[Family.IPV4][0],
        router=own.configured[Family.IPV6][0],
        lacking=bool(lacking),
    )
    return Daemon(f"the end {site.host!r} of the tunnel", ENTRY, order.packed())


def _passages(site: Site) -> Iterator[Passage]:
    """Yield the paths that begin at this end and that the tunnel does not carry, because an end has no IPv4 address."""
    from dualstack.topology import next_hops, reaches  # noqa: PLC0415 - inside a host, no topology is loaded

    topology = site.topology
    for source in topology.host:
        for link, hop in next_hops(topology, source, Family.IPV6, broken=True).items():
            for other in topology.host if hop.router == site.host else ():
                own = site.interfaces(Family.IPV6, other)
                if link in own and not reaches(topology, source, other, link, Family.IPV6):
                    yield Passage(NAME, source, own[link][1], own[link][1])


def _carries(host: HostObservation) -> ProofFailure | None:
    """Packets of protocol 41 were seen on the link under the tunnel; or, without its other end, it carries nothing."""
    if host.passages:
        others = {
            f"{item.outcome or 'success'} to {item.target}" for item in host.passages if item.outcome != UNREACHABLE
        }
        return (
            ProofFailure(f"{UNREACHABLE} beyond a tunnel whose other end has no IPv4", shown(others))
            if others
            else None
        )
    outer = {own.over for _, own in host.interfaces}
    seen = sum(host.frames.get(name, {}).get(TUNNELLED, 0) for name, own in host.interfaces if own.link in outer)
    return None if seen else ProofFailure("packets of protocol 41 on the link that carries the tunnel", "none")


TUNNEL = Function(
    proofs={NAME: _carries},
    devices=_devices,
    passages=lambda site: tuple(_passages(site)),
    daemon=_daemon,
)
