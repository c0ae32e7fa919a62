"""A daemon looks a name up again, and connects again."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dualstack.counting import count
from dualstack.deadline import Deadline
from dualstack.errors import NothingToJudge
from dualstack.families import BOTH, Family
from dualstack.finding import Finding, Symptom
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import attempts
from dualstack.world import ConnectorWorld
from dualstack.world.daemons import Daemon
from dualstack.world.kept import Kept
from dualstack.world.moving import MovingServer

BEFORE, AFTER = Family.IPV4, Family.IPV6
"""The families of the server's addresses, before and after it moves."""

BOTH_TYPES = 2
"""The record types that are asked for in one look-up: A and AAAA."""

LOOK_UP = 0.5
"""Seconds after which a look-up is over that asks for one type only."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """What a daemon has done after a change.

    Attributes:
        expected: What it should do.
        since: When the change was, in seconds since the epoch.
        until: When the daemon was stopped.
        fault: Why it did not complete an exchange; empty if it did.
        queries: The record types of the questions for its name that came after the change.
        family: The family of the only address at which the server is.
        again: When the name got both addresses, of which that of this family did not work; 0 if it is not about that.
        lost: How many connections it kept, and lost by the change; 0 if that is not judged.
        back: How many it kept at the end.
    """

    expected: str
    since: float
    until: float
    fault: str
    queries: tuple[str, ...]
    family: Family
    again: float = 0.0
    lost: int = 0
    back: int = 0

    @property
    def late(self) -> float:
        """The time from which no attempt goes to an old address any more, in seconds since the epoch."""
        return (self.since + self.until) / 2


@Requirement(
    id="DNS-010",
    title="A daemon looks a name up again",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="A daemon does not give up, and does not keep the addresses of a name. If the name has no address yet, "
    "it looks the name up again and connects when there is one. If its connection is lost and the name has another "
    "address, also of the other family, it looks the name up again and connects to that, whichever family it has used "
    "before. If it keeps several connections, that holds for each of them. A family that has failed is used again when "
    "it works again.",
    stimulus="Start the daemon towards a name without addresses; after its first look-up the name has an A record. "
    "Start it again, towards a name with an A record. When it has completed an exchange, and the number of the "
    "connections that it keeps has not grown for 1 s, the server closes them and listens on its IPv6 address only, and "
    "the name has an AAAA record only (TTL 1 s); then it moves back to IPv4 in the same way. Fewer connections than "
    "before are no failure, unless there are still attempts to the old address. Then the name has both records; the "
    "server closes the connection and listens on its IPv4 address only, and after the next exchange on its IPv6 one "
    "only. The daemon has timeouts.reconnect to follow each change.",
    wire="While connections are missing, no attempt goes to an address that the name has lost. Otherwise no claim: the "
    "evidence is the exchange that the server has completed with it.",
    cites=("RFC 4038 §5.4.3", "RFC 1035 §3.2.1", "RFC 2308 §5"),
    topologies=("dual-stack",),
    causes=("RC-DNSCACHE", "RC-NORETRY"),
    needs=(Need.DAEMON, Need.BOTH, Need.NAMES, Need.TCP),
).attach
def test_looked_up_again(world: ConnectorWorld) -> None:
    """A daemon connects when its name has got an address, when that has changed, and when a family works again."""
    done = [when_name_gets_an_address(world), *when_server_moves(world)]
    made = attempts(world.wire(), world.connector.port)
    for item in done:
        before = [attempt.family for attempt in made if item.again < attempt.time < item.since]
        if item.again and item.family not in before:
            world.note(f"a second use of {item.family.label} is not judged: it did not try it before (CONNECT-005)")
            continue
        tried = [attempt.family for attempt in made if item.since < attempt.time < item.until]
        stale = [
            attempt.dst
            for attempt in made
            if item.late < attempt.time < item.until and attempt.family is not item.family
        ]
        world.require(judged(item, tried, stale))


def when_name_gets_an_address(world: ConnectorWorld) -> Attempted:
    """Start the daemon towards a name without addresses; give it one after the first look-up."""
    within = world.subject.manifest.timeouts.reconnect
    with (
        MovingServer(world, BEFORE, known=False) as server,
        world.connector_runs.running(server.name, server.serving) as daemon,
    ):
        if daemon.wait_ready() and not looked_up(server, daemon, within):
            raise NothingToJudge(
                f"the daemon does not look its name up (CONNECT-004): {daemon.fault or 'no query came'}"
            )
        server.publish(BEFORE)
        since = time.time()
        daemon.exchange(server.serving, within)
        queries = records_asked(server)
    expected = f"when its name has got an address it looks the name up again and connects, within {within:g} s"
    return Attempted(expected, since, time.time(), daemon.fault, queries, BEFORE)


def records_asked(server: MovingServer) -> tuple[str, ...]:
    """Return the record types of the questions for the name since its addresses have changed."""
    return tuple(query.record for query in server.names.queries())


def looked_up(server: MovingServer, daemon: Daemon, within: float) -> bool:
    """Wait until the daemon has looked the name up; return whether it has."""

    def over() -> bool:
        queries = server.names.queries()
        return len({query.record for query in queries}) >= BOTH_TYPES

    daemon.pull(Deadline(LOOK_UP, "the answer to the trigger"))
    if not Deadline(within, "a query").until(lambda: bool(server.names.queries())):
        return False
    Deadline(LOOK_UP, "the other query").until(over)
    return True


def when_server_moves(world: ConnectorWorld) -> Iterator[Attempted]:
    """Start the daemon; move its server when it is connected, and back, and again; yield what it did each time.

    In between the name has both addresses while the server is at the first one only: the daemon fails at the other
    one. No connection of it is left when the server moves there again.
    """
    timeouts = world.subject.manifest.timeouts
    with (
        MovingServer(world, BEFORE, known=True) as server,
        world.connector_runs.running(server.name, server.serving) as daemon,
    ):
        if not (daemon.wait_ready() and daemon.exchange(server.serving, timeouts.connect)):
            raise NothingToJudge(f"the daemon does not connect to a name that has only A (CONNECT-004): {daemon.fault}")
        for family in (AFTER, BEFORE):
            lost = kept(world, server)
            server.move(family)
            what = f"when its server has moved from {family.other.label} to {family.label} it looks the name up again"
            yield (moved := followed(server, daemon, f"{what} and connects", timeouts.reconnect, family, lost=lost))
            if moved.fault:
                return
        again = time.time()
        server.move(BEFORE, *BOTH)
        if not daemon.exchange(server.serving, timeouts.reconnect):
            world.note(f"a second use of {AFTER.label} is not judged: if it fails there, {daemon.fault} (CONNECT-005)")
            return
        server.move(AFTER, *BOTH)
        what = f"when {AFTER.label}, which has failed, works again, and {BEFORE.label} does not, it connects"
        yield replace(followed(server, daemon, what, timeouts.reconnect, AFTER), again=again)


def kept(world: ConnectorWorld, server: MovingServer) -> int:
    """Return how many connections the daemon keeps, when their number is settled; 0 if it makes them when triggered."""
    if world.connector.trigger is not None:
        return 0
    count = Kept(server.serving).settle()
    world.note(f"it keeps {count} connection{'' if count == 1 else 's'}")
    return count


def followed(
    server: MovingServer, daemon: Daemon, what: str, within: float, family: Family, *, lost: int = 0
) -> Attempted:
    """Wait until the daemon has followed a change to a family, with all that it lost; return what it did."""
    since, deadline = time.time(), Deadline(within, "its connections")
    back = 0
    if daemon.exchange(server.serving, within) and lost:
        back = Kept(server.serving).returned(lost, deadline)
    expected = f"{what}, within {within:g} s"
    queries = records_asked(server)
    return Attempted(expected, since, time.time(), daemon.fault, queries, family, lost=lost, back=back)


def judged(done: Attempted, tried: Sequence[Family], stale: Sequence[str] = ()) -> Finding:
    """Return the finding about what a daemon did after a change.

    Args:
        done: What it did.
        tried: The families of its attempts since the change.
        stale: The addresses of its late attempts over the family that the server has left.
    """
    if not done.fault and done.back < done.lost and stale:
        happened = (
            f"it connected, but of {count(done.lost, 'connection')} {done.back} came back, and "
            f"{count(len(stale), 'attempt')} went to "
            f"{stale[0]}, which the name does not have any more, {done.late - done.since:.3g} s after that and later"
        )
        return Finding(False, f"{done.expected}, with each connection", happened, symptoms=(Symptom.KEPT_ADDRESS,))
    if not done.fault:
        return Finding(True, done.expected, "it connected")
    types = " and ".join(f"{kind} ({done.queries.count(kind)} times)" for kind in dict.fromkeys(done.queries))
    asked = f"asked for {types}" if types else "did not ask for the name"
    made = f"{len(tried) or 'no'} attempt{'' if len(tried) < 2 else 's'} to connect"
    symptoms: tuple[Symptom, ...] = ()
    if not done.queries:
        symptoms = (Symptom.KEPT_ADDRESS,) if tried else (Symptom.NO_RETRY,)
    elif done.family.record not in done.queries:
        asked += f" and never for {done.family.record}"
        symptoms = (Symptom.KEPT_FAMILY,)
    elif done.again and tried and done.family not in tried:
        made += f", none of them over {done.family.label}"
        symptoms = (Symptom.FAMILY_GIVEN_UP,)
    return Finding(False, done.expected, f"it {asked}, and made {made}; {done.fault}", symptoms=symptoms)
