"""The journal of a case: steps with their times, output, and a private folder for each start."""

import re

import pytest

from dualstack.prober.messages import Query
from dualstack.world.journal import MOST_QUERIES, Journal


class Clock:
    """A clock that the test moves."""

    now = 1000.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


def test_steps_have_the_time_since_the_clock_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step is noted with seconds; the clock can be started again."""
    clock = Clock()
    monkeypatch.setattr("dualstack.world.journal.time", clock)
    journal = Journal()
    journal.restart_clock()
    clock.now += 0.25
    journal.note("one")
    journal.restart_clock()
    clock.now += 1.5
    journal.note("two")
    assert [str(step) for step in journal.steps] == ["+0.250 s  one", "+1.500 s  two"]
    assert journal.seconds == 1.5


def test_only_the_end_of_the_output_is_kept() -> None:
    """The outputs of all programs are joined, without empty ones, and cut at the beginning."""
    journal = Journal(outputs=["one\n", "", "two"])
    assert journal.output == "one\ntwo"
    journal.outputs.append("x" * 20000)
    assert journal.output == "x" * 16384


def test_each_start_has_its_own_folder() -> None:
    """No two starts of a case share a private folder."""
    journal = Journal()
    folders = [journal.next_scratch() for _ in range(3)]
    assert [re.sub(r".*-", "", folder) for folder in folders] == ["1", "2", "3"]
    assert len(set(folders)) == len(folders)


def test_queries_have_the_time_of_the_case_and_are_bounded() -> None:
    """A query's time counts from the start of the case; only the first ones are kept, however many there are."""
    query = Query(0.25, "2001:db8::1", 40000, "ipv6", "udp", "a-ok.7f3a.lab.test", "A", "NOERROR", 1)
    journal = Journal()
    journal.note_queries([query] * 3, since=1.5)
    assert [item.at for item in journal.queries] == [1.75] * 3
    journal.note_queries([query] * 10_000, since=2.0)
    assert len(journal.queries) == MOST_QUERIES
