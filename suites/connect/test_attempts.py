"""A connector tries the addresses of a name one after the other, with gaps, and alternates the families."""

from collections.abc import Mapping, Sequence

from dualstack.errors import NothingToJudge
from dualstack.families import BOTH, Family
from dualstack.lab.impairments import Impairment, Kind
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import Race, attempts_apart, families_alternate
from dualstack.wire.eyeballs import MOST_DELAY, TOLERANCE
from dualstack.world import ConnectorWorld
from dualstack.world.races import TRIED_FIRST, addresses_of_peer, first_over, races, tried_for

ADDRESSES = 4
"""How many addresses of the family that is tried first a name has."""

ENOUGH = 3
"""How many dead addresses a run needs to try, to show the order."""

WAIT_FOR_GAP, WAIT_FOR_ORDER = 1.5, 4.5
"""Seconds after the first attempt after which a run is stopped: by then there is a second, or a third attempt."""

RUNS = 2
"""How often gaps are looked at: a busy machine brings two attempts together, but not every time."""


def race_past(
    world: ConnectorWorld, dead: Sequence[str], addresses: Mapping[Family, Sequence[str]], wait: float
) -> bool:
    """Run the connector towards a name of which some addresses are dead; stop it after a time.

    Returns:
        Whether it has tried a dead address.
    """
    lost = [Impairment(Kind.DROP, address, world.connector.port) for address in dead]
    with (
        world.serve(*BOTH) as serving,
        world.impaired(*lost) as impaired,
        world.names(a="ok", aaaa="ok", addresses=addresses) as name,
    ):
        world.connector_runs.run(name, serving, enough=tried_for(impaired, wait, ENOUGH))
        return any(impaired.hits())


@Requirement(
    id="DNS-004",
    title="Attempts begin at least 10 ms apart",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="The service does not try all addresses of a name at once: after an attempt it waits at least 10 ms for "
    "an answer or an error before it begins the next one.",
    stimulus="A name has four AAAA records and one A record; all SYNs to its addresses are lost. Run the connector "
    "twice; one run that keeps the gaps is enough.",
    wire="Between the first SYNs to two addresses are at least 10 ms, unless an earlier attempt was answered, or the "
    "one before has failed.",
    cites=("RFC 8305 §5", "draft-ietf-happy-happyeyeballs-v3-04 §6"),
    topologies=("dual-stack",),
    causes=("RC-BURST",),
    needs=(Need.BOTH, Need.NAMES, Need.TCP),
).attach
def test_attempts_are_apart(world: ConnectorWorld) -> None:
    """No two addresses are tried at once."""
    addresses = {
        Family.IPV4: addresses_of_peer(world, Family.IPV4, 1),
        Family.IPV6: addresses_of_peer(world, Family.IPV6, ADDRESSES),
    }
    for _ in range(RUNS):
        race_past(world, [*addresses[Family.IPV6], *addresses[Family.IPV4]], addresses, WAIT_FOR_GAP)
        if world.connector_runs.done[-1][2].seconds > WAIT_FOR_GAP:
            break
    world.shows(lambda wire: attempts_apart(races(world, wire)))


@Requirement(
    id="DNS-009",
    title="The families alternate",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="The service tries the addresses of a name in an order in which the families alternate, so that several "
    "dead addresses of one family do not delay the other one.",
    stimulus="A name has four AAAA records and one A record; all SYNs to its IPv6 addresses are lost. Run the "
    "connector. If it tries IPv4 first, run it again with four A records, that are dead, and one AAAA record.",
    wire="The address of the other family is tried after at most two dead addresses.",
    cites=("RFC 8305 §4", "RFC 8305 §8", "draft-ietf-happy-happyeyeballs-v3-04 §5.3"),
    topologies=("dual-stack",),
    causes=("RC-FAMILYORDER", "RC-NOHE"),
    needs=(Need.BOTH, Need.NAMES, Need.TCP),
).attach
def test_families_alternate(world: ConnectorWorld) -> None:
    """The other family is not left until all addresses of the first one were tried."""
    for family in TRIED_FIRST:
        dead = addresses_of_peer(world, family, ADDRESSES)
        if race_past(world, dead, {family: dead}, WAIT_FOR_ORDER):
            break
    world.shows(lambda wire: families_alternate(ordered(family, races(world, wire)[-1])))


def ordered(dead: Family, found: Race) -> Race:
    """Return a run, which shows an order.

    Raises:
        NothingToJudge: It began over the other family, or tried too few addresses.
    """
    first_over(dead, [found])
    tried = found.families
    if len(tried) == 1 and found.ended:
        raise NothingToJudge("it tries one address only and ends, which DNS-003 is about")
    if len(tried) == 1 or any(gap.seconds > MOST_DELAY + TOLERANCE for gap in found.gaps[: ENOUGH - 1]):
        raise NothingToJudge(f"it waits for an address for more than {MOST_DELAY:g} s, which DNS-002 is about")
    return found
