"""The prober's servers, as a connector sees them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import HarnessError, UsageError
from dualstack.families import BOTH, Family
from dualstack.prober.client import Prober, ProgramHandle
from dualstack.prober.messages import Accepted, Await, Dial, Exit, Hold, Outcome, Serve
from dualstack.protocols.application import ScriptTurn
from dualstack.protocols.http import redirect_path, redirection
from dualstack.transport import AppProtocol, Transport

PORT = 7200
LOOPBACKS = tuple(family.loopback for family in BOTH)

each_family = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)
each_transport = pytest.mark.parametrize("transport", Transport, ids=lambda transport: transport.value)


@each_transport
def test_clients_are_recorded_by_address(prober: Prober, transport: Transport) -> None:
    """Each client's address, the address that it dialled and the bytes of both directions are recorded, in order."""
    with prober.serve(Serve(LOOPBACKS, PORT, transport)) as serving:
        assert serving.accepted() == ()
        dials = [Dial(family, family.loopback, PORT, transport, AppProtocol.ECHO) for family in BOTH]
        results = [prober.dial(dial) for dial in dials]
        clients = serving.accepted()
    assert [client.address for client in clients] == ["127.0.0.1", "::1"]
    assert [(client.peer, client.peer_port) for client in clients] == [(r.source, r.source_port) for r in results]
    assert [(client.received, client.answered) for client in clients] == [(250, 250)] * 2
    assert 0 <= clients[0].at <= clients[1].at


def test_a_connection_without_bytes_is_recorded(prober: Prober) -> None:
    """A client that only connects is recorded as soon as it is connected."""
    with prober.serve(Serve(("::1",), PORT, protocol=AppProtocol.CONNECT)) as serving:
        prober.dial(Dial(Family.IPV6, "::1", PORT))
        (client,) = serving.accepted()
    assert (client.received, client.answered) == (0, 0)


def test_a_udp_client_is_one_client(prober: Prober) -> None:
    """Each of five clients, with a datagram each, is recorded once."""
    with prober.serve(Serve(("127.0.0.1",), PORT, Transport.UDP)) as serving:
        prober.dial_all([Dial(Family.IPV4, "127.0.0.1", PORT, Transport.UDP, AppProtocol.ECHO)] * 5)
        clients = serving.accepted()
    assert len({client.peer_port for client in clients}) == len(clients) == 5


def test_a_udp_client_that_is_run_again_from_its_port_is_another_client(prober: Prober) -> None:
    """Two datagrams from one port are one client; after the server has forgotten its peers the next one is another."""
    dial = Dial(Family.IPV6, "::1", PORT, Transport.UDP, AppProtocol.ECHO, source="::1", source_port=PORT + 1)
    with prober.serve(Serve(("::1",), PORT, Transport.UDP)) as serving:
        for _ in range(2):
            assert prober.dial(dial).outcome is Outcome.ANSWERED
        assert [client.received for client in serving.accepted()] == [500]
        serving.forget_peers()
        assert len(serving.accepted()) == 1
        assert prober.dial(dial).outcome is Outcome.ANSWERED
        assert [(client.peer_port, client.received) for client in serving.accepted()] == [
            (PORT + 1, 500),
            (PORT + 1, 250),
        ]


@each_family
def test_a_broker_advertises_the_address_of_the_connection(prober: Prober, family: Family) -> None:
    """A server with several addresses tells each client the one that this client connected to."""
    with prober.serve(Serve(LOOPBACKS, PORT, protocol=AppProtocol.KAFKA)) as serving:
        dialled = prober.dial(Dial(family, family.loopback, PORT, protocol=AppProtocol.KAFKA))
        (client,) = serving.accepted()
    assert dialled.outcome is Outcome.ANSWERED
    assert f"brokers: host '{family.loopback}' port {PORT}" in dialled.detail
    assert client.completed


def test_the_next_client_is_awaited(prober: Prober) -> None:
    """The wait ends with the first later client that has completed an exchange, not with an earlier or silent one."""
    turns = (ScriptTurn("^all\n", "yes\n"),)
    with prober.serve(Serve(("::1",), PORT, protocol=AppProtocol.EXCHANGE, turns=turns)) as serving:

        def dial(send: str, expect: str) -> Dial:
            return Dial(Family.IPV6, "::1", PORT, protocol=AppProtocol.EXCHANGE, send=send, expect=expect, timeout=0.05)

        assert not serving.await_client(0, Deadline(0.05, "a client"), completed=False)
        prober.dial(dial("half", "never"))
        assert serving.await_client(0, Deadline(5, "a client"), completed=False)
        assert not serving.await_client(0, Deadline(0.05, "a client"))
        prober.dial(dial("all\n", "yes"))
        assert serving.await_client(0, Deadline(5, "a client"))
        assert serving.await_client(1, Deadline(5, "a client"))
        assert not serving.await_client(2, Deadline(0.05, "a client"))
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(serving.await_client, 2, Deadline(10, "a client"))
            prober.dial(dial("all\n", "yes"))
            assert waiting.result(timeout=10)
    assert [client.completed for client in serving_clients(prober)] == [True]


