"""Help, shell completion and the manual page: all made from the parsers, so all name every option."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from dualstack.cli.help import commands_of, summaries_of
from dualstack.cli.main import main
from dualstack.cli.options.tools import SHELLS
from dualstack.cli.parser import make_parser
from dualstack.suites import requirements, suites
from dualstack.topology import topology_names

Command = Callable[..., CompletedProcess[str]]

PARSER = make_parser()


def options() -> Iterator[tuple[str, str]]:
    """Yield every option of every command."""
    for name, parser in commands_of(PARSER).items():
        for action in parser._actions:
            yield from ((name, option) for option in action.option_strings)


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return what a command prints."""
    assert main(words) == 0
    return capsys.readouterr().out


def test_help_begins_with_the_help_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    """``dualstack help`` begins with ``dualstack --help``."""
    assert printed(capsys, "help").startswith(PARSER.format_help())


@pytest.mark.parametrize("name", commands_of(PARSER))
def test_help_of_a_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``dualstack help run`` is ``dualstack run --help``; each command has a summary."""
    assert printed(capsys, "help", name) == commands_of(make_parser())[name].format_help()
    assert summaries_of(PARSER)[name]


@pytest.fixture
def scripts(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return the completion script of each shell."""
    return {shell: printed(capsys, "completion", shell) for shell in SHELLS}


def test_completion_of_every_shell(scripts: dict[str, str]) -> None:
    """The script of each shell has every command, long option, requirement, topology and suite."""
    names = [*commands_of(PARSER), *requirements(), *topology_names(), *suites()]
    for shell, script in scripts.items():
        assert [name for name in names if name not in script] == [], shell
        dashes = "--" if shell != "fish" else ""
        missing = [word for _, word in options() if word.startswith("--") and dashes + word[2:] not in script]
        assert missing == [], shell


@pytest.mark.parametrize("shell", SHELLS)
def test_script_is_right(shell: str, scripts: dict[str, str]) -> None:
    """The shell accepts its script, if this machine has the shell."""
    if shutil.which(shell) is None:
        pytest.skip(f"this machine has no {shell}")
    subprocess.run([shell, "-n"], input=scripts[shell], text=True, check=True, timeout=30)


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("dualstack ru", {"run"}),
        ("dualstack run --last", {"--last-failed"}),
        ("dualstack run --requirement LISTEN-00", {"LISTEN-001", "LISTEN-005"}),
        ("dualstack run --topology ipv6-only-s", {"ipv6-only-strict"}),
        ("dualstack run --suite conn", {"connect"}),
        ("dualstack run --lab d", {"docker"}),
        ("dualstack run ser", {"service.toml"}),
        ("dualstack explain CONNECT-00", {"CONNECT-001"}),
        ("dualstack explain RC-V6", {"RC-V6ONLY"}),
        ("dualstack help glo", {"glossary"}),
        ("dualstack completion z", {"zsh"}),
    ],
)
def test_bash_completes(line: str, some: set[str], scripts: dict[str, str], tmp_path: Path) -> None:
    """Bash completes commands, options, names and files; it starts no program for that."""
    (tmp_path / "service.toml").touch()
    (tmp_path / "serial.txt").touch()
    words = line.split(" ")
    ask = f"""
    COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; COMP_LINE='{line}'; COMP_POINT={len(line)}
    PATH=/nonexistent
    function="$(complete -p dualstack)"; function="${{function##*-F }}"; function="${{function%% *}}"
    "$function" dualstack '{words[-1]}' '{words[-2]}'
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        [shutil.which("bash") or "bash", "--norc"],
        input=scripts["bash"] + ask,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    found = set(done.stdout.split())
    assert some <= found, done.stderr
    assert all(word.startswith(words[-1]) for word in found)


def test_manual_page_has_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """Each option of each command is in the command's part of the page."""
    text = printed(capsys, "man").replace("\\-", "-")
    parts = {part.partition('"\n')[0].removeprefix("dualstack "): part for part in text.split('\n.SS "')[1:]}
    assert list(parts) == list(commands_of(PARSER))
    assert [(name, option) for name, option in options() if option not in parts[name]] == []


def test_manual_page_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    """Groff formats the page without a warning, and what it prints has the examples."""
    if shutil.which("groff") is None:
        pytest.skip("this machine has no groff")
    page = printed(capsys, "man")
    done = subprocess.run(
        ["groff", "-man", "-ww", "-K", "utf-8", "-T", "utf8", "-P", "-cbou"],
        input=page,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stderr == ""
    assert "dualstack run service.toml --last-failed -x" in done.stdout
