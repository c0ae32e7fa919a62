"""What a host does for other hosts of its lab: a module for each function, which a topology names in ``functions``.

The modules are also imported where no topology is read, so they load neither topologies nor pydantic.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dualstack.lab.functions.forward import FORWARD
from dualstack.lab.functions.function import Function

if TYPE_CHECKING:
    from dualstack.topology import Topology

FUNCTIONS: Mapping[str, Function] = {"forward": FORWARD}
"""Every function there is, by name."""


def functions_of(topology: "Topology", name: str) -> tuple[Function, ...]:
    """Return the functions of a host: those that the topology names; also ``forward`` if other hosts name it in via."""
    names = dict.fromkeys((*(["forward"] if name in topology.routers else []), *topology.host[name].functions))
    return tuple(FUNCTIONS[one] for one in names)
