"""The runs of a connector, and the servers that it finds: without a lab."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dualstack.errors import DeadlineExpired, ServiceError
from dualstack.prober.messages import Accepted, Exit, Log, Names
from dualstack.protocols.certificates import TlsFault
from dualstack.world.connecting import ConnectorWorld
from dualstack.world.servers import serve_names

if TYPE_CHECKING:
    from tests.world.conftest import MadeUp

MakeWorld = Callable[..., "MadeUp"]

CONNECT = (
    '[[connect]]\nname = "main"\ncommand = ["./client", "{host}", "{target}"]\nport = 8080\noutput = "^done"\n'
    "[timeouts]\nconnect = 0.5\n"
)


class Client:
    """A connector's program."""

    def __init__(self, end: Exit | None, text: str = "") -> None:
        """Keep the results."""
        self.end, self.text = end, text

    def wait(self, _: object) -> Exit:
        """Return how it ended; it may never do so."""
        if self.end is None:
            raise DeadlineExpired("the connector to end")
        return self.end

    def stop(self, *_: object) -> None:
        """Stop it."""

    def log(self) -> Log:
        """Return its output."""
        return Log(self.text, len(self.text))


class ServerHandle:
    """A server that accepts some connections during the next run."""

    def __init__(self, *later: Any) -> None:
        """Keep them."""
        self.later, self.asked = later, 0

    def accepted(self) -> tuple[Any, ...]:
        """Return none at first, then all."""
        self.asked += 1
        return self.later if self.asked > 1 else ()


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
