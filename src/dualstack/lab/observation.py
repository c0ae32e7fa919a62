"""What is known of a host when its lab proofs are run, and the outcome of a proof that fails.

Router functions have proofs too, and their modules are imported where no topology is read: this one imports neither
topologies nor plans.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dualstack.families import Family
from dualstack.lab.facts import Facts
from dualstack.lab.path_probe import Crossing, ProbedPath

if TYPE_CHECKING:
    from dualstack.addressing import HostPlan, InterfacePlan
    from dualstack.topology import HostSpec


@dataclass(frozen=True, slots=True)
class HostObservation:
    """What is known of one host when its proofs are run.

    Attributes:
        spec: The host in the topology.
        plan: Its addresses.
        facts: What its kernel reports.
        reached: The outcome of dialling each of its addresses from the other hosts: empty, or the errno's name.
        routes: Whether its kernel has a route to each address asked for: empty, or the errno's name.
        paths: The paths from and to it, if a router on its link routes its packets.
        routers: The addresses of that router.
        crossings: The paths from and to it that cross routers between links.
        frames: The number of frames of each family, by interface; only of links that do not carry both.
    """

    spec: "HostSpec"
    plan: "HostPlan"
    facts: Facts
    reached: Mapping[str, str]
    routes: Mapping[str, str]
    paths: tuple[ProbedPath, ...] = ()
    routers: frozenset[str] = frozenset()
    crossings: tuple[Crossing, ...] = ()
    frames: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def interfaces(self) -> "tuple[tuple[str, InterfacePlan], ...]":
        """Its interfaces on links: name and plan."""
        return tuple((f"eth{place}", plan) for place, plan in enumerate(self.plan.interfaces))

    def on(self, interface: str, family: Family) -> set[str]:
        """Return the addresses of the family on an interface."""
        own = {address for name, address in self.facts.addresses if name == interface}
        return {address for address in own if Family.of(address) is family}


@dataclass(frozen=True, slots=True)
class ProofFailure:
    """Why a proof failed: what was expected, and what was found."""

    expected: str
    found: str


Check = Callable[[HostObservation], ProofFailure | None]


def same(expected: object, found: object) -> ProofFailure | None:
    """Return a failure if two things differ."""
    return None if expected == found else ProofFailure(shown(expected), shown(found))


def shown(value: object) -> str:
    """Return a value as text for a message."""
    if isinstance(value, set):
        return ", ".join(sorted(map(str, value))) or "nothing"
    return str(value) or "success"
