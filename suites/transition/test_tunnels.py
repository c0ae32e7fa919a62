"""A tunnel that carries IPv6 over an IPv4 network: services are reached through it, and connect through it."""

from functools import partial

from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.need import Need
from dualstack.prober.client import ServerHandle
from dualstack.prober.messages import Outcome
from dualstack.protocols.application import Trait
from dualstack.requirement import Level, Requirement, Role
from dualstack.wire.expect import leaves_through_router, path_mtu_heeded
from dualstack.world import ConnectorWorld, ListenerWorld, World
from dualstack.world.bulk import crosses
from dualstack.world.clients import router_clients
from dualstack.world.connecting import Run
from dualstack.world.servers import serve_connector
from dualstack.world.tunnelled import outer_packets, tunnel_ends


@Requirement(
    id="TRANS-005",
    title="Works over a tunnel of IPv6 in IPv4 (6in4)",
    level=Level.MUST,
    role=Role.BOTH,
    statement="A service is reachable, and able to connect, where its IPv6 packets cross an IPv4-only network in a "
    "tunnel, whose MTU (1480 or 1280 bytes) no interface of its host shows.",
    stimulus="The service and its peer are in two IPv6 networks, connected by a tunnel. A listener: try an exchange "
    "over the tunnel; if it is not answered, try one from the router on the service's link. Then one with 200 kB, if "
    "the service's protocol or manifest has one; that it does not arrive is the subject of TRANS-006. A connector: run "
    "it towards a server on the service's own link, which must succeed, and then towards the peer, by its address, or "
    "else by a name.",
    wire="On the IPv4 link under the tunnel, the packets of the port are in IPv4 packets of protocol 41 between both "
    "ends of the tunnel, and none of them crosses that link natively.",
    cites=("RFC 4213 §3.1, §3.2", "RFC 8201 §4", "RFC 6540 §2"),
    topologies=("tunnel-6in4", "tunnel-6in4-1280"),
    causes=("RC-MTU",),
    needs=(Need.IPV6, Need.NETWORK),
).attach
def test_over_a_tunnel(world: World) -> None:
    """The service is reached over the tunnel, or connects over it, and its packets are inside the tunnel."""
    if isinstance(world, ListenerWorld):
        is_reached(world)
    if isinstance(world, ConnectorWorld):
        connects(world)


def is_reached(world: ListenerWorld) -> None:
    """Require that a client beyond the tunnel is answered."""
    world.service.start()
    address = world.addresses(Family.IPV6)[0]
    with outer_packets(world):
        dialled = world.client.dial(Family.IPV6, address)
        ok = dialled.outcome is Outcome.ANSWERED
        if not ok:
            leave_to_others(world, address)
        if ok and world.is_tcp and Need.BULK.holds(world.listener):
            crosses(world, Family.IPV6, "the tunnel", required=False)
    world.count(Family.IPV6, served=ok)
    where = endpoint(address, world.listener.port)
    happened = dialled.detail + ("" if ok else "; a client on the service's link is answered")
    world.require(Finding(ok, f"an IPv6 client beyond a tunnel is answered at {where}", happened))


def leave_to_others(world: ListenerWorld, address: str) -> None:
    """Judge nothing if no client of another host is answered, or if the service's packets do not go to the router.

    Raises:
        NothingToJudge: Another requirement covers that.
    """
    near = world.client.dial(Family.IPV6, address, clients=router_clients(world.lab))
    if near.outcome is not Outcome.ANSWERED:
        raise NothingToJudge("no IPv6 client is served on the link either")
    if Trait.ONE_WAY in world.listener.traits:
        return
    listener, router = world.listener, tunnel_ends(world.lab)[0].plan.mac
    leaves = partial(leaves_through_router, router=router, transport=listener.transport)
    try:
        through = leaves(world.wire(), listener.port, Family.IPV6).ok
    except Inconclusive:
        through = False
    if not through:
        raise NothingToJudge("no packet of it goes to the router as it must, which LISTEN-016 is about")


def connects(world: ConnectorWorld) -> None:
    """Require that the connector reaches a server beyond the tunnel, as it reaches one on its own link."""
    near, _ = tunnel_ends(world.lab)
    own = near.plan.configured[Family.IPV6][0]
    with serve_connector(near, world.connector, (own,)) as serving:
        world.note(f"control: a server on the service's link listens on {endpoint(own, world.connector.port)}")
        control = run_towards(world, own, serving)
    if not succeeds(control):
        raise NothingToJudge(f"it does not reach a server on its own link either: {control.problem}")
    target = world.peer.plan.address(Family.IPV6)
    with outer_packets(world), world.serve(Family.IPV6) as serving:
        run = run_towards(world, target, serving)
    world.count(Family.IPV6, served=succeeds(run))
    expected = f"it connects to {endpoint(target, world.connector.port)}, beyond a tunnel"
    world.require(Finding(succeeds(run), expected, run.problem or f"it succeeded: {run.reached}"))
    if not succeeds(run):
        mtu = world.lab.topology.path_mtu()
        world.shows(lambda wire: path_mtu_heeded(wire, mtu))


def succeeds(run: Run) -> bool:
    """Return whether a run was successful, or connected to a server that cannot speak with it."""
    return bool(run.reached) and (not run.problem or bool(run.unspoken))


def run_towards(world: ConnectorWorld, address: str, serving: ServerHandle) -> Run:
    """Run the connector towards an IPv6 address: by the address if it takes one, else by a name."""
    if world.connector.literals:
        return world.connector_runs.run(address, serving)
    with world.names(aaaa="ok", addresses={Family.IPV6: (address,)}) as name:
        return world.connector_runs.run(name, serving)
