"""Dialling: every outcome, on both families, over TCP and UDP, against real sockets."""

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from dualstack.errors import UsageError
from dualstack.families import BOTH, Family
from dualstack.prober.attempt import Attempt
from dualstack.prober.client import Prober, ProgramHandle
from dualstack.prober.messages import Await, Dial, Hold, Outcome, Serve, Stage
from dualstack.prober.sending import Sending
from dualstack.transport import AppProtocol, Transport

PORT = 7100

each_family = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)
each_transport = pytest.mark.parametrize("transport", Transport, ids=lambda transport: transport.value)

NOWHERE = {Family.IPV4: "198.51.100.9", Family.IPV6: "2001:db8::9"}

# A TCP server on ::1 or 127.0.0.1; `{act}` is what it does with the first connection, `c`.
SERVER = """
import socket, struct, sys
s = socket.socket(socket.AF_INET6 if ":" in "{address}" else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("{address}", {port})); s.listen()
while True:
    c = s.accept()[0]
    {act}
"""
RESET = 'c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); c.close()'


@pytest.fixture
def server(start: Callable[..., ProgramHandle]) -> Callable[[Family, str], None]:
    """Return a function that runs `SERVER` and waits until it listens."""

    def run(family: Family, act: str) -> None:
        program = start(SERVER.format(address=family.loopback, port=PORT, act=act))
        ready = program.wait_ready(Await(PORT, Transport.TCP, None, 10))
        assert ready.ready, f"{ready.detail}\n{program.log().text}"

    return run


@each_family
@each_transport
@pytest.mark.parametrize("protocol", [AppProtocol.ECHO, AppProtocol.UPPER])
def test_a_right_answer_is_answered(
    prober: Prober, family: Family, transport: Transport, protocol: AppProtocol
) -> None:
    """The exchange completes; what was sent, what came and from where are reported."""
    with prober.serve(Serve((family.loopback,), PORT, transport, protocol)):
        result = prober.dial(Dial(family, family.loopback, PORT, transport, protocol))
    assert result.outcome is Outcome.ANSWERED, result
    assert result.connected is (transport is Transport.TCP)
    assert result.source == family.loopback
    assert result.source_port > 0
    assert len(result.sent) == 250
    assert result.answer == (result.sent if protocol is AppProtocol.ECHO else result.sent.upper())
    assert result.errno == ""


@each_family
def test_http_is_answered(prober: Prober, family: Family) -> None:
    """The status line is the answer, and the body (the client's address) was received, too."""
    with prober.serve(Serve((family.loopback,), PORT, protocol=AppProtocol.HTTP)):
        result = prober.dial(Dial(family, family.loopback, PORT, protocol=AppProtocol.HTTP))
    assert result.outcome is Outcome.ANSWERED, result
    assert result.answer.endswith(f"\r\n\r\n{family.loopback}\n")


@each_family
def test_an_accepted_connection_is_an_answer(prober: Prober, family: Family) -> None:
    """With ``connect`` nothing is sent, and a connection that stays open is enough."""
    with prober.serve(Serve((family.loopback,), PORT, protocol=AppProtocol.CONNECT)):
        result = prober.dial(Dial(family, family.loopback, PORT))
    assert (result.outcome, result.connected, result.sent) == (Outcome.ANSWERED, True, "")


@each_family
@each_transport
def test_a_closed_port_refuses(prober: Prober, family: Family, transport: Transport) -> None:
    """A TCP reset and an ICMP port unreachable are both ECONNREFUSED, at once."""
    result = prober.dial(Dial(family, family.loopback, PORT, transport, AppProtocol.ECHO))
    assert (result.outcome, result.errno, result.connected) == (Outcome.REFUSED, "ECONNREFUSED", False), result
    assert result.seconds < 4, "long before its time is up"


@each_family
@each_transport
def test_without_a_route_it_is_unreachable(prober: Prober, family: Family, transport: Transport) -> None:
    """The errno says that there is no route."""
    result = prober.dial(Dial(family, NOWHERE[family], PORT, transport, AppProtocol.ECHO))
    assert (result.outcome, result.errno) == (Outcome.UNREACHABLE, "ENETUNREACH"), result
    assert "ENETUNREACH" in result.detail


