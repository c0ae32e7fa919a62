"""What a run's processes know of the starts of its services: found out once, shared, and waited for."""

import threading
from pathlib import Path

import pytest

from dualstack.manifest import subjects_of
from dualstack.plan import PlannedCase, plan_cases
from dualstack.startup import WHOLE, Startups
from dualstack.suites import requirement

MANIFEST = """\
schema = 1
[service]
name = "made-up"
command = ["./server"]
[[listen]]
name = "main"
port = 8080
[[listen]]
name = "second"
port = 8081
"""


def cases(tmp_path: Path) -> list[PlannedCase]:
    """Return a case of each listener."""
    path = tmp_path / "service.toml"
    path.write_text(MANIFEST, encoding="utf-8")
    return [case for case in plan_cases(requirement("LISTEN-001"), subjects_of(path)) if case.topology == "dual-stack"]


def test_the_whole_service_blocks_every_case(tmp_path: Path) -> None:
    """Why a service does not start is the reason of every case of it, in every process; another service has none."""
    Startups(tmp_path, alone=True).note("made-up", {WHOLE: "it exited with code 78"})
    reasons = {Startups(tmp_path, alone=True).blocking(case) for case in cases(tmp_path)}
    assert reasons == {"the service does not start (START-001): it exited with code 78"}
    assert Startups(tmp_path, alone=True).known("other") is None


def test_a_part_blocks_its_own_cases(tmp_path: Path) -> None:
    """A listener whose port is closed blocks its own cases alone."""
    startups = Startups(tmp_path, alone=True)
    startups.note("made-up", {"second": "TCP port 8081 is still closed"})
    assert [startups.blocking(case) for case in cases(tmp_path)] == [
        "",
        "second does not start (START-001): TCP port 8081 is still closed",
    ]


def test_a_connector_that_completed_is_known(tmp_path: Path) -> None:
    """The start says which connectors completed an exchange; before it, or if it does not say, that is not known."""
    first, second = cases(tmp_path)
    startups = Startups(tmp_path, alone=True)
    assert startups.completes(first) is None
    startups.note("made-up", {}, {"second"})
    assert (startups.completes(first), startups.completes(second)) == (False, True)
    (other := Startups(tmp_path / "other", alone=True)).note("made-up", {})
    assert other.completes(first) is None


def test_what_was_found_first_stays(tmp_path: Path) -> None:
    """A second word about a service changes nothing: each of its cases is judged by the same."""
    startups = Startups(tmp_path, alone=True)
    startups.note("made-up", {})
    startups.note("made-up", {WHOLE: "later"})
    assert startups.known("made-up") == {}


def test_another_process_is_waited_for(tmp_path: Path) -> None:
    """A case waits until whichever process has the start of its service has found it out."""
    startups = Startups(tmp_path, alone=False)
    startups.expect(frozenset({"made-up"}))
    other = threading.Timer(0.2, lambda: Startups(tmp_path, alone=False).note("made-up", {WHOLE: "it is gone"}))
    other.start()
    assert startups.blocking(cases(tmp_path)[0]).endswith(": it is gone")
    other.join()


def test_a_process_that_is_gone_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the other process is gone, the wait ends, and the service's other cases do not wait again."""
    monkeypatch.setattr("dualstack.startup._WAIT", -1e9)
    startups = Startups(tmp_path, alone=False)
    startups.expect(frozenset({"made-up"}))
    first, second = cases(tmp_path)
    assert startups.blocking(first) == ""
    monkeypatch.setattr("dualstack.startup._WAIT", 1e9)
    assert startups.blocking(second) == ""


def test_what_is_not_part_of_the_run_is_found_out_once(tmp_path: Path) -> None:
    """The first case that asks has it found out; all later ones, in any process, get the same."""
    looks = []

    def look() -> dict[str, str]:
        """Count a look."""
        looks.append(1)
        return {WHOLE: "it hangs"}

    first, second = cases(tmp_path)
    assert Startups(tmp_path, alone=False).blocking(first) == ""
    for case in (first, second):
        assert Startups(tmp_path, alone=False).determine(case, look).endswith(": it hangs")
    assert len(looks) == 1


def test_a_full_disk_blocks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written down is not waited for: every case is judged by itself."""

    def full(*_: object, **__: object) -> int:
        """Write nothing."""
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    startups = Startups(tmp_path, alone=False)
    startups.note("made-up", {WHOLE: "it hangs"})
    assert startups.known("made-up") == {}
