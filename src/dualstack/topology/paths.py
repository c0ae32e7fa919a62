"""Which links a host reaches, and over which routers."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from dualstack.families import Family
from dualstack.topology.model import HostSpec, Topology


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


def next_hops(topology: Topology, name: str, family: Family) -> Mapping[str, Hop]:
    """Return the first hop of the shortest path from a host to each link that it is not on, and can reach."""
    own = _links_of(topology.host[name], family)
    routers = {
        router: _links_of(spec, family)
        for router, spec in topology.host.items()
        if router != name and "forward" in spec.functions
    }
    found: dict[str, Hop] = {}
    waiting = deque((link, "", link, 1) for link in own)
    while waiting:
        at, first, through, count = waiting.popleft()
        for router, links in routers.items():
            for link in links if at in links else ():
                if link not in own and link not in found:
                    found[link] = Hop(first or router, through, count)
                    waiting.append((link, first or router, through, count + 1))
    return found


def hosts_across(topology: Topology, name: str, family: Family) -> list[tuple[str, str, Hop]]:
    """Return the hosts that a host reaches over routers alone: each with its link there, and the first hop."""
    hops, own = next_hops(topology, name, family), _links_of(topology.host[name], family)
    found = []
    for other, spec in topology.host.items():
        links = _links_of(spec, family)
        if not set(own) & set(links):
            found += [(other, link, hops[link]) for link in links if link in hops]
    return found


def _links_of(spec: HostSpec, family: Family) -> list[str]:
    """Return the links on which a host has an address of the family."""
    return [link for link, one in spec.attachments.items() if one.addresses(family)]
