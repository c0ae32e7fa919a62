"""A configuration that names both wildcard addresses for one port works, whichever of them comes first."""

from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld


@Requirement(
    id="LISTEN-008",
    title="A configured pair of 0.0.0.0 and [::] does not collide",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="Where the configuration names both 0.0.0.0 and [::] for one port, both come up in either order, and "
    "each family is taken by the sockets of one entry only.",
    stimulus="Start the service once with each spelling of the pair, thus in both orders; hold an exchange over each "
    "family, and look at the socket table.",
    wire="Each connection attempt is answered over the family and from the address that was dialled.",
    cites=("RFC 3493 §5.3", "bind(2): EADDRINUSE", "listen(2): EADDRINUSE"),
    topologies=("dual-stack", "dual-stack-bindv6only"),
    causes=("RC-DOUBLEBIND", "RC-REUSEPORT", "RC-V6ONLY"),
    needs=(Need.BIND_PAIR, Need.NETWORK),
).attach
def test_configured_pair(world: ListenerWorld) -> None:
    """Both families are served, by one entry each, in every order."""
    bind = world.listener.bind
    assert bind is not None
    for spelling in bind.pair:
        readiness = world.ready(world.launch(spelling), BOTH)
        if not readiness.ready:
            expected = f'the service starts with the listen addresses "{spelling}"'
            world.require(Finding(False, expected, readiness.detail + world.last_words()))
            continue
        for family in BOTH:
            world.answers(family, world.addresses(family)[0])
        for family in BOTH:
            world.require(one_entry(world, family))
    for family in BOTH:
        world.shows_served(family)


def one_entry(world: ListenerWorld, family: Family) -> Finding:
    """Return whether the sockets that take the family are bound alike; several workers may have one each.

    It is asked after the exchanges, when the last socket is open; of a service that has ended with them the last table
    that was seen counts.
    """
    table = world.sockets if world.listener.one_connection else world.own_sockets()
    rows = [row for row in table if row.port == world.listener.port and family in row.serves]
    kinds = sorted(
        {f"{row.address} ({' and '.join(item.label for item in BOTH if item in row.serves)})" for row in rows}
    )
    return Finding(
        len(kinds) == 1,
        f"{family.label} is taken by the sockets of one entry only",
        f"it is taken by sockets on {' and on '.join(kinds)}" if kinds else "no socket takes it",
    )
