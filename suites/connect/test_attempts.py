"""A connector tries the addresses of a name one after the other, with gaps, and alternates the families."""

from dualstack.errors import NothingToJudge
from dualstack.families import BOTH, Family
from dualstack.lab.impairments import Impairment, Kind
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.evidence import CaptureData
from dualstack.wire.expect import Race, attempts_apart, families_alternate
from dualstack.wire.eyeballs import MOST_DELAY, TOLERANCE
from dualstack.world import ConnectorWorld
from dualstack.world.races import dead_addresses, races, tried_for

DEAD = 4
"""How many IPv6 addresses do not answer."""

ENOUGH = 3
"""How many of them a run needs to try, to show the order."""

WAIT_FOR_GAP, WAIT_FOR_ORDER = 1.5, 4.5
"""Seconds after the first attempt after which a run is stopped: by then there is a second, or a third attempt."""

RUNS = 2
"""How often gaps are looked at: a busy machine brings two attempts together, but not every time."""


def race_past_dead_addresses(world: ConnectorWorld, runs: int, wait: float) -> None:
    """Run the connector towards a name with dead IPv6 addresses and a live IPv4 address; stop each run after a time."""
    dead = dead_addresses(world, DEAD)
    lost = [Impairment(Kind.DROP, address, world.connector.port) for address in dead]
    with world.serve(*BOTH) as serving, world.impaired(*lost) as impaired:
        for _ in range(runs):
            with world.names(a="ok", aaaa="ok", addresses={Family.IPV6: dead}) as name:
                run = world.connector_runs.run(name, serving, enough=tried_for(impaired, wait, ENOUGH))
            if run.problem or run.seconds > wait:
                break


@Requirement(
    id="DNS-004",
    title="Attempts begin at least 10 ms apart",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="The service does not try all addresses of a name at once: after an attempt it waits at least 10 ms for "
    "an answer or an error before it begins the next one.",
    stimulus="A name has four AAAA records and one A record; all SYNs to its IPv6 addresses are lost. Run the "
    "connector twice; one run that keeps the gaps is enough.",
    wire="Between the first SYNs to two addresses are at least 10 ms, unless an earlier attempt was answered, or the "
    "one before has failed.",
    cites=("RFC 8305 §5", "draft-ietf-happy-happyeyeballs-v3-04 §6"),
    topologies=("dual-stack",),
    causes=("RC-BURST",),
    needs=(Need.BOTH, Need.NAMES, Need.TCP),
).attach
def test_attempts_are_apart(world: ConnectorWorld) -> None:
    """No two addresses are tried at once."""
    race_past_dead_addresses(world, RUNS, WAIT_FOR_GAP)
    world.shows(lambda wire: attempts_apart(races(world, wire)))


@Requirement(
    id="DNS-009",
    title="The families alternate",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="The service tries the addresses of a name in an order in which the families alternate, so that several "
    "dead addresses of one family do not delay the other one.",
    stimulus="A name has four AAAA records and one A record; all SYNs to its IPv6 addresses are lost. Run the "
    "connector.",
    wire="The IPv4 address is tried after at most two IPv6 addresses.",
    cites=("RFC 8305 §4", "RFC 8305 §8", "draft-ietf-happy-happyeyeballs-v3-04 §5.3"),
    topologies=("dual-stack",),
    causes=("RC-FAMILYORDER", "RC-NOHE"),
    needs=(Need.BOTH, Need.NAMES, Need.TCP),
).attach
def test_families_alternate(world: ConnectorWorld) -> None:
    """The IPv4 address is not left until all IPv6 addresses were tried."""
    race_past_dead_addresses(world, 1, WAIT_FOR_ORDER)
    world.shows(lambda wire: families_alternate(ordered(world, wire)))


def ordered(world: ConnectorWorld, wire: CaptureData) -> Race:
    """Return the run, which shows an order.

    Raises:
        NothingToJudge: It tried IPv4 first, or too few addresses.
        Inconclusive: The capture is incomplete.
    """
    (found,) = races(world, wire)
    tried = found.families
    if tried[:1] == (Family.IPV4,):
        raise NothingToJudge("its first attempt is over IPv4, and succeeds")
    if len(tried) == 1 and found.ended:
        raise NothingToJudge("it tries one address only and ends, which DNS-003 is about")
    if len(tried) == 1 or any(gap.seconds > MOST_DELAY + TOLERANCE for gap in found.gaps[: ENOUGH - 1]):
        raise NothingToJudge(f"it waits for an address for more than {MOST_DELAY:g} s, which DNS-002 is about")
    return found
