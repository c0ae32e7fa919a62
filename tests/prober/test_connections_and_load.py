"""Concurrent clients: idle ones whose connections stay open, are closed or reset, and those that repeat exchanges."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import HostCannot, UsageError
from dualstack.families import BOTH, Family
from dualstack.prober.client import Prober, ProgramHandle
from dualstack.prober.load import check_client_count
from dualstack.prober.messages import Accepted, Await, Dial, HoldConnections, Load, Outcome, Serve, Stage
from dualstack.transport import AppProtocol, Transport

PORT = 7500
LOOPBACKS = tuple(family.loopback for family in BOTH)
EACH = tuple(Dial(family, family.loopback, PORT, protocol=AppProtocol.ECHO) for family in BOTH)

# It reports for each client how many bytes came and how the connection ended.
REPORTING = """
import socket, threading
def tell(client):
    size = 0
    try:
        while data := client.recv(65536): size += len(data)
        print("end after", size, flush=True)
    except ConnectionResetError:
        print("reset after", size, flush=True)
listener = socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    threading.Thread(target=tell, args=listener.accept()[:1], daemon=True).start()
""".replace("PORT", str(PORT))


@pytest.fixture
def reporting(start: Callable[..., ProgramHandle]) -> ProgramHandle:
    """Return a running `REPORTING`."""
    program = start(REPORTING)
    assert program.wait_ready(Await(PORT, Transport.TCP, None, 10)).ready
    return program


def reports(program: ProgramHandle, line: str) -> bool:
    """Return whether the program writes a line."""
    return program.wait_log(f"^{line}$", Deadline(10, line)) is not None


@pytest.mark.parametrize(("stage", "size"), [(Stage.CONNECTED, 0), (Stage.HALF_SENT, 125), (Stage.SENT, 250)], ids=str)
def test_clients_stop_at_their_stage(prober: Prober, reporting: ProgramHandle, stage: Stage, size: int) -> None:
    """Both are connected and have sent as much as the stage says; their connections end when they are closed."""
    with prober.hold_connections(HoldConnections(EACH, stage)) as clients:
        assert [(client.connected, len(client.sent)) for client in clients.clients] == [(True, size)] * 2
        assert reporting.log().text == ""
        clients.close()
    assert reports(reporting, f"end after {size}")


def test_connections_can_be_reset(prober: Prober, reporting: ProgramHandle) -> None:
    """The server sees ECONNRESET instead of an end; closing them afterwards does nothing."""
    with prober.hold_connections(HoldConnections(EACH, Stage.HALF_SENT)) as clients:
        clients.reset()
    assert reports(reporting, r"reset after \d+")
    assert "end after" not in reporting.log().text


def test_connections_stay_open_after_an_exchange(prober: Prober) -> None:
    """The exchange completes, and the connection stays open until it is closed."""
    with (
        prober.serve(Serve(LOOPBACKS, PORT)) as serving,
        prober.hold_connections(HoldConnections(EACH * 5, Stage.ANSWERED)) as clients,
    ):
        assert {client.outcome for client in clients.clients} == {Outcome.ANSWERED}
        assert established(prober) == 10
        assert {row.received for row in serving.accepted()} == {250}
        clients.close()
        assert established(prober) == 0


def test_idle_clients_exchange_later(prober: Prober) -> None:
    """Connected clients that sent nothing carry out their exchanges on request, and disconnect."""
    with prober.serve(Serve(LOOPBACKS, PORT)) as serving, prober.hold_connections(HoldConnections(EACH * 2)) as clients:
        assert {row.received for row in serving.accepted()} == {0}
        spoken = clients.speak(5)
        assert [(one.outcome, one.connected, len(one.answer)) for one in spoken] == [(Outcome.ANSWERED, True, 250)] * 4
        assert [(one.source, one.source_port) for one in spoken] == [
            (one.source, one.source_port) for one in clients.clients
        ]
        assert {row.received for row in serving.accepted()} == {250}
        assert established(prober) == 0
        assert clients.speak(5) == ()


def test_an_exchange_on_an_ended_connection_fails(prober: Prober, start: Callable[..., ProgramHandle]) -> None:
    """A client whose connection the service has ended is not answered; one without a connection is omitted."""
    program = start(REPORTING)
    assert program.wait_ready(Await(PORT, Transport.TCP, None, 10)).ready
    refused = Dial(Family.IPV4, Family.IPV4.loopback, PORT + 1, protocol=AppProtocol.ECHO)
    with prober.hold_connections(HoldConnections((refused, *EACH))) as clients:
        program.stop("SIGKILL", Deadline(5, "the program to end"))
        spoken = clients.speak(5)
    assert [one.source_port for one in spoken] == [one.source_port for one in clients.clients[1:]]
    assert {one.outcome for one in spoken} == {Outcome.SILENT}
    assert all("ECONNRESET" in one.detail or "closed" in one.detail for one in spoken), spoken


def established(prober: Prober) -> int:
    """Return how many connections lead from the host's clients to the port."""
    return sum(row.state == "ESTABLISHED" and row.peer.endswith(f":{PORT}") for row in prober.sockets(Transport.TCP))


