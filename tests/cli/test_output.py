"""What the commands print: for people, for programs, into a closed pipe, and on a terminal without UTF-8."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from dualstack.causes import load_causes
from dualstack.cli.terminal import _plain
from dualstack.manifest import Manifest
from dualstack.suites import requirements, suites
from dualstack.topology import Topology, topology_names

ASCII = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}


Command = Callable[..., CompletedProcess[str]]
"""How ``dualstack`` is run."""


def printed(done: CompletedProcess[str]) -> str:
    """Return what a command printed that went well."""
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_list_as_data(dualstack: Command) -> None:
    """The list as data holds every requirement."""
    rows = {row["id"]: row for row in json.loads(printed(dualstack("list", "--json")))}
    assert list(rows) == list(requirements())
    for name, item in requirements().items():
        assert (rows[name]["level"], rows[name]["title"]) == (item.level.value, item.title)
        assert rows[name]["topologies"].split() == list(item.topologies)
    for suite, items in suites().items():
        assert {name for name, row in rows.items() if row["suite"] == suite} == set(items)
        assert [row["id"] for row in json.loads(printed(dualstack("list", "--json", "--suite", suite)))] == list(items)


def test_list_as_table(dualstack: Command) -> None:
    """The table has every id once, at the beginning of a line."""
    lines = printed(dualstack("list")).splitlines()
    ids = [line.split()[0] for line in lines[1:] if line[:1].strip()]
    assert ids == list(requirements())


def test_list_of_topologies(dualstack: Command) -> None:
    """The topologies are listed with title and summary."""
    rows = json.loads(printed(dualstack("list", "--topologies", "--json")))
    assert [row["name"] for row in rows] == topology_names()
    assert all(row["title"] and row["summary"] for row in rows)
    table = printed(dualstack("list", "--topologies"))
    assert all(name in table for name in topology_names())


def test_explain_every_cause(dualstack: Command) -> None:
    """Each cause is explained by its code: title, explanation, fix, every remedy, and the requirements that list it."""
    causes = load_causes()
    text = printed(dualstack("explain", *map(str.lower, causes), COLUMNS="10000"))
    for cause in causes.values():
        assert f"{cause.code}  {cause.title}" in text
        for part in (cause.explanation, cause.fix, *cause.remedy.values()):
            assert part in text
    own = text[text.index("RC-V6ONLY  ") :].split("\n\n")[0]
    assert "LISTEN-005" in own[own.index("likely for: ") :]


def test_explain_every_requirement(dualstack: Command) -> None:
    """Each requirement is printed with its statement, sources, worlds, causes and remedies."""
    text = printed(dualstack("explain", *requirements(), COLUMNS="10000"))
    for item in requirements().values():
        assert f"{item.id}  {item.title}  ({item.level.value})" in text
        for part in (item.statement, item.stimulus, item.wire, ", ".join(item.topologies), "; ".join(item.cites)):
            assert part in text, part
        for code in item.causes:
            cause = load_causes()[code]
            assert f"{code}  {cause.title}" in text
            assert all(f"{language}: {remedy}" in text for language, remedy in cause.remedy.items())


def test_schemas(dualstack: Command) -> None:
    """The schemas are those of the models, and name their dialect."""
    for words, model in ((["schema"], Manifest), (["schema", "--topology"], Topology)):
        found = json.loads(printed(dualstack(*words)))
        assert found.pop("$schema") == "https://json-schema.org/draft/2020-12/schema"
        assert found == model.model_json_schema(by_alias=True)


def test_doctor_as_data(dualstack: Command) -> None:
    """Each check has a name, what was found and, where something is lacking, how to get it; the exit code agrees."""
    done = dualstack("doctor", "--json")
    checks = json.loads(done.stdout)
    assert len(checks) > 3
    assert all(check["name"] and check["found"] for check in checks)
    assert all(check["enable"] for check in checks if not check["ok"])
    assert done.returncode == (3 if any(check["required"] and not check["ok"] for check in checks) else 0)


@pytest.mark.parametrize(
    "words",
    [["list"], ["list", "--topologies"], ["explain", *requirements()], ["doctor"], ["schema"], ["--help"]],
    ids=lambda words: words[0],
)
def test_terminal_without_utf8(dualstack: Command, words: list[str]) -> None:
    """On a terminal that knows ASCII only the same is printed, in ASCII."""
    done = dualstack(*words, **ASCII)
    assert done.stderr == ""
    assert done.returncode in ((0, 3) if words == ["doctor"] else (0,))
    assert done.stdout.isascii()
    usual = dualstack(*words).stdout
    assert len(done.stdout.split()) == len(usual.split()) + usual.count("§")  # "section 5" for "§5"


def test_faults_without_utf8(dualstack: Command, tmp_path: Path) -> None:
    """An error about what is not ASCII is printed in ASCII."""
    path = tmp_path / "größe.toml"
    path.write_text('schema = 1\nservice.name = "größe →"\n', encoding="utf-8")
    done = dualstack("check", path, **ASCII)
    assert done.returncode == 2
    assert done.stderr.isascii()
    assert "Traceback" not in done.stderr
    assert "service.name: found 'gro?e ->'; allowed: a text that matches " in done.stderr


def test_check_without_utf8(dualstack: Command, tmp_path: Path, reference: Path) -> None:
    """A right manifest whose path is not ASCII is printed in ASCII, byte by byte where the locale knows no more."""
    path = tmp_path / "größe.toml"
    path.write_text(
        'schema = 1\nservice.name = "x"\n[[connect]]\nname = "c"\ncommand = ["true", "{host}"]\n', encoding="utf-8"
    )
    text = printed(dualstack("check", path, reference, **ASCII))
    assert text.isascii()
    assert "/gr\\xc3\\xb6\\xc3\\x9fe.toml: ok: x: c (dials IPv4 and IPv6); " in text


@pytest.mark.parametrize(
    ("char", "plain"),
    [("✗", "x"), ("→", "->"), ("…", "..."), ("é", "e"), ("日", "?"), ("─", "-"), ("┼", "+"), ("│", "|")],
)
def test_characters_that_a_terminal_lacks(char: str, plain: str) -> None:
    """Signs become similar ones, letters lose their accents, anything else is a question mark."""
    assert _plain(char) == plain


CLOSED = """
import os, subprocess, sys
reader, writer = os.pipe()
os.close(reader)
done = subprocess.run(
    [sys.executable, "-P", "-m", "dualstack", *sys.argv[1:]], stdout=writer, stderr=subprocess.PIPE, timeout=100
)
print(done.returncode, done.stderr.decode())
"""


@pytest.mark.parametrize(
    "words",
    [["list"], ["list", "--json"], ["explain", *requirements()], ["schema"], ["schema", "--markdown"], ["check"]],
    ids=" ".join,
)
def test_pipe_that_is_closed(words: list[str], reference: Path) -> None:
    """Output into a closed pipe ends quietly, as ``dualstack list | head -1`` does."""
    words = [*words, str(reference)] if words == ["check"] else words
    done = subprocess.run(
        [sys.executable, "-c", CLOSED, *words], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "0 \n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("list >&-", "dualstack: standard output is closed (>&-): write it to a file, or discard it with >/dev/null\n"),
        ("list >/dev/full", "dualstack: the output cannot be written: No space left on device\n"),
        ("schema >/dev/full", "dualstack: the output cannot be written: No space left on device\n"),
        ("list >&- 2>&-", ""),
    ],
)
def test_output_that_cannot_be_written(words: str, message: str) -> None:
    """A closed or full standard output ends a command with one line and code 2: no case was judged."""
    command = f"{shlex.quote(sys.executable)} -P -m dualstack {words}"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, message)


def test_first_line_only(tmp_path: Path) -> None:
    """The first line of a long output arrives; the rest is discarded."""
    command = [sys.executable, "-P", "-m", "dualstack", "explain", *requirements()]  # more than a pipe holds
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(f"{next(iter(requirements()))}  ".encode())
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


def test_nothing_is_left_behind(dualstack: Command, tmp_path: Path) -> None:
    """Commands that only look write nothing."""
    for words in (["list"], ["explain", "LISTEN-001"], ["schema"], ["doctor"]):
        dualstack(*words)
    assert list(tmp_path.iterdir()) == []
