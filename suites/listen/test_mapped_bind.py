"""What a listener does with an IPv4-mapped listen address."""

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.manifest.texts import fill
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld


@Requirement(
    id="INTEROP-006",
    title="An IPv4-mapped listen address means IPv4",
    level=Level.OBSERVE,
    role=Role.LISTENER,
    statement="Configured to listen on an IPv4-mapped address (::ffff:a.b.c.d), the service serves IPv4 there and no "
    "IPv6, or ends with an error: a socket with IPV6_V6ONLY cannot be bound to such an address (EINVAL).",
    stimulus="Start the service with the mapped form of its IPv4 address as listen address; dial both families.",
    wire="IPv4 connection attempts are answered, IPv6 ones are reset; there is no packet if the service ended.",
    cites=("RFC 3493 §3.7, §5.3", "RFC 4291 §2.5.5.2"),
    topologies=("dual-stack",),
    causes=("RC-EXPOSE", "RC-V6ONLY", "RC-BINDSWALLOWED"),
    needs=(Need.BIND_IPV4_MAPPED, Need.NETWORK),
).attach
def test_mapped_listen_address(world: ListenerWorld) -> None:
    """A mapped listen address gives an IPv4 listener or an error."""
    bind = world.listener.bind
    assert bind is not None
    address = world.addresses(Family.IPV4)[0]
    text = fill(bind.ipv4_mapped[0], {"address": address})
    readiness = world.service.wait_ready(world.service.launch(text), [Family.IPV4])
    if not readiness.ready:
        ended = readiness.exit is not None and (readiness.exit.code != 0 or world.service.log.size > 0)
        expected = f'with the listen address "{text}" the service serves IPv4, or ends with an error'
        world.require(Finding(ended, expected, readiness.detail + world.service.last_log_line()))
        return
    world.answers(Family.IPV4, address)
    world.refuses(Family.IPV6, world.addresses(Family.IPV6)[0])
    world.shows_served(Family.IPV4)
    world.shows_refused(Family.IPV6)
