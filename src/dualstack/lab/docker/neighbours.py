"""What the hosts of a docker lab know of their neighbours from the start."""

from collections.abc import Iterator

from dualstack.addressing import Plan
from dualstack.families import Family
from dualstack.topology import Topology


def quiet_neighbours(topology: Topology, plan: Plan, name: str) -> Iterator[tuple[str, str, str]]:
    """Yield interface, IPv4 address and hardware address of each neighbour of a host, if a link of the lab has no IPv4.

    All links are one Ethernet: that link would see the broadcasts with which a neighbour is looked for.
    """
    if all(link.ipv4 for link in topology.links.values()):
        return
    for at, own in enumerate(plan.hosts[name].interfaces):
        for other in (one for host in plan.hosts.values() if host.name != name for one in host.interfaces):
            if other.link == own.link and not own.over:
                yield from ((f"eth{at}", address, other.mac) for address in other.configured[Family.IPV4])
