"""What suites conclude from counts: connections to foreign sockets, idle connections, busy threads."""

import importlib
from types import ModuleType

import pytest

from dualstack.families import Family
from dualstack.prober.messages import Idled, Outcome, ResourceUsage, SocketRow, Stage, ThreadTime

F4, F6 = Family.IPV4, Family.IPV6


def suite(name: str) -> ModuleType:
    """Return the module of a suite."""
    return importlib.import_module(f"dualstack.content.suites.{name}")


def row(address: str, port: int = 8080) -> SocketRow:
    """Return a listening socket of the service."""
    family = "ipv6" if ":" in address else "ipv4"
    return SocketRow(family, "tcp", "LISTEN", address, port, "", None, "server(2)")


def test_a_port_that_is_taken_from_the_service() -> None:
    """A client that reaches a foreign socket deviates, unless several sockets of the service share an address."""
    sharing = suite("security.test_port_sharing").sharing
    single = [row("0.0.0.0"), row("::"), row("0.0.0.0", 8081)]
    assert sharing(single, 8080, "[::]:8080", "so it was", 0).ok
    assert not sharing(single, 8080, "[::]:8080", "so it was", 1).ok
    assert not sharing([], 8080, "[::]:8080", "so it was", 16).ok
    shared = sharing([*single, row("::")], 8080, "[::]:8080", "so it was", 9)
    assert shared.ok
    assert shared.happened.endswith(
        "the service itself has 2 sockets on [::]:8080, so that it shares its port on purpose"
    )


def idled(lived: float, *, ended: bool = True, outcome: Outcome = Outcome.ANSWERED, connected: bool = True) -> Idled:
    """Return how long a client kept its connection."""
    return Idled(outcome, connected, lived, ended)


def test_idle_times_that_differ() -> None:
    """A family whose connections all end well before any of the other deviates; in every other case none does."""
    alike = suite("robustness.test_idle_connections").alike
    open_still, early, late = idled(3.5, ended=False), idled(1.0), idled(2.6)
    for first, second in ((F4, F6), (F6, F4)):
        for other in (open_still, late):
            finding = alike({first: [early, early], second: [other, other]}, "on which nothing was sent")
            assert not finding.ok
            assert f"over {first.label} ended by the service after 1.0 s and 1.0 s" in finding.happened
    assert alike({F4: [open_still], F6: [open_still]}, "x").ok
    assert alike({F4: [early, open_still], F6: [open_still]}, "x").ok
    assert alike({F4: [early], F6: [idled(2.4)]}, "x").ok
    assert alike({F4: [early, early], F6: [early, open_still]}, "x").ok
    assert alike({F4: [idled(0.0)], F6: [idled(1.0)]}, "x").ok
    assert not alike({F4: [idled(0.0)], F6: [idled(1.1, ended=False)]}, "x").ok


def test_who_has_a_connection_to_be_silent_on() -> None:
    """After an exchange only answered connections count; before one, all that have connected."""
    counts = suite("robustness.test_idle_connections").counts
    silent = idled(1.0, outcome=Outcome.SILENT)
    assert counts(Stage.CONNECTED, silent)
    assert not counts(Stage.ANSWERED, silent)
    assert not counts(Stage.CONNECTED, idled(1.0, connected=False))


def usage(at: float, *times: ThreadTime) -> ResourceUsage:
    """Return a snapshot of the threads of a program."""
    return ResourceUsage(1, 3, 0, thread_times=times, at=at)


@pytest.mark.parametrize(
    ("running", "waiting", "expected"),
    [
        (0.25, 0.0, 1.0),
        (0.03, 0.22, 1.0),
        (0.006, 0.244, 1.0),
        (0.05, 0.0, 0.2),
        (0.05, 0.15, 0.5),
        (0.001, 0.2, 1.0),
        (0.001, 0.1, 0.0),
        (0.0, 0.0, 0.0),
    ],
)
def test_share_of_the_time_that_a_thread_had(running: float, waiting: float, expected: float) -> None:
    """The share is the running time without the waits for a CPU; it is 0 for a thread that was hardly runnable."""
    share = suite("robustness.test_busy_loops").share
    others = ThreadTime(5, 1.0, 0.0)
    first, last = (
        usage(7.0, ThreadTime(4, 2.0, 1.0), others),
        usage(7.25, ThreadTime(4, 2.0 + running, 1.0 + waiting), others),
    )
    assert share(first, last) == pytest.approx(expected)


def test_threads_that_come_and_go_have_no_share() -> None:
    """Only a thread in both snapshots is judged; without one the share is 0."""
    share = suite("robustness.test_busy_loops").share
    assert share(usage(1.0, ThreadTime(4, 0.0, 0.0)), usage(1.25, ThreadTime(5, 0.25, 0.0))) == 0.0
    assert share(usage(1.0), usage(1.25)) == 0.0


def test_a_thread_that_waits_for_a_processor_may_be_busy() -> None:
    """The kernel has not yet counted the wait of a runnable thread, so the thread counts as busy."""
    share = suite("robustness.test_busy_loops").share
    assert share(usage(1.0, ThreadTime(4, 0.0, 0.0)), usage(1.25, ThreadTime(4, 0.03, 0.0, runnable=True))) == 1.0


def test_a_busy_loop_from_before_does_not_deviate() -> None:
    """A thread that is busy after the errors deviates, unless one was busy before."""
    loop = suite("robustness.test_busy_loops").loop
    assert [loop("resets", before, after).ok for before, after in ((0, 0.5), (0, 0.51), (0.9, 1), (0.5, 0.9))] == [
        True,
        False,
        True,
        False,
    ]
    assert loop("resets", 0.04, 0.98).happened == "the busiest thread ran 4% of the time before, 98% after"
