"""What suites conclude from counts: connections to foreign sockets, idle connections, busy threads."""

import importlib
from collections import Counter
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any, Self

import pytest

from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.families import Family
from dualstack.finding import Symptom
from dualstack.prober.messages import Dialled, Exit, Idled, Outcome, ResourceUsage, SocketRow, Stage, ThreadTime
from dualstack.world.bulk import OtherReason
from dualstack.world.runs import Run

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


def dialled(outcome: Outcome, status: int, answers: int) -> Dialled:
    """Return how the last request on a connection ended."""
    return Dialled(outcome, "", True, "", 0, "", "", 0.0, "it ended", status, answers=answers)


def test_second_requests_that_differ() -> None:
    """A second request has a worse end if its status is of a worse class, or if it has no answer."""
    module = suite("listen.test_kept_connections")
    served, moved = dialled(Outcome.ANSWERED, 200, 2), dialled(Outcome.ANSWERED, 404, 2)
    broken, ended = dialled(Outcome.WRONG, 500, 2), dialled(Outcome.ANSWERED, 200, 1)
    dropped, cut = dialled(Outcome.SILENT, 0, 1), dialled(Outcome.WRONG, 200, 1)
    for first, second in ((F4, F6), (F6, F4)):
        for better, worse in ((served, moved), (moved, broken), (broken, dropped), (served, ended), (served, cut)):
            assert module.worse_off({first: better, second: worse}) is second
        for one in (served, moved, broken, ended, dropped):
            assert module.worse_off({first: one, second: one}) is None
        assert module.worse_off({first: ended, second: dropped}) is None
    assert module.alike({F4: ended, F6: ended}, None).ok
    finding = module.alike({F4: served, F6: dropped}, F6)
    assert not finding.ok
    assert finding.happened == "over IPv4 it ended; over IPv6 it ended; the IPv6 client is worse off"


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


def test_a_thread_that_begins_is_watched_further() -> None:
    """A thread that begins while others are watched is seen; one that has ended is not."""
    begun = suite("robustness.test_busy_loops").begun
    one, two = ThreadTime(4, 0.0, 0.0), ThreadTime(5, 0.0, 0.0)
    assert begun(usage(1.0, one), usage(1.25, one, two))
    assert not begun(usage(1.0, one, two), usage(1.25, one))


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
    assert [
        loop("after resets", before, after).ok for before, after in ((0, 0.5), (0, 0.51), (0.9, 1), (0.5, 0.9))
    ] == [
        True,
        False,
        True,
        False,
    ]
    assert loop("after resets", 0.04, 0.98).happened == "the busiest thread ran 4% of the time before, 98% after resets"


def test_a_client_of_one_family_that_keeps_a_service_from_ending() -> None:
    """Only a difference between the families breaks LIFE-007: a service may wait for all its clients."""
    alike = suite("lifecycle.test_stop").alike
    assert alike({F4: True, F6: True}, "SIGTERM", 5).ok
    assert alike({F4: False, F6: False}, "SIGTERM", 5).ok
    finding = alike({F4: True, F6: False}, "SIGTERM", 5)
    assert not finding.ok
    assert finding.happened == "while an IPv6 client is connected it does not end, with an IPv4 client it does"


@pytest.mark.parametrize(
    ("fault", "queries", "tried", "symptoms"),
    [
        ("", ("AAAA",), [F6], ()),
        ("", (), [], ()),
        ("it had not", (), [F4, F4, F4], (Symptom.KEPT_ADDRESS,)),
        ("it had not", (), [], (Symptom.NO_RETRY,)),
        ("it had not", ("A", "AAAA"), [], ()),
        ("it had not", ("A", "AAAA"), [F6, F4], ()),
        ("it had not", ("A", "AAAA"), [F4], (Symptom.FAMILY_GIVEN_UP,)),
        ("it had not", ("A", "A"), [], (Symptom.KEPT_FAMILY,)),
    ],
)
def test_what_a_daemon_did_after_a_change(
    fault: str, queries: tuple[str, ...], tried: list[Family], symptoms: tuple[Symptom, ...]
) -> None:
    """It has kept the address if it connects and asks nothing; it has given up if it does neither, or all over IPv4."""
    module = suite("connect.test_daemons")
    finding = module.judged(module.Attempted("it connects", 1.0, 2.0, fault, queries, F6, again=True), tried)
    assert finding.ok is (not fault)
    assert finding.symptoms == symptoms
    assert finding.ok or f"made {len(tried) or 'no'} attempt" in finding.happened


def test_what_a_daemon_asked_for_after_a_change() -> None:
    """The finding says for which types it asked, how often, and which type it never asked for."""
    module = suite("connect.test_daemons")
    done = module.Attempted("it connects", 1.0, 2.0, "it had not connected", ("A", "A", "A"), F6)
    assert module.judged(done, [F4]).happened == (
        "it asked for A (3 times) and never for AAAA, and made 1 attempt to connect; it had not connected"
    )


