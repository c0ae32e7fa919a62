"""The answers of a datagram service leave from the address and port that were asked."""

from dualstack.errors import ServiceError
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import udp_reply_address, udp_reply_port
from dualstack.world import ListenerWorld
from dualstack.world.volleys import Ask, volley

ROUNDS = 3
"""How often each client asks from the same port: what a program does for a client it knows may be another thing."""


def answers_from_where_asked(world: ListenerWorld, family: Family) -> None:
    """Ask at every address of one family, with sockets that hear every answer, and require where each comes from."""
    world.start()
    source = world.peer.plan.configured[family][0]
    for told in volley(world, [Ask(address, source) for address in world.addresses(family)], ROUNDS):
        asked, sources = told.ask.address, sorted({heard.address for heard in told.heard})
        happened = f"it comes from {' and '.join(sources)}" if sources else "no answer came"
        world.require(Finding(sources == [asked], f"what is asked at {asked} is answered from {asked}", happened))
    world.shows(lambda wire: udp_reply_address(wire, world.listener.port, family))


@Requirement(
    id="UDP-001",
    title="Reply source address equals request destination (IPv4)",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="On a host with several IPv4 addresses each answer leaves from the address that was asked.",
    stimulus="On a host with three IPv4 addresses, whose kernel prefers the first, ask at each of them three times "
    "from one port, and listen for answers from anywhere.",
    wire="The source address of each answer is the destination address of its request.",
    cites=("RFC 1122 §4.1.3.5", "RFC 2181 §4.1", "ip(7): IP_PKTINFO"),
    topologies=("multi-address",),
    causes=("RC-PKTINFO",),
    needs=(Need.UDP, Need.REPLIES, Need.IPV4, Need.MANY, Need.NETWORK),
).attach
def test_ipv4_reply_source(world: ListenerWorld) -> None:
    """Each IPv4 address answers for itself."""
    answers_from_where_asked(world, Family.IPV4)


@Requirement(
    id="UDP-002",
    title="Reply source address equals request destination (IPv6)",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="On a host with several IPv6 addresses each answer leaves from the address that was asked.",
    stimulus="On a host with three IPv6 addresses, whose kernel prefers the newest, ask at each of them three times "
    "from one port, and listen for answers from anywhere.",
    wire="The source address of each answer is the destination address of its request.",
    cites=("RFC 3542 §6.2", "RFC 2181 §4.1", "ipv6(7): IPV6_RECVPKTINFO"),
    topologies=("multi-address",),
    causes=("RC-PKTINFO", "RC-SOCKADDR", "RC-REPLYSOCKET"),
    needs=(Need.UDP, Need.REPLIES, Need.IPV6, Need.MANY, Need.NETWORK),
).attach
def test_ipv6_reply_source(world: ListenerWorld) -> None:
    """Each IPv6 address answers for itself."""
    answers_from_where_asked(world, Family.IPV6)


@Requirement(
    id="UDP-003",
    title="Reply from the same port",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="Each answer, not only the first one to a client, leaves from the port that the request was sent to: "
    "connected clients, firewalls and address translators take no other.",
    stimulus="Over each family ask three times from one port, and listen for answers from anywhere. A family over "
    "which nothing comes back is left to the requirements on reachability.",
    wire="The source port of each answer is the destination port of the request.",
    cites=("RFC 1122 §4.1.3.5", "RFC 4787 §5"),
    topologies=("dual-stack",),
    causes=("RC-REPLYPORT",),
    needs=(Need.UDP, Need.REPLIES, Need.REPLY_PORT, Need.MANY, Need.NETWORK),
).attach
def test_reply_port(world: ListenerWorld) -> None:
    """Every answer of both families comes from the port that was asked."""
    world.start()
    port = world.listener.port
    for family in world.families:
        ask = Ask(world.addresses(family)[0], world.peer.plan.configured[family][0])
        (told,) = volley(world, [ask], ROUNDS)
        ports = sorted({heard.port for heard in told.heard})
        if ports:
            expected = f"answers over {family.label} come from port {port}, which was asked"
            world.require(Finding(ports == [port], expected, f"they come from port {' and '.join(map(str, ports))}"))
    if not world.findings:
        raise ServiceError("the service answers over no family")
    world.shows(lambda wire: udp_reply_port(wire, port))
