"""The network that an engine would make for a lab, without an engine."""

import ipaddress

from dualstack.addressing import plan_addresses
from dualstack.families import Family
from dualstack.lab.docker.networks import LabNetwork, prefixes_of
from dualstack.topology import Topology


def network_of(topology: Topology) -> LabNetwork:
    """Return a network with room for the prefixes of a topology in its usual plan."""
    plan, bits = plan_addresses(topology), (prefixes_of(topology) - 1).bit_length()
    first = next(iter(plan.links.values()))
    lengths = {family: plan.prefix_length(family) - bits for family in Family}
    ipv4 = ipaddress.IPv4Network((first.ipv4.network_address, lengths[Family.IPV4]), strict=False)
    ipv6 = ipaddress.IPv6Network((first.ipv6.network_address, lengths[Family.IPV6]), strict=False)
    return LabNetwork("", "planned", ipv4, ipv6, native=False)