@pytest.mark.parametrize(
    ("how", "seconds", "excused"),
    [(Exit(1), 8.0, True), (Exit(1), 2.0, False), (None, 25.0, False), (Exit(1), 21.0, True), (Exit(1), 26.0, False)],
)
def test_a_time_limit_of_its_own(how: Exit | None, seconds: float, excused: bool) -> None:  # noqa: FBT001 - a row
    """A run that ends by itself during a look-up is excused if the same client connects with timeout:1."""
    quick = Run("", Exit(0), 2.5, said=True)
    runs = SimpleNamespace(done=[("name", 0.0, quick)])
    world: Any = SimpleNamespace(connector_runs=runs, connector=SimpleNamespace(runs_on=False))
    said = suite("connect.test_resolution").own_limit(world)(Run("it ended", how, seconds, said=True))
    assert bool(said) is excused


def test_a_time_limit_of_a_daemon() -> None:
    """A daemon does not end: if it connects with timeout:1 alone, its own time limit is the reason."""
    runs = SimpleNamespace(done=[("name", 0.0, Run("", None, 2.5, said=True))])
    world: Any = SimpleNamespace(connector_runs=runs, connector=SimpleNamespace(runs_on=True))
    assert "its own time limit" in suite("connect.test_resolution").own_limit(world)(Run("", None, 25.0, said=True))


@pytest.mark.parametrize(
    ("left", "allowed", "ok"),
    [
        ({}, 0, True),
        ({"CLOSE": 1}, 0, False),
        ({"SYN_SENT": 1}, 1, True),
        ({"CLOSE": 1, "SYN_SENT": 1}, 1, False),
        ({"CLOSE_WAIT": 1}, 1, False),
    ],
)
def test_sockets_that_are_left(left: dict[str, int], allowed: int, ok: bool) -> None:  # noqa: FBT001 - a row
    """No failed socket may be open but one of an attempt that is under way, which is never in CLOSE_WAIT."""
    finding = suite("connect.test_failed_sockets").judged(Counter(left), "after 4", allowed)
    assert finding.ok is ok
    assert finding.symptoms == (() if ok else (Symptom.GROWTH,))


@pytest.mark.parametrize(
    ("served", "expected"),
    [
        ([16, 16, 16], (16, 0)),
        ([16, 4, 16, 16, 16, 4], (4, 16)),
        ([16, 8, 16, 8], (8, 8)),
        ([4, 4], (4, 4)),
        ([15, 16, 16], (16, 16)),
    ],
)
def test_clients_of_one_network_are_compared(
    monkeypatch: pytest.MonkeyPatch, served: list[int], expected: tuple[int, int]
) -> None:
    """A control runs only after a loss, as often; and a loss counts only if it is repeated after the control."""
    limits, left = suite("robustness.test_prefix_limits"), iter(served)
    monkeypatch.setattr(limits, "wait_out_limits", lambda: None)

    def count_served(_: object, sources: list[str]) -> tuple[int, str]:
        count = next(left)
        return count, "" if count == len(sources) else "no answer"

    monkeypatch.setattr(limits, "count_served", count_served)
    found = limits.compare(None, ["2001:db8::1"] * 16, lambda: ["2001:db8::2"] * 16)
    assert (found.answered, found.least) == expected
    assert not list(left)


@pytest.mark.parametrize(
    ("lost", "alike"), [([0], False), ([3], True), ([0, 9], False), ([4, 9], False), ([5, 9], True), ([9, 5], True)]
)
def test_losses_of_all_families_alike(lost: list[int], alike: bool) -> None:  # noqa: FBT001 - a row of the table
    """A limit for all clients costs each family exchanges, and none more than twice as many as another."""
    assert suite("robustness.test_concurrent_clients").lost_alike(lost) is alike


