"""When one attempt of a connector has won, the others are cancelled."""

from dualstack.deadline import Deadline
from dualstack.errors import NothingToJudge
from dualstack.families import BOTH, Family
from dualstack.lab.impairments import Impairment, Kind
from dualstack.prober.client import ServerHandle
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.evidence import CaptureData
from dualstack.wire.expect import Race, losers_closed, losers_quiet
from dualstack.world import ConnectorWorld
from dualstack.world.connecting import Run
from dualstack.world.races import TRIED_FIRST, races

CLOSED = 1.5
"""Seconds from that answer to the stop of a daemon: one for closing the connection, and some for a busy machine."""

DELAYS = (0.6, 2.2)
"""Seconds after which the first address answers: longer than most attempt delays, and longer than any of RFC 8305."""


@Requirement(
    id="DNS-005",
    title="Attempts that lost are cancelled",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="When one of several concurrent attempts has succeeded, the service cancels the others: it sends nothing "
    "on them, and closes one that is connected all the same.",
    stimulus="A name has an A and an AAAA record; the address that is tried first answers SYNs after 600 ms. Run the "
    "connector; if it waits for that answer, run it again with an answer after 2.2 s. A daemon runs on until it had a "
    "second to close the connection that lost.",
    wire="Only the connection that won carries data of the client. One that lost, and was answered later, is closed by "
    "FIN or RST within 1 s.",
    cites=("RFC 8305 §5", "draft-ietf-happy-happyeyeballs-v3-04 §6"),
    topologies=("dual-stack",),
    causes=("RC-RACEALL",),
    needs=(Need.BOTH, Need.NAMES, Need.TCP),
).attach
def test_losers_are_cancelled(world: ConnectorWorld) -> None:
    """An attempt that is answered after another one has won carries no data, and is closed."""
    with world.serve(*BOTH) as serving:
        for slow in TRIED_FIRST:
            if contest(world, serving, slow):
                break
    world.shows(lambda wire: losers_quiet(contested(world, wire)))
    world.shows(lambda wire: losers_closed(contested(world, wire)))


def contest(world: ConnectorWorld, serving: ServerHandle, slow: Family) -> bool:
    """Run the connector while the address of one family answers late; return whether it has tried that address."""
    late, quick = (world.peer.plan.address(family) for family in (slow, slow.other))
    for seconds in DELAYS:
        one = Impairment(Kind.HOLD, late, world.connector.port, seconds=seconds)
        with world.impaired(one) as impaired, world.names(a="ok", aaaa="ok") as name:
            impaired.forget_hits()
            run = run_past(world, name, serving, seconds + CLOSED)
            tried = any(impaired.hits())
        if quick in run.reached or run.problem:
            break
    return tried


def run_past(world: ConnectorWorld, name: str, serving: ServerHandle, seconds: float) -> Run:
    """Run the connector towards a name; a daemon runs for so many seconds at least, unless it ends by itself."""
    runs = world.connector_runs
    if not world.connector.runs_on:
        return runs.run(name, serving)
    until, before = Deadline(seconds, "the connection that lost to be closed"), len(serving.accepted())
    with runs.running(name, serving) as daemon:
        if daemon.wait_ready() and daemon.exchange(serving, runs.allowed, before):
            until.until(lambda: daemon.program.poll() is not None)
    return runs.done[-1][2]


def contested(world: ConnectorWorld, wire: CaptureData) -> Race:
    """Return the last run, in which an attempt lost.

    Raises:
        NothingToJudge: None has lost.
        Inconclusive: The capture is incomplete.
    """
    found = races(world, wire)[-1]
    if not found.losers and found.attempts:
        raise NothingToJudge("it makes no second attempt while the first one is unanswered, so none has lost")
    return found