@each_family
@each_transport
def test_a_source_that_the_host_lacks_is_unreachable(prober: Prober, family: Family, transport: Transport) -> None:
    """The errno is that of the bind, and the detail names the source."""
    dial = Dial(family, family.loopback, PORT, transport, AppProtocol.ECHO, source=NOWHERE[family])
    result = prober.dial(dial)
    assert (result.outcome, result.errno) == (Outcome.UNREACHABLE, "EADDRNOTAVAIL"), result
    assert NOWHERE[family] in result.detail


@each_transport
def test_a_source_port_is_used(prober: Prober, transport: Transport) -> None:
    """A client uses its source port; if another socket has it, the errno is that of the bind."""
    with (
        prober.serve(Serve(("::1",), PORT, transport, AppProtocol.ECHO)),
        prober.hold(Hold(Family.IPV6, "::1", 20002, transport)),
    ):
        dial = Dial(Family.IPV6, "::1", PORT, transport, AppProtocol.ECHO, source="::1", source_port=20001)
        assert prober.dial(dial).source_port == 20001
        taken = prober.dial(replace(dial, source_port=20002))
    assert (taken.outcome, taken.errno) == (Outcome.UNREACHABLE, "EADDRINUSE")


def test_a_source_is_used(prober: Prober) -> None:
    """The local address is the source of the dial."""
    with prober.serve(Serve(("127.0.0.1",), PORT)) as serving:
        result = prober.dial(Dial(Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.ECHO, source="127.0.0.7"))
        (client,) = serving.accepted()
    assert result.source == client.peer == "127.0.0.7"
    assert result.source_port == client.peer_port


@each_family
@each_transport
def test_silence_is_silent(prober: Prober, family: Family, transport: Transport) -> None:
    """A socket that is never read gives no answer: SILENT when the timeout expires, and not before."""
    with prober.hold(Hold(family, family.loopback, PORT, transport)):
        result = prober.dial(Dial(family, family.loopback, PORT, transport, AppProtocol.ECHO, timeout=0.2))
    assert (result.outcome, result.errno) == (Outcome.SILENT, ""), result
    assert result.connected is (transport is Transport.TCP)
    assert result.seconds >= 0.2
    assert "0.2 s" in result.detail


def test_an_unanswered_connection_attempt_is_silent(prober: Prober) -> None:
    """If the listen queue is full SYNs get no answer: SILENT, without a connection."""
    with prober.hold(Hold(Family.IPV4, "127.0.0.1", PORT)):
        dial = Dial(Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.ECHO, timeout=0.5)
        results = prober.dial_all([dial] * 40)  # the queue of a held port is shorter
    assert {result.outcome for result in results} == {Outcome.SILENT}
    unconnected = [result for result in results if not result.connected]
    assert unconnected
    assert "did not answer the connection attempt" in unconnected[0].detail


@each_family
@each_transport
def test_a_different_answer_is_wrong(prober: Prober, family: Family, transport: Transport) -> None:
    """An answer in upper case is not an echo."""
    with prober.serve(Serve((family.loopback,), PORT, transport, AppProtocol.UPPER)):
        result = prober.dial(Dial(family, family.loopback, PORT, transport, AppProtocol.ECHO))
    assert result.outcome is Outcome.WRONG, result
    assert result.answer == result.sent.upper()


@each_family
def test_a_close_without_an_answer_is_silent(
    prober: Prober, server: Callable[[Family, str], None], family: Family
) -> None:
    """A connection that the service closes before it answers is SILENT, and the detail says how it ended."""
    server(family, "c.recv(10000); c.close()")
    result = prober.dial(Dial(family, family.loopback, PORT, protocol=AppProtocol.ECHO))
    assert (result.outcome, result.connected, result.errno) == (Outcome.SILENT, True, ""), result
    assert "closed the connection" in result.detail


@each_family
def test_a_reset_is_silent(prober: Prober, server: Callable[[Family, str], None], family: Family) -> None:
    """A connection that is accepted and reset is no answer: SILENT with ECONNRESET, for the sender and the receiver."""
    server(family, RESET)
    results = prober.dial_all([Dial(family, family.loopback, PORT, protocol=AppProtocol.ECHO)] * 20)
    assert {(result.outcome, result.errno, result.connected) for result in results} == {
        (Outcome.SILENT, "ECONNRESET", True)
    }


