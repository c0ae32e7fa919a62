"""The parts of the draft's tables: scenarios, sides, rows, and the evidence that fills a cell."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from dualstack.families import Family


@enum.unique
class Scenario(enum.Enum):
    """The connectivity of one party, with the draft's name (§2.2)."""

    IPV4_ONLY = "IPv4-only"
    DUAL_STACK = "Dual-stack"
    NAT64 = "IPv6-only with NAT64"
    STRICT = "IPv6-only-strict"


@enum.unique
class Side(enum.Enum):
    """Which party of a row the service under test is."""

    CLIENT = "client"
    PROXY = "proxy"
    SERVER = "server"

    @property
    def lacking(self) -> str:
        """Why a service that is not this party has no cell of this side."""
        return _LACKING[self]


_LACKING = {
    Side.CLIENT: "it does not connect to servers (no [[connect]] in its manifest)",
    Side.PROXY: "it does not relay (no [[relay]] in its manifest)",
    Side.SERVER: "it does not listen for clients of the network (no such [[listen]] in its manifest)",
}


@enum.unique
class Plan(enum.Enum):
    """The rows of one class, as ``--plan`` names them."""

    BASE = "base"
    DC = "dc"
    EXTENDED = "extended"
    PROXY = "proxy"

    @property
    def label(self) -> str:
        """The draft's name of the class; the rows with a proxy have none."""
        return {Plan.DC: "IPv6-only-DC", Plan.PROXY: ""}.get(self, self.value)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A case that shows whether a row works.

    Attributes:
        requirement: The requirement's id.
        topology: The topology's name.
        over: The families over which an exchange must have succeeded in the case; empty: over any family.
    """

    requirement: str
    topology: str
    over: tuple[Family, ...] = ()


@dataclass(frozen=True, slots=True)
class Filling:
    """Which cases fill a cell.

    Attributes:
        evidence: The cases, each with what it must show.
        note: What the lab does otherwise than the draft's row, and why the service cannot tell; may be empty.
    """

    evidence: tuple[Evidence, ...]
    note: str = ""

    def __post_init__(self) -> None:
        """Check that it has cases.

        Raises:
            ValueError: It has none.
        """
        if not self.evidence:
            raise ValueError("a cell has at least one case")

    @property
    def topologies(self) -> tuple[str, ...]:
        """The topologies of its cases, each once."""
        return tuple(dict.fromkeys(item.topology for item in self.evidence))


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table of the draft. Each of its combinations can work.

    Attributes:
        plan: Its class.
        client: The client's scenario.
        server: The server's scenario.
        proxy: The proxy's scenario; None in the table without a proxy.
        fillings: How its cell is filled, for each side that the service under test can be on.
    """

    plan: Plan
    client: Scenario
    server: Scenario
    fillings: Mapping[Side, Filling]
    proxy: Scenario | None = None

    @property
    def parties(self) -> tuple[Scenario, ...]:
        """The scenarios in the order of the draft's columns."""
        return (self.client, *([self.proxy] if self.proxy else []), self.server)

    @property
    def title(self) -> str:
        """``Dual-stack → IPv4-only``."""
        return " → ".join(party.value for party in self.parties)
