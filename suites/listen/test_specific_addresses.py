"""A listen address that is one address is honoured: nothing else answers."""

from functools import partial

from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.prober.messages import Dial, Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.dialling import answered, refused
from dualstack.world import ListenerWorld


@Requirement(
    id="LISTEN-010",
    title="A specific IPv6 listen address is honoured",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="Told to listen on one of the host's IPv6 addresses the service answers there, and nowhere else: not on "
    "the host's other IPv6 addresses, not on ::1, and not over IPv4.",
    stimulus="On a host with several addresses start the service with the second IPv6 address as listen address; dial "
    "all addresses of the host, and from inside the host ::1.",
    wire="IPv6 connection attempts to that address are answered from it; those to any other address are reset.",
    cites=("RFC 3493 §3.5, §3.8", "RFC 4942 §4.1"),
    topologies=("multi-address",),
    causes=("RC-EXPOSE",),
    needs=(Need.IPV6, Need.BIND_IPV6_ADDRESS, Need.NETWORK),
).attach
def test_specific_address(world: ListenerWorld) -> None:
    """Of all addresses only the configured one answers."""
    listener = world.listener
    assert listener.bind is not None
    # Neither the first address of the host nor the newest, so that no default hits it by chance.
    chosen = world.addresses(Family.IPV6)[1]
    others = {
        family: tuple(item for item in world.addresses(family) if item != chosen)
        for family in (Family.IPV6, Family.IPV4)
    }
    world.start(listener.bind.ipv6_address[0].replace("{address}", chosen), [Family.IPV6])
    world.answers(Family.IPV6, chosen)
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
    dialled = world.host.prober.dial(
        Dial(
            family=Family.IPV6,
            address=Family.IPV6.loopback,
            port=listener.port,
            transport=listener.transport,
            protocol=listener.protocol,
            send=listener.send,
            expect=listener.expect,
            timeout=world.subject.manifest.timeouts.refuse,
        )
    )
    world.note(f"dial {listener.transport.value} {where} from inside the host: {dialled.detail}")
    return Finding(
        dialled.outcome is Outcome.REFUSED, f"a client inside the host is refused at {where}", dialled.detail
    )
