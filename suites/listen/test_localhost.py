"""Which addresses the service serves if its listen address is "localhost"."""

from dualstack.families import BOTH
from dualstack.finding import Finding
from dualstack.prober.messages import Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.clients import loopback_clients


@Requirement(
    id="LISTEN-013",
    title='"localhost" serves both loopback addresses',
    level=Level.OBSERVE,
    role=Role.LISTENER,
    statement='Configured to listen on "localhost", the service answers at 127.0.0.1 and at ::1: clients of that name '
    "may try either first.",
    stimulus='Start the service with each form of "localhost" that its manifest names; try an exchange at 127.0.0.1 '
    "and one at ::1, from the service's own host. The lab's hosts file gives the name both addresses.",
    wire="No packet of the port crosses the link; exchanges inside the host show which addresses answer.",
    cites=("RFC 6761 §6.3", "RFC 6724 §2"),
    topologies=("dual-stack",),
    causes=("RC-RESOLVER", "RC-FIRSTLOCAL"),
    needs=(Need.BOTH, Need.BIND_LOCALHOST),
).attach
def test_localhost_is_both_loopbacks(world: ListenerWorld) -> None:
    """Both loopback addresses answer where the service listens on "localhost"."""
    inside = loopback_clients(world.lab)
    bind = world.listener.bind
    assert bind is not None
    for form in bind.localhost:
        world.service.start(bind=form)
        dialled = {family: world.client.dial(family, family.loopback, clients=inside) for family in BOTH}
        answers = [family.loopback for family in BOTH if dialled[family].outcome is Outcome.ANSWERED]
        world.require(
            Finding(
                len(answers) == len(BOTH),
                f'with the listen address "{form}" the service answers at 127.0.0.1 and at ::1',
                f"it answers at {' and at '.join(answers) or 'neither'}",
            )
        )
    world.shows_inside()
