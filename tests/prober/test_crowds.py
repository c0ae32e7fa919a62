"""Many clients at once: silent ones that stay, are closed or reset, and those that come again and again."""

import resource
from collections.abc import Callable

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import HostCannot, UsageError
from dualstack.families import BOTH, Family
from dualstack.manifest.models import Protocol, Transport
from dualstack.prober.client import HostProgram, Prober
from dualstack.prober.crowds import check_room
from dualstack.prober.messages import Accepted, Await, Dial, Linger, Load, Outcome, Serve, Stage

PORT = 7500
LOOPBACKS = tuple(family.loopback for family in BOTH)
EACH = tuple(Dial(family, family.loopback, PORT, protocol=Protocol.ECHO) for family in BOTH)

# It tells of each client what came and how that ended.
TELLING = """
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
def telling(start: Callable[..., HostProgram]) -> HostProgram:
    """Return a running `TELLING`."""
    program = start(TELLING)
    assert program.wait_ready(Await(PORT, Transport.TCP, None, 10)).ready
    return program


def told(program: HostProgram, line: str) -> bool:
    """Wait for what the program tells."""
    return program.wait_log(f"^{line}$", Deadline(10, line)) is not None


@pytest.mark.parametrize(("stage", "size"), [(Stage.CONNECTED, 0), (Stage.HALF_SENT, 125), (Stage.SENT, 250)], ids=str)
def test_they_fall_silent_at_their_stage(prober: Prober, telling: HostProgram, stage: Stage, size: int) -> None:
    """Both are connected and have sent as much as the stage says; their end comes when they are closed."""
    with prober.linger(Linger(EACH, stage)) as clients:
        assert [(client.connected, len(client.sent)) for client in clients.clients] == [(True, size)] * 2
        assert telling.log().text == ""
        clients.close()
    assert told(telling, f"end after {size}")


def test_they_can_reset(prober: Prober, telling: HostProgram) -> None:
    """Instead of an end their peer sees ECONNRESET; closing them afterwards does nothing."""
    with prober.linger(Linger(EACH, Stage.HALF_SENT)) as clients:
        clients.reset()
    assert told(telling, r"reset after \d+")
    assert "end after" not in telling.log().text


def test_they_stay_after_an_exchange(prober: Prober) -> None:
    """The exchange completes, and the connection is still there afterwards, until it is closed."""
    with (
        prober.serve(Serve(LOOPBACKS, PORT)) as serving,
        prober.linger(Linger(EACH * 5, Stage.ANSWERED)) as clients,
    ):
        assert {client.outcome for client in clients.clients} == {Outcome.ANSWERED}
        assert established(prober) == 10
        assert {row.received for row in serving.accepted()} == {250}
        clients.close()
        assert established(prober) == 0


def test_they_speak_later(prober: Prober) -> None:
    """Clients that have connected and said nothing hold their exchanges when they are told to, and leave."""
    with prober.serve(Serve(LOOPBACKS, PORT)) as serving, prober.linger(Linger(EACH * 2)) as clients:
        assert {row.received for row in serving.accepted()} == {0}
        spoken = clients.speak(5)
        assert [(one.outcome, one.connected, len(one.answer)) for one in spoken] == [(Outcome.ANSWERED, True, 250)] * 4
        assert [(one.source, one.source_port) for one in spoken] == [
            (one.source, one.source_port) for one in clients.clients
        ]
        assert {row.received for row in serving.accepted()} == {250}
        assert established(prober) == 0
        assert clients.speak(5) == ()


def test_a_connection_that_is_gone_is_told_when_they_speak(prober: Prober, start: Callable[..., HostProgram]) -> None:
    """Who finds that the service has ended its connection meanwhile is not answered; who had none is left out."""
    program = start(TELLING)
    assert program.wait_ready(Await(PORT, Transport.TCP, None, 10)).ready
    nobody = Dial(Family.IPV4, Family.IPV4.loopback, PORT + 1, protocol=Protocol.ECHO)
    with prober.linger(Linger((nobody, *EACH))) as clients:
        program.stop("SIGKILL", Deadline(5, "the program to end"))
        spoken = clients.speak(5)
    assert [one.source_port for one in spoken] == [one.source_port for one in clients.clients[1:]]
    assert {one.outcome for one in spoken} == {Outcome.SILENT}
    assert all("ECONNRESET" in one.detail or "closed" in one.detail for one in spoken), spoken


def established(prober: Prober) -> int:
    """Return how many connections lead from the host's clients to the port."""
    return sum(row.state == "ESTABLISHED" and row.peer.endswith(f":{PORT}") for row in prober.sockets(Transport.TCP))


