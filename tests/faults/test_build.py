"""Builds that fail: nothing is judged, the command and the tail of its output are shown, exit code 2."""

import json
import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.faults.conftest import Site

ONE_CASE = ("--requirement", "LISTEN-001", "--topology", "dual-stack")
SERVE = "serve(bound())"

FAILS = """\
for number in range(20_000):
    print("compiling", number)
print("error: undeclared identifier")
sys.exit(7)
"""

HANGS = """\
if os.fork():
    os.wait()
tell()
say("linking")
signal.pause()
"""
"""A build whose child hangs while it waits for it, as make and a compiler do."""


def building(site: "Site", code: str, timeouts: Mapping[str, float] | None = None) -> str:
    """Write a service whose build runs ``code``; return the manifest."""
    site.service("builder", code)
    script = site.folder / "builder.py"
    words = ["{python}", "-I", "-S", str(script), site.token]
    return str(site.service("built", SERVE, service=f"build = [{json.dumps(words)}]", timeouts=timeouts or {}))


def test_a_failing_build_is_shown(site: "Site") -> None:
    """The manifest, the command, its exit code and the end of its output are shown; no case is run."""
    done = site.run(*ONE_CASE, building(site, FAILS))
    assert done.code == 2, done
    assert ": service.build[0]: " in done.err
    assert "builder.py" in done.err
    assert "exit code 7\n" in done.err
    assert "\nerror: undeclared identifier" in done.err
    assert len(done.err) < 6000
    assert not (done.folder / "records.jsonl").exists()


def test_a_hanging_build_is_ended(site: "Site") -> None:
    """After its timeout the build is killed with all its children, and the error says how long it was given."""
    done = site.run(*ONE_CASE, building(site, HANGS, {"build": 1.0}))
    assert done.code == 2, done
    assert ": service.build[0]: " in done.err
    assert "not done in 1 s" in done.err
    assert "linking" in done.err, "what it printed until then"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_build_ends_with_the_run(site: "Site", how: signal.Signals) -> None:
    """Ctrl-C and SIGKILL of the run end the build and its children too."""
    with site.until_here(*ONE_CASE, building(site, HANGS)) as live:
        if how is signal.SIGINT:
            live.send(how)
        else:
            live.process.kill()
        done = live.done()
    assert done.code == (130 if how is signal.SIGINT else -how)
