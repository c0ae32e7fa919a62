"""Parts of the harness that die in the middle of a case: the case is a harness error, and the others run."""

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from dualstack.verdict import Verdict

if TYPE_CHECKING:
    from tests.faults.conftest import Site

ONE_CASE = ("--requirement", "LISTEN-001", "--topology", "dual-stack")
SERVE = "serve(bound())"

HOLDS = "tell()\nsignal.pause()"

WAITS = """\
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
server = bound()
tell()
signal.sigwait({signal.SIGUSR1})
serve(server)
"""
"""A service that listens and reports it, and serves after SIGUSR1."""

SITE_CUSTOMIZE = """\
from pathlib import Path

from dualstack.lab.netns import NetnsBackend

make = NetnsBackend.up

def up(self, topology):
    lab = make(self, topology)
    with lab.hosts["service"].inside("sitecustomize:spoil") as stream:
        assert stream.recv(1) == b"!"
    return lab

def spoil(stream):
    Path("/proc/sys/net/ipv6/bindv6only").write_text("1")
    stream.sendall(b"!")

NetnsBackend.up = up
"""
"""Has every Python process of the run spoil the labs that it makes."""


def parent(pid: int) -> int:
    """Return the parent of a process."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat[stat.rindex(")") + 2 :].split()[1])


def test_a_killed_worker_loses_its_case_only(site: "Site") -> None:
    """SIGKILL of one xdist worker: its case is a harness error that says so, every other case is run; exit code 3."""
    names = ["holds", "first", "second", "third"]
    manifests = [site.service(name, HOLDS if name == "holds" else SERVE) for name in names]
    with site.until_here(*ONE_CASE, "-n", "2", *manifests) as live:
        controller, worker = live.named("pytest"), live.find("holds.py")
        while parent(worker) != controller:
            worker = parent(worker)
        os.kill(worker, signal.SIGKILL)
        done = live.done()
    assert done.code == 3, done
    done.must_have_kept(*names)
    assert done.records["holds"].verdict is Verdict.HARNESS_ERROR
    assert "crashed while running" in done.records["holds"].reason
    assert {done.records[name].verdict for name in names[1:]} == {Verdict.PASS}
    assert "HARNESS ERROR" in done.out.upper()


def test_a_killed_supervisor_loses_its_case_only(site: "Site") -> None:
    """SIGKILL of the process that keeps the namespaces: a harness error that names it; the next case gets a new one."""
    with site.until_here(*ONE_CASE, "-n", "1", site.service("holds", HOLDS), site.service("correct", SERVE)) as live:
        os.kill(live.named("lab supervisor"), signal.SIGKILL)
        done = live.done()
    assert done.code == 3, done
    done.must_have_kept("holds", "correct")
    assert done.records["holds"].verdict is Verdict.HARNESS_ERROR
    assert "the lab or the agent was ended" in done.records["holds"].reason
    assert done.records["correct"].verdict is Verdict.PASS, done.records["correct"].reason


def test_a_killed_recorder_is_no_pass(site: "Site") -> None:
    """SIGKILL of the process that records packets: a harness error, although every exchange succeeded."""
    with site.until_here(*ONE_CASE, "-n", "1", site.service("waits", WAITS)) as live:
        os.kill(live.recorder(), signal.SIGKILL)
        os.kill(live.named("here"), signal.SIGUSR1)
        done = live.done()
    assert done.code == 3, done
    done.must_have_kept("waits")
    record = done.records["waits"]
    assert record.verdict is Verdict.HARNESS_ERROR
    assert "the recorder of host service has died" in record.reason
    assert record.works == {"ipv4": True, "ipv6": True}


def test_a_broken_lab_says_nothing_of_the_service(site: "Site") -> None:
    """A lab that is not what its topology claims: broken lab, naming the proof; the service is not even started."""
    spoilt = site.folder / "spoilt"
    spoilt.mkdir()
    (spoilt / "sitecustomize.py").write_text(SITE_CUSTOMIZE)
    done = site.run(*ONE_CASE, site.service("correct", SERVE), PYTHONPATH=str(spoilt))
    assert done.code == 3, done
    done.must_have_kept("correct")
    record = done.records["correct"]
    assert record.verdict is Verdict.BROKEN_LAB
    assert "lab proof 'no-bindv6only' failed on host 'service'" in record.reason
    assert not record.steps
    assert not record.works
