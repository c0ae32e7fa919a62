"""A daemon whose server refuses it tries again with pauses."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from dualstack.counting import count
from dualstack.deadline import Deadline
from dualstack.errors import NothingToJudge
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.attempts import Attempt
from dualstack.wire.flows import Flow, flows
from dualstack.world import ConnectorWorld
from dualstack.world.deserted import deserted

MOST = 20
"""How many attempts to one address are allowed in each second for each connection that was lost.

A loop without pauses makes thousands.
"""

WATCHED = 2.0
"""Seconds for which its attempts are counted, from the first one that is refused."""

ENOUGH = 8 * MOST
"""How many attempts to all addresses, for each connection, are certainly too many, so that no more are waited for."""


@Requirement(
    id="CONNECT-018",
    title="A daemon pauses between attempts that are refused",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="A daemon whose server refuses it tries each address at most 20 times in any second; if it had several "
    "connections, 20 times for each of them. Without pauses it would load its host, its server and the name server for "
    "as long as the server is away.",
    stimulus="When the daemon has completed an exchange, and the number of its connections has not grown for 1 s, the "
    "server ends them and listens no more. Count the attempts in the 2 s after the first one that is refused.",
    wire="No second has more than 20 attempts to one address for each connection that was open when the server ended.",
    cites=("RFC 6120 §3.3", "RFC 1122 §4.2.3.5"),
    topologies=("dual-stack",),
    causes=("RC-NOPAUSE",),
    needs=(Need.DAEMON, Need.BY_ITSELF, Need.TCP, Need.BOTH, Need.NAMES, Need.ANSWER),
).attach
def test_pauses_between_attempts(world: ConnectorWorld) -> None:
    """The attempts of a daemon whose server has gone are counted."""
    timeouts, prober = world.subject.manifest.timeouts, world.host.prober
    with deserted(world) as left:
        if not Deadline(timeouts.reconnect, "an attempt").until(lambda: prober.failed_attempts() > left.before):
            raise NothingToJudge(f"it did not try again within {timeouts.reconnect:g} s (DNS-010)")
        enough = left.before + ENOUGH * left.clients
        Deadline(WATCHED, "more attempts").until(lambda: prober.failed_attempts() >= enough)
    world.require(pauses(flows(world.wire(), world.connector.port), left.since))


def pauses(made: Sequence[Flow], since: float) -> Finding:
    """Return whether no address was tried too often in a second, after the server had gone at the time ``since``."""
    lost = max(1, sum(is_open(item, since) for item in made))
    later = [item.attempt for item in made if item.attempt.time >= since]
    most, address = most_in_a_second(later)
    happened = f"it made {count(most, 'attempt')} to {address} within a second, {len(later)} in all"
    if lost > 1:
        happened += f"; it had {count(lost, 'connection')}"
    return Finding(most <= MOST * lost, f"it tries each address at most {MOST * lost} times in any second", happened)


def is_open(item: Flow, time: float) -> bool:
    """Return whether a connection was open at a time."""
    ends = [end for end in (item.ended, item.client_ended) if end is not None]
    return item.established and item.attempt.time < time <= min(ends, default=time)


def most_in_a_second(made: Iterable[Attempt]) -> tuple[int, str]:
    """Return the greatest number of attempts to one address within a second, and the address."""
    times: dict[str, list[float]] = defaultdict(list)
    for item in made:
        times[item.dst].append(item.time)
    counts = [
        (sum(begin <= other < begin + 1 for other in own), address) for address, own in times.items() for begin in own
    ]
    return max(counts, default=(0, "its server"))