def test_a_refused_client_is_an_outcome(prober: Prober) -> None:
    """A refused client is not an error; the others stay connected."""
    with prober.serve(Serve(LOOPBACKS[:1], PORT)), prober.hold_connections(HoldConnections(EACH)) as clients:
        assert [client.outcome for client in clients.clients] == [Outcome.SILENT, Outcome.REFUSED]
        assert [client.connected for client in clients.clients] == [True, False]


def test_wrong_clients_are_refused(prober: Prober) -> None:
    """UDP clients are refused, and so are no clients and too many."""
    udp = Dial(Family.IPV4, "127.0.0.1", PORT, Transport.UDP, AppProtocol.ECHO)
    with pytest.raises(UsageError, match="over TCP only"):
        prober.hold_connections(HoldConnections((udp,)))
    for dials in ((), EACH * 201):
        with pytest.raises(UsageError, match=f"found {len(dials)}"):
            prober.hold_connections(HoldConnections(dials))
        with pytest.raises(UsageError, match=f"found {len(dials)}"):
            prober.load(Load(dials))


def test_room_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the limit of open files is too low it is `HostCannot`, with advice."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    check_client_count(EACH * 96)
    with pytest.raises(HostCannot, match="194 clients need 258 open files; the limit here is 256: raise ulimit -n"):
        check_client_count(EACH * 97)


def rounds(clients: tuple[Accepted, ...]) -> dict[str, int]:
    """Return how many clients each address had."""
    return {address: sum(row.address == address for row in clients) for address in LOOPBACKS}


def test_a_load_holds_its_rounds(prober: Prober) -> None:
    """Each client carries out its number of exchanges, on a new connection each time."""
    with prober.serve(Serve(LOOPBACKS, PORT)) as serving, prober.load(Load(EACH * 20, rounds=5)) as load:
        loaded = load.finish(Deadline(60, "the load"))
        assert rounds(serving.accepted()) == dict.fromkeys(LOOPBACKS, 100)
    assert loaded.exchanges == (5,) * 40
    assert (loaded.failed, loaded.failures) == (0, ())
    assert all(seconds > 0 for seconds in loaded.longest)


def test_a_load_without_rounds_continues_until_it_is_ended(prober: Prober) -> None:
    """Clients repeat their exchange until they are ended; an exchange that has begun is finished."""
    with prober.serve(Serve(LOOPBACKS, PORT)) as serving, prober.load(Load(EACH, rounds=0, pause=0.001)) as load:
        end = Deadline(30, "clients to repeat their exchange")
        while min(rounds(serving.accepted()).values()) < 3:
            assert not end.expired
        loaded = load.finish(Deadline(30, "the load"))
    assert min(loaded.exchanges) >= 3
    assert loaded.failed == 0


def test_a_load_reports_its_failures(prober: Prober) -> None:
    """A refused exchange is a failure, the first few are reported, and the other clients continue."""
    with prober.serve(Serve(LOOPBACKS[:1], PORT)), prober.load(Load(EACH, rounds=8)) as load:
        loaded = load.finish(Deadline(30, "the load"))
    assert loaded.exchanges == (8, 8)
    assert loaded.failed == 8
    assert [failure.outcome for failure in loaded.failures] == [Outcome.REFUSED] * 5


