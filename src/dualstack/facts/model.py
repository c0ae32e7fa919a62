"""The facts of a case as values: each field was seen by a prober, in a capture, in a socket table or in an output."""

import enum
from dataclasses import dataclass

from dualstack.facts.log import Sign
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.prober.messages import SocketRow


@enum.unique
class How(enum.Enum):
    """How an exchange ended; the value stands after "clients are"."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """TCP: RST in answer to the SYN. UDP: ICMP port unreachable."""
    IGNORED = "ignored: nothing comes back"
    KEPT_WAITING = "accepted and get no answer"
    """The connection is established, and nothing came before the client gave up."""
    HUNG_UP = "accepted, and the service closes the connection without an answer"
    RESET = "accepted, and the service resets the connection without an answer"
    WRONG = "answered, but not as they should be"
    UNREACHABLE = "unable to reach it"
    """No route, or an ICMP error other than port unreachable."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange of a client with the service.

    Attributes:
        family: The family that was dialled.
        address: The address that was dialled, with its zone.
        port: The port that was dialled.
        how: How it ended.
        seconds: How long it took.
        size: How many bytes were sent.
        answer: The beginning of the answer, as Latin-1 text.
        start: The number of the start of the service that it was with, from 1.
        inside: Whether the client was on the service's own host.
        source: The client's address.
        source_port: Its port.
        missing: How many bytes of the length that an HTTP answer announces did not come.
    """

    family: Family
    address: str
    port: int
    how: How
    seconds: float = 0.0
    size: int = 0
    answer: str = ""
    start: int = 1
    inside: bool = False
    source: str = ""
    source_port: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the service.

    Attributes:
        bind: What the service was told to listen on; empty for what its manifest has as the default.
        ready: Whether it became ready.
        seconds: How long that took, or how long it was waited for.
        ended: How it ended by itself: "exited with code 1"; empty if it did not.
        signal: The signal that ended it; empty without one.
        code: Its exit code; None without one.
    """

    bind: str = ""
    ready: bool = False
    seconds: float = 0.0
    ended: str = ""
    signal: str = ""
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt of a connector.

    Attributes:
        family: Its family.
        address: Where it went.
        at: Seconds since the run began.
        how: What became of it: ANSWERED, REFUSED, IGNORED or UNREACHABLE.
        sent: How many payload bytes it carried.
    """

    family: Family
    address: str
    at: float
    how: How
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a connector.

    Attributes:
        target: The literal or name that it was given.
        works: Whether it reported success, and its server saw it.
        seconds: How long it ran.
        timed_out: Whether it was still running when its time was up.
        asked: The record types that it asked for, in order, each once.
        names: The names that it asked for, each once.
        known: The addresses that DNS answers gave it, in order, each once.
        tried: Its attempts, in order.
    """

    target: str
    works: bool
    seconds: float = 0.0
    timed_out: bool = False
    asked: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    tried: tuple[Tried, ...] = ()

    @property
    def literal(self) -> Family | None:
        """The family of its target; None if that is a name."""
        try:
            return Family.of(self.target)
        except ValueError:
            return None

    @property
    def untried(self) -> tuple[str, ...]:
        """The addresses that it was given by DNS and did not try."""
        seen = {item.address for item in self.tried}
        return tuple(item for item in self.known if item not in seen)


@dataclass(frozen=True, slots=True)
class Host:
    """What the service's host has.

    Attributes:
        families: The families in which it has an address on the link.
        loopbacks: The families of which it has the loopback address.
        ipv6_sockets: Whether socket(AF_INET6) exists.
        v6only: Whether IPV6_V6ONLY is on by default.
        ipv6_disabled: Whether disable_ipv6 is 1.
        routed: Whether its clients are behind a router.
        several: Whether it has several addresses of a family.
    """

    families: frozenset[Family] = frozenset(BOTH)
    loopbacks: frozenset[Family] = frozenset(BOTH)
    ipv6_sockets: bool = True
    v6only: bool = False
    ipv6_disabled: bool = False
    routed: bool = False
    several: bool = False


@dataclass(frozen=True, slots=True)
class FamilyFacts:
    """What was seen of one family.

    Attributes:
        family: The family.
        works: What the application saw; None where it was not asked.
        hows: How many flows and exchanges ended how.
        icmp: The ICMP errors that clients got, each once.
        wrong_source: Addresses from which datagrams came back that were not asked, each once.
        wrong_port: Ports from which datagrams came back that were not asked, each once.
        hung_up_beside: How many connections the service ended at once, without an answer, while another one of the same
            family was open.
        hop_limit: The smallest hop limit (IPv4: time to live) that packets of the service had; 0 if none was seen.
        late: Whether a socket that takes it appeared only after the service had been ready for a while.
    """

    family: Family
    works: bool | None = None
    hows: tuple[tuple[How, int], ...] = ()
    icmp: tuple[str, ...] = ()
    wrong_source: tuple[str, ...] = ()
    wrong_port: tuple[int, ...] = ()
    hung_up_beside: int = 0
    hop_limit: int = 0
    late: bool = False

    def count(self, *hows: How) -> int:
        """Return how many flows ended in one of these ways."""
        return sum(number for how, number in self.hows if how in hows)

    @property
    def failed(self) -> int:
        """How many flows did not end with an answer."""
        return sum(number for how, number in self.hows if how is not How.ANSWERED)

    @property
    def worst(self) -> How | None:
        """How most flows failed; None if none did."""
        failures = [(number, how) for how, number in self.hows if how is not How.ANSWERED]
        return max(failures, key=lambda item: item[0])[1] if failures else None


