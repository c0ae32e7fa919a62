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
class Advertised:
    """A prefix that a host advertises to a neighbour (PREF64).

    Attributes:
        host: The neighbour.
        interface: Its interface.
        prefix: The prefix.
    """

    host: str
    interface: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Passed:
    """What came of a path that exists only because of a function; see `functions.function.Passage`.

    Attributes:
        proof: The proof that judges it.
        source: The host that dialled.
        target: What it dialled.
        outcome: The outcome: empty, or the errno's name.
        crossing: Its hop limits; None if they were not tried.
        wanted: The outcome that it must have.
        seen: The address at which the listener must see the host that dialled, and that at which it did; None without.
    """

    proof: str
    source: str
    target: str
    outcome: str
    crossing: Crossing | None = None
    wanted: str = ""
    seen: tuple[str, str] | None = None

    @property
    def fault(self) -> str:
        """What is wrong with it; empty if nothing is."""
        path = f"from {self.source} to {self.target}"
        if self.outcome != self.wanted:
            return f"{path}: {shown(self.outcome)}" + (f", not {self.wanted}" if self.wanted else "")
        if self.seen is not None and self.seen[0] != self.seen[1]:
            return f"{path}: seen as {self.seen[1] or 'nobody'}, not as {self.seen[0]}"
        item = self.crossing
        if item is not None and item.first not in item.expected:
            return f"{path}: {item.first or 'no answer'} reports a hop limit of 1, not {shown(set(item.expected))}"
        if item is not None and item.arrived != item.target:
            return f"{path}: {item.arrived or 'no answer'} answers a packet with hop limit {item.hops}"
        return ""


@dataclass(frozen=True, slots=True)
class HostObservation:
    """What is known of one host when its proofs are run.

    Attributes:
        spec: The host in the topology.
        plan: Its addresses.
        facts: What its kernel reports.
        reached: The outcome of dialling each of its addresses from the other hosts: empty, or the errno's name.
        routes: Whether its kernel has a route to each address asked for: empty, or the errno's name.
        paths: The paths from and to it, if a router on its link routes its packets; of the router those that it routes.
        routers: The addresses of that router.
        crossings: The paths from and to it that cross routers between links.
        frames: The number of frames of each family, by interface; only of links that do not carry both.
        passages: What came of the paths that its functions make.
        advertised: What its functions advertise, each with the prefixes that the neighbour was told.
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
    passages: tuple[Passed, ...] = ()
    advertised: tuple[tuple[Advertised, tuple[str, ...]], ...] = ()

    @property
    def interfaces(self) -> "tuple[tuple[str, InterfacePlan], ...]":
        """Its interfaces on links: name and plan."""
        return tuple((f"eth{place}", plan) for place, plan in enumerate(self.plan.interfaces))

    def on(self, interface: str, family: Family) -> set[str]:
        """Return the addresses of the family on an interface."""
        own = {address for name, address in self.facts.addresses if name == interface}
        return {address for address in own if Family.of(address) is family}

    def answers(self, wanted: tuple[str, ...]) -> "ProofFailure | None":
        """Return a failure unless there are such addresses of the host, and each has answered the other hosts."""
        failed = {f"{a}: {self.reached.get(a, 'not tried')}" for a in wanted if self.reached.get(a, "not tried")}
        if wanted and not failed:
            return None
        return ProofFailure(f"an answer from {', '.join(wanted) or 'an address'}", shown(failed))

    def passages_failed(self, proof: str) -> "ProofFailure | None":
        """Return a failure if a path that a proof judges does not work, or there is none."""
        tried = [item for item in self.passages if item.proof == proof]
        faults = {item.fault for item in tried if item.fault}
        if faults or not tried:
            return ProofFailure("a connection, and an answer at each hop limit, on each path", shown(faults))
        return None


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
