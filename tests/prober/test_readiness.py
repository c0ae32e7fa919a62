"""When a program is ready, decided from what is seen of it, without any lab."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from dualstack.families import BOTH, Family
from dualstack.prober.messages import STARVATION_FACTOR, Await, Exit, Place
from dualstack.prober.readiness import Listener, Waiting
from dualstack.transport import Transport

TCP, UDP = Transport.TCP, Transport.UDP
PORT = 8080
CONDITION = Await(port=PORT, transport=TCP, log=None, timeout=10.0)

DUAL = (TCP, PORT, Listener(frozenset(BOTH)))
IPV4_ONLY = (TCP, PORT, Listener(frozenset({Family.IPV4})))
IPV4_ELSEWHERE = (TCP, PORT + 1, Listener(frozenset({Family.IPV4})))
ELSEWHERE = (TCP, PORT + 1, Listener(frozenset(BOTH)))
DATAGRAMS = (UDP, PORT, Listener(frozenset(BOTH)))
OF_ANOTHER = (TCP, PORT, Listener(frozenset(BOTH), ("other(7)",)))
OF_OTHERS = (TCP, PORT, Listener(frozenset(BOTH), ("other(7)", "another(9)")))


@dataclass(frozen=True)
class Seen:
    """A `View` whose parts are given."""

    how: Exit | None = None
    left: str = ""
    logged: bool = False
    sockets: tuple[tuple[Transport, int, Listener], ...] = ()
    ailments: tuple[str, ...] = ()
    without_processor: float = 0.0
    certain: bool = True

    def exit(self) -> Exit | None:
        """Return how its first process ended."""
        return self.how

    def running(self) -> bool:
        """Return whether a process of it is left."""
        return bool(self.left)

    def over(self) -> bool:
        """Return whether it is certain that none is left."""
        return self.how is not None and not self.left and self.certain

    def has_logged(self) -> bool:
        """Return whether its line has been written."""
        return self.logged

    def listeners(self, transport: Transport, port: int) -> Sequence[Listener]:
        """Return the host's sockets on the port."""
        return [item for *place, item in self.sockets if place == [transport, port]]

    def own_ports(self) -> Sequence[tuple[Transport, int]]:
        """Return the ports of the own sockets."""
        return [(transport, port) for transport, port, item in self.sockets if not item.owners]

    def unhealthy(self) -> Sequence[str]:
        """Return what else it lacks."""
        return self.ailments

    def starved(self) -> float:
        """Return how long it had no processor."""
        return self.without_processor

    def left_behind(self) -> str:
        """Return the names of what it left behind."""
        return self.left


def test_it_is_ready_when_it_lacks_nothing() -> None:
    """A program whose socket listens is ready, and the result says after how long."""
    waiting = Waiting(CONDITION, 100.0)
    assert waiting.look(Seen(), 100.0) is None
    readiness = waiting.look(Seen(sockets=(DUAL,)), 100.5)
    assert readiness is not None
    assert (readiness.ready, readiness.exit, readiness.seconds, readiness.detail) == (True, None, 0.5, "it is ready")


def test_every_condition_must_hold() -> None:
    """Port, line and health are all needed; the health is asked last."""
    waiting = Waiting(replace(CONDITION, log="up"), 0.0)
    sick = Seen(sockets=(DUAL,), logged=True, ailments=("its image's health check is starting",))
    assert waiting.look(Seen(sockets=(DUAL,)), 0.1) is None
    assert waiting.look(Seen(logged=True), 0.2) is None
    assert waiting.look(sick, 0.3) is None
    assert waiting.look(replace(sick, ailments=()), 0.4) is not None


@pytest.mark.parametrize(
    ("seen", "detail"),
    [
        (Seen(), "it is still not listening on TCP port 8080 after 10 s"),
        (
            Seen(sockets=(ELSEWHERE,)),
            "it is still not listening on TCP port 8080 after 10 s; it listens on TCP port 8081",
        ),
        (Seen(sockets=(DATAGRAMS,)), "it is still not listening on TCP port 8080 after 10 s"),
        (Seen(sockets=(OF_ANOTHER,)), "TCP port 8080 belongs to other(7), not to it (after 10 s)"),
        (
            Seen(sockets=(OF_ANOTHER, OF_OTHERS)),
            "TCP port 8080 belongs to other(7), another(9), not to it (after 10 s)",
        ),
        (Seen(sockets=(DUAL,), ailments=("it is ill",)), "it is ill (after 10 s)"),
    ],
    ids=["nothing", "another port", "another transport", "another's", "several owners", "ill"],
)
def test_what_is_missing_when_the_time_is_up(seen: Seen, detail: str) -> None:
    """The result names what the program lacks."""
    waiting = Waiting(CONDITION, 0.0)
    assert waiting.look(seen, 9.9) is None
    readiness = waiting.look(seen, 10.0)
    assert readiness is not None
    assert not readiness.ready
    assert readiness.detail.startswith(detail)