@dataclass(frozen=True, slots=True)
class Facts:
    """What was recorded of one case.

    Attributes:
        requirement: The requirement's id.
        listens: Whether the case is about a listener.
        transport: ``tcp`` or ``udp``.
        port: The port of the listener or connector.
        protocol: What is spoken.
        claimed: The families that the listener or connector claims.
        declared: The ports of all the service's listeners.
        inside: Whether the listener is for clients on its own host.
        host: What the host has.
        ipv4: What was seen of IPv4.
        ipv6: What was seen of IPv6.
        starts: The starts of the service, in order.
        sockets: Every socket that the service was seen to listen with (UDP: to have bound), each once.
        table: The last socket table of the service that was not empty.
        exchanges: The exchanges of single clients.
        clients: The addresses that clients had.
        runs: The runs of a connector.
        signs: What its output complains about, each with the line.
        silent: Whether it wrote nothing.
        foreign: Whether a foreign socket had its port in one family.
        strangers: Addresses that no host has, for which the service's host looked on the link, or to which it sent.
        reverse: Whether it looked up the names of addresses (PTR).
        shown: Pairs of a client's address and what the service showed for it.
        broken: The findings that are not as expected.
        kept: The findings that are.
    """

    requirement: str = ""
    listens: bool = True
    transport: str = "tcp"
    port: int = 0
    protocol: str = "echo"
    claimed: frozenset[Family] = frozenset(BOTH)
    declared: frozenset[int] = frozenset()
    inside: bool = False
    host: Host = Host()
    ipv4: FamilyFacts = FamilyFacts(Family.IPV4)
    ipv6: FamilyFacts = FamilyFacts(Family.IPV6)
    starts: tuple[Start, ...] = ()
    sockets: tuple[SocketRow, ...] = ()
    table: tuple[SocketRow, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    clients: frozenset[str] = frozenset()
    runs: tuple[Run, ...] = ()
    signs: tuple[tuple[Sign, str], ...] = ()
    silent: bool = True
    foreign: bool = False
    strangers: tuple[str, ...] = ()
    reverse: bool = False
    shown: tuple[tuple[str, str], ...] = ()
    broken: tuple[Finding, ...] = ()
    kept: tuple[Finding, ...] = ()

    def of(self, family: Family) -> FamilyFacts:
        """Return what was seen of a family."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6

    # -- which families work -----------------------------------------------------------------------------------------

    def lost(self, family: Family) -> bool:
        """Return whether clients of a family that should be served are not.

        Where the application was not asked, a failed finding about the family, without any answer over it, says so.
        """
        seen = self.of(family)
        if seen.works is not None:
            return not seen.works
        return bool(seen.failed) and not seen.count(How.ANSWERED) and self.is_about(family)

    def served(self, family: Family) -> bool:
        """Return whether clients of a family were served."""
        seen = self.of(family)
        return seen.works if seen.works is not None else bool(seen.count(How.ANSWERED))

    def is_about(self, family: Family) -> bool:
        """Return whether a finding that is not as expected names the family."""
        return any(family.label in item.expected for item in self.broken)

    @property
    def one_lost(self) -> Family | None:
        """The one family that is lost while the other is served; None if it is not so."""
        found = [family for family in BOTH if self.lost(family) and self.served(family.other)]
        return found[0] if len(found) == 1 else None

    # -- the service -------------------------------------------------------------------------------------------------

    @property
    def start(self) -> Start:
        """The last start."""
        return self.starts[-1] if self.starts else Start()

    @property
    def ended(self) -> Start | None:
        """The last start that ended by itself, with an error or by a signal; None if none did."""
        return next((item for item in reversed(self.starts) if item.ended), None)

    @property
    def on_port(self) -> tuple[SocketRow, ...]:
        """The service's sockets on the port in question."""
        return tuple(row for row in self.sockets if (row.port, row.transport) == (self.port, self.transport))

    @property
    def undeclared(self) -> tuple[SocketRow, ...]:
        """The service's listening TCP sockets on ports that its manifest does not declare.

        A UDP socket there is more often a client's than a server's.
        """
        return tuple(
            row
            for row in self.sockets
            if row.transport == self.transport == "tcp" and row.port not in {self.port, *self.declared}
        )

    def takes(self, family: Family) -> tuple[SocketRow, ...]:
        """Return the service's sockets on the port that take a family."""
        return tuple(row for row in self.on_port if family in row.serves)

    @property
    def told(self) -> tuple[str, ...]:
        """The listen addresses of the last start, as they were spelt."""
        return tuple(self.start.bind.replace(",", " ").split())

    # -- its output --------------------------------------------------------------------------------------------------

    def says(self, *signs: Sign) -> str:
        """Return the first line of output that has one of these signs; empty if none has."""
        return next((line for wanted in signs for sign, line in self.signs if sign is wanted), "")
