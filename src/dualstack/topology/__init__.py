"""A topology: hosts on links, one TOML file each. Routes, and what a lab must prove, are derived from it."""

from dualstack.topology.files import TOPOLOGIES, load_topology, read_topology, topology_names
from dualstack.topology.model import (
    LINK_MTU,
    ONLY_LINK,
    Attachment,
    FunctionName,
    HostSpec,
    LinkSpec,
    Roles,
    Topology,
)
from dualstack.topology.paths import Hop, hosts_across, next_hops, reaches

__all__ = [
    "LINK_MTU",
    "ONLY_LINK",
    "TOPOLOGIES",
    "Attachment",
    "FunctionName",
    "Hop",
    "HostSpec",
    "LinkSpec",
    "Roles",
    "Topology",
    "hosts_across",
    "load_topology",
    "next_hops",
    "reaches",
    "read_topology",
    "topology_names",
]
