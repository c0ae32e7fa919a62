"""Clients that connect in turn and keep their connections: how many there are, and how they end."""

from collections.abc import Callable

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import HarnessError
from dualstack.families import BOTH, Family
from dualstack.prober.client import Prober, ProgramHandle
from dualstack.prober.messages import Await, Dial, Ends, HoldConnections, Outcome, Serve, SocketRow, Stage
from dualstack.transport import AppProtocol, Transport

PORT = 7500
HELD = 3

SERVER = f"""
import socket, struct, sys
listener = socket.create_server(("127.0.0.1", {PORT}))
clients = []
while True:
    clients.append(listener.accept()[0])
    clients[-1].sendall(clients[-1].recv(4096))
    if len(clients) == {HELD}:
        {{act}}
"""
CLOSE = "[item.close() for item in clients]"
RESET = '[item.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)) for item in clients]; ' + CLOSE
TAKE_TURNS = "clients[0].recv(1)"

each_family = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)


def echo(family: Family, timeout: float = 5.0) -> Dial:
    """Return an exchange with the loopback address of a family."""
    return Dial(family, family.loopback, PORT, protocol=AppProtocol.ECHO, timeout=timeout)


def in_turn(dial: Dial, count: int = HELD) -> HoldConnections:
    """Return clients that carry out the same exchange, one after the other."""
    return HoldConnections((dial,) * count, Stage.ANSWERED, in_turn=True)


def established(prober: Prober) -> list[SocketRow]:
    """Return the connections of the server's side."""
    return [row for row in prober.sockets(Transport.TCP) if row.port == PORT and row.state == "ESTABLISHED"]


@pytest.fixture
def serving(start: Callable[..., ProgramHandle]) -> Callable[[str], None]:
    """Return a function that runs `SERVER` with an action for when it has all clients."""

    def run(act: str) -> None:
        ready = start(SERVER.format(act=act)).wait_ready(Await(PORT, Transport.TCP, None, 10))
        assert ready.ready, ready.detail

    return run


@each_family
def test_all_connections_are_held(prober: Prober, family: Family) -> None:
    """Each connection has completed its exchange, and stays open in the kernel's table until it is closed."""
    with prober.serve(Serve((family.loopback,), PORT)) as server:
        with prober.hold_connections(in_turn(echo(family))) as clients:
            assert clients.held == HELD
            assert clients.clients[-1].outcome is Outcome.ANSWERED
            assert clients.ends() == Ends(open=HELD, closed=0, reset=0)
            assert [item.answered for item in server.accepted()] == [250] * HELD
            assert len(established(prober)) == HELD
        assert Deadline(5, "them to be closed").until(lambda: not established(prober))


@pytest.mark.parametrize(
    ("act", "ends"), [(CLOSE, Ends(open=0, closed=HELD, reset=0)), (RESET, Ends(open=0, closed=0, reset=HELD))]
)
def test_ends_by_the_service_are_reported(prober: Prober, serving: Callable[[str], None], act: str, ends: Ends) -> None:
    """Connections that the service closes, and those that it resets, are distinguished, also when asked twice."""
    serving(act)
    with prober.hold_connections(in_turn(echo(Family.IPV4))) as clients:
        assert clients.held == HELD
        assert Deadline(5, "the service to act").until(lambda: clients.ends().open == 0)
        assert clients.ends() == ends


def test_it_stops_at_the_first_that_is_not_answered(prober: Prober, serving: Callable[[str], None]) -> None:
    """If a service stops answering, only answered connections are held, and the last attempt is reported."""
    serving(TAKE_TURNS)
    with prober.hold_connections(in_turn(echo(Family.IPV4, timeout=0.5), HELD + 2)) as clients:
        assert clients.held == HELD
        assert clients.clients[-1].outcome is Outcome.SILENT


def test_a_refusal_holds_none(prober: Prober) -> None:
    """Without a listener there is no connection to hold."""
    with prober.hold_connections(in_turn(echo(Family.IPV6))) as clients:
        assert clients.held == 0
        assert clients.clients[-1].outcome is Outcome.REFUSED
        assert clients.ends() == Ends(open=0, closed=0, reset=0)
    with pytest.raises(HarnessError, match="no such HeldConnections"):
        clients.ends()


def test_connections_closed_by_the_service(prober: Prober, start: Callable[..., ProgramHandle]) -> None:
    """For clients that sent nothing it is reported whether the service closed the connection; nothing is read."""
    text = f"""
import socket
listener = socket.create_server(("127.0.0.1", {PORT}))
one, other = (listener.accept()[0] for _ in range(2))
other.sendall(b"welcome"), one.sendall(b"bye"), one.close()
print("ended", flush=True)
while data := other.recv(4096):
    other.sendall(data)
"""
    program = start(text)
    assert program.wait_ready(Await(PORT, Transport.TCP, None, 10)).ready
    with prober.hold_connections(HoldConnections((echo(Family.IPV4),) * 2)) as clients:
        assert program.wait_log("ended", Deadline(10, "the end")) == "ended"
        deadline = Deadline(5, "the FIN")
        assert deadline.until(lambda: any(clients.hung_up()))
        assert sorted(clients.hung_up()) == [False, True]
