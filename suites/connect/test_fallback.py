"""A connector does not give up after the first address that fails."""

import math

from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import Attempt, Fate, attempts
from dualstack.world import ConnectorWorld
from dualstack.world.races import addresses_of_peer

PROMPT = 1.0
"""Seconds from a refused attempt to the next one."""


@Requirement(
    id="CONNECT-005",
    title="Tries the next address after a refusal",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="If the first address of a name refuses the connection, the service tries the others, across families.",
    stimulus="A name has an A and an AAAA record; the server listens on IPv4 only, then on IPv6 only, and the other "
    "family is reset; run the connector each time.",
    wire="After an attempt is reset, an attempt over the other family follows within 1 s.",
    cites=("RFC 4038 §6.3.2", "RFC 1123 §2.3", "RFC 8305 §5"),
    topologies=("dual-stack",),
    causes=("RC-FIRSTADDR", "RC-RESOLVER", "RC-NOHE"),
    needs=(Need.BOTH, Need.NAMES, Need.TCP),
).attach
def test_next_address_after_refusal(world: ConnectorWorld) -> None:
    """If one address of a name refuses, the name is reached at the other."""
    for live in BOTH:
        with world.names(a="ok", aaaa="ok") as name, world.serve(live) as serving:
            world.connect(name, serving, live)
    made = attempts(world.wire(), world.connector.port)
    for family in BOTH:
        world.require(follow_up(made, family))


def follow_up(made: tuple[Attempt, ...], refused: Family) -> Finding:
    """Return whether the connector, if ``refused`` is refused, tries the other family in time.

    These refusals, and the successes over the other family, are all from one run: in the other run the families are
    swapped. A refusal counts only if no successful attempt had begun before it, as in a client that races addresses.
    """
    won = [item.time for item in made if item.family is refused.other and item.fate is Fate.ANSWERED]
    success = min(won, default=math.inf)
    refusals = [item.time for item in made if item.family is refused and item.fate is Fate.REFUSED]
    gap = max((success - time for time in refusals), default=0.0)
    expected = f"after a refused {refused.label} attempt an {refused.other.label} attempt follows within {PROMPT:g} s"
    if not refusals:
        happened = f"it made no {refused.label} attempt that was refused"
    elif gap <= 0:
        happened = f"the {refused.other.label} attempt that succeeded had begun before"
    else:
        happened = "none followed" if gap == math.inf else f"it followed after {gap * 1000:.1f} ms"
    return Finding(gap <= PROMPT, expected, happened)


ENOUGH = 2
"""How many failures are enough; each may take the whole time limit."""

ADDRESSES = 3
"""How many addresses of one family a name has."""


@Requirement(
    id="CONNECT-006",
    title="Tries all addresses of one family",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="If some addresses of a name refuse the connection, the service reaches it at another one of the same "
    "family, whichever that is.",
    stimulus="A name has three addresses of one family and one of the other; the server listens on one of the three, "
    "and the others refuse. Run the connector three times, each time with another address that works; for each family.",
    wire="No claim: a resolver may return the addresses in any order (RFC 6724), so each of the three is once the only "
    "one that works.",
    cites=("RFC 4038 §6.3.2", "RFC 1123 §2.3", "RFC 8305 §5"),
    topologies=("dual-stack",),
    causes=("RC-FIRSTADDR", "RC-RESOLVERORDER", "RC-RESOLVER"),
    needs=(Need.NAMES, Need.TCP),
).attach
def test_every_address_of_a_family(world: ConnectorWorld) -> None:
    """A name with three addresses of one family is reached at each of them."""
    for family in world.families:
        addresses = addresses_of_peer(world, family, ADDRESSES)
        for live in addresses if world.failures < ENOUGH else ():
            named = world.names(a="ok", aaaa="ok", addresses={family: addresses})
            with named as name, world.serve_at(live) as serving:
                world.connect(name, serving, family, although=f"of its addresses only {live} accepts")
