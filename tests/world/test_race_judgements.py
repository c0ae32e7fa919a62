"""What the suites conclude from races, and when a run may be stopped: without a lab."""

import importlib
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired, Inconclusive, NothingToJudge
from dualstack.families import Family
from dualstack.prober.messages import Exit, ResourceUsage
from dualstack.transport import Transport
from dualstack.wire.attempts import Attempt, Fate
from dualstack.wire.evidence import CaptureData
from dualstack.wire.flows import Flow
from dualstack.wire.racing import Lookup, Race
from dualstack.world import races as module
from dualstack.world.patience import Patience

F4, F6 = Family.IPV4, Family.IPV6


def suite(name: str) -> ModuleType:
    """Return the module of a suite."""
    return importlib.import_module(f"dualstack.content.suites.connect.{name}")


def attempt(family: Family, at: float, fate: Fate = Fate.UNANSWERED, address: str = "") -> Flow:
    """Return a connection; an answered one carries data at once."""
    decided = None if fate is Fate.UNANSWERED else at
    made = Attempt(
        family, Transport.TCP, "", 1, address or family.value, 80, 7, (at,), fate, None, "", (), decided=decided
    )
    sent = fate is Fate.ANSWERED
    return Flow(made, sent=5 * sent, first_sent=at if sent else None)


def race(*flows: Flow, until: float = 60.0, lookups: tuple[Lookup, ...] = ()) -> Race:
    """Return a race."""
    return Race(lookups, flows, until)


def test_the_delay_of_a_client_that_falls_back() -> None:
    """A delay inside the limits is one; a longer one, and none at all, deviate."""
    judged = suite("test_attempt_delay").judged
    assert judged(F6, (race(attempt(F6, 0), attempt(F4, 0.25, Fate.ANSWERED)),)).ok
    assert not judged(F6, (race(attempt(F6, 0), attempt(F4, 5.0)),)).ok
    assert not judged(F6, (race(attempt(F6, 0)),)).ok
    assert not judged(F6, (race(attempt(F6, 0), attempt(F4, 0.05)),)).ok
    both = (Lookup("A", (0.0,), 0.1), Lookup("AAAA", (0.0,), 0.1))
    assert judged(F4, (race(attempt(F4, 0), attempt(F6, 0.25, Fate.ANSWERED), lookups=both),)).ok
    assert not judged(F4, (race(attempt(F4, 0), lookups=both),)).ok


def test_a_client_with_a_limit_for_each_address() -> None:
    """Who tries one address after the other passes if the limit is 2 s, with 100 ms for a machine that is busy."""
    judged = suite("test_attempt_delay").judged
    assert judged(F6, (race(attempt(F6, 0), attempt(F4, 2.05, Fate.ANSWERED)),)).ok
    assert not judged(F6, (race(attempt(F6, 0), attempt(F4, 2.15, Fate.ANSWERED)),)).ok


def test_what_the_delay_is_not_about() -> None:
    """Another requirement is about clients that try both addresses at once, or never ask for AAAA.

    One that begins with the address that works is not delayed.
    """
    judged = suite("test_attempt_delay").judged
    with pytest.raises(NothingToJudge, match="over IPv4"):
        judged(F6, (race(attempt(F4, 0, Fate.ANSWERED)),))
    with pytest.raises(NothingToJudge, match="DNS-004"):
        judged(F6, (race(attempt(F6, 0), attempt(F4, 0.001)), race(attempt(F6, 0), attempt(F4, 0.009))))
    with pytest.raises(NothingToJudge, match="DNS-001"):
        judged(F4, (race(attempt(F4, 0), lookups=(Lookup("A", (0.0,), 0.1),)),))
    with pytest.raises(Inconclusive):
        judged(F6, (race(),))


def test_a_client_that_ends_after_one_address() -> None:
    """It waits for nothing, so the families' order is not what is wrong with it; its missing attempt is a deviation."""
    ended = replace(race(attempt(F6, 0), until=1.7), ended="exited with code 1")
    assert not suite("test_attempt_delay").judged(F6, (ended,)).ok
    with pytest.raises(NothingToJudge, match="DNS-003"):
        suite("test_attempts").ordered(F6, ended)


def world_of(monkeypatch: pytest.MonkeyPatch, name: str, *found: Race) -> Any:
    """Return a world whose runs are these races, for the suite of that name."""
    monkeypatch.setattr(suite(name), "races", lambda *_: found)
    return SimpleNamespace()


def test_the_order_of_families() -> None:
    """A client that is too slow for three attempts, or begins with the family that works, shows no order."""
    ordered = suite("test_attempts").ordered
    slow = race(attempt(F6, 0, address="a"), attempt(F6, 2.2, address="b"), attempt(F6, 4.4, address="c"))
    for found in (race(attempt(F6, 0)), slow):
        with pytest.raises(NothingToJudge, match="DNS-002"):
            ordered(F6, found)
    with pytest.raises(NothingToJudge, match="over IPv4"):
        ordered(F6, race(attempt(F4, 0)))
    prompt = race(attempt(F6, 0, address="a"), attempt(F6, 2.0, address="b"), attempt(F6, 4.0, address="c"))
    assert ordered(F6, prompt) is prompt


