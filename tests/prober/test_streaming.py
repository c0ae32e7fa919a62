"""Ends of connections that act by a script, against each other over loopback."""

from dualstack.families import BOTH, Family
from dualstack.prober.client import Prober
from dualstack.prober.messages import Serve
from dualstack.prober.messages.requests import Close
from dualstack.prober.messages.streaming import (
    Act,
    AwaitStreams,
    Converse,
    Ended,
    Part,
    ServeStreams,
    Streamed,
    stream_of,
)
from dualstack.protocols.application import ScriptTurn
from dualstack.protocols.tunnel import Tunnel
from dualstack.transport import AppProtocol

PORT = 7531
MUCH = 1 << 20
END, AWAIT_END, RESET = Part(Act.END), Part(Act.AWAIT_END), Part(Act.RESET)


def send(count: int) -> Part:
    """Return the step that sends so many bytes."""
    return Part(Act.SEND, count)


def receive(count: int) -> Part:
    """Return the step that reads until so many bytes have arrived."""
    return Part(Act.RECEIVE, count)


def both(
    prober: Prober,
    client: tuple[Part, ...],
    server: tuple[Part, ...],
    family: Family = Family.IPV6,
    seconds: float = 10.0,
) -> tuple[Streamed, Streamed]:
    """Have a client and a server act by their scripts; return what each has seen."""
    handle = prober.call(ServeStreams(tuple(item.loopback for item in BOTH), PORT, server, seconds))
    near = prober.call(Converse(family.loopback, PORT, client, timeout=seconds))
    (far,) = prober.call(AwaitStreams(handle, 1, 10.0))
    prober.call(Close(handle))
    return near, far


def test_an_end_of_one_direction_leaves_the_other_open(prober: Prober) -> None:
    """After FIN the other end still sends a MiB; both have received exactly the other's bytes, over both families."""
    for family in BOTH:
        near, far = both(prober, (send(MUCH), END, AWAIT_END), (AWAIT_END, send(MUCH), END), family)
        assert far.has(stream_of("client", MUCH))
        assert near.has(stream_of("server", MUCH))
        assert (near.ended, far.ended) == (Ended.FIN, Ended.FIN)
        assert (near.done, far.done, near.errno) == (3, 3, "")
        assert (near.peer, far.peer) == (family.loopback, family.loopback)


def test_a_reset_is_no_end(prober: Prober) -> None:
    """The end that is reset says so, whichever of both resets; its bytes until then are kept."""
    near, far = both(prober, (send(9), receive(9), RESET), (receive(9), send(9), AWAIT_END))
    assert (far.ended, far.errno, far.received) == (Ended.RESET, "ECONNRESET", 9)
    assert near.ended is Ended.NOT
    near, far = both(prober, (send(9), receive(9), AWAIT_END), (receive(9), send(9), RESET))
    assert (near.ended, far.ended, far.done) == (Ended.RESET, Ended.NOT, 3)


def test_what_does_not_come_is_not_seen(prober: Prober) -> None:
    """An end that waits in vain has done the steps before, and has seen no end; other bytes are not those expected."""
    near, far = both(prober, (send(9), AWAIT_END), (receive(10),), seconds=0.3)
    assert (near.done, near.ended, near.errno) in {(1, Ended.NOT, ""), (1, Ended.FIN, "")}
    assert (far.done, far.ended, far.received) == (0, Ended.NOT, 9)
    assert far.has(stream_of("client", 9))
    assert not far.has(stream_of("server", 9))
    assert not far.has(stream_of("client", 10))


def through(prober: Prober, answer: str) -> Streamed:
    """Return what a client sees behind a proxy that answers its CONNECT so, and ends when the client has ended."""
    turns = (
        ScriptTurn(r"CONNECT \[::1\]:7531 HTTP(?s:.*)\r\n\r\n", answer, False),
        ScriptTurn("(?s).{9}", "later", False),
    )
    with prober.serve(Serve(("127.0.0.1",), PORT, protocol=AppProtocol.EXCHANGE, turns=turns)):
        tunnel = Tunnel("http-connect", "::1", PORT)
        script = (send(9), receive(10), END, AWAIT_END)
        return prober.call(Converse("127.0.0.1", PORT, script, timeout=5.0, tunnel=tunnel))


def test_a_script_begins_when_the_tunnel_is_open(prober: Prober) -> None:
    """A client in a tunnel takes its steps when that is open; what the target sent first counts as received."""
    seen = through(prober, "HTTP/1.1 200 OK\r\n\r\nfirst")
    assert (seen.connected, seen.done, seen.ended, seen.errno) == (True, 4, Ended.FIN, "")
    assert seen.has(b"firstlater")


def test_a_refused_tunnel_is_no_connection(prober: Prober) -> None:
    """If the proxy refuses, no step is taken, and the reason is the proxy's answer."""
    refused = through(prober, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
    assert (refused.connected, refused.done, refused.received) == (False, 0, 0)
    assert "502" in refused.errno


def test_nothing_that_listens_is_no_connection(prober: Prober) -> None:
    """A refused connection is none."""
    refused = prober.call(Converse("::1", PORT, (send(9),)))
    assert (refused.connected, refused.errno, refused.ended) == (False, "ECONNREFUSED", Ended.NOT)
