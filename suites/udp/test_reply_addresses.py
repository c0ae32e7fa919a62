"""The answers of a datagram service leave from the address and port to which the request was sent."""

from dataclasses import replace

from dualstack.errors import ServiceError
from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.manifest import Listen
from dualstack.protocols.application import Trait
from dualstack.protocols.exchange import ID
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import udp_reply_address, udp_reply_port
from dualstack.world import ListenerWorld
from dualstack.world.datagrams import DatagramClient, DatagramResult, exchange_datagrams

ROUNDS = 3
"""Requests per client from the same port: a program may treat a known client differently."""


def answers_from_where_asked(world: ListenerWorld, family: Family) -> None:
    """Send requests to every address of one family; require that each answer comes from that address.

    Each address has a client of its own. If all are answered rightly, the first client asks every address in turn: a
    recommendation if all its requests are the same, because the service may then answer a repetition as it did before.
    """
    world.service.start()
    source = world.peer.plan.configured[family][0]
    clients = [DatagramClient(address, source) for address in world.addresses(family)]
    results = exchange_datagrams(world, clients, ROUNDS)
    for result in results:
        world.require(comes_from_where_asked(result))
    repetition = ""
    if all(finding.ok for finding in world.findings):
        repetition = why_repetition(world.listener)
        for client in (*clients[1:], clients[0]):
            (result,) = exchange_datagrams(world, [replace(client, source_port=results[0].port)], 1)
            found = comes_from_where_asked(result, ", from a port that has asked others,", Symptom.OTHER_SOURCE)
            world.require(recommended(found, repetition))
    world.shows(lambda wire: recommended(udp_reply_address(wire, world.listener.port, family), repetition))


def why_repetition(listener: Listen) -> str:
    """Return why a service may take a request for a repetition, and what helps; empty if requests differ."""
    if Trait.DECLARED not in listener.traits or ID in (listener.send or ""):
        return ""
    return (
        "; each request had the same bytes, so the service may have taken it for a repetition (RFC 7252 §4.5): if the "
        f'protocol has an ID in each request, write it as {ID} in "send" of [[listen]] "{listener.name}"'
    )


def recommended(found: Finding, repetition: str) -> Finding:
    """Return a finding as a recommendation, without a cause, if the service may have taken requests for repetitions."""
    if found.ok or not repetition:
        return found
    return replace(found, happened=f"{found.happened}{repetition}", level=Level.SHOULD.value, symptoms=())


def comes_from_where_asked(result: DatagramResult, from_where: str = "", *symptoms: Symptom) -> Finding:
    """Return whether the answers of a client come from the address that it asked.

    Args:
        result: What the client sent and received.
        from_where: What is special about its requests, for the text of the finding.
        symptoms: What another address shows.
    """
    asked, sources = result.client.address, sorted({found.address for found in result.received})
    happened = f"it comes from {' and '.join(sources)}" if sources else "no answer came"
    expected = f"the answer to a request to {asked}{from_where} comes from {asked}"
    return Finding(sources == [asked], expected, happened, symptoms=symptoms if sources else ())


@Requirement(
    id="UDP-001",
    title="Reply source address equals request destination (IPv4)",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="On a host with several IPv4 addresses each answer leaves from the address to which the request was "
    "sent, also if its client has sent requests to others before (a recommendation if all its requests are the same).",
    stimulus="On a host with three IPv4 addresses, whose kernel prefers the first, send three requests to each of "
    "them from one port, and accept answers from anywhere. If all are right, send one more to each of them in turn, "
    "all from the same port.",
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
    statement="On a host with several IPv6 addresses each answer leaves from the address to which the request was "
    "sent, also if its client has sent requests to others before (a recommendation if all its requests are the same).",
    stimulus="On a host with three IPv6 addresses, whose kernel prefers the newest, send three requests to each of "
    "them from one port, and accept answers from anywhere. If all are right, send one more to each of them in turn, "
    "all from the same port.",
    wire="The source address of each answer is the destination address of its request.",
    cites=("RFC 3542 §6.2", "RFC 2181 §4.1", "ipv6(7): IPV6_RECVPKTINFO"),
    topologies=("multi-address",),
    causes=("RC-PKTINFO", "RC-SOCKADDR", "RC-ACLFAMILY", "RC-REPLYSOCKET"),
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
    statement="Each answer, not only the first one to a client, leaves from the port to which the request was sent: "
    "connected clients, firewalls and address translators accept no other.",
    stimulus="Over each family send three requests from one port, and accept answers from anywhere. A family over "
    "which no answer arrives is left to the requirements on reachability.",
    wire="The source port of each answer is the destination port of the request.",
    cites=("RFC 1122 §4.1.3.5", "RFC 4787 §5"),
    topologies=("dual-stack",),
    causes=("RC-REPLYPORT",),
    needs=(Need.UDP, Need.REPLIES, Need.REPLY_PORT, Need.MANY, Need.NETWORK),
).attach
def test_reply_port(world: ListenerWorld) -> None:
    """Every answer of both families comes from the port to which the request was sent."""
    world.service.start()
    port = world.listener.port
    for family in world.families:
        client = DatagramClient(world.addresses(family)[0], world.peer.plan.configured[family][0])
        (result,) = exchange_datagrams(world, [client], ROUNDS)
        ports = sorted({found.port for found in result.received})
        if ports:
            expected = f"answers over {family.label} come from port {port}, to which the requests were sent"
            world.require(Finding(ports == [port], expected, f"they come from port {' and '.join(map(str, ports))}"))
    if not world.findings:
        raise ServiceError("the service answers over no family")
    world.shows(lambda wire: udp_reply_port(wire, port))