@each_family
def test_a_reset_at_once_is_not_accepted(prober: Prober, server: Callable[[Family, str], None], family: Family) -> None:
    """If nothing is sent a reset is detected, too, unless the service is delayed; one of ten is enough."""
    server(family, RESET)
    dial = Dial(family, family.loopback, PORT)
    results = (prober.dial(dial) for _ in range(10))
    assert any((result.outcome, result.errno) == (Outcome.SILENT, "ECONNRESET") for result in results)


def test_a_cut_answer_is_wrong(prober: Prober, server: Callable[[Family, str], None]) -> None:
    """Half of an echo is WRONG, with the number of bytes that were received."""
    server(Family.IPV6, "c.send(c.recv(10000)[:100]); c.close()")
    result = prober.dial(Dial(Family.IPV6, "::1", PORT, protocol=AppProtocol.ECHO))
    assert result.outcome is Outcome.WRONG
    assert len(result.answer) == 100
    assert "100 of 250" in result.detail


def test_a_greeting_is_read_without_sending(prober: Prober, server: Callable[[Family, str], None]) -> None:
    """``exchange`` may send nothing and only expect."""
    server(Family.IPV4, 'c.send(b"220 ready\\r\\n")')
    dial = Dial(Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.EXCHANGE, expect=r"^220 ")
    result = prober.dial(dial)
    assert (result.outcome, result.sent, result.answer) == (Outcome.ANSWERED, "", "220 ready\r\n")


@each_transport
def test_an_exchange_is_matched(prober: Prober, transport: Transport) -> None:
    """The texts of the manifest decide the outcome, in both directions."""
    with prober.serve(Serve(("::1",), PORT, transport, AppProtocol.UPPER)):
        right = Dial(Family.IPV6, "::1", PORT, transport, AppProtocol.EXCHANGE, send="ping\n", expect="^PING$")
        wrong = Dial(
            Family.IPV6, "::1", PORT, transport, AppProtocol.EXCHANGE, send="ping\n", expect="PONG", timeout=0.2
        )
        answered, failed = prober.dial_all([right, wrong])
    assert answered.outcome is Outcome.ANSWERED, answered
    assert failed.outcome is Outcome.WRONG, failed


def test_a_half_close_is_seen_by_the_service(prober: Prober, server: Callable[[Family, str], None]) -> None:
    """A server that answers only at the end of its input gets it, and the client waits for the server's end."""
    read_to_end = 'c.sendall(b"".join(iter(lambda: c.recv(10000), b""))); c.close()'
    server(Family.IPV6, read_to_end)
    whole = Dial(Family.IPV6, "::1", PORT, protocol=AppProtocol.ECHO, half_close=True)
    open_end = Dial(Family.IPV6, "::1", PORT, protocol=AppProtocol.ECHO, timeout=0.2)
    result = prober.dial(whole)
    assert result.outcome is Outcome.ANSWERED, result
    assert "then the service closed its side" in result.detail
    assert prober.dial(open_end).outcome is Outcome.SILENT


@pytest.mark.parametrize(("chunks", "segments"), [((), 1), ((1, 2, 100), 4)])
def test_chunks_travel_one_by_one(
    prober: Prober, start: Callable[..., ProgramHandle], chunks: tuple[int, ...], segments: int
) -> None:
    """Each piece, and the rest, is one segment; the service's kernel counts them (tcpi_data_segs_in)."""
    count = "struct.unpack_from('I', c.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256), 152)[0]"
    act = f"print(len(b''.join(iter(lambda: c.recv(10000), b''))), {count}, flush=True)"
    program = start(SERVER.format(address="127.0.0.1", port=PORT, act=act))
    assert program.wait_ready(Await(PORT, Transport.TCP, None, 10)).ready
    dial = Dial(Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.ECHO, chunks=chunks, half_close=True, timeout=0.5)
    assert len(prober.dial(dial).sent) == 250
    assert program.wait_ready(Await(0, Transport.TCP, r"^250 \d+$", 5)).ready
    assert program.log().text == f"250 {segments}\n"


