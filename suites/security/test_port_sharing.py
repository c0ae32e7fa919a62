"""Another program on the service's host cannot take the service's datagrams."""

from collections.abc import Iterator

from dualstack.errors import ServiceError
from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.prober.messages import Dialled, Hold, Outcome, dial_to
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld


def at_home(world: ListenerWorld, family: Family) -> Dialled:
    """Hold an exchange with the service at the loopback address, from its own host."""
    timeout = world.subject.manifest.timeouts.exchange
    return world.host.prober.dial(dial_to(world.listener, family.loopback, timeout))


def reach(world: ListenerWorld, family: Family, where: str) -> bool:
    """Return whether a client is answered at ``where``; the wildcard stands for the host's first address."""
    if where == family.loopback:
        return at_home(world, family).outcome is Outcome.ANSWERED
    address = world.addresses(family)[0]
    return world.dial(family, address).outcome is Outcome.ANSWERED


def served(world: ListenerWorld) -> Iterator[tuple[Family, str]]:
    """Yield the places that another socket could bind and at which the service is reached."""
    for family in world.families:
        if reach(world, family, world.addresses(family)[0]):
            yield family, family.wildcard
            yield family, world.addresses(family)[0]
        if reach(world, family, family.loopback):
            yield family, family.loopback


@Requirement(
    id="SEC-007",
    title="A UDP port cannot be taken over by SO_REUSEADDR",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="Another program on the same host that sets SO_REUSEADDR and binds the service's UDP port, at the "
    "wildcard or at one address, gets none of its datagrams.",
    stimulus="While the service runs, let a foreign socket with SO_REUSEADDR bind its port, at the wildcard, the "
    "loopback address and the link's address of each family that is served. Where that succeeds, hold an exchange with "
    "the service.",
    wire="No claim: the evidence is how bind() fails (EADDRINUSE), or else who answers.",
    cites=("socket(7): SO_REUSEADDR", "bind(2): EADDRINUSE"),
    topologies=("dual-stack",),
    causes=("RC-SHAREDPORT",),
    needs=(Need.UDP, Need.REPLIES, Need.MANY, Need.NETWORK),
).attach
def test_port_cannot_be_taken_over(world: ListenerWorld) -> None:
    """Where a foreign socket can bind the port at all, the service's clients are still answered by the service."""
    world.start()
    listener = world.listener
    places = list(served(world))
    if not places:
        raise ServiceError("the service answers at none of its host's addresses")
    for family, address in places:
        place = endpoint(address, listener.port)
        held = world.host.prober.try_hold(Hold(family, address, listener.port, listener.transport, reuse_address=True))
        if held is None:
            happened, ok = "it cannot be bound: EADDRINUSE", True
        else:
            with held:
                ok = reach(world, family, address)
            happened = "it can be bound, but the service still answers" if ok else "it takes the service's datagrams"
        world.note(f"a foreign socket with SO_REUSEADDR binds {place}: {happened}")
        world.require(Finding(ok, f"a foreign socket gets nothing at {place}", happened))