def test_a_completed_exchange_stays_completed(prober: Prober, start: Callable[..., ProgramHandle]) -> None:
    """What a client sends after an exchange, and the end of its connection, do not undo it."""
    turns = (ScriptTurn("^a\n", "b\n"),)
    with prober.serve(Serve(("::1",), PORT, protocol=AppProtocol.EXCHANGE, turns=turns)) as serving:
        program = start(
            f"import socket; c = socket.create_connection(('::1', {PORT}))\n"
            "c.sendall(b'a\\n'); c.recv(9); c.sendall(b'rest'); c.shutdown(socket.SHUT_WR); c.recv(9)"
        )
        assert program.wait(Deadline(20, "the client to end")) == Exit(0), program.log().text
        (client,) = serving.accepted()
        assert serving.await_client(0, Deadline(5, "a client"))
    assert (client.completed, client.understood) == (True, False)


def serving_clients(prober: Prober) -> tuple[Accepted, ...]:
    """Return the client of a server that is sent nothing and says nothing."""
    with prober.serve(Serve(("::1",), PORT, protocol=AppProtocol.CONNECT)) as serving:
        prober.dial(Dial(Family.IPV6, "::1", PORT))
        return serving.accepted()


def test_an_echo_does_not_wait_for_a_line(prober: Prober) -> None:
    """Data is answered at once, without a line feed and without the end of the stream."""
    with prober.serve(Serve(("127.0.0.1",), PORT)):
        dial = Dial(Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.EXCHANGE, send="a", expect="^a$")
        result = prober.dial(dial)
    assert result.outcome is Outcome.ANSWERED, result


def test_connect_only_reads(prober: Prober) -> None:
    """A ``connect`` server reads and sends nothing."""
    with prober.serve(Serve(("127.0.0.1",), PORT, protocol=AppProtocol.CONNECT)) as serving:
        result = prober.dial(Dial(Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.ECHO, timeout=0.1))
        (client,) = serving.accepted()
    assert result.outcome is Outcome.SILENT
    assert (client.received, client.answered) == (250, 0)


def test_head_has_no_body(prober: Prober) -> None:
    """The HTTP server answers HEAD without a body."""
    with prober.serve(Serve(("127.0.0.1",), PORT, protocol=AppProtocol.HTTP)):
        send = "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
        dial = Dial(Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.EXCHANGE, send=send, expect="\r\n\r\n$")
        result = prober.dial(dial)
    assert result.outcome is Outcome.ANSWERED, result


@each_transport
def test_an_ipv6_socket_takes_no_ipv4(prober: Prober, transport: Transport) -> None:
    """A server on :: does not serve IPv4: its port is refused there, and free for another server."""
    with prober.serve(Serve(("::",), PORT, transport)):
        refused = prober.dial(Dial(Family.IPV4, "127.0.0.1", PORT, transport, AppProtocol.ECHO))
        with prober.serve(Serve(("0.0.0.0",), PORT, transport)):
            answered = prober.dial(Dial(Family.IPV4, "127.0.0.1", PORT, transport, AppProtocol.ECHO))
    assert refused.outcome is Outcome.REFUSED
    assert answered.outcome is Outcome.ANSWERED


@each_transport
def test_closed_means_closed(prober: Prober, transport: Transport) -> None:
    """After close the port refuses and can be bound again at once, although it had clients."""
    serve = Serve(LOOPBACKS, PORT, transport)
    dial = Dial(Family.IPV6, "::1", PORT, transport, AppProtocol.ECHO)
    for _ in range(3):
        with prober.serve(serve) as serving:
            assert prober.dial(dial).outcome is Outcome.ANSWERED
        serving.close()
        assert prober.dial(dial).outcome is Outcome.REFUSED