def test_an_end_ends_the_wait() -> None:
    """A program of which nothing is left is not ready, whatever sockets there are."""
    for sockets in ((), (DUAL,)):
        readiness = Waiting(CONDITION, 0.0).look(Seen(how=Exit(3, seconds=0.04), sockets=sockets), 0.05)
        assert readiness is not None
        assert (readiness.ready, readiness.exit) == (False, Exit(3))
        assert readiness.detail == "it exited with code 3 after 40 ms"


def test_an_end_before_the_wait_is_timed_from_the_start() -> None:
    """The result says how long the program ran, also if it had ended when the wait began; if unknown, nothing."""
    for how, detail in (
        (Exit(1, seconds=1.4), "it exited with code 1 after 1.4 s"),
        (Exit(1), "it exited with code 1"),
    ):
        readiness = Waiting(CONDITION, 3.0).look(Seen(how=how), 3.0)
        assert readiness is not None
        assert readiness.detail == detail


def test_what_a_program_leaves_behind_may_be_ready() -> None:
    """A program that daemonises is ready with what it left behind, and is waited for as long as that may be there."""
    waiting = Waiting(CONDITION, 0.0)
    assert waiting.look(Seen(how=Exit(0), left="daemon(9)"), 0.1) is None
    assert waiting.look(Seen(how=Exit(0), certain=False), 0.2) is None
    readiness = waiting.look(Seen(how=Exit(0), left="daemon(9)", sockets=(DUAL,)), 0.3)
    assert readiness is not None
    assert readiness.ready
    assert readiness.detail == "it exited with code 0, and what it left behind is ready: daemon(9)"


def test_the_other_family_is_waited_for() -> None:
    """A family without a socket is waited for from the first socket on, for the grace time and no longer."""
    waiting = Waiting(replace(CONDITION, families=BOTH), 0.0)
    assert waiting.look(Seen(), 5.0) is None
    assert waiting.look(Seen(sockets=(IPV4_ONLY,)), 6.0) is None
    assert waiting.look(Seen(sockets=(IPV4_ONLY,)), 6.9) is None
    readiness = waiting.look(Seen(sockets=(IPV4_ONLY,)), 7.0)
    assert readiness is not None
    assert readiness.ready


@pytest.mark.parametrize("open_ports", [(), (IPV4_ELSEWHERE,)], ids=["closed", "one family"])
def test_other_ports_are_waited_for(open_ports: tuple[tuple[Transport, int, Listener], ...]) -> None:
    """A port that is not open for all its clients is waited for from the first port on, for its time and no longer."""
    waiting = Waiting(replace(CONDITION, others=(Place(PORT + 1, TCP, BOTH),)), 0.0)
    assert waiting.look(Seen(), 5.0) is None
    assert waiting.look(Seen(sockets=(DUAL, *open_ports)), 6.0) is None
    assert waiting.look(Seen(sockets=(DUAL, *open_ports)), 8.9) is None
    readiness = waiting.look(Seen(sockets=(DUAL, *open_ports)), 9.0)
    assert readiness is not None
    assert readiness.ready


def test_open_ports_are_not_waited_for() -> None:
    """A program is ready at once when all its ports are open for all their clients."""
    waiting = Waiting(replace(CONDITION, others=(Place(PORT + 1, TCP, BOTH), Place(PORT, UDP))), 0.0)
    readiness = waiting.look(Seen(sockets=(DUAL, ELSEWHERE, DATAGRAMS)), 0.1)
    assert readiness is not None
    assert readiness.ready


def test_a_starved_program_gets_more_time_for_its_other_ports() -> None:
    """The time for which it had no processor is added, up to a multiple."""
    waiting = Waiting(replace(CONDITION, others=(Place(PORT + 1, TCP),)), 0.0)
    seen = Seen(sockets=(DUAL,), without_processor=2.0)
    assert waiting.look(seen, 1.0) is None
    assert waiting.look(seen, 5.9) is None
    assert waiting.look(seen, 6.0) is not None


def test_a_starved_program_gets_more_time() -> None:
    """The time for which a program had no processor is added to its timeout."""
    waiting = Waiting(CONDITION, 0.0)
    starved = Seen(without_processor=4.0)
    assert waiting.look(starved, 10.0) is None
    assert waiting.left(10.0) == 4.0
    assert waiting.look(starved, 13.9) is None
    assert waiting.look(starved, 14.0) is not None


def test_a_starved_program_gets_no_endless_time() -> None:
    """However long it was starved, a program is waited for no longer than a multiple of its timeout."""
    waiting = Waiting(CONDITION, 0.0)
    starved = Seen(without_processor=1000.0)
    assert waiting.look(starved, 10.0 * STARVATION_FACTOR - 0.1) is None
    assert waiting.look(starved, 10.0 * STARVATION_FACTOR) is not None
