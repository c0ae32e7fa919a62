"""A run's folder: where it is, what it says of the run, and the error when it cannot be made."""

import hashlib
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dualstack import __version__, session
from dualstack.errors import HarnessError, UsageError
from dualstack.manifest import subjects_of
from dualstack.plan import EVERYTHING, Selection, plan_cases
from dualstack.results import RUN
from dualstack.runinfo import RunInfo
from dualstack.session import RunSession, open_session, rerun_command
from dualstack.suites import requirement, requirements

MANIFEST = """\
schema = 1
[service]
name = "made-up"
summary = "Größe"
command = ["./server"]
[[listen]]
name = "main"
port = 8080
families = ["ipv6"]
"""

ODD = "a results folder \N{EN DASH} größe 日本"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Write a manifest."""
    path = tmp_path / "my service.toml"
    path.write_text(MANIFEST, encoding="utf-8")
    return path


def entered(opened: RunSession) -> dict[str, Any]:
    """Write what is known of a run, and read it back."""
    opened.describe(requirements(), ["--service", ODD]).write(opened.folder)
    found: dict[str, Any] = json.loads((opened.folder / RUN).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", ["results", ODD, "deep/er/results"])
def test_folder_is_made(tmp_path: Path, manifest: Path, name: str) -> None:
    """A run has a new folder in a results folder of any name; "latest" changes with its first result."""
    results = tmp_path / name
    first = open_session([manifest], results=results)
    second = open_session([manifest], results=results)
    assert (results / "latest").resolve() == first.folder
    second.point_latest_here()
    assert first.folder.parent == second.folder.parent == results.resolve()
    assert first.id != second.id
    assert first.folder.is_dir()
    assert (results / "latest").resolve() == second.folder
    assert (results / "latest").readlink() == Path(second.id)
    assert {path.name for path in results.iterdir()} == {first.id, second.id, "latest"}


def test_folder_is_relative_to_the_working_directory(
    tmp_path: Path, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative results folder is resolved once, so that a later change of directory does no harm."""
    monkeypatch.chdir(tmp_path)
    assert open_session([manifest], results=Path("r")).folder.parent == tmp_path.resolve() / "r"


