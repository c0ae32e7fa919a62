"""A service is reachable where it is configured to be, and nowhere else."""

from dualstack.errors import ServiceError
from dualstack.families import BOTH, Family, endpoint
from dualstack.finding import Finding
from dualstack.prober.messages import Dialled, Outcome, SocketRow
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.clients import link_local, local_clients, remote_clients


@Requirement(
    id="SEC-002",
    title="A loopback listener is not reachable from the network",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A listener for loopback clients refuses all other clients: clients on the link, whichever address of "
    "the host they dial, and clients on its own host that dial an address other than the loopback ones. If a loopback "
    "address is missing, it does not listen on more addresses instead.",
    stimulus="Start the service; dial every address that its host has on the link, including link-local ones, from "
    "the client's host and from the service's host. Do the same where 127.0.0.1 or ::1 does not exist; a service that "
    "does not start there exposes nothing.",
    wire="Every connection attempt on the link is answered by a reset within 1 s; every UDP request is answered by "
    "ICMP port unreachable.",
    cites=("RFC 4291 §2.5.3", "RFC 1122 §3.2.1.3", "RFC 6890 §2.2.2, §2.2.3"),
    topologies=("dual-stack", "multi-address", "ipv4-only-disable-ipv6", "ipv6-only-strict"),
    causes=("RC-EXPOSE", "RC-ACLTEXT"),
    needs=(Need.LOOPBACK,),
).attach
def test_loopback_listener_is_not_reachable(world: ListenerWorld) -> None:
    """A loopback listener is not reachable at non-loopback addresses."""
    readiness = world.service.wait_ready(world.service.launch())
    if not readiness.ready and len(world.lab.topology.loopbacks()) == len(BOTH):
        raise ServiceError(f"the service did not become ready: {readiness.detail}{world.service.last_log_line()}")
    families = world.lab.topology.families()
    for clients in (remote_clients(world.lab), local_clients(world.lab)):
        for family in families:
            for address in clients.addresses[family]:
                world.refuses(family, address, clients=clients)
        for address in link_local(world.lab, clients):
            world.refuses(Family.IPV6, address, clients=clients)
    for family in families:
        world.shows_refused_on_link(family)


@Requirement(
    id="SEC-004",
    title="An IPv4-only service is not exposed on IPv6",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service that claims IPv4 only has no socket that takes IPv6 on its port, refuses IPv6 clients at "
    "once at every address of its host, and has no other, undeclared port that is reachable over IPv6.",
    stimulus="Start the service and check its socket table; dial its port over IPv6, at the host's addresses and at "
    "its link-local one; dial every other port of the same transport on which it has a socket that takes IPv6.",
    wire="Every IPv6 connection attempt to the port is answered by a reset within 1 s; every UDP request is answered "
    "by ICMPv6 port unreachable.",
    cites=("RFC 4942 §4.1", "RFC 9293 §3.10.7.1", "RFC 4443 §3.1"),
    topologies=("dual-stack",),
    causes=("RC-EXPOSE",),
    needs=(Need.ONE, Need.IPV4),
).attach
def test_ipv4_service_is_not_exposed_on_ipv6(world: ListenerWorld) -> None:
    """An IPv4-only service has no open port on IPv6."""
    listener = world.listener
    world.service.start()
    world.answers(Family.IPV4, world.addresses(Family.IPV4)[0])
    exposed = [row for row in world.service.sockets.read() if Family.IPV6 in row.serves and is_like(row, world)]
    own = [row for row in exposed if row.port == listener.port]
    world.require(
        Finding(
            not own,
            f"no socket of the service takes IPv6 on {listener.transport.value} port {listener.port}",
            f"it listens on {where(own)}" if own else "none does",
        )
    )
    for address in (*world.addresses(Family.IPV6), *link_local(world.lab, world.clients)):
        world.refuses(Family.IPV6, address)
    no_other_port(world, [row for row in exposed if row.port not in declared(world)])
    world.shows_refused(Family.IPV6)


def no_other_port(world: ListenerWorld, rows: list[SocketRow]) -> None:
    """Require that no port of ``rows`` is reachable over IPv6 from the link."""
    link = remote_clients(world.lab)
    addresses = (*link.addresses[Family.IPV6], *link_local(world.lab, link))
    within = world.subject.manifest.timeouts.refuse
    reached = [
        endpoint(address, port)
        for port in sorted({row.port for row in rows})
        for address in addresses
        if is_open(world.client.dial(Family.IPV6, address, port=port, timeout=within, clients=link), world)
    ]
    world.require(
        Finding(
            not reached,
            "no port that its manifest does not declare is reachable over IPv6",
            f"the client reaches {' and '.join(reached)}: the service listens on {where(rows)}"
            if reached
            else "none is",
        )
    )


def declared(world: ListenerWorld) -> set[int]:
    """Return the ports that the manifest declares for the listener's transport."""
    return {item.port for item in world.subject.listen if item.transport is world.listener.transport}


def is_like(row: SocketRow, world: ListenerWorld) -> bool:
    """Return whether a socket has the listener's transport and is not a UDP client's, on an ephemeral port."""
    if row.transport != world.listener.transport.value:
        return False
    if world.is_tcp or row.port in declared(world):
        return True
    lowest, highest = map(int, world.host.prober.sysctl("net.ipv4.ip_local_port_range").split())
    return not lowest <= row.port <= highest


def is_open(dialled: Dialled, world: ListenerWorld) -> bool:
    """Return whether the port is open: TCP connected, UDP neither refused nor unreachable."""
    return dialled.connected if world.is_tcp else dialled.outcome not in {Outcome.REFUSED, Outcome.UNREACHABLE}


def where(rows: list[SocketRow]) -> str:
    """Return where sockets listen, in words."""
    return " and ".join(sorted({endpoint(row.address, row.port) for row in rows}))
