"""The parts of a case's facts: exchanges, starts, connector runs, the host, and totals by family."""

import enum
import ipaddress
from dataclasses import dataclass

from dualstack.families import BOTH, WILDCARDS, Family, unmapped
from dualstack.prober.messages import SocketRow
from dualstack.protocols.certificates import TlsFault

ONE_PACKET = 1232
"""The largest UDP payload that fits one packet on every IPv6 path (RFC 8200 §5)."""


@enum.unique
class How(enum.Enum):
    """How an exchange ended; the value follows "clients are" in sentences."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """TCP: RST in answer to the SYN. UDP: ICMP port unreachable."""
    IGNORED = "ignored: no answer arrives"
    ELSEWHERE = "answered from an address or a port that they did not ask"
    """UDP: the only datagrams that come have another source."""
    KEPT_WAITING = "accepted and get no answer"
    """The connection is established, and no answer came before the client gave up."""
    HUNG_UP = "accepted, and the service closes the connection without an answer"
    RESET = "accepted, and the service resets the connection without an answer"
    WRONG = "answered, but not as they should be"
    UNREACHABLE = "unable to reach it"
    """No route, or an ICMP error other than port unreachable."""

    @property
    def result(self) -> str:
        """The result of an attempt, in parentheses after its address."""
        return "no answer" if self is How.IGNORED else self.name.lower().replace("_", " ")


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
        start: Which start of the service it was with, from 1.
        inside: Whether the client was on the service's own host.
        source: The client's address.
        source_port: Its port.
        missing: How many bytes are missing from the announced length of an HTTP answer.
        tls: What is wrong with the service's TLS; None if nothing is, or if it is not used.
        asks_large: Whether the request is the manifest's large_send or bulk_send: its answer needs several packets.
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
    tls: TlsFault | None = None
    asks_large: bool = False

    def is_like(self, other: "Exchange") -> bool:
        """Return whether another exchange had the same addresses."""
        return (self.family, self.address, self.source) == (other.family, other.address, other.source)

    @property
    def is_large(self) -> bool:
        """Whether its request or its answer does not fit one packet on every IPv6 path."""
        return self.asks_large or self.size > ONE_PACKET


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the service.

    Attributes:
        bind: The configured listen address; empty for the manifest's default.
        ready: Whether it became ready.
        seconds: How long that took, or how long the harness waited.
        ended: How it ended by itself, such as "exited with code 1"; empty if it did not.
        signal: The signal that ended it; empty without one.
        code: Its exit code; None without one.
        sockets: Every listening socket (UDP: bound socket) that was seen of it, each once.
    """

    bind: str = ""
    ready: bool = False
    seconds: float = 0.0
    ended: str = ""
    signal: str = ""
    code: int | None = None
    sockets: tuple[SocketRow, ...] = ()

    @property
    def listen_addresses(self) -> tuple[str, ...]:
        """Its listen addresses, as they were configured."""
        return tuple(self.bind.replace(",", " ").split())

    @property
    def is_pair(self) -> bool:
        """Whether both wildcards are among its listen addresses."""
        return {text.strip("[]") for text in self.listen_addresses} >= WILDCARDS


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt of a connector.

    Attributes:
        family: Its family.
        address: The address that it tried.
        at: Seconds since the run began.
        how: Its result: ANSWERED, REFUSED, IGNORED or UNREACHABLE.
        sent: How many payload bytes it carried.
        after: Seconds from its last SYN or datagram to its result; 0 if there is none.
        kept: Whether it kept the connection once it was established: it has sent data, or did not end it at once.
    """

    family: Family
    address: str
    at: float
    how: How
    sent: int = 0
    after: float = 0.0
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a connector.

    Attributes:
        target: The literal or name that it was given.
        works: Whether it reported success, and the server saw it.
        reports_success: Whether it reported success, whatever the server saw.
        seconds: How long it ran.
        timed_out: Whether it was still running at its timeout.
        asked: The record types that it queried, in order, each once.
        names: The names that it queried, each once.
        known: The addresses in its DNS answers, in order, each once.
        truncated: Whether a DNS answer to it was truncated.
        asked_over_tcp: Whether it sent a DNS query over TCP.
        tried: Its attempts, in order.
    """

    target: str
    works: bool
    reports_success: bool = False
    seconds: float = 0.0
    timed_out: bool = False
    asked: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    truncated: bool = False
    asked_over_tcp: bool = False
    tried: tuple[Tried, ...] = ()

    @property
    def literal(self) -> Family | None:
        """The family of its target; None if that is a name."""
        try:
            return Family.of(self.target)
        except ValueError:
            return None

    @property
    def may_be_inside(self) -> bool:
        """Whether an attempt may have gone to a loopback address: no capture shows those."""
        return self.target.rstrip(".").endswith("localhost") or any(map(_is_loopback, (self.target, *self.known)))

    @property
    def untried(self) -> tuple[str, ...]:
        """The addresses from its DNS answers that it did not try; without loopback addresses, which it may have."""
        seen = {item.address for item in self.tried}
        return tuple(item for item in self.known if item not in seen and not _is_loopback(item))

    @property
    def repeats(self) -> str:
        """The address that it tried more than once, with a new connection; empty if there is none."""
        addresses = [item.address for item in self.tried]
        return next((item for item in addresses if addresses.count(item) > 1), "")


