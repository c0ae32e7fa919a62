"""When a run starts no further case."""

import time
from pathlib import Path

from dualstack.stopping import Stopping


def test_time_that_is_used_up(tmp_path: Path) -> None:
    """A run may start cases until its time is up; the reason names the budget."""
    assert Stopping(tmp_path, time.monotonic() + 3600, 3600).reason() == ""
    assert Stopping(tmp_path, time.monotonic() - 1, 30).reason() == "the time budget of 30 s is used up"
    assert Stopping(tmp_path, None, None).reason() == ""


def test_the_first_reason_counts_in_every_process(tmp_path: Path) -> None:
    """Every process sees the first reason, which is removed at the end of the run."""
    mine, others = Stopping(tmp_path, None, None), Stopping(tmp_path, time.monotonic() - 1, 30)
    mine.stop("the first")
    others.stop("the second")
    assert others.reason() == mine.reason() == "the first"
    assert mine.end() == "the first"
    assert list(tmp_path.iterdir()) == []
    assert mine.end() == ""
