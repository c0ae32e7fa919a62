"""``dualstack man``: the manual page, made from the same parsers as the help."""

import argparse
import re
import textwrap
from collections.abc import Iterator

from dualstack import __version__
from dualstack.cli.help import commands_of, summaries_of
from dualstack.cli.parser import make_parser


def main(_options: argparse.Namespace) -> int:
    """Print the page."""
    print("\n".join(page(make_parser())))
    return 0


def page(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the lines of the page, in the macros of man(7)."""
    yield f'.TH DUALSTACK 1 "" "dualstack {__version__}" "User Commands"'
    yield from (".SH NAME", r"dualstack \- test network services on IPv4, IPv6 and dual-stack networks")
    yield from (".SH SYNOPSIS", ".B dualstack", ".I COMMAND", "[options]")
    yield from (".SH DESCRIPTION", _text(parser.description or ""))
    yield ".SH COMMANDS"
    summaries = summaries_of(parser)
    for name, command in commands_of(parser).items():
        yield f'.SS "dualstack {_escaped(name)}"'
        yield from _command(command, summaries[name])
    epilog = parser.epilog or ""
    for title, body in re.findall(r"^(\S[^\n]*):\n((?:  .*\n?)+)", epilog, re.MULTILINE):
        yield from (f".SH {title.upper()}", ".nf", _escaped(body.rstrip()), ".fi")


def _command(parser: argparse.ArgumentParser, summary: str) -> Iterator[str]:
    """Yield the part of one command: what it does, its synopsis, its arguments, its examples."""
    yield _text(parser.description or summary)
    yield from (".PP", ".nf", _escaped(textwrap.dedent(" " * 7 + parser.format_usage().rstrip()[7:])), ".fi")
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to its actions
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - the same
            for name, inner in action.choices.items():
                yield from (".PP", rf"\fB{_escaped(name)}\fR", *_command(inner, ""))
        elif action.help != argparse.SUPPRESS:
            yield from (".TP", rf"\fB{_escaped(_invocation(action))}\fR", _text(action.help or ""))
    if parser.epilog:
        yield from (".PP", "Examples:", ".PP", ".nf", _escaped(parser.epilog.partition("\n")[2]), ".fi")


def _invocation(action: argparse.Action) -> str:
    """Return an argument as the help shows it: ``-n, --workers N``."""
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest
    if not action.option_strings:
        return metavar
    return ", ".join(action.option_strings) + (f" {metavar}" if action.nargs != 0 else "")


def _text(text: str) -> str:
    """Return a text that is filled; its paragraphs stay apart."""
    return "\n.PP\n".join(" ".join(_escaped(part).split()) for part in text.replace("%%", "%").split("\n\n"))


def _escaped(text: str) -> str:
    """Return a text in which nothing is a request or an escape of roff."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)
