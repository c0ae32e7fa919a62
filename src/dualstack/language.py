"""The programming language of a service, found from its command, its interpreter or its binary."""

import mmap
import os
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from dualstack.errors import HostCannot
from dualstack.manifest import Subject
from dualstack.manifest.texts import fill
from dualstack.service import ROOT_PATH, root_of

_PROGRAMS = {
    r"python\d*(?:\.\d+)?t?|pypy\d*|uvicorn|gunicorn|hypercorn|waitress-serve|pytest|uv": "Python",
    r"java|kotlin|scala|groovy|javac": "Java",
    r"node|nodejs|npm|npx|deno|bun|tsx|ts-node": "Node",
    r"go": "Go",
    r"cargo": "Rust",
    r"ruby\d*(?:\.\d+)?|bundle|rackup|puma": "Ruby",
    r"php\d*(?:\.\d+)?(?:-fpm\S*)?": "PHP",
    r"perl\d*(?:\.\d+)*": "Perl",
    r"erl|elixir|mix|iex|escript": "Erlang",
    r"lua\S*": "Lua",
    r"dotnet|mono": "C#",
    r"(?:ba|da|k|z|a)?sh": "Shell",
}
"""Interpreters and launchers, by regular expression, with their language."""

_EXTENSIONS = {
    ".py": "Python", ".pyz": "Python", ".js": "Node", ".mjs": "Node", ".cjs": "Node", ".ts": "Node", ".jar": "Java",
    ".class": "Java", ".go": "Go", ".rb": "Ruby", ".php": "PHP", ".pl": "Perl", ".erl": "Erlang", ".lua": "Lua",
    ".dll": "C#", ".sh": "Shell",
}  # fmt: skip

_WRAPPERS = frozenset(
    {"env", "nice", "ionice", "nohup", "setsid", "exec", "timeout", "stdbuf", "sudo", "setpriv", "su-exec", "gosu",
     "tini", "dumb-init", "unshare", "taskset", "chrt", "strace", "faketime"}
)  # fmt: skip
"""Programs that execute the command in their arguments."""

_MARKS = (
    ("Go", (b"\xff Go buildinf:", b"Go build ID: ", b"go.buildid")),
    ("Rust", (b"/rustc/", b"rust_begin_unwind", b"rust_panic", b"RUST_BACKTRACE")),
)
"""Byte strings that identify the language of a binary; without one it counts as C."""

_RUNTIMES = {
    "Python": (b"Py_", b"UV_PYTHON"),
    "Java": (b"JLI_", b"libjvm"),
    "Node": (b"4node5Start", b"NODE_OPTIONS", b"DENO_DIR", b"BUN_INSTALL"),
    "Ruby": (b"ruby_",),
    "PHP": (b"zend_", b"php_"),
    "Perl": (b"Perl_", b"perl_"),
    "Erlang": (b"erlexec", b"ERL_"),
    "Lua": (b"lua_", b"luaL_"),
    "C#": (b"DOTNET_", b"mono_"),
    "Shell": (b"PS1",),
}
"""Byte strings of which each interpreter and launcher that is a binary has one."""

_COMPILERS = {
    r"(?:[\w-]+-)?(?:cc|c99|gcc|g\+\+|c\+\+|clang|clang\+\+)(?:-\d+)?": "C",
    r"go": "Go",
    r"rustc|cargo": "Rust",
}
"""Programs that make a binary, by regular expression, with its language."""

_ELF = b"\x7fELF"

_LARGEST = 512 << 20


def language_of(subject: Subject, element: str, *, contained: bool = False) -> str:
    """Return the language of the service, or of the connector ``element``; empty if it is unknown."""
    connector = next((item for item in subject.manifest.connect if item.name == element), None)
    command = subject.image_command if contained else (subject.command or ())
    if connector is not None:
        command = tuple(connector.command)
    values = subject.values(scratch="", contained=contained)
    words = [fill(word, values) for word in command]
    try:
        root = "" if contained else root_of(subject)
    except HostCannot:
        root = ""
    return language_of_command(words, subject.directory, root, subject.manifest.service.build)


def language_of_command(
    words: Sequence[str], directory: Path, root: str = "", build: Iterable[Sequence[str]] = ()
) -> str:
    """Return the language of the program that a command executes; empty if it is unknown.

    Args:
        words: The command.
        directory: Its working directory.
        root: The folder of its root file system; empty for that of the machine.
        build: The commands that build the program.
    """
    words = _unwrapped(list(words))
    if not words:
        return ""
    path, named = _found(words[0], directory, root), _named(words[0])
    if path is not None and _lacks_runtime(path, named):
        return _of_file(path, root, directory)
    if path is None and (compiled := _of_build(words[0], build)):
        return compiled
    if named == "Shell":
        return _of_shell(words, directory, root)
    return named or _of_file(path, root, directory)


