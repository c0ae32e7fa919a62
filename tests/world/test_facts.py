"""How the facts of a case are gathered: from clients, sockets, starts, packets and output."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6ND_NS, ICMPv6TimeExceeded, IPv6
from scapy.layers.l2 import Ether

from dualstack.facts import How, Sign
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.prober.messages import Dial, Dialled, Exit, Outcome, Readiness, SocketRow
from dualstack.transport import Transport
from dualstack.wire.attempts import Attempt, Fate
from dualstack.wire.evidence import CaptureData
from dualstack.wire.flows import Flow
from dualstack.world.facts import facts_of, proxies_of
from dualstack.world.listening import ListenerWorld
from dualstack.world.observed import how_of, is_kept

if TYPE_CHECKING:
    from dualstack.lab.protocol import Program

MakeWorld = Callable[..., Any]

IPV4, IPV6 = BOTH
TCP_LISTENER = '[[listen]]\nname = "main"\nport = 8080\nprotocol = "echo"\n'
MAY_ANSWER_FROM_ANY_PORT = 'send = "a"\nexpect = "."\nreply_port = "any"\n'
UDP_LISTENER = TCP_LISTENER + 'transport = "udp"\n'
MAC, PEER = "02:00:5e:10:00:01", "02:00:5e:10:00:02"
S4, C4, S6, C6 = "198.51.100.1", "198.51.100.33", "2001:db8:51:1::101", "2001:db8:51:1::201"
CUT = "2001:db8:51:1::"


def dialled(outcome: Outcome, **changes: Any) -> Dialled:
    """Return the result of a dial."""
    return replace(Dialled(outcome, "", True, C6, 40000, "", "hello", 0.01, "so"), **changes)


@pytest.mark.parametrize(
    ("ended", "how"),
    [
        (dialled(Outcome.ANSWERED), How.ANSWERED),
        (dialled(Outcome.REFUSED, connected=False), How.REFUSED),
        (dialled(Outcome.WRONG), How.WRONG),
        (dialled(Outcome.SILENT, connected=False, seconds=5.0), How.IGNORED),
        (dialled(Outcome.SILENT, seconds=5.0), How.KEPT_WAITING),
        (dialled(Outcome.SILENT), How.HUNG_UP),
        (dialled(Outcome.SILENT, errno="ECONNRESET"), How.RESET),
    ],
)
def test_how_an_exchange_ended(ended: Dialled, how: How) -> None:
    """Silence, an early close, a reset and a refusal are distinguished."""
    assert how_of(Dial(IPV6, S6, 8080, timeout=5.0), ended) is how


def test_exchanges_are_kept(make_world: MakeWorld) -> None:
    """The result of a client is a fact of its family, with what the application concluded."""
    made = make_world(ListenerWorld, TCP_LISTENER)
    made.outcome(Outcome.REFUSED)
    made.world.answers(IPV6, S6)
    found = facts_of(made.world)
    (exchange,) = found.exchanges
    assert (exchange.family, exchange.address, exchange.how) == (IPV6, S6, How.REFUSED)
    assert found.ipv6.hows == ((How.REFUSED, 1),)
    assert found.lost(IPV6)
    assert not found.lost(IPV4)


def test_a_request_for_a_large_answer_is_marked(make_world: MakeWorld) -> None:
    """The length of a request says nothing about its answer: large_send asks for one that is larger than a packet."""
    text = UDP_LISTENER.replace('"echo"', '"exchange"') + 'send = "a"\nexpect = "."\nlarge_send = "b"\n'
    made = make_world(ListenerWorld, text)
    for send in (None, "b"):
        made.world.client.dial(IPV6, S6, send=send)
    assert [(item.asks_large, item.is_large) for item in facts_of(made.world).exchanges] == [(False,) * 2, (True,) * 2]


def test_missing_bytes_are_counted(make_world: MakeWorld) -> None:
    """The missing bytes of an HTTP answer that ends before its Content-Length are counted."""
    made = make_world(ListenerWorld, TCP_LISTENER.replace("echo", "http"))
    made.outcome(Outcome.WRONG, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    made.world.client.dial(IPV6, S6)
    assert [item.missing for item in facts_of(made.world).exchanges] == [96]


class Starting:
    """A program that is ready, and has ended or not."""

    def __init__(self, *, ready: bool, end: Exit | None) -> None:
        """Keep the results."""
        self.ready, self.end = ready, end

    def wait_ready(self, _: object) -> Readiness:
        """Return whether it is ready."""
        return Readiness(self.ready, self.end, 0.2, "so")

    def poll(self) -> Exit | None:
        """Return how it ended."""
        return self.end


def test_how_starts_went_is_kept(make_world: MakeWorld) -> None:
    """A start that failed, with how it ended, and the one after it are facts."""
    made = make_world(ListenerWorld, TCP_LISTENER)
    world = made.world
    for ready, end in ((False, Exit(1)), (True, None)):
        world.service.launches.append(type(facts_of(world).start)(bind="::"))
        world.service.wait_ready(cast("Program", Starting(ready=ready, end=end)))
    first, second = facts_of(world).starts
    assert (first.bind, first.ready, first.ended, first.code) == ("::", False, "exited with code 1", 1)
    assert (second.ready, second.ended) == (True, "")


def test_a_socket_that_comes_late_is_waited_for_once(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The missing socket of a family that is not served is waited for, until a first wait was useless."""
    waits: list[float] = []

    def until(self: Any, condition: Callable[[], bool]) -> bool:
        waits.append(self.seconds)
        return condition()

    monkeypatch.setattr("dualstack.deadline.Deadline.until", until)
    monkeypatch.setattr("dualstack.world.sockets._never_late", set())
    made = make_world(ListenerWorld, TCP_LISTENER)
    made.program(None)
    world = made.world
    world.works["ipv6"] = False
    ipv4 = SocketRow("ipv4", "tcp", "LISTEN", "0.0.0.0", 8080, "", None, "server(7)")
    ipv6 = SocketRow("ipv6", "tcp", "LISTEN", "::", 8080, "", True, "server(7)")
    made.prober.rows = [ipv4]
    world._wait_late_sockets()
    world._wait_late_sockets()
    assert (len(waits), world.service.sockets.late) == (1, frozenset())
    monkeypatch.setattr("dualstack.world.sockets._never_late", set())
    tables = [[ipv4], [ipv4, ipv6], [ipv4, ipv6]]
    monkeypatch.setattr(made.prober, "sockets", lambda: tables.pop(0) if len(tables) > 1 else tables[0])
    world._wait_late_sockets()
    assert world.service.sockets.late == {IPV6}
    assert facts_of(world).ipv6.late


