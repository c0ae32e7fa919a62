"""A listener that is configured for IPv6 only refuses IPv4 clients and leaves the IPv4 port free."""

from dualstack.errors import HarnessError
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import Hold
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.prerequisites import require_ordinary


@Requirement(
    id="LISTEN-007",
    title="An IPv6-only listener leaves IPv4 alone",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A listener that is configured for every IPv6 address and no IPv4 address refuses IPv4 clients at once, "
    "and leaves the IPv4 port to other programs, whichever comes first.",
    stimulus="Start the service for IPv6 only; dial it over both families; bind a foreign IPv4 socket to the same "
    "port. Then bind that socket first, start the service again and dial it over IPv6.",
    wire="IPv6 connection attempts are answered; IPv4 ones are reset within 1 s (UDP: ICMP port unreachable).",
    cites=("RFC 3493 §5.3", "ipv6(7)", "RFC 9293 §3.10.7.1"),
    topologies=("dual-stack",),
    causes=("RC-V6ONLY", "RC-EXPOSE"),
    needs=(Need.BIND_IPV6_ANY, Need.NETWORK),
).attach
def test_ipv6_only_listener(world: ListenerWorld) -> None:
    """IPv4 is refused, and the IPv4 port is free before and after the start."""
    bind = next(iter(world.listener.bind.ipv6_any), None) if world.listener.bind is not None else None
    address = world.addresses(Family.IPV6)[0]
    world.service.start(bind, [Family.IPV6])
    world.answers(Family.IPV6, address)
    world.refuses(Family.IPV4, world.addresses(Family.IPV4)[0])
    world.require(leaves_port(world))
    world.service.stop()
    with world.host.prober.hold(foreign(world)):
        world.journal.note_foreign(f"takes IPv4 port {world.listener.port}")
        readiness = world.service.wait_ready(world.service.launch(bind), [Family.IPV6])
        if readiness.ready:
            world.answers(Family.IPV6, address)
        else:
            expected = f"the service starts although a foreign socket has IPv4 port {world.listener.port}"
            world.require(Finding(False, expected, readiness.detail + world.service.last_log_line()))
        world.service.stop()
    require_ordinary(world, Family.IPV6)
    world.shows_served(Family.IPV6)
    world.shows_refused(Family.IPV4)


def foreign(world: ListenerWorld) -> Hold:
    """Return a foreign socket on the IPv4 wildcard and the listener's port."""
    listener = world.listener
    return Hold(Family.IPV4, Family.IPV4.wildcard, listener.port, listener.transport)


def leaves_port(world: ListenerWorld) -> Finding:
    """Return whether a foreign IPv4 socket can bind the port while the service runs."""
    expected = f"a foreign socket can take IPv4 port {world.listener.port} while the service runs"
    try:
        with world.host.prober.hold(foreign(world)):
            return Finding(True, expected, "it could")
    except HarnessError as error:
        if "EADDRINUSE" not in str(error):
            raise
        return Finding(False, expected, "the port is in use: EADDRINUSE")
