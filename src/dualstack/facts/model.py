"""The facts of a case: what probers, captures, socket tables and outputs showed, and what follows from that."""

from dataclasses import dataclass

from dualstack.facts.log import Sign, names_other_port
from dualstack.facts.values import NOTHING_SEEN, ORDINARY_HOST, Exchange, FamilyFacts, Host, How, Run, Start
from dualstack.families import BOTH, Family
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import SocketRow


@dataclass(frozen=True, slots=True)
class Facts:
    """What was recorded of one case.

    Attributes:
        requirement: The requirement's id.
        listens: Whether the case is about a listener; not so for a relay.
        transport: ``tcp`` or ``udp``.
        port: The port of the listener or connector.
        protocol: The application protocol.
        claimed: The families that the listener or connector claims.
        declared: The ports of all the service's listeners.
        inside: Whether the listener is for clients on its own host.
        relays: Whether it is a relay's: what its clients get depends on a server behind it.
        introduces: Whether it is a relay's that names each client to its server in a PROXY header.
        introduced: Whether its clients begin with a PROXY header.
        host: What the host has.
        ipv4: What was observed of IPv4.
        ipv6: What was observed of IPv6.
        starts: The starts of the service, in order.
        sockets: Every listening socket (UDP: bound socket) of the service that was seen, each once.
        table: The service's last socket table that was not empty.
        connected: Its UDP sockets on the port that have one client as their peer, in that table.
        exchanges: The exchanges of single clients.
        clients: The addresses of clients and servers.
        runs: The runs of a connector.
        apart: Whether the manifest gives its program the address of the target or server alone, and the port apart.
        asked: Of a relay: each name that it queried, with the record types, in order, each once.
        signs: The kinds of failure that its output reports, each with the line.
        silent: Whether it wrote no output.
        proxies: Host and port of each proxy that the environment of the connector names.
        foreign: Whether a foreign socket had its port in one family.
        strangers: Addresses that no host has, to which the service's host sent or tried to send (ARP, neighbour
            discovery).
        reverse: Whether it queried the names of addresses (PTR).
        shown: Pairs of a client's source address and the address that the service showed for it.
        misjudged: Pairs of a client's address and an access rule that the service applied wrongly to it.
        component: Which component of the service did not start or ended by itself, as a clause; empty if none did.
        broken: The findings that failed.
        fulfilled: The findings that did not.
    """

    requirement: str = ""
    listens: bool = True
    transport: str = "tcp"
    port: int = 0
    protocol: str = "echo"
    claimed: frozenset[Family] = frozenset(BOTH)
    declared: frozenset[int] = frozenset()
    inside: bool = False
    relays: bool = False
    introduces: bool = False
    introduced: bool = False
    host: Host = ORDINARY_HOST
    ipv4: FamilyFacts = NOTHING_SEEN[Family.IPV4]
    ipv6: FamilyFacts = NOTHING_SEEN[Family.IPV6]
    starts: tuple[Start, ...] = ()
    sockets: tuple[SocketRow, ...] = ()
    table: tuple[SocketRow, ...] = ()
    connected: tuple[SocketRow, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    clients: frozenset[str] = frozenset()
    runs: tuple[Run, ...] = ()
    apart: bool = False
    asked: tuple[tuple[str, tuple[str, ...]], ...] = ()
    signs: tuple[tuple[Sign, str], ...] = ()
    silent: bool = True
    proxies: tuple[tuple[str, int], ...] = ()
    foreign: bool = False
    strangers: tuple[str, ...] = ()
    reverse: bool = False
    shown: tuple[tuple[str, str], ...] = ()
    misjudged: tuple[tuple[str, str], ...] = ()
    component: str = ""
    broken: tuple[Finding, ...] = ()
    fulfilled: tuple[Finding, ...] = ()

    def of(self, family: Family) -> FamilyFacts:
        """Return what was observed of a family."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6

    # -- which families work -----------------------------------------------------------------------------------------

    def lost(self, family: Family) -> bool:
        """Return whether clients of a family are not served although they should be.

        Without a result of the application, a failed finding about the family and no answer over it decide.
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
        """Return whether a failed finding names the family."""
        return any(family.label in item.expected for item in self.broken)

    @property
    def one_lost(self) -> Family | None:
        """The one family that is lost while the other is served; None if not exactly one is."""
        found = [family for family in BOTH if self.lost(family) and self.served(family.other)]
        return found[0] if len(found) == 1 else None

    def happened(self, *symptoms: Symptom) -> str:
        """Return what happened in the first failed finding with one of these symptoms; empty if there is none."""
        return next((item.happened for item in self.broken if set(item.symptoms) & set(symptoms)), "")

    def judged(self, *symptoms: Symptom) -> str:
        """Return expectation and event of the first failed finding with one of these symptoms; empty if there is none.

        For findings whose event is no sentence without the expectation: `they come from another port`.
        """
        found = (item for item in self.broken if set(item.symptoms) & set(symptoms))
        return next((item.text for item in found), "")

    # -- the service -------------------------------------------------------------------------------------------------

    @property
    def start(self) -> Start:
        """The last start."""
        return self.starts[-1] if self.starts else Start()

    @property
    def ended(self) -> Start | None:
        """The last start that ended by itself; None if none did."""
        return next((item for item in reversed(self.starts) if item.ended), None)

    @property
    def on_port(self) -> tuple[SocketRow, ...]:
        """The service's sockets on the port in question."""
        return self._on_port(self.sockets)

    def _on_port(self, rows: tuple[SocketRow, ...]) -> tuple[SocketRow, ...]:
        """Return the rows that are on the port in question."""
        return tuple(row for row in rows if (row.port, row.transport) == (self.port, self.transport))

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

    @property
    def gone(self) -> tuple[str, ...]:
        """The addresses of the last start's sockets on the port that its last table has no longer, each once."""
        left = {row.address for row in self._on_port(self.table)}
        own = self.openings[-1][1] if self.table and self.starts else ()
        return tuple(dict.fromkeys(row.address for row in own if row.address not in left))

    def takes(self, family: Family) -> tuple[SocketRow, ...]:
        """Return the service's sockets on the port that take a family."""
        return tuple(row for row in self.on_port if family in row.serves)

    @property
    def maps_ipv4(self) -> bool:
        """Whether IPv4 clients reach IPv6 sockets alone, which show their addresses IPv4-mapped."""
        rows = self.takes(Family.IPV4)
        return bool(rows) and all(row.family == Family.IPV6.value for row in rows)

    @property
    def listen_addresses(self) -> tuple[str, ...]:
        """The listen addresses of the last start, as they were configured."""
        return self.start.listen_addresses

    @property
    def openings(self) -> tuple[tuple[Start, tuple[SocketRow, ...]], ...]:
        """Each start, with its sockets on the port in question."""
        if not any(start.sockets for start in self.starts):
            return ((self.start, self.on_port),)
        return tuple((start, self._on_port(start.sockets)) for start in self.starts)

    # -- its output --------------------------------------------------------------------------------------------------

    def says(self, *signs: Sign) -> str:
        """Return the first output line with one of these signs; empty if there is none."""
        return next(iter(self.lines(*signs)), "")

    def lines(self, *signs: Sign) -> tuple[str, ...]:
        """Return the output lines with one of these signs, those of the first sign first."""
        return tuple(line for wanted in signs for sign, line in self.signs if sign is wanted)

    def bind_error(self, *signs: Sign) -> str:
        """Return the first output line with one of these signs that is not about another port; empty if none is."""
        return next(iter(self.bind_errors(*signs)), "")

    def bind_errors(self, *signs: Sign) -> tuple[str, ...]:
        """Return the output lines with one of these signs that are not about another port."""
        return tuple(line for line in self.lines(*signs) if not names_other_port(line, self.port))


def fare_alike(facts: Facts) -> bool:
    """Return whether no client was answered as it should be, and those of both families fared the same; it runs on."""
    own = {family: {item.how for item in facts.exchanges if item.family is family} for family in BOTH}
    same = len(own[Family.IPV4]) == 1 and own[Family.IPV4] == own[Family.IPV6]
    beside = {How.WRONG, How.HUNG_UP, How.RESET, How.KEPT_WAITING} >= own[Family.IPV4]
    return same and beside and all(facts.lost(family) for family in BOTH) and facts.ended is None


def untried(facts: Facts) -> bool:
    """Return whether the last start did not become ready, and no client connected in any start."""
    seen = facts.exchanges or facts.runs or facts.ipv4.hows or facts.ipv6.hows
    return bool(facts.starts) and not facts.start.ready and not seen