LIMITED = """
import itertools, socket
listener = socket.create_server(("127.0.0.1", PORT))
for number in itertools.count():
    client = listener.accept()[0]
    client.recv(65536)
    status = b"503 Busy" if number % 4 == 1 else b"500 Broken" if number % 4 == 3 else b"200 OK"
    client.sendall(b"HTTP/1.1 " + status + b"\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
    client.close()
""".replace("PORT", str(PORT))


def test_the_answer_of_a_limit_is_no_failure(prober: Prober, start: Callable[..., ProgramHandle]) -> None:
    """Answers of a limit are counted apart from failures; each client's worst status is reported."""
    assert start(LIMITED).wait_ready(Await(PORT, Transport.TCP, None, 10)).ready
    dial = Dial(Family.IPV4, LOOPBACKS[0], PORT, protocol=AppProtocol.HTTP)
    with prober.load(Load((dial,), rounds=8)) as load:
        loaded = load.finish(Deadline(30, "the load"))
    assert (loaded.failed, loaded.limited, loaded.statuses) == (2, 2, (503,))


def test_a_load_that_is_late_is_cut_off(prober: Prober, reporting: ProgramHandle) -> None:
    """Clients without an answer have finished nothing when the time is up."""
    assert reporting.poll() is None
    with prober.load(Load(EACH)) as load:
        loaded = load.finish(Deadline(0.05, "the load"))
    assert loaded.exchanges == (0, 0)
    assert loaded.longest == (0, 0)


def test_a_load_tells_how_late_its_clients_were(own_host: tuple[Prober, subprocess.Popen[bytes]]) -> None:
    """If the clients' process gets no processor for a time, the result says for how long."""
    prober, process = own_host
    prober.ping()  # it runs
    agents = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    with prober.serve(Serve(LOOPBACKS, PORT)) as serving, prober.load(Load(EACH, rounds=0, pause=0.001)) as load:
        assert Deadline(30, "an exchange").until(lambda: bool(serving.accepted()))
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in agents:
                os.kill(pid, number)
            time.sleep(0.4)
        loaded = load.finish(Deadline(30, "the load"))
    assert loaded.late > 0.3


def test_an_impossible_load_is_refused(prober: Prober) -> None:
    """An impossible dial is the caller's error, not the service's."""
    wrong = Dial(Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.HTTP, requests=2)
    with prober.load(Load((wrong,))) as load, pytest.raises(UsageError, match="one request at a time"):
        load.finish(Deadline(10, "the load"))


@pytest.mark.parametrize(
    ("protocol", "answers", "detail"),
    [(AppProtocol.HTTP, 1, "; the connection is not kept"), (AppProtocol.HTTP2, 2, "the second request on the")],
)
def test_requests_may_follow_one_another(prober: Prober, protocol: AppProtocol, answers: int, detail: str) -> None:
    """A second request is sent on a connection that the server keeps; the lab's server of HTTP/1.1 keeps none."""
    with prober.serve(Serve(LOOPBACKS, PORT, protocol=protocol)):
        for family in BOTH:
            result = prober.dial(Dial(family, family.loopback, PORT, protocol=protocol, kept=2))
            assert (result.outcome, result.status, result.answers) == (Outcome.ANSWERED, 200, answers), result
            assert detail in result.detail


def test_requests_may_come_together(prober: Prober) -> None:
    """Two requests are sent at once, and both answers are required."""
    with prober.serve(Serve(LOOPBACKS, PORT, protocol=AppProtocol.UPPER)):
        for family in BOTH:
            dial = Dial(family, family.loopback, PORT, protocol=AppProtocol.UPPER, requests=2)
            result = prober.dial(dial)
            assert result.outcome is Outcome.ANSWERED, result
            first, second = result.sent[:250], result.sent[250:]
            assert first.endswith("\n")
            assert second.endswith("\n")
            assert first != second
            assert result.answer == result.sent.upper()
