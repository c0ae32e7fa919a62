"""``dualstack completion``: a script that makes a shell complete commands, options and names."""

import argparse
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

import shtab

from dualstack.causes import load_causes
from dualstack.cli.help import commands_of
from dualstack.cli.manual import topics
from dualstack.cli.parser import make_parser
from dualstack.suites import requirements, suites
from dualstack.topology import topology_names

_MANIFESTS = shtab.glob("*.toml")
_FOLDERS = frozenset({"results", "suites", "folder"})
"""Arguments that are folders."""


def main(options: argparse.Namespace) -> int:
    """Print the script of a shell."""
    parser = make_parser()
    words = _words(parser)
    for action in _actions(parser):
        if complete := _complete(action, words):
            action.complete = complete  # type: ignore[attr-defined]  # shtab's own way to say it
    print(shtab.complete(parser, options.shell))
    return 0


def _words(parser: argparse.ArgumentParser) -> dict[str, shtab.CompleteType]:
    """Return the words of an argument, by its name in the parser."""
    ids = list(requirements())
    groups = list(dict.fromkeys(item.group for item in requirements().values()))
    return {
        "requirement": _list_of([*ids, *groups]),
        "id": _list_of([*ids, *load_causes()]),
        "topology": _list_of(topology_names()),
        "suite": _list_of(suites()),
        "topic": _list_of([*commands_of(parser), *topics()]),
    }


def _list_of(words: Iterable[str]) -> shtab.CompleteType:
    """Return the completion of words that are part of the script, so that no program runs at the Tab key."""
    return shtab.cmd(shlex.join(["printf", r"%s\n", *words]))


def _complete(action: argparse.Action, words: dict[str, shtab.CompleteType]) -> shtab.CompleteType | None:
    """Return how an argument is completed; None if by its choices, or not at all."""
    if action.choices is not None:
        return None
    if action.type is Path:
        return shtab.DIRECTORY if action.dest in _FOLDERS else _MANIFESTS
    return words.get(action.dest) if action.nargs != 0 else None


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the arguments of a parser and of its commands."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to its actions
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - the same
            for inner in action.choices.values():
                yield from _actions(inner)
