"""How long a connector that has an address waits for the answer to its other question."""

from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.families import BOTH
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import Race
from dualstack.world import ConnectorWorld
from dualstack.world.races import calibrate, error_of, measure, races

RUNS = 2

LATE = 300
"""Milliseconds after which the AAAA question is answered: more than any resolution delay that is known."""

STANDARDS = "RFC 8305 §3, §8: 50 ms; draft-ietf-happy-happyeyeballs-v3-04 §9: 50 ms, for AAAA and HTTPS"


@Requirement(
    id="DNS-006",
    title="How long it waits for the AAAA answer",
    level=Level.OBSERVE,
    role=Role.CONNECTOR,
    statement="A client that has an A answer may wait a short time for the AAAA answer, the resolution delay, and then "
    "tries IPv4. Clients that call getaddrinfo() wait for both answers.",
    stimulus="The lab's name server answers A at once and AAAA after 300 ms; run the connector twice.",
    wire="The time from the A answer to the first attempt, and whether the AAAA answer came before that.",
    cites=("RFC 8305 §3", "RFC 8305 §8", "draft-ietf-happy-happyeyeballs-v3-04 §4.2"),
    topologies=("dual-stack",),
    causes=("RC-RESOLVER",),
    needs=(Need.BOTH, Need.NAMES, Need.TCP),
).attach
def test_resolution_delay(world: ConnectorWorld) -> None:
    """What the connector does between the two answers is recorded."""
    with world.serve(*BOTH) as serving:
        for _ in range(RUNS):
            with world.names(a="ok", aaaa=f"delay-{LATE}") as name:
                world.connector_runs.run(name, serving)
        calibrate(world)
    wire = world.wire()
    found, error = [race for race in races(world, wire) if race.attempts], error_of(wire)
    if any(race.lookup("AAAA") is None for race in found):
        raise NothingToJudge("it does not ask for AAAA, which DNS-001 is about")
    early = [delay for race in found if (delay := resolution_delay(race)) is not None]
    after = [race.resolution_delay for race in found if race.resolution_delay is not None]
    if not after:
        raise Inconclusive("no attempt followed a DNS answer, so there is no delay to record")
    waits = len(early) < len(found)
    happened = "it waits for the AAAA answer" if waits else f"it tries {found[0].families[0].label} before that answer"
    world.require(Finding(True, f"the AAAA answer comes {LATE} ms after the A answer", happened))
    name = "time from the last DNS answer to the first attempt" if waits else "resolution delay"
    measure(world, name, after if waits else early, error=error, reference=STANDARDS)


def resolution_delay(race: Race) -> float | None:
    """Return the seconds from the A answer to the first attempt; None if the AAAA answer came before the attempt."""
    a, aaaa, first = race.lookup("A"), race.lookup("AAAA"), race.attempts[0].time
    if a is None or a.answered is None or (aaaa is not None and aaaa.answered is not None and aaaa.answered <= first):
        return None
    return first - a.answered
