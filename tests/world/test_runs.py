"""The runs of a connector, and the servers that it finds: without a lab."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired, ServiceError, UsageError
from dualstack.families import Family
from dualstack.prober.messages import Accepted, Exit, Log, Names, Query, Readiness, ResourceUsage, ThreadTime
from dualstack.protocols.certificates import TlsFault
from dualstack.world.connecting import ConnectorWorld
from dualstack.world.servers import serve_names

if TYPE_CHECKING:
    from dualstack.prober.client import ServerHandle as RealHandle
    from tests.world.conftest import MadeUp

MakeWorld = Callable[..., "MadeUp"]

CONNECT = (
    '[[connect]]\nname = "main"\ncommand = ["./client", "{host}", "{target}"]\nport = 8080\noutput = "^done"\n'
    "[timeouts]\nconnect = 0.5\n"
)


class Client:
    """A connector's program; ``waits`` is how often it is waited for in vain before it ends."""

    def __init__(self, end: Exit | None, text: str = "", *, starved: float = 0.0, waits: int = 0) -> None:
        """Keep the results."""
        self.end, self.text, self.starved, self.waits = end, text, starved, waits
        self.deadlines: list[Deadline] = []

    def wait(self, deadline: Deadline) -> Exit:
        """Return how it ended; it may never do so."""
        self.deadlines.append(deadline)
        if self.end is None or len(self.deadlines) <= self.waits:
            raise DeadlineExpired("the connector to end")
        return self.end

    def resource_usage(self) -> ResourceUsage:
        """Return how long its threads had no CPU."""
        return ResourceUsage(1, 3, 0, thread_times=(ThreadTime(1, 0.1, 0.0), ThreadTime(2, 0.1, self.starved)))

    def stop(self, *_: object) -> None:
        """Stop it."""

    def log(self) -> Log:
        """Return its output."""
        return Log(self.text, len(self.text))


class ServerHandle:
    """A server that accepts some connections during the next run."""

    def __init__(self, *later: Any) -> None:
        """Keep them."""
        self.later, self.asked, self.forgotten = later, 0, 0

    def accepted(self) -> tuple[Any, ...]:
        """Return none at first, then all."""
        self.asked += 1
        return self.later if self.asked > 1 else ()

    def forget_peers(self) -> None:
        """Count how often."""
        self.forgotten += 1


def run(made: "MadeUp", end: Exit | None, text: str, *accepted: Any) -> Any:
    """Return the result of one run."""
    made.world.host.start = lambda _: Client(end, text)
    return made.world.connector_runs.run("2001:db8::1", ServerHandle(*accepted))


ACCEPTED = Accepted("2001:db8::2", "[2001:db8::1]:40000", 40000, 9, 9, 0.0, head="GET / HTTP/1.1")
REJECTED = Accepted("2001:db8::2", "[2001:db8::1]:40000", 40000, 9, 9, 0.0, head="-", tls=TlsFault.ALERT)


@pytest.mark.parametrize(
    ("end", "text", "accepted", "problem"),
    [
        (Exit(0), "done\n", (ACCEPTED,), ""),
        (Exit(0), "done\n", (), "it reported success, but no client reached the peer"),
        (Exit(0), "done\n", (REJECTED,), "it reported success, but the client rejects the TLS handshake"),
        (Exit(3), "", (REJECTED,), "it exited with code 3"),
        (Exit(0), "nothing\n", (ACCEPTED,), "its output does not match '^done'"),
        (Exit(3), "done\n", (ACCEPTED,), "it exited with code 3"),
        (None, "", (ACCEPTED,), "it had not ended after 0.5 s"),
    ],
)
def test_problem_of_a_run(
    make_world: MakeWorld, end: Exit | None, text: str, accepted: tuple[Any, ...], problem: str
) -> None:
    """A run succeeds if it ends in time with the manifest's exit code and output, and the server saw its connection."""
    made = make_world(ConnectorWorld, CONNECT)
    result = run(made, end, text, *accepted)
    assert result.problem.partition(";")[0] == problem
    assert result.heads == tuple(item.head for item in accepted)
    assert made.world.journal.command == "./client 2001:db8::1 '[2001:db8::1]:8080'"
    assert [host for host, _, _ in made.world.connector_runs.done] == ["2001:db8::1"]


ANY = '[[connect]]\nname = "main"\ncommand = ["./client", "{host}"]\nport = 8080\nexit_code = "any"\n'


