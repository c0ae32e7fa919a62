"""If the listen address is one address, only that address answers."""

from functools import partial

from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.prober.messages import Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.service import dial_to
from dualstack.wire.dialling import answered, refused
from dualstack.world import ListenerWorld
from dualstack.world.prerequisites import require_ordinary, start_at


@Requirement(
    id="LISTEN-010",
    title="A specific IPv6 listen address is honoured",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="Configured to listen on one of the host's IPv6 addresses, the service answers there, and nowhere else: "
    "not on the host's other IPv6 addresses, not on ::1, and not over IPv4.",
    stimulus="On a host with several addresses, start the service with the second IPv6 address as listen address; "
    "dial all addresses of the host, and ::1 from the host itself.",
    wire="IPv6 connection attempts to that address are answered from it; those to any other address are reset.",
    cites=("RFC 3493 §3.5, §3.8", "RFC 4942 §4.1"),
    topologies=("multi-address",),
    causes=("RC-EXPOSE",),
    needs=(Need.IPV6, Need.BIND_IPV6_ADDRESS, Need.NETWORK),
).attach
def test_specific_address(world: ListenerWorld) -> None:
    """Of all addresses only the configured one answers."""
    listener = world.listener
    # Neither the first address of the host nor the newest: a default would choose one of these.
    chosen = world.addresses(Family.IPV6)[1]
    others = {
        family: tuple(item for item in world.addresses(family) if item != chosen)
        for family in (Family.IPV6, Family.IPV4)
    }
    start_at(world, chosen)
    world.answers(Family.IPV6, chosen)
    require_ordinary(world, Family.IPV6, address=chosen)
    for family, addresses in others.items():
        for address in addresses:
            world.refuses(family, address)
    world.require(refuses_inside(world))
    at = partial(answered, port=listener.port, family=Family.IPV6, transport=listener.transport)
    world.shows(partial(at, address=chosen))
    within = world.subject.manifest.timeouts.refuse
    never = partial(refused, port=listener.port, family=Family.IPV6, transport=listener.transport, within=within)
    for address in others[Family.IPV6]:
        world.shows(partial(never, address=address))
    world.shows_refused(Family.IPV4)


def refuses_inside(world: ListenerWorld) -> Finding:
    """Return whether a client on the service's own host is refused at ::1."""
    listener = world.listener
    where = endpoint(Family.IPV6.loopback, listener.port)
    dialled = world.host.prober.dial(dial_to(listener, Family.IPV6.loopback, world.subject.manifest.timeouts.refuse))
    world.note(f"dial {listener.transport.value} {where} from inside the host: {dialled.detail}")
    return Finding(
        dialled.outcome is Outcome.REFUSED, f"a client inside the host is refused at {where}", dialled.detail
    )
