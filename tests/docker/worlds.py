"""Which topologies a docker lab makes, and which it refuses."""

from dualstack.topology import load_topology, topology_names

REFUSED = tuple(name for name in topology_names() if any(host.twin for host in load_topology(name).host.values()))
"""All links of a docker lab are one Ethernet, on which no two hosts can have the same hardware address."""

MADE = tuple(name for name in topology_names() if name not in REFUSED)
