"""A configuration that names both wildcard addresses for one port works in either order."""

from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.prerequisites import require_ordinary


@Requirement(
    id="LISTEN-008",
    title="A configured pair of 0.0.0.0 and [::] does not collide",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="Where the configuration names both 0.0.0.0 and [::] for one port, both listen in either order, and "
    "each family is taken by the sockets of one entry only.",
    stimulus="Start the service once with each form of the pair, and so in both orders; try an exchange over each "
    "family, and check the socket table.",
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
    for form in bind.pair:
        readiness = world.service.wait_ready(world.service.launch(form), BOTH)
        if not readiness.ready:
            expected = f'the service starts with the listen addresses "{form}"'
            world.require(Finding(False, expected, readiness.detail + world.service.last_log_line()))
            continue
        for family in BOTH:
            world.answers(family, world.addresses(family)[0])
        for family in BOTH:
            world.require(one_entry(world, family))
    require_ordinary(world, *BOTH)
    for family in BOTH:
        world.shows_served(family)


def one_entry(world: ListenerWorld, family: Family) -> Finding:
    """Return whether all sockets that take the family are bound to the same address; several workers may have one each.

    Call it after the exchanges, when every socket is open; for a service that ends after one connection, the last
    socket table that was seen counts.
    """
    table = world.journal.sockets if world.listener.single_shot else world.service.sockets.read()
    rows = [row for row in table if row.port == world.listener.port and family in row.serves]
    kinds = sorted(
        {f"{row.address} ({' and '.join(item.label for item in BOTH if item in row.serves)})" for row in rows}
    )
    return Finding(
        len(kinds) == 1,
        f"{family.label} is taken by the sockets of one entry only",
        f"it is taken by sockets on {' and on '.join(kinds)}" if kinds else "no socket takes it",
    )