def test_chunks_cost_a_millisecond_each(prober: Prober) -> None:
    """Sending 50 single bytes takes some milliseconds, not the 40 ms of a delayed acknowledgement each."""
    with prober.serve(Serve(("127.0.0.1",), PORT)):
        dial = Dial(Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.ECHO, chunks=(1,) * 50)
        results = [prober.dial(dial) for _ in range(3)]
    assert {result.outcome for result in results} == {Outcome.ANSWERED}, results
    assert min(result.seconds for result in results) < 1.5, "2 s it would be with delayed acknowledgements"


@each_family
def test_a_large_token_does_not_block(prober: Prober, family: Family) -> None:
    """A megabyte comes back while it is still being sent; the report keeps 64 KiB of it."""
    with prober.serve(Serve((family.loopback,), PORT)):
        dial = Dial(family, family.loopback, PORT, protocol=AppProtocol.ECHO, token_size=1 << 20)
        result = prober.dial(dial)
    assert result.outcome is Outcome.ANSWERED, result.detail
    assert len(result.answer) == len(result.sent) == 1 << 16


def test_a_udp_reply_from_another_address_is_not_received(prober: Prober, start: Callable[..., ProgramHandle]) -> None:
    """A service that answers from the wrong address stays SILENT to its client."""
    program = start(
        f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", {PORT}))
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); other.bind(("127.0.0.2", {PORT}))
while True:
    data, peer = s.recvfrom(10000); print("got it", flush=True); other.sendto(data, peer)
"""
    )
    assert program.wait_ready(Await(PORT, Transport.UDP, None, 10)).ready
    dial = Dial(Family.IPV4, "127.0.0.1", PORT, Transport.UDP, AppProtocol.ECHO, timeout=0.3)
    result = prober.dial(dial)
    assert result.outcome is Outcome.SILENT, result
    assert "got it" in program.log().text


# A UDP service on ::1 or 127.0.0.1 that answers each request through a socket bound to `{own}`.
ELSEWHERE = """
import socket
family = socket.AF_INET6 if ":" in "{address}" else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM); s.bind(("{address}", {port}))
while True:
    data, peer = s.recvfrom(10000)
    with socket.socket(family, socket.SOCK_DGRAM) as other:
        other.bind(("{own}", 0)); other.sendto(data, peer)
"""


@each_family
def test_an_answer_from_another_port_counts_where_it_may(
    prober: Prober, start: Callable[..., ProgramHandle], family: Family
) -> None:
    """An answer from a new port of the dialled address counts with ``any_port`` only."""
    own = family.loopback
    program = start(ELSEWHERE.format(address=own, port=PORT, own=own))
    assert program.wait_ready(Await(PORT, Transport.UDP, None, 10)).ready
    dial = Dial(family, own, PORT, Transport.UDP, AppProtocol.ECHO, any_port=True)
    result = prober.dial(dial)
    assert result.outcome is Outcome.ANSWERED, result
    assert (result.source, result.source_port > 0) == (own, True)
    assert prober.dial(replace(dial, any_port=False, timeout=0.3)).outcome is Outcome.SILENT


def test_an_answer_from_another_address_never_counts(prober: Prober, start: Callable[..., ProgramHandle]) -> None:
    """Also with ``any_port`` an answer must come from the dialled address."""
    program = start(ELSEWHERE.format(address="127.0.0.1", port=PORT, own="127.0.0.2"))
    assert program.wait_ready(Await(PORT, Transport.UDP, None, 10)).ready
    dial = Dial(Family.IPV4, "127.0.0.1", PORT, Transport.UDP, AppProtocol.ECHO, timeout=0.3, any_port=True)
    assert prober.dial(dial).outcome is Outcome.SILENT


@each_family
@pytest.mark.parametrize("protocol", [AppProtocol.ECHO, AppProtocol.ONEWAY])
def test_a_closed_udp_port_refuses_each_kind_of_client(prober: Prober, family: Family, protocol: AppProtocol) -> None:
    """ICMP port unreachable is a refusal for a socket with ``any_port``, and for a datagram without an answer."""
    any_port = protocol is AppProtocol.ECHO
    dial = Dial(family, family.loopback, PORT, Transport.UDP, protocol, send="x", any_port=any_port)
    result = prober.dial(dial)
    assert (result.outcome, result.errno) == (Outcome.REFUSED, "ECONNREFUSED")
    assert result.seconds < dial.timeout / 2


def test_a_datagram_without_an_answer_is_sent(prober: Prober) -> None:
    """It has a new token each time, and no answer is the right result."""
    with prober.serve(Serve(("::1",), PORT, Transport.UDP, AppProtocol.CONNECT)) as serving:
        dial = Dial(Family.IPV6, "::1", PORT, Transport.UDP, AppProtocol.ONEWAY, send="<13>{token}")
        results = [prober.dial(dial) for _ in range(2)]
        clients = serving.accepted()
    assert [result.outcome for result in results] == [Outcome.ANSWERED] * 2
    assert len({result.sent for result in results}) == 2
    assert all(result.sent.startswith("<13>") and "token" not in result.sent for result in results)
    assert [client.received for client in clients] == [len(result.sent) for result in results]


def test_time_that_runs_out_with_the_last_byte_costs_nothing() -> None:
    """A judgement stays if the timeout expires before the exchange is finished."""

    async def late() -> tuple[Outcome, str]:
        attempt = Attempt(Dial(Family.IPV6, "::1", PORT, protocol=AppProtocol.ECHO, token_size=2), Stage.ANSWERED)
        attempt.connected = True
        attempt._conversation.receive(attempt._opening)
        judgement = attempt.timed_out("")
        return judgement.outcome, judgement.detail

    assert asyncio.run(late()) == (Outcome.ANSWERED, "all 2 bytes came back unchanged")


def test_an_empty_datagram_is_no_end(prober: Prober, start: Callable[..., ProgramHandle]) -> None:
    """An empty datagram before the answer does not end a UDP exchange."""
    program = start(
        f"""
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(("::1", {PORT}))
while True:
    data, peer = s.recvfrom(10000); s.sendto(b"", peer); s.sendto(data, peer)