def _is_loopback(text: str) -> bool:
    """Return whether a text is a loopback address, also an IPv4-mapped one."""
    try:
        return ipaddress.ip_address(unmapped(text.partition("%")[0])).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Host:
    """What the service's host has.

    Attributes:
        families: The families in which it has an address on the link, or by a CLAT.
        loopbacks: The families whose loopback address it has.
        ipv6_sockets: Whether socket(AF_INET6) exists.
        v6only: Whether IPV6_V6ONLY is on by default.
        ipv6_disabled: Whether disable_ipv6 is 1.
        routed: Whether its clients are behind a router.
        link_local: Whether its only IPv6 addresses on the link are link-local ones.
    """

    families: frozenset[Family] = frozenset(BOTH)
    loopbacks: frozenset[Family] = frozenset(BOTH)
    ipv6_sockets: bool = True
    v6only: bool = False
    ipv6_disabled: bool = False
    routed: bool = False
    link_local: bool = False


@dataclass(frozen=True, slots=True)
class FamilyFacts:
    """What was observed of one family.

    Attributes:
        family: The family.
        works: The application's result; None if there was no exchange.
        hows: How many flows and exchanges had each result.
        icmp: The ICMP errors that clients got, each once.
        expired: The ICMP error of a router for a packet whose hop limit was used up; empty without one.
        wrong_source: Addresses that sent answers to clients that did not ask them, each once.
        wrong_port: Ports that sent answers to clients that did not ask them, each once.
        hung_up_beside: How many connections the service closed at once, without an answer, while another one of the
            same family was open.
        hop_limit: The smallest hop limit (IPv4: time to live) that packets of the service had; 0 if none was seen.
        late: Whether a socket that takes it appeared only after the service had been ready for a while.
    """

    family: Family
    works: bool | None = None
    hows: tuple[tuple[How, int], ...] = ()
    icmp: tuple[str, ...] = ()
    expired: str = ""
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
        """How many flows ended without an answer."""
        return sum(number for how, number in self.hows if how is not How.ANSWERED)

    @property
    def worst(self) -> How | None:
        """The most frequent failure; None if there was none."""
        failures = [(number, how) for how, number in self.hows if how is not How.ANSWERED]
        return max(failures, key=lambda item: item[0])[1] if failures else None


ORDINARY_HOST = Host()
"""A host with both families that lacks nothing."""

NOTHING_SEEN = {family: FamilyFacts(family) for family in BOTH}
"""Each family without any observation."""