def both_ways(family: Family, *, back: bool) -> Any:
    """Return Ethernet and IP from the client, or back."""
    ends = (S4, C4) if family is IPV4 else (S6, C6)
    source, target = ends if back else ends[::-1]
    layer = IP if family is IPV4 else IPv6
    return Ether(src=MAC if back else PEER, dst=PEER if back else MAC) / layer(src=source, dst=target)


def opened(sport: int, family: Family = IPV6) -> list[Any]:
    """Return the packets of a client that connects and sends its request."""
    return [
        both_ways(family, back=False) / TCP(sport=sport, dport=8080, flags="S", seq=7),
        both_ways(family, back=True) / TCP(sport=8080, dport=sport, flags="SA", seq=99, ack=8),
        both_ways(family, back=False) / TCP(sport=sport, dport=8080, flags="PA", seq=8, ack=100) / b"hello",
    ]


def closed(sport: int, family: Family = IPV6) -> Any:
    """Return the end of a connection by the server."""
    return both_ways(family, back=True) / TCP(sport=8080, dport=sport, flags="FA", seq=100, ack=13)


def test_connections_on_the_wire_are_facts(make_world: MakeWorld) -> None:
    """A connection that is closed without an answer beside another one is counted, and so are unanswered clients."""
    made = make_world(ListenerWorld, TCP_LISTENER)
    made.wire(*opened(40000), *opened(40001), closed(40001), *opened(40002, IPV4))
    found = facts_of(made.world)
    assert dict(found.ipv6.hows) == {How.HUNG_UP: 1, How.KEPT_WAITING: 1}
    assert found.ipv6.hung_up_beside == 1
    assert dict(found.ipv4.hows) == {How.KEPT_WAITING: 1}
    assert found.ipv6.hop_limit == 64