def test_the_race_that_has_a_loser(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last run counts; without a second attempt none has lost."""
    contested = suite("test_losers").contested
    alone = race(attempt(F6, 0, Fate.ANSWERED))
    both = race(attempt(F6, 0), attempt(F4, 0.25, Fate.ANSWERED))
    assert contested(world_of(monkeypatch, "test_losers", alone, both), None) is both
    with pytest.raises(NothingToJudge, match="no second attempt"):
        contested(world_of(monkeypatch, "test_losers", both, alone), None)


@pytest.mark.parametrize(
    ("lookups", "delay"),
    [
        ((Lookup("A", (0.0,), 0.1), Lookup("AAAA", (0.0,), 0.4)), 0.1),
        ((Lookup("A", (0.0,), 0.1), Lookup("AAAA", (0.0,))), 0.1),
        ((Lookup("A", (0.0,), 0.1), Lookup("AAAA", (0.0,), 0.15)), None),
        ((Lookup("A", (0.0,)), Lookup("AAAA", (0.0,), 0.4)), None),
        ((), None),
    ],
)
def test_the_resolution_delay(lookups: tuple[Lookup, ...], delay: float | None) -> None:
    """It counts from the A answer, if the first attempt comes before the AAAA answer."""
    found = suite("test_resolution_delay").resolution_delay(race(attempt(F4, 0.2), lookups=lookups))
    assert found == (None if delay is None else pytest.approx(delay))


class Impaired:
    """Impairments whose hits are given."""

    def __init__(self, *hits: list[int]) -> None:
        """Keep what `hits` returns, one after the other."""
        self.left = list(hits)

    def forget_hits(self) -> None:
        """Do nothing."""

    def hits(self) -> list[int]:
        """Return the next ones."""
        return self.left.pop(0)


def test_when_a_run_may_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run may be stopped some seconds after its first attempt, or when it has tried enough dead addresses."""
    now = [0.0]
    monkeypatch.setattr("dualstack.world.races.time.monotonic", lambda: now[0])
    enough = module.tried_for(Impaired([0, 0], [1, 0], [2, 0], [2, 0]), 2.0)  # type: ignore[arg-type]
    answers = []
    for seconds in (0.0, 5.0, 6.9, 7.1):
        now[0] = seconds
        answers.append(enough())
    assert answers == [False, False, False, True]
    many = module.tried_for(Impaired([1, 0, 0], [3, 2, 0], [3, 2, 1]), 100.0, 3)  # type: ignore[arg-type]
    assert [many(), many(), many()] == [False, False, True]


def test_a_run_is_stopped_when_it_has_shown_enough() -> None:
    """The end of a program is awaited until its packets show enough, and in any case until the deadline."""
    end = Exit(0, "")
    waited: list[float] = []

    def program(ends_after: int) -> Any:
        def wait(deadline: Deadline) -> Exit:
            waited.append(deadline.remaining)
            if len(waited) > ends_after:
                return end
            raise DeadlineExpired("the connector to end")

        waited.clear()
        return SimpleNamespace(wait=wait, resource_usage=lambda: ResourceUsage(1, 3, 0))

    def end_of(ends_after: int, enough: Callable[[], bool] | None) -> Exit:
        return Patience(program(ends_after), 10.0, "it to end").await_end(enough)

    assert end_of(2, lambda: False) is end
    assert len(waited) == 3
    with pytest.raises(DeadlineExpired):
        end_of(2, lambda: True)
    assert len(waited) == 1
    assert end_of(0, None) is end
    assert waited[0] > 9


@pytest.mark.parametrize(("processes", "zombies"), [(0, 0), (1, 1)])
def test_a_program_that_ends_at_its_deadline_has_ended(processes: int, zombies: int) -> None:
    """A program whose processes have ended when its time is up is waited for: how long it had no CPU is lost."""
    end, waited = Exit(0, ""), []

    def wait(deadline: Deadline) -> Exit:
        waited.append(deadline)
        if len(waited) == 1:
            raise DeadlineExpired("the connector to end")
        return end

    program: Any = SimpleNamespace(wait=wait, resource_usage=lambda: ResourceUsage(processes, 0, zombies))
    assert Patience(program, 0.5, "it to end").await_end() is end
    alive: Any = SimpleNamespace(wait=wait, resource_usage=lambda: ResourceUsage(1, 3, 0))
    waited.clear()
    with pytest.raises(DeadlineExpired):
        Patience(alive, 0.5, "it to end").await_end()


def test_without_the_client_of_known_delay_the_error_is_unknown(tmp_path: Any) -> None:
    """A measured time needs the error of the measurement."""
    with pytest.raises(Inconclusive, match="client of known delay did not run"):
        module.error_of(CaptureData(tmp_path / "x.pcap", ()))


def test_addresses_of_the_peer_are_added_once() -> None:
    """A test may ask twice for more addresses of the peer: those that it has already are not added again."""
    planned = ("192.0.2.1", "192.0.2.2", "192.0.2.3")
    present = [SimpleNamespace(address=planned[0])]
    peer = SimpleNamespace(
        plan=SimpleNamespace(planned={F4: planned}),
        prober=SimpleNamespace(addresses=lambda: present),
        apply=lambda change: present.append(SimpleNamespace(address=change.address)),
    )
    world: Any = SimpleNamespace(peer=peer)
    assert module.addresses_of_peer(world, F4, 2) == planned[:2]
    assert module.addresses_of_peer(world, F4, 3) == planned
    assert [row.address for row in present] == list(planned)


@pytest.mark.parametrize("family", [F4, F6])
def test_a_client_without_an_attempt_shows_no_order(family: Family) -> None:
    """A client that makes no attempt is not judged, and nothing is said of its queries or of its first family."""
    with pytest.raises(Inconclusive, match="no connection attempt"):
        module.first_over(family, [race(), race()])
