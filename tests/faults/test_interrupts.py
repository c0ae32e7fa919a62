"""Runs that are interrupted or killed: what was measured is kept, and nothing is left."""

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dualstack.verdict import Verdict
from tests.report.conftest import misfits

if TYPE_CHECKING:
    from tests.faults.conftest import Site

ONE_CASE = ("--requirement", "LISTEN-001", "--topology", "dual-stack")
SERVE = "serve(bound())"

HOLDS = """\
signal.signal(signal.SIGTERM, signal.SIG_IGN)
tell()
signal.pause()
"""
"""A service that says that it is there and never gets ready; it does not stop when it is asked to, either."""

LONG = {"ready": 600.0, "stop": 600.0}


def two(site: "Site") -> list[str]:
    """Return the manifests of a service that is verified at once, and of one whose case never ends by itself."""
    return [str(site.service("correct", SERVE)), str(site.service("holds", HOLDS, timeouts=LONG))]


def report_again(site: "Site") -> subprocess.CompletedProcess[str]:
    """Run ``dualstack report`` on the newest run."""
    command = [sys.executable, "-P", "-m", "dualstack", "report", str(site.results / "latest")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interrupt_ends_the_run_in_good_order(site: "Site", workers: str, number: signal.Signals) -> None:
    """Ctrl-C (or SIGTERM to the run alone): exit code 130, a report marked as interrupted, nothing left soon after.

    A service that does not react to its stop signal delays nothing, and results.json is as its schema says.
    """
    with site.until_here(*ONE_CASE, "-n", workers, *two(site)) as live:
        live.has_said("[1/2]")
        if number is signal.SIGINT:
            live.send(number)
        else:
            live.process.send_signal(number)
        done = live.done(seconds=9)  # three times what it may take
    assert done.code == 130, done
    assert done.about["interrupted"] is True
    assert done.about["exit_code"] == 130
    assert done.about["planned"] == 2
    done.must_have_kept("correct")
    assert done.records["correct"].verdict is Verdict.PASS
    assert "This run was interrupted" in done.report
    assert "interrupted" in done.out
    assert done.junit.find(".//testcase[@name='the run is complete']/error") is not None
    assert "Traceback" not in done.out + done.err
    assert misfits(done.folder) == []


def test_a_second_interrupt_kills(site: "Site") -> None:
    """A pytest that does not react to the first Ctrl-C is killed by the second one, and the report is written."""
    with site.until_here(*ONE_CASE, "-n", "1", *two(site)) as live:
        pytest_process = live.named("pytest")
        live.freeze(pytest_process)
        live.send(signal.SIGINT)
        live.has_pending(pytest_process, signal.SIGINT)
        live.send(signal.SIGINT)
        done = live.done(seconds=9)
    assert done.code == 130, done
    done.must_have_kept("correct")
    assert "This run was interrupted" in done.report


def test_an_interrupt_before_the_first_result(site: "Site") -> None:
    """An interrupted run without results says so and no more; "latest" still leads to the run that has some."""
    before = site.run(*ONE_CASE, "-n", "1", site.service("correct", SERVE)).folder.resolve()
    with site.until_here(*ONE_CASE, "-n", "1", site.service("holds", HOLDS, timeouts=LONG)) as live:
        seen = "\n".join(site.left(seconds=0))
        assert "holds.py" in seen, "the check for what is left sees processes"
        assert "in a namespace of the run: " in seen, "and the processes in a namespace"
        live.send(signal.SIGINT)
        done = live.done(seconds=9)
    assert done.code == 130, done
    assert done.err == "\ndualstack: interrupted: stopping …\ndualstack: interrupted\n"
    assert done.folder.resolve() == before
    assert len([path for path in site.results.iterdir() if not path.is_symlink()]) == 2


def test_a_killed_run_can_be_reported(site: "Site") -> None:
    """SIGKILL of ``dualstack run`` ends everything; ``dualstack report`` then shows what there was."""
    with site.until_here(*ONE_CASE, "-n", "2", *two(site)) as live:
        live.has_said("[1/2]")
        live.process.kill()
        done = live.done()
    assert done.code == -signal.SIGKILL
    assert site.left() == []
    again = report_again(site)
    assert again.returncode == 0, again
    done.must_have_kept("correct")
    assert "This run was interrupted" in done.report
    assert "1 of 2 planned cases has no result" in done.report


def test_a_killed_pytest_is_reported(site: "Site") -> None:
    """SIGKILL of the pytest that does the work: exit code 3, and the report shows what there was."""
    with site.until_here(*ONE_CASE, "-n", "2", *two(site)) as live:
        live.has_said("[1/2]")
        os.kill(live.named("pytest"), signal.SIGKILL)
        done = live.done()
    assert done.code == 3, done
    done.must_have_kept("correct")
    assert "This run was interrupted" in done.report


def test_a_run_that_was_killed_before_its_first_result(site: "Site") -> None:
    """A report without a single result says so, and shows what is known of the run."""
    with site.until_here(*ONE_CASE, "-n", "1", site.service("holds", HOLDS, timeouts=LONG)) as live:
        live.process.kill()
        done = live.done()
    assert site.left() == []
    assert report_again(site).returncode == 0
    assert "No case was recorded." in done.report
    assert "1 of 1 planned cases has no result" in done.report


def test_an_interrupt_is_noticed_at_once_and_obeyed_in_time(site: "Site") -> None:
    """A pytest that does not react is killed without a second Ctrl-C, and the notice comes before the end."""
    with site.until_here(*ONE_CASE, "-n", "1", *two(site)) as live:
        live.freeze(live.named("pytest"))
        live.send(signal.SIGINT)
        live.has_complained("interrupted: stopping …")
        done = live.done(seconds=9)  # three times what it may take
    assert done.code == 130, done
    done.must_have_kept("correct")


@pytest.mark.parametrize("after", [0.05, 0.15, 0.3, 0.45, 0.6])
def test_an_interrupt_while_it_imports(site: "Site", after: float) -> None:
    """Ctrl-C before anything runs: one line, no traceback, and nothing is left."""
    live = site.start(*ONE_CASE, "-n", "1", site.service("holds", HOLDS, timeouts=LONG))
    live.has_begun()
    with contextlib.suppress(subprocess.TimeoutExpired):
        live.process.wait(after)
    live.send(signal.SIGINT)
    done = live.done(seconds=9)
    assert done.code == 130, done
    assert "interrupted" in done.err
    assert "Traceback" not in done.out + done.err