"""
    )
    assert program.wait_ready(Await(PORT, Transport.UDP, None, 10)).ready
    result = prober.dial(Dial(Family.IPV6, "::1", PORT, Transport.UDP, AppProtocol.ECHO))
    assert result.outcome is Outcome.ANSWERED, result


def test_a_dial_names_one_address_of_its_family(prober: Prober) -> None:
    """A name, or an address of the other family, is a mistake of the caller."""
    with pytest.raises(UsageError, match="not an IPv6 address"):
        prober.dial(Dial(Family.IPV6, "127.0.0.1", PORT))
    with pytest.raises(UsageError, match="not an IPv4 address"):
        prober.dial(Dial(Family.IPV4, "localhost", PORT))


def test_a_zone_that_does_not_exist_is_unreachable(prober: Prober) -> None:
    """An address with an unknown interface is an outcome with the kernel's errno."""
    result = prober.dial(Dial(Family.IPV6, "fe80::1%nothing0", PORT))
    assert (result.outcome, result.errno) == (Outcome.UNREACHABLE, "ENODEV"), result


def test_dials_run_at_the_same_time(prober: Prober) -> None:
    """Ten dials that each wait for their time-out take about as long as one, and the results keep their order."""
    with prober.hold(Hold(Family.IPV4, "127.0.0.1", PORT, Transport.UDP)):
        silent = Dial(Family.IPV4, "127.0.0.1", PORT, Transport.UDP, AppProtocol.ECHO, timeout=0.5)
        refused = Dial(Family.IPV4, "127.0.0.1", PORT + 1, Transport.UDP, AppProtocol.ECHO)
        began = time.monotonic()
        results = prober.dial_all([silent, refused] * 10)
        seconds = time.monotonic() - began
    assert [result.outcome for result in results] == [Outcome.SILENT, Outcome.REFUSED] * 10
    assert seconds < 4, "5 s it would be one after the other"


def test_a_reset_that_only_the_sender_sees() -> None:
    """The kernel reports a reset once: after the sender has seen it, the receiver sees an ordinary end."""

    async def scenario() -> None:
        attempt = Attempt(Dial(Family.IPV6, "::1", PORT, protocol=AppProtocol.ECHO), Stage.ANSWERED)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            theirs.shutdown(socket.SHUT_WR)
            sending = Sending(fail(), sent)
            await asyncio.wait(sending.tasks)
            await attempt._receive(ours, sending)

    async def fail() -> None:
        raise ConnectionResetError

    async def sent(data: bytes) -> None:
        raise AssertionError(data)

    with pytest.raises(ConnectionResetError):
        asyncio.run(scenario())