def test_datagrams_from_elsewhere_are_facts(make_world: MakeWorld) -> None:
    """Answers from another address, and from another port, are distinguished; such a client is not without answer."""
    made = make_world(ListenerWorld, UDP_LISTENER)
    ask = both_ways(IPV6, back=False) / UDP(sport=40000, dport=8080) / b"x"
    address = Ether(src=MAC, dst=PEER) / IPv6(src="2001:db8:51:1::103", dst=C6) / UDP(sport=8080, dport=40000) / b"x"
    port = both_ways(IPV6, back=True) / UDP(sport=50000, dport=40000) / b"x"
    made.wire(ask, address)
    assert facts_of(made.world).ipv6.wrong_source == ("2001:db8:51:1::103",)
    made.wire(ask, port)
    found = facts_of(made.world)
    assert (found.ipv6.wrong_source, found.ipv6.wrong_port) == ((), (50000,))
    assert dict(found.ipv6.hows) == {How.ELSEWHERE: 1}


def test_answers_from_a_port_that_may_answer_are_facts(make_world: MakeWorld) -> None:
    """Where a service may answer from any port, another address is wrong, and another port is an answer."""
    made = make_world(ListenerWorld, UDP_LISTENER.replace('"echo"', '"exchange"') + MAY_ANSWER_FROM_ANY_PORT)
    ask = both_ways(IPV6, back=False) / UDP(sport=40000, dport=8080) / b"x"
    address = Ether(src=MAC, dst=PEER) / IPv6(src="2001:db8:51:1::103", dst=C6) / UDP(sport=50000, dport=40000) / b"x"
    made.wire(ask, address)
    found = facts_of(made.world).ipv6
    assert (found.wrong_source, found.wrong_port) == (("2001:db8:51:1::103",), ())
    made.wire(ask, both_ways(IPV6, back=True) / UDP(sport=50000, dport=40000) / b"x")
    found = facts_of(made.world).ipv6
    assert (dict(found.hows), found.wrong_source, found.wrong_port) == ({How.ANSWERED: 1}, (), ())


def test_the_answer_to_a_multicast_request_comes_from_an_address(make_world: MakeWorld) -> None:
    """A member of a group answers from its own address: that source is not wrong."""
    made = make_world(ListenerWorld, UDP_LISTENER)
    ask = Ether(src=PEER, dst="33:33:00:00:00:09") / IPv6(src=C6, dst="ff05::9") / UDP(sport=40000, dport=8080) / b"x"
    made.wire(ask, both_ways(IPV6, back=True) / UDP(sport=8080, dport=40000) / b"x")
    found = facts_of(made.world).ipv6
    assert (dict(found.hows), found.wrong_source) == ({How.ANSWERED: 1}, ())


def test_icmp_errors_about_its_packets_are_facts(make_world: MakeWorld) -> None:
    """ICMP errors about the service's packets are kept."""
    made = make_world(ListenerWorld, TCP_LISTENER)
    inner = IPv6(src=S6, dst=C6) / TCP(sport=8080, dport=40000, flags="SA")
    made.wire(*opened(40000), both_ways(IPV6, back=False) / ICMPv6TimeExceeded() / inner)
    found = facts_of(made.world).ipv6
    assert (found.icmp, found.expired) == (("ICMPv6 hop limit exceeded",), "ICMPv6 hop limit exceeded")
    made.wire(*opened(40000), both_ways(IPV6, back=False) / ICMPv6DestUnreach(code=0) / inner)
    found = facts_of(made.world).ipv6
    assert (found.icmp, found.expired) == (("ICMPv6 no route to destination",), "")