def test_open_connections_end_with_the_server(prober: Prober) -> None:
    """A client that waits for an answer sees the connection end when the server is closed."""
    with prober.serve(Serve(("127.0.0.1",), PORT, protocol=AppProtocol.CONNECT)):
        sent = prober._channel.send(Dial(Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.EXCHANGE, expect="x"))
    answer = prober._channel.receive(sent)
    assert answer.outcome is Outcome.SILENT
    assert answer.seconds < 4


def test_a_taken_port_is_a_harness_error(prober: Prober) -> None:
    """A server that cannot bind one of its addresses is an error, and its other sockets are closed."""
    with (
        prober.hold(Hold(Family.IPV6, "::1", PORT)),
        pytest.raises(HarnessError, match=rf"tcp \[::1\]:{PORT}: EADDRINUSE"),
    ):
        prober.serve(Serve(LOOPBACKS, PORT))
    assert prober.dial(Dial(Family.IPV4, "127.0.0.1", PORT)).outcome is Outcome.REFUSED


@each_transport
def test_there_is_no_server_for_oneway(prober: Prober, transport: Transport) -> None:
    """``oneway`` is refused."""
    with pytest.raises(UsageError, match="oneway"):
        prober.serve(Serve(LOOPBACKS, PORT, transport, AppProtocol.ONEWAY))


@each_transport
def test_a_server_follows_its_script(prober: Prober, transport: Transport) -> None:
    """The server answers what matches a turn; the record of a client says whether all that it sent did."""
    turns = (ScriptTurn("^ping\n", "pong\n"),)
    with prober.serve(Serve(("::1",), PORT, transport, AppProtocol.EXCHANGE, turns=turns)) as serving:
        for send in ("ping\n", "pink\n"):
            prober.dial(
                Dial(Family.IPV6, "::1", PORT, transport, AppProtocol.EXCHANGE, send=send, expect="pong", timeout=0.3)
            )
        right, wrong = serving.accepted()
    assert (right.received, right.answered, right.understood) == (5, 5, True)
    assert (wrong.received, wrong.answered, wrong.understood) == (5, 0, False)
    assert "'pink\\n', which does not match '^ping\\n'" in wrong.detail


@pytest.mark.parametrize(
    ("turn", "text"), [(ScriptTurn("(", "a"), "regular expression"), (ScriptTurn("a", "€"), "Latin-1")]
)
def test_a_script_is_checked_at_once(prober: Prober, turn: ScriptTurn, text: str) -> None:
    """A turn that cannot be used is the caller's error, before any client comes."""
    with pytest.raises(UsageError, match=text):
        prober.serve(Serve(LOOPBACKS, PORT, protocol=AppProtocol.EXCHANGE, turns=(turn,)))


def test_a_server_may_speak_first_and_close(prober: Prober) -> None:
    """The greeting is sent without a request, and a turn may close the connection."""
    turns = (ScriptTurn(None, "220 ready\r\n"), ScriptTurn("^QUIT", "221 bye\r\n", close=True))
    with prober.serve(Serve(("::1",), PORT, protocol=AppProtocol.EXCHANGE, turns=turns)):
        dial = Dial(Family.IPV6, "::1", PORT, protocol=AppProtocol.EXCHANGE, send="QUIT\r\n", expect="never")
        result = prober.dial(dial)
    assert result.answer == "220 ready\r\n221 bye\r\n"
    assert "the service closed the connection" in result.detail


def test_there_is_no_http_over_udp(prober: Prober) -> None:
    """HTTP over UDP is refused."""
    with pytest.raises(UsageError, match="http"):
        prober.serve(Serve(LOOPBACKS, PORT, Transport.UDP, AppProtocol.HTTP))


@each_family
@each_transport
@pytest.mark.parametrize("listening", [True, False])
def test_a_held_port_is_held(prober: Prober, family: Family, transport: Transport, listening: bool) -> None:  # noqa: FBT001 - a parameter
    """A held port cannot be bound, whether it listens or not; after close it is free."""
    port = PORT + 50  # without connections in TIME_WAIT, which a socket without SO_REUSEADDR cannot have
    serve = Serve((family.loopback,), port, transport)
    with (
        prober.hold(Hold(family, family.loopback, port, transport, listening=listening)),
        pytest.raises(HarnessError, match="EADDRINUSE"),
    ):
        prober.serve(serve)
    prober.serve(serve).close()


def test_a_held_port_is_of_its_family(prober: Prober) -> None:
    """An address of the other family is the caller's error."""
    with pytest.raises(UsageError, match="not an IPv6 address"):
        prober.hold(Hold(Family.IPV6, "127.0.0.1", PORT))