@pytest.mark.parametrize(
    ("code", "accepted", "fault", "problem"),
    [
        (
            5,
            (),
            'it exited with code 5; its output says: "error: no"',
            'it exited with code 5; its output says: "error: no"',
        ),
        (0, (), "", "it reported success, but no client reached the peer"),
        (5, (ACCEPTED,), "", ""),
        (0, (ACCEPTED,), "", ""),
    ],
)
def test_any_exit_code_is_a_success_of_a_connection(
    make_world: MakeWorld, code: int, accepted: tuple[Any, ...], fault: str, problem: str
) -> None:
    """With exit_code = "any" a program that ends with an error without a connection has reported its failure."""
    result = run(make_world(ConnectorWorld, ANY), Exit(code), "error: no\n", *accepted)
    assert (result.fault, result.problem) == (fault, problem)
    assert result.alive is (code == 0 or bool(accepted))


@pytest.mark.parametrize(
    ("end", "starved", "waits", "given"),
    [
        (Exit(0), 0.4, 1, [0.5, 0.4]),
        (Exit(0), 0.0, 1, [0.5]),
        (Exit(0), 0.05, 1, [0.5]),
        (None, 0.4, 0, [0.5, 0.4]),
        (None, 60.0, 0, [0.5, 1.0]),
    ],
)
def test_time_without_a_cpu_does_not_count(
    make_world: MakeWorld, end: Exit | None, starved: float, waits: int, given: list[float]
) -> None:
    """A run that the machine has starved of CPU gets that much more time, and at most three times its timeout."""
    made = make_world(ConnectorWorld, CONNECT)
    program = Client(end, "done\n", starved=starved, waits=waits)
    made.world.host.start = lambda _: program
    result = made.world.connector_runs.run("2001:db8::1", ServerHandle(ACCEPTED))
    assert [round(item.seconds, 3) for item in program.deadlines] == given
    ended = end is not None and len(given) > waits
    assert result.problem.partition(";")[0] == ("" if ended else f"it had not ended after {sum(given):.3g} s")


def test_a_starved_daemon_is_awaited_longer(make_world: MakeWorld) -> None:
    """The time for which a daemon had no CPU is added to the timeout of its exchange."""
    made = make_world(ConnectorWorld, DAEMON)
    made.world.host.start = lambda _: DaemonProgram(None, "done", starved=0.25)
    result = made.world.connector_runs.run("a.test", Awaited(1 << 40))
    assert result.problem.partition(";")[0] == "it had not completed an exchange after 0.75 s"


def test_each_run_is_a_new_client(make_world: MakeWorld) -> None:
    """The server forgets its peers once before each run, so that one from the same UDP port is seen again."""
    made, serving = make_world(ConnectorWorld, CONNECT), ServerHandle()
    forgotten = []

    def start(_: object) -> Client:
        """Note how often the server has forgotten its peers."""
        forgotten.append(serving.forgotten)
        return Client(Exit(0), "done\n")

    made.world.host.start = start
    for _ in range(2):
        made.world.connector_runs.run("2001:db8::1", cast("RealHandle", serving))
    assert forgotten == [1, 2]


DAEMON = (
    '[[connect]]\nname = "main"\nmode = "daemon"\ncommand = ["./relay", "{target}", "{listen}", "{nameserver}"]\n'
    'port = 8080\noutput = "^done"\n[connect.trigger]\nport = 99\nrequest = "/go"\n[timeouts]\nconnect = 0.5\n'
)


class DaemonProgram(Client):
    """A daemon's program: ``end`` is how it ends by itself."""

    stopped = ""

    def poll(self) -> Exit | None:
        """Return how it ended."""
        return self.end

    def wait_ready(self, condition: Any) -> Readiness:
        """Be ready if it runs."""
        assert condition.port == 99
        return Readiness(self.end is None, self.end, 0.1, "it is ready" if self.end is None else "it has ended")

    def wait_log(self, pattern: str, *_: object) -> str | None:
        """Return the line that matches."""
        return self.text if re.search(pattern, self.text) else None

    def stop(self, *given: object) -> None:
        """Note the signal."""
        self.stopped = str(given[0])


class Awaited(ServerHandle):
    """A server that completes an exchange after some triggers."""

    def __init__(self, after: int, *later: Any) -> None:
        """Keep them."""
        super().__init__(*later)
        self.after, self.looks = after, 0

    def await_client(self, since: int, *_: object) -> bool:
        """Return whether enough triggers came before."""
        assert since == 0
        self.looks += 1
        return self.looks > self.after


