"""``dualstack run --watch`` and ``--keep``: what is watched, when it runs again, and the shell after a failure."""

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.cli import run as running
from dualstack.cli import shell
from dualstack.cli.keeping import keep, shell_words
from dualstack.cli.parser import make_parser
from dualstack.cli.terminal import Terminal
from dualstack.cli.watching import Places, await_change, rerun
from dualstack.compose.convert import manifest_of
from dualstack.errors import INTERRUPTED, UsageError
from dualstack.results import Record, append_record
from dualstack.verdict import Verdict

MANIFEST = """
schema = 1
[service]
name = "shop"
command = ["sh", "server.sh"]
[[listen]]
name = "web"
port = 8080
protocol = "http"
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Return a manifest beside its program."""
    (tmp_path / "server.sh").write_text("exec true\n", encoding="utf-8")
    path = tmp_path / "service.toml"
    path.write_text(MANIFEST, encoding="utf-8")
    return path


def change(path: Path) -> None:
    """Change a file."""
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")


def test_what_is_watched(manifest: Path, tmp_path: Path) -> None:
    """The manifest, its program and the files beside them are watched; results, caches and hidden files are not."""
    run = "out/20300101T120000Z-abcd/report.html"
    for name in ("lib/module.py", "dualstack-results/x/report.html", run, ".git/index", "__pycache__/x.pyc", "a.swp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names = {os.path.relpath(name, tmp_path) for name in Places.of([manifest]).state()}
    assert names == {"service.toml", "server.sh", "lib/module.py"}


def test_a_file_has_one_name(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest that is named relative to the working directory is watched, and named, once."""
    monkeypatch.chdir(manifest.parent)
    assert sorted(Places.of([Path(manifest.name)]).state()) == sorted(map(str, manifest.parent.iterdir()))


def test_a_program_elsewhere(manifest: Path, tmp_path: Path) -> None:
    """A program that the command names is watched wherever it is."""
    other = tmp_path / "build" / "server"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n", encoding="utf-8")
    other.chmod(0o755)
    below = tmp_path / "conf" / "service.toml"
    below.parent.mkdir()
    below.write_text(MANIFEST.replace('"sh", "server.sh"', '"../build/server"'), encoding="utf-8")
    places = Places.of([below])
    before = places.state()
    change(other)
    assert places.state() != before


def test_a_change_is_complete(manifest: Path) -> None:
    """A change ends the wait when no further one follows; every changed, new and gone file is named."""
    states = [{"a": (1, 1, 1), "b": (1, 1, 1)}, {"a": (1, 2, 1), "b": (1, 1, 1)}]
    states += [{"a": (1, 2, 1), "c": (1, 1, 1)}] * 2
    looks = iter(states)
    assert await_change(states[0], lambda: next(looks), lambda _: None) == ["a", "b", "c"]
    assert list(looks) == []


def test_runs_again_after_a_change(manifest: Path) -> None:
    """A change during a run starts the next one; a manifest that is wrong is no end; an interrupt is the end."""
    said: list[str] = []
    runs: list[int] = []

    def run() -> int:
        runs.append(len(runs))
        change(manifest)
        if len(runs) == 1:
            raise UsageError("line 3: wrong")
        return INTERRUPTED if len(runs) == 3 else 1

    assert rerun(lambda: Places.of([manifest]), run, said.append) == INTERRUPTED
    assert runs == [0, 1, 2]
    assert said[0] == "dualstack: line 3: wrong"
    assert [text.endswith("service.toml") for text in said if text.startswith("changed: ")] == [True, True]


def test_a_build_is_no_change(manifest: Path, tmp_path: Path) -> None:
    """What a run itself builds does not start the next one: only a change after the run does."""
    manifest.write_text(MANIFEST.replace("[[listen]]", 'build = [["true"]]\n[[listen]]'), encoding="utf-8")
    built = tmp_path / "built"
    runs: list[int] = []

    def run() -> int:
        runs.append(len(runs))
        if len(runs) == 2:
            return INTERRUPTED
        built.touch()
        return 0

    def say(text: str) -> None:
        if text.startswith("waiting"):
            change(manifest)
        changed.append(text)

    changed: list[str] = []
    assert rerun(lambda: Places.of([manifest]), run, say) == INTERRUPTED
    assert [text for text in changed if text.startswith("changed: ")] == [f"changed: {os.path.relpath(manifest)}"]


@pytest.mark.parametrize(
    ("shell", "files"),
    [
        ("{program} > log", ["log"]),
        ("{program} > out 2> err", ["err", "out"]),
        ("{program} 2>&1 | tee log", ["log"]),
        ("{program} 2>&1 | sed s/a/b/ | tee -a log > /dev/null", ["log"]),
        ("{program} 2> log | cat", ["log"]),
        ("sleep 60 > other & {program} | cat; kill $!", []),
    ],
)
def test_the_output_is_no_change(manifest: Path, tmp_path: Path, shell: str, files: list[str]) -> None:
    """The files beside the manifest that the command's output is written to are not watched, all others are."""
    listing = tmp_path.parent / f"{tmp_path.name}-listing"
    code = f"""
from pathlib import Path
from dualstack.cli.watching import Places
Path({str(listing)!r}).write_text("\\n".join(Places.of([Path("service.toml")]).state()))
"""
    program = shlex.join([sys.executable, "-c", code])
    subprocess.run(["bash", "-c", shell.format(program=program)], cwd=tmp_path, check=True, timeout=60)
    watched = {Path(name).name for name in listing.read_text(encoding="utf-8").splitlines()}
    assert sorted({path.name for path in tmp_path.iterdir()} - watched) == files


def test_results_are_no_change(manifest: Path, tmp_path: Path) -> None:
    """What is written to the folder of results is no change, whatever the folder's name; beside it, it is one."""
    places = Places.of([manifest], tmp_path / "out")
    before = places.state()
    for name in ("out/compose/web.toml", "out/20300101T120000Z-abcd/report.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert places.state() == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "web.toml").touch()
    assert places.state() != before


COMPOSE = "services:\n  web:\n    image: shop:1\n    ports: ['8080:{port}']\n"


@pytest.fixture
def compose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a compose file in the working directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "compose.yaml"
    path.write_text(COMPOSE.format(port=80), encoding="utf-8")
    return path


def test_a_compose_file_is_converted_again(compose: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of the compose file, or of its variables, starts a run of the manifest that it now amounts to.

    A compose file that is wrong is no end, and the manifest that is made from it starts no run.
    """
    ports: list[str] = []
    said: list[str] = []
    changes = [COMPOSE.format(port="no port"), COMPOSE.format(port="${PORT}")]

    def run(options: argparse.Namespace, *_: object) -> int:
        ports.extend(re.findall(r"^port = (.*)$", options.manifest[0].read_text(encoding="utf-8"), re.MULTILINE))
        return INTERRUPTED if len(ports) == 2 else 0

    def say(_: Terminal, text: str, **_options: object) -> None:
        said.append(text)
        if text.startswith("waiting"):
            (compose.parent / ".env").write_text("PORT=9090\n", encoding="utf-8")
            compose.write_text(changes.pop(0), encoding="utf-8")

    monkeypatch.setattr(running, "_run", run)
    monkeypatch.setattr(Terminal, "print", say)
    words = ["run", "--watch", "--lab", "docker", "--compose", "compose.yaml", "--service", "web"]
    assert running.main(make_parser().parse_args(words)) == INTERRUPTED
    assert ports == ["80", "9090"]
    assert [text for text in said if text.startswith("changed: ")] == ["changed: .env, compose.yaml"] * 2
    assert [text.startswith("dualstack: compose.yaml:4: ") for text in said if "no port" in text] == [True]


def test_the_variables_of_a_compose_file_are_watched(compose: Path) -> None:
    """``.env`` beside a compose file counts although it is hidden; so does a Dockerfile in another folder."""
    elsewhere = compose.parent.parent / f"{compose.parent.name}-image"
    elsewhere.mkdir()
    (elsewhere / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    text = COMPOSE.format(port=80).replace("image: shop:1", f"build: ../{elsewhere.name}")
    compose.write_text(text, encoding="utf-8")
    made = compose.parent / "dualstack-results" / "compose" / "web.toml"
    made.parent.mkdir(parents=True)
    made.write_text(manifest_of(compose, "web", made)[0], encoding="utf-8")
    places = Places.of([made], made_from=compose)
    for path in (compose.parent / ".env", elsewhere / "Dockerfile", compose):
        before = places.state()
        path.write_text("# changed\n", encoding="utf-8")
        assert places.state() != before, path
    assert str(made) not in places.state()


def failed(manifest: Path, subject: str = "shop") -> Record:
    """Return the record of a case that failed."""
    return Record("LISTEN-001", "", "MUST", subject, str(manifest), "web", "ipv6-only", Verdict.FAIL)


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Return what makes a run's folder with some records."""

    def make(*records: Record) -> Path:
        folder = tmp_path / "run"
        folder.mkdir()
        for record in records:
            append_record(folder, record)
        return folder

    return make


def test_the_shell_of_a_failure(
    manifest: Path, make_folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there is no terminal, the command of the shell is printed: topology, manifest and configuration."""
    keep(make_folder(failed(manifest, "shop/both"), failed(manifest)), Terminal())
    words = shlex.split(capsys.readouterr().out.removeprefix("shell     "))
    assert words == ["dualstack", "shell", "ipv6-only", os.path.relpath(manifest), "--configuration", "both"]
    options = make_parser().parse_args(words[1:])
    assert (options.topology, options.manifest.resolve()) == ("ipv6-only", manifest)


def test_a_shell_at_a_terminal(
    manifest: Path, make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a terminal the shell is opened."""
    opened: list[list[str]] = []
    monkeypatch.setattr(os, "isatty", lambda _: True)
    monkeypatch.setattr(shell, "main", lambda options: opened.append([options.topology]))
    keep(make_folder(failed(manifest)), Terminal())
    assert opened == [["ipv6-only"]]


def test_no_failure_no_shell(make_folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Without a failure nothing is said."""
    keep(make_folder(Record("A-001", "", "MUST", "shop", "x", "web", "ipv6-only", Verdict.PASS)), Terminal())
    assert capsys.readouterr().out == ""
    assert shell_words(failed(Path("/x/y.toml")))[:2] == ["shell", "ipv6-only"]