@pytest.mark.parametrize("v6only", [True, False])
def test_a_held_ipv6_port_holds_ipv4_only_without_v6only(prober: Prober, v6only: bool) -> None:  # noqa: FBT001 - a parameter
    """A foreign socket on :: conflicts with IPv4 exactly if IPV6_V6ONLY is off."""
    with prober.hold(Hold(Family.IPV6, "::", PORT, v6only=v6only)):
        if v6only:
            prober.serve(Serve(("0.0.0.0",), PORT)).close()
        else:
            with pytest.raises(HarnessError, match="EADDRINUSE"):
                prober.serve(Serve(("0.0.0.0",), PORT))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_path_says_where_it_is_redirected(prober: Prober, status: int) -> None:
    """The HTTP server redirects as the path says, also for the whole URL of a proxy's client."""
    path = redirect_path(status, "http://[::ffff:127.0.0.1]:8000/")
    with prober.serve(Serve(("127.0.0.1",), PORT, protocol=AppProtocol.HTTP)):
        for target in (path, f"http://127.0.0.1:{PORT}{path}"):
            send = f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"
            dialled = prober.dial(Dial(Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.EXCHANGE, send=send))
            assert dialled.answer.startswith(f"HTTP/1.1 {status} ")
            assert "\r\nLocation: http://[::ffff:127.0.0.1]:8000/\r\n" in dialled.answer


@pytest.mark.parametrize("path", ["/", "/redirect/302/", "/redirect/304/2f", "/redirect/302/2", "/redirect/302/zz"])
def test_any_other_path_is_a_page(path: str) -> None:
    """A path that is not a redirect, or has no target, is answered with the page."""
    assert redirection(path) == ("200 OK", "")


@pytest.mark.parametrize("family", Family, ids=lambda family: family.value)
def test_connections_to_a_held_port_are_counted(prober: Prober, family: Family) -> None:
    """Each connection to a held port counts once."""
    dial = Dial(family, family.loopback, PORT)
    with prober.hold(Hold(family, family.loopback, PORT)) as held:
        assert held.taken() == 0
        prober.dial_all([dial] * 3)
        assert [held.taken(), held.taken()] == [3, 0]


SHARED = 7299

OTHER_USER = f"""
import contextlib, os, socket
with contextlib.suppress(OSError): os.setuid(65534)  # an ordinary user's lab has no other one
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listener.bind(("127.0.0.1", {SHARED}))
listener.listen()
while True: listener.accept()[0].close()
"""


def test_a_port_is_shared_as_its_user(prober: Prober, start: Callable[..., ProgramHandle]) -> None:
    """A program that has changed its user, and sets SO_REUSEPORT, shares its port with a held port of that user."""
    assert start(OTHER_USER).wait_ready(Await(SHARED, Transport.TCP, None, 10)).ready
    hold = Hold(Family.IPV4, "127.0.0.1", SHARED, reuse_address=False, reuse_port=True)
    with prober.hold(hold) as held:
        prober.dial_all([Dial(Family.IPV4, "127.0.0.1", SHARED)] * 16)
        assert 0 < held.taken() <= 16


def test_the_head_of_a_request_is_recorded(prober: Prober) -> None:
    """The head of an HTTP request is recorded, without its body; an echo has no head."""
    with prober.serve(Serve(("::1",), PORT, protocol=AppProtocol.HTTP)) as serving:
        send = "POST / HTTP/1.1\r\nHost: [::1]:7200\r\nContent-Length: 2\r\n\r\nhi"
        prober.dial(Dial(Family.IPV6, "::1", PORT, protocol=AppProtocol.EXCHANGE, send=send, expect="200 OK"))
        (client,) = serving.accepted()
    assert client.head == "POST / HTTP/1.1\r\nHost: [::1]:7200\r\nContent-Length: 2"


def test_the_beginning_of_a_script_is_recorded(prober: Prober) -> None:
    """Of a client of a scripted server the first 8 KiB are recorded, whether a turn answers them or not."""
    turns = (ScriptTurn("^hello\n", "welcome\n"),)
    with prober.serve(Serve(("::1",), PORT, protocol=AppProtocol.EXCHANGE, turns=turns)) as serving:
        for send in ("hello\nmore", "x" * 9000):
            prober.dial(Dial(Family.IPV6, "::1", PORT, protocol=AppProtocol.EXCHANGE, send=send, timeout=0.2))
        assert [client.head for client in serving.accepted()] == ["hello\nmore", "x" * 8192]