def test_two_services_with_one_name(tmp_path: Path, manifest: Path) -> None:
    """Two services with one name are refused, and both files are named; nothing is made."""
    other = tmp_path / "other.toml"
    other.write_text(MANIFEST, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        open_session([manifest, other], results=tmp_path / "r")
    assert str(raised.value) == (
        f"two services are called 'made-up' ({manifest}, {other}); change service.name in one of them"
    )
    assert not (tmp_path / "r").exists()


def test_a_manifest_that_is_given_twice(tmp_path: Path, manifest: Path) -> None:
    """A manifest that is given twice is named once, and not taken for two services of one name."""
    with pytest.raises(UsageError) as raised:
        open_session([manifest, manifest], results=tmp_path / "r")
    assert str(raised.value) == f"{manifest} is given twice; name each manifest once"


def test_a_wrong_manifest_leaves_no_folder(tmp_path: Path, manifest: Path) -> None:
    """A run that cannot begin leaves nothing."""
    manifest.write_text("schema = 2", encoding="utf-8")
    with pytest.raises(UsageError, match="schema: found 2"):
        open_session([manifest], results=tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_file_where_the_folder_should_be(tmp_path: Path, manifest: Path) -> None:
    """Results cannot go below a file; the error names the place and another way."""
    (tmp_path / "r").touch()
    with pytest.raises(UsageError, match=r"/r/\w+-\w+: cannot be made: Not a directory; --results DIR names another"):
        open_session([manifest], results=tmp_path / "r")


def test_a_folder_where_the_link_should_be(tmp_path: Path, manifest: Path) -> None:
    """A folder called "latest" is not replaced, and nothing is left beside it."""
    (tmp_path / "r" / "latest").mkdir(parents=True)
    with pytest.raises(UsageError, match="/r/latest: cannot be made a link to the newest run: Is a directory"):
        open_session([manifest], results=tmp_path / "r")
    assert [path.name for path in (tmp_path / "r").iterdir()] == ["latest"]


FORBIDDEN = """
import sys
from pathlib import Path
from dualstack.errors import UsageError
from dualstack.session import open_session
try:
    open_session([Path(sys.argv[1])], results=Path(sys.argv[2]))
except UsageError as error:
    print(error)
"""


def test_a_folder_that_may_not_be_written(manifest: Path) -> None:
    """The error says that the folder cannot be written (root may write anywhere but in /proc)."""
    where = "/proc/self/dualstack results"
    done = subprocess.run(
        [sys.executable, "-c", FORBIDDEN, str(manifest), where], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("/proc/")
    assert ": cannot be made: " in done.stdout


FULL_DISK = """
import resource, sys
from pathlib import Path
from dualstack.errors import HarnessError
from dualstack.runinfo import RunInfo
resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
try:
    RunInfo(git="x" * 4096).write(Path(sys.argv[1]))
except HarnessError as error:
    print(error)
"""


def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    """A description that cannot be written whole leaves the old one as it was, and is our own error."""
    (tmp_path / RUN).write_text("{}", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == f"{tmp_path / RUN}: cannot be written: File too large\n"
    assert (tmp_path / RUN).read_text(encoding="utf-8") == "{}"


def test_description(tmp_path: Path, manifest: Path) -> None:
    """run.json says what was run, where, with which versions, and what its words mean."""
    opened = open_session([manifest], results=tmp_path / ODD, strict=True)
    found = entered(opened)
    assert (found["run"], found["dualstack"], found["strict"]) == (opened.id, __version__, True)
    assert found["arguments"] == ["--service", ODD]
    assert found["subjects"] == [
        {
            "name": "made-up",
            "summary": "Größe",
            "manifest": str(manifest),
            "claims": {"main": ["ipv6"]},
            "loopback": [],
            "roles": {"main": "listener"},
            "command": "./server",
            "digests": {manifest.name: hashlib.sha256(manifest.read_bytes()).hexdigest()},
            "lines": {"service": 2, "main": 6},
        }
    ]
    assert set(found["requirements"]) == set(requirements())
    assert found["requirements"]["LISTEN-005"]["causes"] == list(requirement("LISTEN-005").causes)
    assert set(found["topologies"]) == {name for item in requirements().values() for name in item.topologies}
    for key in ("started", "python", "kernel", "machine", "lab", "git"):
        assert isinstance(found[key], str)


def test_description_is_replaced_in_one_step(tmp_path: Path, manifest: Path) -> None:
    """Writing again leaves one file."""
    opened = open_session([manifest], results=tmp_path / "r")
    entered(opened)
    RunInfo(run="other").write(opened.folder)
    assert [path.name for path in opened.folder.iterdir()] == [RUN]
    assert json.loads((opened.folder / RUN).read_text(encoding="utf-8")) == json.loads(
        json.dumps(RunInfo(run="other").to_json())
    )


def test_file_name_that_is_not_utf8(tmp_path: Path, manifest: Path) -> None:
    """A byte of an argument that is not UTF-8 survives (PEP 383)."""
    argument = b"caf\xe9".decode(sys.getfilesystemencoding(), "surrogateescape")
    opened = open_session([manifest], results=tmp_path / "r")
    RunInfo(arguments=(argument,)).write(opened.folder)
    assert json.loads((opened.folder / RUN).read_text(encoding="utf-8"))["arguments"] == [argument]


def test_without_git(tmp_path: Path, manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside a repository, and without git, the revision is empty."""
    opened = open_session([manifest], results=tmp_path / "r")
    monkeypatch.chdir(tmp_path)
    assert entered(opened)["git"] == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert entered(opened)["git"] == ""


def test_shared_with_another_process(tmp_path: Path, manifest: Path) -> None:
    """A worker opens the same run: same folder, no second one."""
    first = open_session([manifest], results=tmp_path / "r")
    again = open_session([manifest], results=tmp_path / "r", shared=json.loads(json.dumps(first.share())))
    assert (again.id, again.folder) == (first.id, first.folder)
    assert len(list((tmp_path / "r").iterdir())) == 2


def test_case_folders(tmp_path: Path, manifest: Path) -> None:
    """Each case has its own folder inside the run's folder."""
    opened = open_session([manifest], results=tmp_path / "r")
    cases = [case for item in requirements().values() for case in plan_cases(item, opened.subjects)]
    folders = {opened.case_folder(case) for case in cases}
    assert len(cases) > 10
    assert len(folders) == len(cases)
    assert all(path.is_dir() and path.parent == opened.folder / "cases" for path in folders)


def test_rerun_command(tmp_path: Path, manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that is printed runs that case: it names manifest, configuration, requirement and topology."""
    monkeypatch.chdir(tmp_path)
    text = MANIFEST + '[[configuration]]\nname = "a"\n[[configuration]]\nname = "b"\n'
    manifest.write_text(text, encoding="utf-8")
    case = plan_cases(requirement("LISTEN-002"), subjects_of(manifest, ["b"]))[0]
    words = shlex.split(rerun_command(case))
    assert words[:3] == ["dualstack", "run", "my service.toml"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    again = Selection(topologies=(options["--topology"],), requirements=(options["--requirement"],))
    subjects = subjects_of(Path(words[2]), [options["--configuration"]])
    planned = [item for each in requirements().values() for item in plan_cases(each, subjects, again)]
    assert [item.id for item in planned] == [case.id]


def test_restricted(tmp_path: Path, manifest: Path) -> None:
    """A run keeps what it was restricted to; unrestricted it takes everything."""
    assert open_session([manifest], results=tmp_path / "r").selection == EVERYTHING
    only = Selection(topologies=("dual-stack",))
    assert open_session([manifest], results=tmp_path / "r", selection=only).selection == only
    with pytest.raises(UsageError, match="no configuration 'x'"):
        open_session([manifest], results=tmp_path / "r", configurations=["x"])


def test_errors_are_of_the_right_kind() -> None:
    """An error of the harness is no error of the user."""
    assert not issubclass(HarnessError, UsageError)
    assert session.RESULTS == "dualstack-results"