def _lacks_runtime(path: Path, language: str) -> bool:
    """Return whether a file is a binary, and not the interpreter or launcher that its name says."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            marks = _RUNTIMES.get(language, ())
            return bool(marks) and data[:4] == _ELF and not any(data.find(mark) >= 0 for mark in marks)
    except (OSError, ValueError):
        return False


def _of_build(program: str, build: Iterable[Sequence[str]]) -> str:
    """Return the language of the compiler that makes a program; empty if none is known to."""
    name = Path(program).name
    makers = [Path(command[0]).name for command in build if any(Path(word).name == name for word in command[1:])]
    return next(
        (language for maker in makers for pattern, language in _COMPILERS.items() if re.fullmatch(pattern, maker)), ""
    )


def _unwrapped(words: list[str]) -> list[str]:
    """Return a command without leading wrappers (``env``, ``timeout`` …) and their arguments."""
    while words and Path(words[0]).name in _WRAPPERS:
        words = words[1:]
        while words and (
            words[0].startswith("-") or "=" in words[0] or re.fullmatch(r"\d+(?:\.\d+)?[smhd]?", words[0])
        ):
            words = words[1:]
    return words


def _named(program: str) -> str:
    """Return the language of a program's name: of an interpreter, or by its extension; empty if unknown."""
    name = Path(program).name
    found = next((language for pattern, language in _PROGRAMS.items() if re.fullmatch(pattern, name)), "")
    return found or _EXTENSIONS.get(Path(name).suffix, "")


def _of_shell(words: list[str], directory: Path, root: str) -> str:
    """Return the language of the last program that a shell command or script executes."""
    text = words[words.index("-c") + 1] if "-c" in words[:-1] else ""
    script = next((word for word in words[1:] if not word.startswith("-")), "")
    path = _found(script, directory, root) if script and not text else None
    if path is not None:
        text = path.read_bytes()[: 64 << 10].decode(errors="replace")
    return _of_lines(text, directory, root) or "Shell"


def _of_lines(text: str, directory: Path, root: str) -> str:
    """Return the language of the last command of a script whose language is known; ``exec`` has priority."""
    commands = []
    for line in re.split(r"[\n;]|&&|\|\|", text):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue
        if words:
            commands.append(words)
    commands.sort(key=lambda words: words[0] == "exec")
    for words in reversed(commands):
        inner = _unwrapped(words)
        path = _found(inner[0], directory, root) if inner and "/" in inner[0] else None
        named = _named(inner[0]) if inner else ""
        if named and named != "Shell" and not (path is not None and _lacks_runtime(path, named)):
            return named
        if path is not None and (found := _of_file(path, root, directory)) and found != "Shell":
            return found
    return ""


def _found(program: str, directory: Path, root: str) -> Path | None:
    """Return the path of a program's file; None if it does not exist."""
    if "/" in program:
        places = [
            directory / program,
            Path(root + program) if root and program.startswith("/") else directory / program,
        ]
    elif (directory / program).is_file():
        places = [directory / program]
    else:
        search = ROOT_PATH if root else os.environ.get("PATH", os.defpath)
        places = [Path(root + part, program) for part in search.split(os.pathsep)]
    return next((path for item in places if (path := _within(item, root)).is_file()), None)


def _within(path: Path, root: str) -> Path:
    """Return a path with links resolved; absolute links in a root file system stay inside it."""
    for _ in range(8):
        if not path.is_symlink():
            break
        target = path.readlink()
        path = Path(root + str(target)) if target.is_absolute() else path.parent / target
    return path


def _of_file(path: Path | None, root: str, directory: Path) -> str:
    """Return the language of a script, from its first line or name, or of a binary, from its contents."""
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            head = file.read(256)
    except OSError:
        return ""
    if head.startswith(b"#!"):
        words = _unwrapped(head[2:].splitlines()[0].decode(errors="replace").split())
        named = _named(words[0]) if words else ""
        return _of_shell([words[0], str(path)], directory, root) if named == "Shell" else named
    if head.startswith(_ELF):
        return _of_binary(path)
    return _EXTENSIONS.get(path.suffix, "")


def _of_binary(path: Path) -> str:
    """Return the language of an ELF file: Go, Rust or C."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > _LARGEST:
                return "C"
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return next(
                    (language for language, marks in _MARKS if any(data.find(mark) >= 0 for mark in marks)), "C"
                )
    except (OSError, ValueError):
        return ""
