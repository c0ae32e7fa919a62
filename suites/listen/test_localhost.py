"""What "localhost" stands for, as a listen address."""

from dualstack.families import BOTH
from dualstack.finding import Finding
from dualstack.prober.messages import Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.clients import on_the_host


@Requirement(
    id="LISTEN-013",
    title='"localhost" serves both loopback addresses',
    level=Level.OBSERVE,
    role=Role.LISTENER,
    statement='Told to listen on "localhost" the service answers at 127.0.0.1 and at ::1: clients of that name may '
    "begin with either.",
    stimulus='Start the service with each spelling of "localhost" that its manifest names; hold an exchange at '
    "127.0.0.1 and one at ::1, from the service's own host. The lab's hosts file gives the name both addresses.",
    wire="No packet of the port crosses the link; who answers is seen by exchanges inside the host.",
    cites=("RFC 6761 §6.3", "RFC 6724 §2"),
    topologies=("dual-stack",),
    causes=("RC-RESOLVER",),
    needs=(Need.BOTH, Need.BIND_LOCALHOST),
).attach
def test_localhost_is_both_loopbacks(world: ListenerWorld) -> None:
    """Both loopback addresses answer where the service listens on "localhost"."""
    inside = on_the_host(world.lab)
    bind = world.listener.bind
    assert bind is not None
    for spelling in bind.localhost:
        world.start(bind=spelling)
        dialled = {family: world.dial(family, family.loopback, clients=inside) for family in BOTH}
        answers = [family.loopback for family in BOTH if dialled[family].outcome is Outcome.ANSWERED]
        world.require(
            Finding(
                len(answers) == len(BOTH),
                f'told to listen on "{spelling}" the service answers at 127.0.0.1 and at ::1',
                f"it answers at {' and at '.join(answers) or 'neither'}",
            )
        )
    world.shows_inside()
