"""A connector does not give up at the first address that fails."""

from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import Attempt, Fate, attempts
from dualstack.world import ConnectorWorld

PROMPT = 1.0
"""Seconds from a refused attempt to the next one."""


@Requirement(
    id="CONNECT-005",
    title="Tries the next address after a refusal",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="If the first address of a name refuses, the service tries the others, across families.",
    stimulus="A name has A and AAAA; the peer listens on IPv4 only, then on IPv6 only, and resets the other family; "
    "run the connector each time.",
    wire="Where an attempt is reset, an attempt over the other family follows within 1 s.",
    cites=("RFC 4038 §6.3.2", "RFC 1123 §2.3", "RFC 8305 §5"),
    topologies=("dual-stack",),
    causes=("RC-FIRSTADDR", "RC-RESOLVER", "RC-NOHE"),
    needs=(Need.BOTH, Need.NAMES, Need.TCP),
).attach
def test_next_address_after_refusal(world: ConnectorWorld) -> None:
    """A name one of whose addresses refuses is reached by the other."""
    for live in BOTH:
        with world.names(a="ok", aaaa="ok") as name, world.serve(live) as serving:
            world.connect(name, serving, live)
    made = attempts(world.wire(), world.connector.port)
    for family in BOTH:
        world.require(follow_up(made, family))


def follow_up(made: tuple[Attempt, ...], refused: Family) -> Finding:
    """Return whether each refused attempt over a family was followed by one over the other in time."""
    gaps = []
    for item in made:
        if item.family is refused and item.fate is Fate.REFUSED:
            later = [
                other.time - item.time for other in made if other.family is refused.other and other.time >= item.time
            ]
            gaps.append(min(later, default=float("inf")))
    slow = [gap for gap in gaps if gap > PROMPT]
    expected = f"after a refused {refused.label} attempt an {refused.other.label} attempt follows within {PROMPT:g} s"
    if not gaps:
        return Finding(True, expected, f"it made no {refused.label} attempt that was refused")
    if not slow:
        return Finding(True, expected, f"it followed after {max(gaps) * 1000:.1f} ms")
    return Finding(
        False, expected, "none followed" if max(slow) == float("inf") else f"it followed after {max(slow):.2f} s"
    )
