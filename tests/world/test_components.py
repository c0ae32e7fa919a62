"""The components of a service: when they start and stop, and what their failure does to a case."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from dualstack.errors import RequirementBroken, ServiceError
from dualstack.finding import Finding
from dualstack.lab.protocol import Program
from dualstack.prober.messages import Exit, Launch, Log, Readiness, SocketRow
from dualstack.world.facts import facts_of
from dualstack.world.listening import ListenerWorld

if TYPE_CHECKING:
    from tests.world.conftest import MadeUp

MakeWorld = Callable[..., "MadeUp"]

LISTEN = '[[listen]]\nname = "main"\nport = 8080\nprotocol = "echo"\n'
STORE = '[[component]]\nname = "store"\ncommand = ["./store"]\nport = 6379\n'
CACHE = '[[component]]\nname = "cache"\ncommand = ["./cache"]\n'
ROW = SocketRow("ipv6", "tcp", "LISTEN", "::", 8080, "", v6only=False, owner="server(3)")


class Part:
    """A program that writes down its start and its end."""

    def __init__(self, launch: Launch, log: list[str], end: Exit | None, text: str) -> None:
        """Start."""
        self.name = launch.component or "service"
        self.log_lines, self.end, self.text = log, end, text
        self.log_lines.append(f"start {self.name}")

    def wait_ready(self, _: object) -> Readiness:
        """Return whether it is ready: it is unless it has ended."""
        return Readiness(self.end is None, self.end, 0.1, "it is ready" if self.end is None else f"it {self.end}")

    def poll(self) -> Exit | None:
        """Return how it ended."""
        return self.end

    def log(self) -> Log:
        """Return its output."""
        return Log(self.text, len(self.text))

    def stop(self, *_: object) -> Exit | None:
        """End."""
        self.log_lines.append(f"stop {self.name}")
        return self.end or Exit(0)


class Parts:
    """The programs of a made-up world.

    Attributes:
        log: The starts and stops, in order.
        made: The programs, by name.
        broken: Those that end at once with an error, by name.
        impossible: Those that cannot be executed.
    """

    def __init__(self, made: "MadeUp", *, broken: str = "", impossible: str = "") -> None:
        """Become what the service's host starts."""
        self.log: list[str] = []
        self.made: dict[str, Part] = {}
        self.broken, self.impossible = broken, impossible
        made.world.host.start = self.start

    def start(self, launch: Launch) -> Program:
        """Start a program."""
        name = launch.component or "service"
        if name == self.impossible:
            raise ServiceError(f"cannot start {launch.command[0]!r}")
        end = Exit(1) if name == self.broken else None
        self.made[name] = Part(launch, self.log, end, f"fatal: {name} has no disk\n")
        return cast("Program", self.made[name])


def test_they_start_before_the_service_and_stop_after_it(make_world: MakeWorld) -> None:
    """The order is that of the manifest; they stop in reverse; a restart of the service leaves them alone."""
    made = make_world(ListenerWorld, STORE.replace("port", 'after = ["cache"]\nport') + CACHE + LISTEN)
    parts = Parts(made)
    made.world.service.start()
    made.world.service.restart()
    made.world.service.close()
    assert parts.log == [
        *("start cache", "start store", "start service"),
        *("stop service", "start service"),
        *("stop service", "stop store", "stop cache"),
    ]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"broken": "store"}, r"^component store does not start: it exited with code 1; its output says: .*no disk"),
        ({"impossible": "store"}, r"^component store does not start: cannot start '\./store'$"),
    ],
    ids=["ends", "not-executable"],
)
def test_one_that_does_not_start_keeps_the_others_from_starting(
    make_world: MakeWorld, how: dict[str, str], words: str
) -> None:
    """Neither the next component nor the service starts; the error names the component; those that run are stopped."""
    made = make_world(ListenerWorld, CACHE.replace("cache", "first") + STORE + CACHE + LISTEN)
    parts = Parts(made, **how)
    with pytest.raises(ServiceError, match=words) as raised:
        made.world.service.start()
    made.world.service.close()
    assert raised.value.not_ready
    assert made.world.unstarted
    assert {"start cache", "start service"}.isdisjoint(parts.log)
    assert parts.log[-1] == "stop first"
    assert "./store" in made.world.journal.command


def test_one_that_has_ended_is_not_started_again(make_world: MakeWorld) -> None:
    """The next start of the service fails, and says how the component ended."""
    made = make_world(ListenerWorld, STORE + LISTEN)
    parts = Parts(made)
    made.world.service.start()
    parts.made["store"].end = Exit(None, "SIGSEGV")
    with pytest.raises(
        ServiceError, match=r"^component store was ended by SIGSEGV by itself; its output says: .*no disk"
    ):
        made.world.service.restart()
    assert parts.log.count("start store") == 1


@pytest.mark.parametrize("dies", [True, False])
@pytest.mark.parametrize("ok", [True, False])
def test_an_end_is_the_first_of_the_failures(make_world: MakeWorld, *, dies: bool, ok: bool) -> None:
    """A case with a failed finding reports the end of a component first; a case without one passes."""
    made = make_world(ListenerWorld, STORE + LISTEN)
    parts = Parts(made)
    made.world.service.start()
    parts.made["store"].end = Exit(1) if dies else None
    made.world.service.close()
    made.world.require(Finding(ok, "an IPv6 client is answered", "it is refused"))
    if ok:
        made.world.conclude()
        assert len(made.world.findings) == 1
        return
    with pytest.raises(RequirementBroken, match="it is refused"):
        made.world.conclude()
    assert [item.happened.partition(" by")[0] for item in made.world.findings] == [
        *["component store exited with code 1"] * dies,
        "it is refused",
    ]


def test_its_output_is_kept_apart(make_world: MakeWorld) -> None:
    """The journal has it by the component's name if it failed, and never as the service's output."""
    made = make_world(ListenerWorld, STORE + CACHE + LISTEN)
    parts = Parts(made)
    made.world.service.start()
    parts.made["store"].end = Exit(1)
    made.world.service.close()
    assert made.world.journal.component_output == {"store": "fatal: store has no disk\n"}
    assert made.world.journal.output == "fatal: service has no disk"


def test_its_sockets_are_not_the_services(make_world: MakeWorld) -> None:
    """The service's sockets are without them; the record's table has them; facts are about the service's."""
    made = make_world(ListenerWorld, STORE + LISTEN)
    own, other = ROW, replace(ROW, port=6379, component="store")
    made.prober.rows = [own, other]
    assert made.world.service.sockets.read() == (own,)
    assert made.world.service.sockets.seen == (own,)
    assert made.world.journal.sockets == (own, other)
    assert facts_of(made.world).table == (own,)
    assert facts_of(made.world).undeclared == ()


def test_an_end_is_a_fact(make_world: MakeWorld) -> None:
    """The facts have it, and it is the first of their sentences."""
    made = make_world(ListenerWorld, STORE + LISTEN)
    Parts(made, broken="store")
    with pytest.raises(ServiceError):
        made.world.service.start()
    assert facts_of(made.world).component.startswith("component store does not start: it exited with code 1")
