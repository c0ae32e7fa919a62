"""What a host does for other hosts of its lab: a module for each function, which a topology names in ``functions``.

The modules are also imported where no topology is read, so they load neither topologies nor pydantic.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dualstack.errors import HarnessError, HostCannot
from dualstack.lab import nftables
from dualstack.lab.functions.clat import CLAT
from dualstack.lab.functions.dns64 import DNS64
from dualstack.lab.functions.forward import FORWARD
from dualstack.lab.functions.function import Function, Site
from dualstack.lab.functions.nat44 import NAT44
from dualstack.lab.functions.nat64 import NAT64
from dualstack.lab.functions.silent import SILENT
from dualstack.lab.functions.tunnel import TUNNEL

if TYPE_CHECKING:
    from dualstack.addressing import Plan
    from dualstack.topology import Topology

FUNCTIONS: Mapping[str, Function] = {
    "forward": FORWARD,
    "silent": SILENT,
    "tunnel-6in4": TUNNEL,
    "nat44": NAT44,
    "nat64": NAT64,
    "dns64": DNS64,
    "clat": CLAT,
}
"""Every function there is, by name."""


def functions_of(topology: "Topology", name: str) -> tuple[Function, ...]:
    """Return the functions of a host: those that the topology names; also ``forward`` if other hosts name it in via."""
    names = dict.fromkeys((*(["forward"] if name in topology.routers else []), *topology.host[name].functions))
    return tuple(FUNCTIONS[one] for one in names)


def add_filters(functions: Mapping[str, Sequence[str]]) -> None:
    """Make what functions ask nftables for, in the calling thread's network namespace.

    Args:
        functions: Their names, each with the interfaces to which its filters apply.

    Raises:
        HostCannot: The kernel has no nftables, or lacks a part of it.
        HarnessError: It refuses.
    """
    for name, outside in functions.items():
        try:
            if messages := FUNCTIONS[name].filters(outside):
                nftables.send(messages)
        except OSError as error:
            if error.errno in nftables.MISSING:
                raise HostCannot(f"this kernel cannot make a host with the function {name!r}: {error}") from None
            raise HarnessError(f"the function {name!r}: {error}") from None


def sites(topology: "Topology", plan: "Plan") -> Iterator[tuple[Site, Function]]:
    """Yield each function of each host, with its host."""
    for name in topology.host:
        yield from ((Site(topology, plan, name), function) for function in functions_of(topology, name))
