"""At which addresses hosts reach and see each other across what translates addresses between them: NAT44 and NAT64."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from dualstack.families import BOTH, Family
from dualstack.lab.functions.translation import mappings, prefix_of
from dualstack.rfc6052 import embed

if TYPE_CHECKING:
    from dualstack.addressing import Plan
    from dualstack.topology import Topology

Addresses = Mapping[Family, tuple[str, ...]]


def dialled_at(topology: "Topology", plan: "Plan", client: str, host: str) -> Addresses:
    """Return the addresses at which a client reaches a host, by the family of the host's own addresses.

    They are of the other family if a translator between IPv4 and IPv6 is on the only path, and else the host's own.
    """
    own = plan.hosts[host].configured
    if _common(topology, client, host):
        return own
    known, prefix = mappings(topology, plan), prefix_of(topology)
    stands_for = {
        Family.IPV4: tuple(embed(prefix, address) for address in own[Family.IPV4]) if prefix else (),
        Family.IPV6: tuple(known[address] for address in own[Family.IPV6] if address in known),
    }
    return {family: stands_for[family] if topology.families(client) else () for family in BOTH}


def seen_at(topology: "Topology", plan: "Plan", client: str, host: str) -> Addresses:
    """Return the addresses at which a host sees a client, by family."""
    if not _common(topology, client, host):
        behind = dialled_at(topology, plan, host, client)
        return {family: behind[family.other] for family in BOTH}
    seen = dict(plan.hosts[client].configured)
    if seen[Family.IPV4] and plan.hosts[host].configured[Family.IPV4]:
        seen[Family.IPV4] = tuple(_shown(topology, plan, client, host))
    return seen


def _common(topology: "Topology", one: str, other: str) -> bool:
    """Return whether two hosts have a family in common."""
    return not set(topology.families(one)).isdisjoint(topology.families(other))


def _shown(topology: "Topology", plan: "Plan", client: str, host: str) -> Iterator[str]:
    """Yield the IPv4 addresses that a host sees of a client: those of the last router that hides it, or its own."""
    there = {one.link for one in plan.hosts[host].interfaces}
    name = client
    while not any(one.link in there for one in plan.hosts[name].interfaces):
        hidden = [links.behind for one in plan.hosts[name].interfaces if (links := topology.links[one.link]).behind]
        outer = [router for router in hidden if router not in (name, "")]
        if not outer:
            yield from plan.hosts[client].configured[Family.IPV4]
            return
        name = outer[0]
    for one in plan.hosts[name].interfaces:
        if one.link in there:
            yield from one.configured[Family.IPV4]