@pytest.mark.parametrize(
    ("end", "text", "after", "problem"),
    [
        (None, "done", 0, ""),
        (None, "done", 3, ""),
        (None, "other", 0, "its output does not match '^done'"),
        (None, "done", 1 << 40, "it had not completed an exchange after 0.5 s"),
        (Exit(1), "", 0, "it did not become ready: it has ended"),
    ],
)
def test_run_of_a_daemon(make_world: MakeWorld, end: Exit | None, text: str, after: int, problem: str) -> None:
    """It is triggered until it has completed an exchange, whatever the answers; then it is stopped."""
    made = make_world(ConnectorWorld, DAEMON, "ipv6-only-strict")
    program, launched = DaemonProgram(end, text), list[Any]()

    def start(launch: Any) -> DaemonProgram:
        launched.append(launch)
        return program

    made.world.host.start = start
    result = made.world.connector_runs.run("a.test", Awaited(after, ACCEPTED))
    assert result.problem.partition(";")[0] == problem
    assert (result.how, program.stopped) == (end, "SIGTERM")
    assert result.alive is (end is None)
    assert launched[0].command[1:3] == ("a.test:8080", "[::1]:99")
    assert launched[0].command[3].startswith("[2001:db8:")
    dials = made.prober.dials
    assert len(dials) == (0 if end else max(1, min(after + 1, len(dials))))
    assert {(item.address, item.port, str(item.send).partition(" HTTP")[0]) for item in dials} <= {
        ("::1", 99, "GET /go")
    }


def test_a_daemon_that_ends_is_not_awaited(make_world: MakeWorld) -> None:
    """A daemon that ends by itself before its exchange has failed, and its time-out is not awaited."""
    text = DAEMON[: DAEMON.index("[connect.trigger]")].replace(', "{listen}"', "") + "[timeouts]\nconnect = 60\n"
    made = make_world(ConnectorWorld, text)
    made.world.host.start = lambda _: DaemonProgram(Exit(0), "bye\n")
    result = made.world.connector_runs.run("a.test", Awaited(1 << 40))
    assert result.problem.startswith("it exited with code 0 by itself")
    assert result.seconds < 10
    assert result.alive is False


def test_runs_have_failed_if_none_did_anything(make_world: MakeWorld) -> None:
    """Without a run nothing has failed; a run that cannot be executed counts; one that did anything ends that."""
    made = make_world(ConnectorWorld, CONNECT)
    runs = made.world.connector_runs
    assert not runs.failed

    def fail(_: object) -> None:
        raise ServiceError("no such file")

    made.world.host.start = fail
    with pytest.raises(ServiceError):
        made.world.connector_runs.run("2001:db8::1", ServerHandle())
    assert runs.failed
    run(made, Exit(1), "error\n")
    assert runs.failed
    run(made, Exit(0), "done\n", ACCEPTED)
    assert not runs.failed


def test_the_name_server_has_planned_addresses_as_records(make_world: MakeWorld) -> None:
    """It listens on the addresses that the host has, and its records exist for both families on any topology."""
    made = make_world(ConnectorWorld, CONNECT, "ipv6-only")
    served = list[Names]()
    made.world.peer.prober.names = served.append
    serve_names(made.world.peer)
    (names,) = served
    assert [":" in address for address in names.addresses] == [True]
    assert len(names.a) == len(names.aaaa) == 1


QUERY = Query(0.5, "198.51.100.1", 40000, "ipv4", "udp", "a-ok.7f3a.lab.test", "A", "NOERROR", 1)


def test_a_name_has_the_addresses_that_are_given(make_world: MakeWorld) -> None:
    """Given addresses replace the planned ones of their family, in their order; the name says how it is answered."""
    made = make_world(ConnectorWorld, CONNECT, "dual-stack")
    served = list[Names]()

    @contextmanager
    def serve(names: Names) -> Iterator[Any]:
        """Stand for a name server that is asked once."""
        served.append(names)
        yield SimpleNamespace(queries=lambda: [QUERY])

    made.world.peer.prober.names = serve
    wanted = ("2001:db8::2", "2001:db8::1", "2001:db8::2")
    with made.world.names(a="ok", aaaa="pick-20", https="drop", addresses={Family.IPV6: wanted}) as name:
        assert name.startswith("a-ok.aaaa-pick-20.https-drop.")
    (names,) = served
    assert (names.aaaa, len(names.a)) == (wanted, 1)
    (noted,) = made.world.journal.queries
    assert (noted.name, noted.rcode) == (QUERY.name, QUERY.rcode)
    assert QUERY.at <= noted.at <= QUERY.at + made.world.journal.seconds


def test_an_address_that_is_not_there_cannot_be_picked(make_world: MakeWorld) -> None:
    """An index that no address has is an error, also in later answers; mapped addresses are those of the A records."""
    made = make_world(ConnectorWorld, CONNECT, "dual-stack")
    for behaviour in ("pick-1", "ok-then-pick-01", "mapped-1"):
        with pytest.raises(UsageError, match="there are 1 IPv"), made.world.names(aaaa=behaviour):
            pass
