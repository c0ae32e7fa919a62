"""Connectors whose packets a NAT or a translator between IPv4 and IPv6 changes on the way."""

from dualstack.errors import NothingToJudge
from dualstack.families import Family
from dualstack.lab.functions.crossing import dialled_at, seen_at
from dualstack.prober.client import ServerHandle
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import no_own_address
from dualstack.world import ConnectorWorld
from dualstack.world.translated import seen_as
from dualstack.world.unusual_servers import serve_inside


def connects_across(world: ConnectorWorld) -> tuple[ServerHandle, str]:
    """Run the connector towards the IPv4 address at which it reaches the server; return the server and the address.

    By the address if it takes one, and by a name that has it as its A record if it takes names.

    Raises:
        NothingToJudge: It does not connect to a server on its own host either, so nothing in between is to blame.
    """
    topology, plan = world.lab.topology, world.lab.plan
    own, client = topology.roles.service, topology.roles.client
    found = dialled_at(topology, plan, own, client)
    behind = Family.IPV4 if found[Family.IPV4] else Family.IPV6
    target, serving = found[behind][0], world.serve(behind)
    expected = seen_at(topology, plan, own, client)[behind]
    if world.connector.literals:
        if world.connect(target, serving, Family.IPV4):
            world.require(seen_as(expected, serving.accepted()))
        else:
            require_own_host(world, Family.IPV4.loopback)
    if world.connector.names:
        with world.names(a="ok", addresses={Family.IPV4: (target,)}) as name:
            connected = world.connect(name, serving, Family.IPV4)
        if connected:
            world.require(seen_as(expected, serving.accepted()))
        else:
            with world.names(a="ok", addresses={Family.IPV4: (Family.IPV4.loopback,)}) as name:
                require_own_host(world, name)
    return serving, target


def require_own_host(world: ConnectorWorld, target: str) -> None:
    """Find out whether the connector reaches a server on its own host, at 127.0.0.1.

    Raises:
        NothingToJudge: It does not.
    """
    with serve_inside(world, Family.IPV4) as serving:
        if world.connector_runs.run(target, serving).problem:
            raise NothingToJudge("it does not connect to 127.0.0.1 on its own host either, as CONNECT-002 reports")


@Requirement(
    id="TRANS-010",
    title="Connects over IPv4 through a NAT or a translator",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="A service connects over IPv4 from behind one NAT (NAT44) or two (NAT444, carrier-grade NAT), and to the "
    "IPv4 address that stands for an IPv6-only server (SIIT-DC): its own IPv4 address and the one that the server sees "
    "differ.",
    stimulus="The server is outside the NATs, or has IPv6 alone behind a translator. Run the connector with the IPv4 "
    "address at which it reaches the server, then with a name that has it as its A record. If it does not connect, run "
    "it with 127.0.0.1, or a name for that: what does not work there either is not because of the NAT.",
    wire="The server sees a client at the outer address of the NAT, or at the address that stands for the service "
    "behind the translator's prefix. Every attempt of the service is IPv4 and goes to the address that it was given.",
    cites=("RFC 3022 §2.2", "RFC 6598 §3", "RFC 7755 §1", "RFC 7757 §1"),
    topologies=("nat44", "nat444", "nat64-clients"),
    causes=("RC-OWNADDRESS", "RC-FIRSTADDR", "RC-RESOLVER"),
    needs=(Need.IPV4,),
).attach
def test_connects_through_a_nat(world: ConnectorWorld) -> None:
    """An IPv4 literal, and a name that has an A record, are reached through the NAT."""
    serving, _ = connects_across(world)
    serving.close()
    if any(finding.ok for finding in world.findings):
        world.shows_connected(Family.IPV4)


@Requirement(
    id="TRANS-011",
    title="Does not tell its server an address that the server cannot reach",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="Behind a NAT, the service's own IPv4 address means nothing to its server. The service does not send it "
    "inside its messages: not as text (198.51.100.7), not in the form of FTP's PORT command (198,51,100,7,4,1), and "
    "not as four bytes. A protocol that needs connections back has to learn its outer address first, or use passive "
    "mode.",
    stimulus="As TRANS-010. A connector that does not connect is not judged.",
    wire="No payload of the service towards the server holds its private IPv4 address.",
    cites=("RFC 3027 §2.1, §3", "RFC 3235 §3.1", "RFC 4085 §2", "RFC 8445 §1"),
    topologies=("nat44", "nat444"),
    causes=("RC-OWNADDRESS",),
    needs=(Need.IPV4, Need.HIDES_ITSELF),
).attach
def test_sends_no_private_address(world: ConnectorWorld) -> None:
    """The payloads that leave the service hold no private address of it."""
    serving, target = connects_across(world)
    clients = serving.accepted()
    serving.close()
    if not clients:
        raise NothingToJudge("it does not connect through the NAT (TRANS-010)")
    world.findings.clear()  # whether it connects is the subject of TRANS-010
    own = world.host.plan.every(Family.IPV4)
    world.shows(lambda wire: no_own_address(wire, world.connector.port, own, target))