def test_who_is_refused_is_told_apart(prober: Prober) -> None:
    """A client that finds nobody is no error: it is refused, and the others stay."""
    with prober.serve(Serve(LOOPBACKS[:1], PORT)), prober.linger(Linger(EACH)) as clients:
        assert [client.outcome for client in clients.clients] == [Outcome.SILENT, Outcome.REFUSED]
        assert [client.connected for client in clients.clients] == [True, False]


def test_silence_needs_a_connection(prober: Prober) -> None:
    """Datagrams have no middle: that is refused, and so are no clients and too many."""
    udp = Dial(Family.IPV4, "127.0.0.1", PORT, Transport.UDP, Protocol.ECHO)
    with pytest.raises(UsageError, match="over TCP only"):
        prober.linger(Linger((udp,)))
    for dials in ((), EACH * 201):
        with pytest.raises(UsageError, match=f"found {len(dials)}"):
            prober.linger(Linger(dials))
        with pytest.raises(UsageError, match=f"found {len(dials)}"):
            prober.load(Load(dials))


def test_room_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the limit of open files is too low the host cannot, and it is said how to help it."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    check_room(EACH * 96)
    with pytest.raises(HostCannot, match="194 clients need 258 open files; the limit here is 256: raise ulimit -n"):
        check_room(EACH * 97)


def rounds(clients: tuple[Accepted, ...]) -> dict[str, int]:
    """Return how many clients came to each address."""
    return {address: sum(row.address == address for row in clients) for address in LOOPBACKS}


def test_a_load_holds_its_rounds(prober: Prober) -> None:
    """Each client comes as often as it was asked to, on a new connection each time."""
    with prober.serve(Serve(LOOPBACKS, PORT)) as serving, prober.load(Load(EACH * 20, rounds=5)) as load:
        loaded = load.finish(Deadline(60, "the load"))
        assert rounds(serving.accepted()) == dict.fromkeys(LOOPBACKS, 100)
    assert loaded.exchanges == (5,) * 40
    assert (loaded.failed, loaded.failures) == (0, ())
    assert all(seconds > 0 for seconds in loaded.longest)


def test_a_load_without_rounds_goes_on_until_it_is_ended(prober: Prober) -> None:
    """Clients come again until they are told to end; each exchange that has begun is finished."""
    with prober.serve(Serve(LOOPBACKS, PORT)) as serving, prober.load(Load(EACH, rounds=0, pause=0.001)) as load:
        end = Deadline(30, "clients to come again")
        while min(rounds(serving.accepted()).values()) < 3:
            assert not end.expired
        loaded = load.finish(Deadline(30, "the load"))
    assert min(loaded.exchanges) >= 3
    assert loaded.failed == 0


def test_a_load_tells_its_failures(prober: Prober) -> None:
    """Who is refused has failed, is told in full for the first few, and does not stop the others."""
    with prober.serve(Serve(LOOPBACKS[:1], PORT)), prober.load(Load(EACH, rounds=8)) as load:
        loaded = load.finish(Deadline(30, "the load"))
    assert loaded.exchanges == (8, 8)
    assert loaded.failed == 8
    assert [failure.outcome for failure in loaded.failures] == [Outcome.REFUSED] * 5


def test_a_load_that_is_late_is_cut_off(prober: Prober, telling: HostProgram) -> None:
    """Clients that nobody answers have finished nothing when the time is up."""
    assert telling.poll() is None
    with prober.load(Load(EACH)) as load:
        loaded = load.finish(Deadline(0.05, "the load"))
    assert loaded.exchanges == (0, 0)
    assert loaded.longest == (0, 0)


def test_an_impossible_load_is_refused(prober: Prober) -> None:
    """What a dial cannot do is the caller's error, not the service's."""
    wrong = Dial(Family.IPV4, "127.0.0.1", PORT, protocol=Protocol.HTTP, requests=2)
    with prober.load(Load((wrong,))) as load, pytest.raises(UsageError, match="one request at a time"):
        load.finish(Deadline(10, "the load"))


def test_requests_may_come_together(prober: Prober) -> None:
    """Two requests are sent at once, and both answers must come."""
    with prober.serve(Serve(LOOPBACKS, PORT, protocol=Protocol.UPPER)):
        for family in BOTH:
            dial = Dial(family, family.loopback, PORT, protocol=Protocol.UPPER, requests=2)
            result = prober.dial(dial)
            assert result.outcome is Outcome.ANSWERED, result
            first, second = result.sent[:250], result.sent[250:]
            assert first.endswith("\n")
            assert second.endswith("\n")
            assert first != second
            assert result.answer == result.sent.upper()