class Moving:
    """A server that moves, without a lab; and the daemon that follows it to some of the families."""

    def __init__(self, follows: set[Family]) -> None:
        """Begin at an IPv4 address, with a name that has it."""
        self.follows, self.at, self.fault = follows, F4, ""
        self.name, self.serving = "a.lab.test", object()
        self.names = SimpleNamespace(queries=lambda: [SimpleNamespace(record="AAAA")])

    def move(self, family: Family, *_: Family) -> None:
        """Move to a family's address."""
        self.at = family

    def wait_ready(self) -> bool:
        """Be ready."""
        return True

    def exchange(self, *_: object) -> bool:
        """Return whether the daemon reaches the server where it is."""
        self.fault = "" if self.at in self.follows else "no exchange came"
        return not self.fault

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave."""


def world_of(moving: Moving) -> Any:
    """Return a world in which this daemon runs."""
    return SimpleNamespace(
        subject=SimpleNamespace(manifest=SimpleNamespace(timeouts=SimpleNamespace(connect=1, reconnect=1))),
        connector_runs=SimpleNamespace(running=lambda *_: moving),
        connector=SimpleNamespace(trigger=object()),
    )


@pytest.mark.parametrize(
    ("follows", "expected"),
    [({F4, F6}, [True, True, True]), ({F4}, [False]), ({F6}, [])],
    ids=["both", "not to IPv6", "not even at first"],
)
def test_a_server_moves_to_the_other_family_and_back(
    monkeypatch: pytest.MonkeyPatch, follows: set[Family], expected: list[bool]
) -> None:
    """A daemon that follows is moved back and again; one that does not is not asked again, nor one that never came."""
    module, moving = suite("connect.test_daemons"), Moving(follows)
    monkeypatch.setattr(module, "MovingServer", lambda *_, **__: moving)
    world = world_of(moving)
    if not expected:
        with pytest.raises(NothingToJudge, match="CONNECT-004"):
            list(module.when_server_moves(world))
        return
    done = list(module.when_server_moves(world))
    assert [not item.fault for item in done] == expected
    assert [(item.family, bool(item.again)) for item in done] == [(F6, False), (F4, False), (F6, True)][: len(expected)]


@pytest.mark.parametrize(
    ("back", "stale", "ok"),
    [(2, [], True), (2, ["192.0.2.1"], True), (1, [], True), (1, ["192.0.2.1"], False)],
    ids=["all", "all, and an attempt", "one is not needed", "one still tries the old address"],
)
def test_each_connection_follows(back: int, stale: list[str], *, ok: bool) -> None:
    """A daemon may keep fewer connections than before, but none that still tries an address that is gone."""
    module = suite("connect.test_daemons")
    done = module.Attempted("it follows", 100.0, 110.0, "", ("A",), F6, lost=2, back=back)
    finding = module.judged(done, [F6], stale)
    assert finding.ok is ok
    assert ("of 2 connections 1 came back" in finding.happened) is not ok
    assert finding.symptoms == (() if ok else (Symptom.KEPT_ADDRESS,))


def test_a_daemon_that_stays_with_ipv6_keeps_its_family(monkeypatch: pytest.MonkeyPatch) -> None:
    """It followed to IPv6, and then asks for AAAA only: the second finding fails, and says that it kept its family."""
    module, moving = suite("connect.test_daemons"), Moving({F4, F6})
    plain = moving.move

    def move(family: Family, *named: Family) -> None:
        """Move; the daemon does not follow back."""
        plain(family, *named)
        moving.follows.discard(family.other)

    moving.move = move  # type: ignore[method-assign]  # the daemon's bug
    monkeypatch.setattr(module, "MovingServer", lambda *_, **__: moving)
    world = world_of(moving)
    first, back = (module.judged(item, [F6]) for item in module.when_server_moves(world))
    assert first.ok
    assert not back.ok
    assert back.symptoms == (Symptom.KEPT_FAMILY,)
    assert "from IPv6 to IPv4" in back.expected


def test_a_declared_bulk_answer_that_arrives_nowhere_is_not_passed_over() -> None:
    """Nothing is known of the path if no family gets the answer to bulk_send; a request of the lab's own needs none."""
    unjudged = suite("transition.test_path_mtu").unjudged
    cut = OtherReason("on the link too", replace(dialled(Outcome.WRONG, 0, 1), detail="78129 of 6000000 bytes came"))
    small = OtherReason("a small answer does not arrive either")
    declared, usual = (SimpleNamespace(listener=SimpleNamespace(bulk_send=send)) for send in ("/big", None))
    assert isinstance(unjudged(declared, [cut, cut]), Inconclusive)
    assert "78129 of 6000000" in str(unjudged(declared, [cut, cut]))
    assert isinstance(unjudged(declared, [cut, small]), NothingToJudge)
    assert isinstance(unjudged(usual, [cut, cut]), NothingToJudge)


def test_a_declared_large_answer_that_arrives_nowhere_is_not_passed_over() -> None:
    """The same holds for large_send."""
    routed = suite("listen.test_routed_clients")
    declared, usual = (SimpleNamespace(listener=SimpleNamespace(large_send=send)) for send in ("/large", None))
    assert isinstance(routed.unjudged(declared, {routed.NOT_ON_LINK}), Inconclusive)
    assert isinstance(routed.unjudged(declared, {routed.NOT_ON_LINK, "a small one fails"}), NothingToJudge)
    assert isinstance(routed.unjudged(usual, {routed.NOT_ON_LINK}), NothingToJudge)
