"""Which links a host reaches, and over which routers."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from dualstack.families import Family
from dualstack.topology.model import Topology


@dataclass(frozen=True, slots=True)
class Hop:
    """The first hop from a host to another link.

    Attributes:
        router: The router's name.
        link: The link that the host and the router have in common.
        routers: The number of routers on the path.
    """

    router: str
    link: str
    routers: int


def next_hops(topology: Topology, name: str, family: Family, *, broken: bool = False) -> Mapping[str, Hop]:
    """Return the first hop of the shortest path from a host to each link that it is not on, and can reach.

    Args:
        topology: The topology.
        name: The host.
        family: The family of the packets.
        broken: Whether paths over tunnels count that carry nothing: hosts have routes over them.
    """
    own = _links_of(topology, name, family, broken=broken)
    routers = {
        router: _links_of(topology, router, family, broken=broken)
        for router, spec in topology.host.items()
        if router != name and "forward" in spec.functions
    }
    found: dict[str, Hop] = {}
    waiting = deque((link, "", link, 1) for link in own)
    while waiting:
        at, first, through, count = waiting.popleft()
        for router, links in routers.items():
            for link in links if at in links else ():
                hidden = family is Family.IPV4 and topology.links[link].behind == router
                if link not in own and link not in found and not hidden:
                    found[link] = Hop(first or router, through, count)
                    waiting.append((link, first or router, through, count + 1))
    return found


def hosts_across(topology: Topology, name: str, family: Family) -> list[tuple[str, str, Hop]]:
    """Return the hosts that a host reaches over routers alone: each with its link there, and the first hop."""
    hops, own = next_hops(topology, name, family), _links_of(topology, name, family)
    found = []
    for other in topology.host:
        links = _links_of(topology, other, family)
        if not set(own) & set(links):
            found += [(other, link, hops[link]) for link in links if link in hops]
    return found


def reaches(topology: Topology, name: str, other: str, link: str, family: Family) -> bool:
    """Return whether a host reaches the address of another one on a link.

    A router has its addresses on all its links, also on a tunnel that carries nothing.
    """
    if not topology.lacking(link):
        own = _links_of(topology, name, family)
        return link in own or link in next_hops(topology, name, family)
    hop = next_hops(topology, name, family, broken=True).get(link)
    return hop is not None and hop.router == other


def _links_of(topology: Topology, name: str, family: Family, *, broken: bool = False) -> list[str]:
    """Return the links on which a host has an address of the family, and sends packets."""
    links = [link for link, one in topology.host[name].attachments.items() if one.addresses(family)]
    return [link for link in links if broken or not topology.lacking(link)]
