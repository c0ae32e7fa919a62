"""``dualstack help``: pages of the manual in a terminal and in a pipe, and what messages say about them."""

import ast
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from dualstack.cli.help import commands_of
from dualstack.cli.main import main
from dualstack.cli.manual import sections, show, title, topics
from dualstack.cli.parser import make_parser
from dualstack.cli.terminal import Terminal
from dualstack.content import ROOT
from dualstack.errors import UsageError

ENGINE = ROOT / "src" / "dualstack"
COMMANDS = tuple(commands_of(make_parser()))


def shown(topic: str, *words: str, width: int = 80) -> str:
    """Return what a terminal of this width shows of a page."""
    console = Terminal(file=StringIO(), force_terminal=True, width=width, color_system=None, legacy_windows=False)
    console.pager = _unpaged  # type: ignore[method-assign,assignment]  # here is no terminal
    show(topic, words, console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


class _unpaged:  # noqa: N801 - it stands for a method
    """A pager that prints what it gets."""

    def __init__(self, **_options: object) -> None:
        """Ignore the options."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, *_error: object) -> None:
        """Do nothing."""


def test_a_pipe_gets_the_source(capsys: pytest.CaptureFixture[str]) -> None:
    """Into a pipe goes the page as it is in the repository."""
    assert main(["help", "manifest"]) == 0
    assert capsys.readouterr().out == (ROOT / "docs" / "manifest.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("topic", topics())
@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_gets_readable_text(topic: str, width: int) -> None:
    """On a terminal each page has lines that fit, no link to a file, and names the pages that it refers to."""
    text = shown(topic, width=width)
    assert title(topics()[topic]).split()[0] in text
    assert max(map(len, text.splitlines())) <= width
    assert re.findall(r"\]\([a-z./-]+\.md", text) == []
    for name in re.findall(r"dualstack help ([a-z-]+)", " ".join(text.partition("See also:")[2].split())):
        assert name in topics()


def test_words_choose_sections() -> None:
    """Words after the page show the sections whose headings have them, with the sections below, and nothing else."""
    text = shown("manifest", "listen.tls")
    assert "server_name" in text
    assert "listen.acl" not in text
    whole = shown("results", "verdicts")
    assert "harness error" in whole
    assert "exit code" not in whole


def test_a_heading_in_an_example_is_no_section() -> None:
    """A comment in a fenced example does not end a section."""
    page = "# Page\n\n## One\n\n```sh\n# a comment\n```\n\n## Two\n"
    assert [heading for _, heading, _ in sections(page)] == ["", "Page", "One", "Two"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["manifst"], "no page 'manifst'; did you mean 'manifest'?"),
        (
            ["results", "nonsense"],
            "no section of 'results' has 'nonsense' in its heading; its sections are: The summary;",
        ),
    ],
)
def test_what_does_not_exist_is_an_error(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown page gets a suggestion, an unknown section the list of sections; the exit code is 2."""
    assert main(["help", *words]) == 2
    assert said in capsys.readouterr().err


def test_without_a_word_all_pages_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """``dualstack help`` lists the commands and the pages with their titles."""
    assert main(["help"]) == 0
    text = capsys.readouterr().out
    for name in (*COMMANDS, *topics()):
        assert re.search(rf"^ +{re.escape(name)}\s+\S", text, re.MULTILINE), name


@pytest.mark.parametrize("name", COMMANDS)
def test_no_page_has_the_name_of_a_command(name: str) -> None:
    """``dualstack help NAME`` is never ambiguous."""
    assert name not in topics()


def texts(path: Path) -> Iterator[str]:
    """Yield the strings of a module, without docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    apart = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in apart:
            yield node.value


def test_messages_name_pages_that_an_installed_user_can_read() -> None:
    """Messages name no file of docs/, but ``dualstack help PAGE``, and each such page or command exists."""
    said = {text: path for path in ENGINE.rglob("*.py") for text in texts(path)}
    said |= {path.read_text(encoding="utf-8"): path for path in ENGINE.rglob("*.toml")}
    assert {str(path) for text, path in said.items() if re.search(r"\bdocs/[a-z-]+\.md\b", text)} <= {
        str(ENGINE / "cli" / "manual.py")
    }
    named = {name for text in said for name in re.findall(r"dualstack help ([a-z-]+)", text)}
    assert {"manifest", "own-suites"} <= named
    assert named <= {*topics(), *COMMANDS}


def test_an_unknown_page_raises_before_anything_is_printed() -> None:
    """`show` raises `UsageError` for a page that does not exist."""
    with pytest.raises(UsageError):
        shown("nothing-like-this")
