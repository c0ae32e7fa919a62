"""The language of a service, found from its command."""

import shlex
import shutil
from pathlib import Path

import pytest

from dualstack.language import language_of_command


def elf(path: Path, *marks: bytes) -> Path:
    """Write a file that looks like a binary with these bytes."""
    path.write_bytes(b"\x7fELF" + bytes(500) + b"\0".join(marks) + bytes(500))
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("command", "language"),
    [
        ("python3 -B server.py", "Python"),
        ("/usr/bin/python3.11 -m http.server", "Python"),
        ("uvicorn app:app", "Python"),
        ("java -cp . Echo", "Java"),
        ("node server.js", "Node"),
        ("env A=b timeout 30 node server.js", "Node"),
        ("nice -n 5 ruby get.rb", "Ruby"),
        ("erl -noshell", "Erlang"),
        ("go run .", "Go"),
        ("sh -c 'exec java -jar x.jar'", "Java"),
        ("bash -c 'cd /srv && python3 server.py'", "Python"),
        ("sh -c 'true'", "Shell"),
        ("/no/such/program", ""),
    ],
)
def test_by_command(command: str, language: str, tmp_path: Path) -> None:
    """Interpreters are recognized by their names, also after wrappers."""
    assert language_of_command(shlex.split(command), tmp_path) == language


def test_an_empty_command_has_none(tmp_path: Path) -> None:
    """The language of an image with its own command is unknown."""
    assert language_of_command([], tmp_path) == ""


def test_by_binary(tmp_path: Path) -> None:
    """A binary with Go's build information is Go, one with Rust's panics is Rust, any other one is C."""
    elf(tmp_path / "one", b"\xff Go buildinf:")
    elf(tmp_path / "two", b"/rustc/0123/library/core/src/panicking.rs")
    elf(tmp_path / "three", b"GCC: (Debian 12.2.0)")
    found = [language_of_command([f"./{name}"], tmp_path) for name in ("one", "two", "three")]
    assert found == ["Go", "Rust", "C"]


def test_a_binary_with_the_name_of_an_interpreter(tmp_path: Path) -> None:
    """A binary with an interpreter's name and nothing of its runtime is what its contents say, also in a script."""
    elf(tmp_path / "uv", b"GCC: (Debian 12.2.0)")
    elf(tmp_path / "node", b"go.buildid")
    elf(tmp_path / "python3", b"Py_BytesMain", b"GCC: (Debian 12.2.0)")
    found = [language_of_command([f"./{name}"], tmp_path) for name in ("uv", "node", "python3")]
    assert found == ["C", "Go", "Python"]
    assert language_of_command(["sh", "-c", "exec ./uv 8080"], tmp_path) == "C"


@pytest.mark.parametrize(
    ("build", "language"),
    [(["gcc", "-o", "uv", "uv.c"], "C"), (["go", "build", "-o", "uv"], "Go"), (["make"], "Python")],
)
def test_a_program_that_is_not_built_yet(build: list[str], language: str, tmp_path: Path) -> None:
    """If the file is not there, the compiler that makes it says more than its name."""
    assert language_of_command(["./uv"], tmp_path, build=[build]) == language


@pytest.mark.parametrize("name", ["python3", "node", "java", "perl", "sh", "bash"])
def test_interpreters_of_this_machine_are_known(name: str, tmp_path: Path) -> None:
    """A real interpreter has what marks its runtime, so its name counts."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    assert language_of_command([name, "x"], tmp_path) == language_of_command([f"/missing/{name}", "x"], tmp_path)


def test_by_first_line(tmp_path: Path) -> None:
    """The language of a script is that of its interpreter; of a shell script, that of its last program."""
    for name, text in (("py", "#!/usr/bin/env python3\n"), ("start", "#!/bin/sh -e\nset -u\nexec node x.js\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    assert [language_of_command([f"./{name}"], tmp_path) for name in ("py", "start")] == ["Python", "Node"]


def test_inside_a_root_file_system(tmp_path: Path) -> None:
    """A program of a service with packages is looked up in its root file system, links included."""
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "etc/alternatives").mkdir(parents=True)
    elf(tmp_path / "usr/bin/real", b"go.buildid")
    (tmp_path / "usr/bin/server").symlink_to("/etc/alternatives/server")
    (tmp_path / "etc/alternatives/server").symlink_to("/usr/bin/real")
    assert language_of_command(["server"], tmp_path / "elsewhere", str(tmp_path)) == "Go"
    assert language_of_command(["/usr/bin/server"], tmp_path / "elsewhere", str(tmp_path)) == "Go"
