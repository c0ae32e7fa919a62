"""The service of a world: what a failed start reports, and how it is started again."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pytest

from dualstack.errors import HarnessError, Inconclusive, ServiceError
from dualstack.lab.protocol import Program
from dualstack.prober.messages import Exit, Launch, Log, Readiness
from dualstack.topology import load_topology
from dualstack.world.listening import ListenerWorld
from dualstack.world.readiness import missing_loopback

if TYPE_CHECKING:
    from tests.world.conftest import MadeUp

MakeWorld = Callable[..., "MadeUp"]

LISTEN = '[[listen]]\nname = "main"\nport = 8080\nprotocol = "echo"\n'
NO_ADDRESS = "bind: Cannot assign requested address"


class Started:
    """A program that becomes ready, or has ended before."""

    def __init__(self, end: Exit | None, text: str = "", *, starved: float | None = None) -> None:
        """Keep the results."""
        self.end, self.text, self.stopped, self.starved = end, text, 0, starved

    def wait_ready(self, _: object) -> Readiness:
        """Return whether it is ready: it is unless it has ended, or was starved."""
        if self.starved is not None:
            return Readiness(False, None, 4.0, "it is not ready", self.starved)
        return Readiness(self.end is None, self.end, 0.1, "ready" if self.end is None else f"it {self.end}")

    def poll(self) -> Exit | None:
        """Return how it ended."""
        return self.end

    def log(self) -> Log:
        """Return its output."""
        return Log(self.text, len(self.text))

    def stop(self, *_: object) -> Exit:
        """Count the calls."""
        self.stopped += 1
        return self.end or Exit(0)


def starting(made: "MadeUp", *programs: Started) -> list[Launch]:
    """Make the service's host start these programs in turn; return the list of their launches."""
    launches, queue = list[Launch](), list(programs)

    def start(launch: Launch) -> Program:
        launches.append(launch)
        return cast("Program", queue.pop(0))

    made.world.host.start = start
    return launches


def test_a_start_that_fails_is_reported_with_its_exit_status_and_log(make_world: MakeWorld) -> None:
    """The error has how the program ended and the line of its output that says why."""
    made = make_world(ListenerWorld, LISTEN)
    starting(made, Started(Exit(1), "hello\nfatal: no disk\n"))
    with pytest.raises(ServiceError, match=r"it exited with code 1.*fatal: no disk"):
        made.world.service.start()
    assert made.world.unstarted
    assert [(item.ready, item.code) for item in made.world.service.launches] == [(False, 1)]


@pytest.mark.parametrize(("starved", "error"), [(2.5, Inconclusive), (1.5, ServiceError)])
def test_a_machine_that_is_too_busy_is_no_fault_of_a_service(
    make_world: MakeWorld, starved: float, error: type[Exception]
) -> None:
    """A service that got no processor for half of its time is not judged by its start."""
    made = make_world(ListenerWorld, LISTEN)
    starting(made, Started(None, starved=starved))
    with pytest.raises(error, match="did not become ready"):
        made.world.service.start()


def test_a_start_stops_the_one_before_and_keeps_its_output(make_world: MakeWorld) -> None:
    """There is one program at a time; the output of those that have ended stays in the journal."""
    made = make_world(ListenerWorld, LISTEN)
    first, second = Started(None, "one\n"), Started(None, "two\n")
    launches = starting(made, first, second)
    made.world.service.start()
    made.world.service.restart()
    assert (first.stopped, second.stopped) == (1, 0)
    assert made.world.service.whole_output == "one\n"
    assert len({launch.scratch for launch in launches}) == 2
    made.world.service.stop()
    assert made.world.journal.output == "one\ntwo"
    assert not made.world.unstarted


def test_without_a_start_there_is_no_program(make_world: MakeWorld) -> None:
    """Its program is an error of the harness; its log and its files are empty."""
    world: Any = make_world(ListenerWorld, LISTEN).world
    with pytest.raises(HarnessError, match="the service was not started"):
        world.service.program.poll()
    with pytest.raises(HarnessError, match="the service was not started"):
        world.service.reload("SIGHUP")
    assert (world.service.log.text, world.service.scratch_texts(), world.service.stop(), world.unstarted) == (
        "",
        "",
        None,
        False,
    )


@pytest.mark.parametrize(
    ("topology", "output", "reported"),
    [
        ("ipv4-only-no-af-inet6", f"x\n{NO_ADDRESS} [::1]:80\n", True),
        ("ipv4-only-no-af-inet6", "no such file", False),
        ("dual-stack", NO_ADDRESS, False),
    ],
)
def test_a_missing_loopback_address_is_reported(topology: str, output: str, reported: bool) -> None:  # noqa: FBT001 - a row of the table
    """It is if the topology lacks one, and the output says that an address does not exist."""
    text = missing_loopback(load_topology(topology), output)
    assert text == (f'; this host has no ::1, and the service says: "{NO_ADDRESS} [::1]:80"' if reported else "")
