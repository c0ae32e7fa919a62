"""A connector does not wait long for an address that does not answer, and measures of how long it waits."""

from dualstack.errors import NothingToJudge
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.lab.impairments import Impairment, Kind
from dualstack.prober.client import ServerHandle
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import Race, attempt_delay
from dualstack.wire.eyeballs import HARD_LIMIT, MOST_DELAY
from dualstack.world import ConnectorWorld
from dualstack.world.races import TRIED_FIRST, calibrate, error_of, first_over, measure, races, tried_for

RUNS = 3
"""How often a prompt connector is run: the shortest delay is the most exact one."""

SLOW = 1.5
"""Seconds of a run above which it is not repeated: its delay is far from both limits, or it has none."""

STANDARDS = (
    "RFC 8305 §8 and draft-ietf-happy-happyeyeballs-v3-04 §9: 250 ms; at least 100 ms, at most 2 s; never below 10 ms"
)


@Requirement(
    id="DNS-002",
    title="A second attempt follows an unanswered one in 100 ms to 2 s",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="If the first address of a name does not answer, the service tries one of the other family after "
    "100 ms to 2 s. The first attempt should continue (RFC 8305 §5), but that is not judged here: a client that "
    "tries one address after the other, with at most 2 s for each, passes too. CONNECT-014 is about attempts that end "
    "within 400 ms.",
    stimulus="A name has an A and an AAAA record; all SYNs to the address that the connector tries first are lost. Run "
    "the connector up to three times, and beside it a client of known delay, whose lateness is the error of the "
    "measurement. If it does not connect, run it once more while that address refuses: that shows the cause, and does "
    "not count.",
    wire="The first attempt over the other family begins 100 ms to 2 s after the first attempt. 100 ms more are "
    "allowed, because a busy machine wakes clients late.",
    cites=("RFC 8305 §5", "RFC 8305 §8", "draft-ietf-happy-happyeyeballs-v3-04 §6"),
    topologies=("dual-stack",),
    causes=("RC-NOHE", "RC-FIRSTADDR"),
    needs=(Need.BOTH, Need.NAMES, Need.TCP),
).attach
def test_attempt_delay(world: ConnectorWorld) -> None:
    """The other address is tried in time although the first one does not answer."""
    done = world.connector_runs.done
    with world.serve(*BOTH) as serving:
        for family in TRIED_FIRST:
            first = len(done)
            if run_past(world, serving, family):
                break
    last = len(done)
    run = done[-1][2]
    if run.problem:
        refuse_once(world, family)
    wire = world.wire()
    found, error = races(world, wire)[first:last], error_of(wire)
    world.require(judged(family, found))
    delays = [race.fallback.seconds for race in found if race.fallback]
    measure(world, "attempt delay", delays, error=error, reference=STANDARDS)


def run_past(world: ConnectorWorld, serving: ServerHandle, family: Family) -> bool:
    """Run the connector while the address of a family does not answer; return whether each run has tried it."""
    lost = Impairment(Kind.DROP, world.peer.plan.address(family), world.connector.port)
    with world.impaired(lost) as dead:
        for _ in range(RUNS):
            with world.names(a="ok", aaaa="ok") as name:
                run = world.connector_runs.run(name, serving, enough=tried_for(dead, MOST_DELAY + SLOW))
            calibrate(world)
            if not any(dead.hits()):
                return False
            if run.problem or run.seconds > SLOW:
                break
    return True


def refuse_once(world: ConnectorWorld, family: Family) -> None:
    """Run the connector while the address of a family refuses: does it try the other one then? Nothing is required.

    While an address does not answer, a client that tries no other one looks like a client that waits for the kernel.
    """
    other = family.other.label
    world.note(f"which of two causes is it? The {family.label} address refuses now; does it try the {other} address?")
    with world.names(a="ok", aaaa="ok") as name, world.serve(family.other) as serving:
        world.connector_runs.run(name, serving)


def judged(dead: Family, found: tuple[Race, ...]) -> Finding:
    """Return whether the other family is tried in time.

    Raises:
        NothingToJudge: The first attempt is not delayed by the dead address, or the next one follows at once.
        Inconclusive: There was no attempt.
    """
    if all(race.fallback and race.fallback.seconds < HARD_LIMIT for race in found):
        raise NothingToJudge(f"it tries both addresses within {HARD_LIMIT * 1000:g} ms, which DNS-004 is about")
    return attempt_delay(first_over(dead, found))