def test_strangers_are_found(make_world: MakeWorld, make_pcap: Callable[..., Any]) -> None:
    """An address that the host tries to resolve on the link, and that no host has or uses, is a stranger."""
    made = make_world(ListenerWorld, TCP_LISTENER)
    solicit = [
        Ether(src=MAC, dst="33:33:ff:00:00:00") / IPv6(src=S6, dst="ff02::1:ff00:0") / ICMPv6ND_NS(tgt=target)
        for target in (CUT, C6, "2001:db8:51:1::9001", "2001:db8:9::1")
    ]
    other = Ether(src=PEER, dst=MAC) / IPv6(src="2001:db8:51:1::9001", dst=S6) / TCP(sport=40000, dport=8080, flags="S")
    made.world._wire = make_pcap(*solicit, other)
    assert facts_of(made.world).strangers == (CUT,)


def test_reverse_questions_are_found(make_world: MakeWorld, make_pcap: Callable[..., Any]) -> None:
    """A reverse DNS query of the host is a fact; a query for an address is not."""
    made = make_world(ListenerWorld, TCP_LISTENER)
    for kind, reverse in (("PTR", True), ("AAAA", False)):
        question = both_ways(IPV6, back=True) / UDP(sport=40000, dport=53) / DNS(qd=DNSQR(qname="x.arpa", qtype=kind))
        made.world._wire = make_pcap(question)
        assert facts_of(made.world).reverse is reverse


def test_host_findings_and_output_are_facts(make_world: MakeWorld) -> None:
    """What the topology lacks, the findings that failed, and what the output says."""
    made = make_world(ListenerWorld, TCP_LISTENER, "ipv4-only-no-af-inet6")
    world = made.world
    world.require(Finding(True, "one", "one"))
    world.require(Finding(False, "an IPv6 client is answered", "no"))
    world.journal.outputs.append("socket: Address family not supported by protocol\n")
    world.journal.note_foreign("takes tcp port 8080 of IPv6")
    found = facts_of(world)
    assert (found.host.families, found.host.ipv6_sockets) == (frozenset({IPV4}), False)
    assert [item.expected for item in found.broken] == ["an IPv6 client is answered"]
    assert found.says(Sign.NO_FAMILY) == "socket: Address family not supported by protocol"
    assert (found.silent, found.foreign) == (False, True)


def test_a_capture_that_cannot_be_read_adds_nothing(make_world: MakeWorld) -> None:
    """Facts are gathered without it."""
    made = make_world(ListenerWorld, TCP_LISTENER)
    solicit = Ether(src=MAC, dst="33:33:ff:00:00:00") / IPv6(src=S6, dst="ff02::1:ff00:0") / ICMPv6ND_NS(tgt=CUT)
    made.wire(*opened(40000), solicit)  # its file does not exist
    found = facts_of(made.world)
    assert (found.ipv6.hows, found.strangers) == ((), ())
    assert isinstance(made.world.captured, CaptureData)


def test_proxies_of_an_environment() -> None:
    """Variables that end in _proxy name proxies, with their port; no_proxy and placeholders name none."""
    environment = {
        "http_proxy": "http://127.0.0.1:3128",
        "ALL_PROXY": "socks5://user:secret@[::1]:1080/",
        "https_proxy": "proxy.test:8443",
        "ftp_proxy": "proxy.test",
        "no_proxy": "localhost:80",
        "rsync_proxy": "http://{host}:80",
        "gopher_proxy": "http://[::1",
        "PATH": "/bin:80",
    }
    assert [*proxies_of(environment)] == [("127.0.0.1", 3128), ("::1", 1080), ("proxy.test", 8443)]


@pytest.mark.parametrize(
    ("fate", "sent", "ended", "kept"),
    [
        (Fate.ANSWERED, 3, 5.0001, True),
        (Fate.ANSWERED, 0, None, True),
        (Fate.ANSWERED, 0, 5.2, True),
        (Fate.ANSWERED, 0, 5.0001, False),
        (Fate.REFUSED, 0, None, False),
    ],
)
def test_who_keeps_a_connection(fate: Fate, sent: int, ended: float | None, *, kept: bool) -> None:
    """A client that sends data, or does not end its connection at once, keeps it; a kernel resets a closed socket."""
    made = Attempt(Family.IPV4, Transport.TCP, "", 1, "", 2, 0, (4.6,), fate, 0.4, "", (), decided=5.0)
    assert is_kept(Flow(made, sent=sent, client_ended=ended)) is kept
