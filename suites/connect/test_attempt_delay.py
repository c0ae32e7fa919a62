"""A connector does not wait long for an address that does not answer, and measures of how long it waits."""

from dualstack.errors import NothingToJudge
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.lab.impairments import Impairment, Kind
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import Race, attempt_delay
from dualstack.wire.eyeballs import HARD_LIMIT, MOST_DELAY
from dualstack.world import ConnectorWorld
from dualstack.world.races import calibrate, error_of, measure, races, tried_for

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
    statement="If the first address of a name does not answer, the service tries one of the other family after 100 ms "
    "to 2 s, without waiting for the end of the first attempt.",
    stimulus="A name has an A and an AAAA record; all SYNs to its IPv6 address are lost. Run the connector up to three "
    "times, and beside it a client of known delay, whose lateness is the error of the measurement. If it still waits "
    "when it is stopped, run it once more while the IPv6 address refuses: that shows the cause, and does not count.",
    wire="The first IPv4 attempt begins 100 ms to 2 s after the first IPv6 attempt.",
    cites=("RFC 8305 §5", "RFC 8305 §8", "draft-ietf-happy-happyeyeballs-v3-04 §6"),
    topologies=("dual-stack",),
    causes=("RC-NOHE", "RC-FIRSTADDR"),
    needs=(Need.BOTH, Need.NAMES, Need.TCP),
).attach
def test_attempt_delay(world: ConnectorWorld) -> None:
    """The IPv4 address is tried in time although the IPv6 address does not answer."""
    lost = Impairment(Kind.DROP, world.peer.plan.address(Family.IPV6), world.connector.port)
    with world.serve(*BOTH) as serving, world.impaired(lost) as dead:
        for _ in range(RUNS):
            with world.names(a="ok", aaaa="ok") as name:
                run = world.connector_runs.run(name, serving, enough=tried_for(dead, MOST_DELAY + SLOW))
            calibrate(world)
            if run.problem or run.seconds > SLOW:
                break
    judged_runs = len(world.connector_runs.done)
    if run.how is None and run.problem:
        refuse_once(world)
    wire = world.wire()
    found, error = races(world, wire)[:judged_runs], error_of(wire)
    world.require(judged(found))
    delays = [race.fallback.seconds for race in found if race.fallback]
    measure(world, "attempt delay", delays, error=error, reference=STANDARDS)


def refuse_once(world: ConnectorWorld) -> None:
    """Run the connector while the IPv6 address refuses: does it try the IPv4 address then? Nothing is required.

    While an address does not answer, a client that tries no other one looks like a client that waits for the kernel.
    """
    world.note("which of two causes is it? The IPv6 address refuses now; does it try the IPv4 address?")
    with world.names(a="ok", aaaa="ok") as name, world.serve(Family.IPV4) as serving:
        world.connector_runs.run(name, serving)


def judged(found: tuple[Race, ...]) -> Finding:
    """Return whether the other family is tried in time.

    Raises:
        NothingToJudge: The first attempt is not delayed by the dead address, or the next one follows at once.
        Inconclusive: There was no attempt.
    """
    if any(race.families[:1] == (Family.IPV4,) for race in found):
        raise NothingToJudge("its first attempt is over IPv4, so the dead IPv6 address does not delay it")
    if all(race.fallback and race.fallback.seconds < HARD_LIMIT for race in found):
        raise NothingToJudge(f"it tries both addresses within {HARD_LIMIT * 1000:g} ms, which DNS-004 is about")
    return attempt_delay(found)
