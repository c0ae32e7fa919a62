"""Link-local addresses: their lab proofs, and those that hosts dial for a proof."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address

from dualstack.addressing import HostPlan, Plan
from dualstack.families import Family
from dualstack.lab.observation import Check, HostObservation, ProofFailure, same, shown
from dualstack.topology import Topology


def is_link_local(address: str) -> bool:
    """Return whether an address, without a zone, is an IPv6 link-local one."""
    return ":" in address and IPv6Address(address).is_link_local


def is_link_local_only(topology: Topology, host: str) -> bool:
    """Return whether a host has link-local addresses and no other IPv6 addresses, and a neighbour to dial each.

    On a tunnel, link-local addresses do not follow from hardware addresses.
    """
    spec = topology.host[host]
    own = [link for link in spec.attachments if Family.IPV6 in topology.links[link].families]
    near = [
        {*other.attachments} for name, other in topology.host.items() if name != host and has_link_local(topology, name)
    ]
    alone = has_link_local(topology, host) and not spec.addresses(Family.IPV6)
    tunnels = any(topology.links[link].over for link in own)
    return alone and bool(own) and not tunnels and all(any(link in links for links in near) for link in own)


def has_link_local(topology: Topology, host: str) -> bool:
    """Return whether a host has link-local addresses on links that carry IPv6."""
    return topology.host[host].link_local and not topology.host[host].disable_ipv6


def link_local_addresses(plan: HostPlan) -> Iterator[str]:
    """Yield the link-local address of a host on each link that carries IPv6, with its zone there (RFC 4007 §11)."""
    for place, own in enumerate(plan.interfaces):
        if Family.IPV6 in own.carries:
            yield f"{own.link_local}%eth{place}"


def dialled_from(plan: Plan, name: str, other: str, address: str) -> str:
    """Return a link-local address of another host with the zone of the host that dials it; empty on other links."""
    bare, _, place = address.partition("%eth")
    link = plan.hosts[other].interfaces[int(place)].link
    own = [one.link for one in plan.hosts[name].interfaces]
    return f"{bare}%eth{own.index(link)}" if link in own else ""


def _link_local(host: HostObservation) -> ProofFailure | None:
    """The interface on each link that carries IPv6 has one link-local address."""
    for name, plan in host.interfaces:
        own = _found(host, name)
        if len(own) != (Family.IPV6 in plan.carries):
            return ProofFailure(
                f"{'one' if Family.IPV6 in plan.carries else 'no'} link-local address on {name}", shown(own)
            )
    return None


def _no_link_local(host: HostObservation) -> ProofFailure | None:
    """No interface on a link has a link-local address."""
    return same(set(), {address for name, _ in host.interfaces for address in _found(host, name)})


def _path(host: HostObservation) -> ProofFailure | None:
    """The link-local address on each interface answers a neighbour on that link, which dials it with its zone."""
    return host.answers(tuple(link_local_addresses(host.plan)))


def _twin(host: HostObservation) -> ProofFailure | None:
    """Its link-local addresses are those of the host whose hardware addresses it has too."""
    expected = {own.link_local for _, own in host.interfaces if Family.IPV6 in own.carries}
    return same(expected, {address for name, _ in host.interfaces for address in _found(host, name)})


def _found(host: HostObservation, interface: str) -> set[str]:
    """Return the link-local addresses on an interface."""
    return {address for address in host.on(interface, Family.IPV6) if is_link_local(address)}


LINK_LOCAL_PROOFS: Mapping[str, Check] = {
    "link-local": _link_local,
    "link-local-path": _path,
    "twin": _twin,
    "no-link-local": _no_link_local,
}
"""The proofs of link-local addresses, by name."""
