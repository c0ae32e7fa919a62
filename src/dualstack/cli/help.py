"""``dualstack help``: the help of a command, or a page of the manual; and the short help without a command."""

import argparse
import sys

from dualstack.cli import manual
from dualstack.cli.parser import make_parser
from dualstack.cli.terminal import Terminal

_FIRST = ("try", "init", "check", "run", "explain", "doctor")
"""The commands that the short help names: those that a new user needs."""


def main(options: argparse.Namespace) -> int:
    """Print the help of a command, a page, or the lists of both; without any command the short help, exit code 2."""
    parser = make_parser()
    commands = commands_of(parser)
    if options.command is None:  # not 0: an empty variable in a script must not look like a success
        print(short_help(parser), file=sys.stderr)
        return 2
    if not options.topic:
        print(parser.format_help())
        print("pages of the manual (dualstack help PAGE):")
        for name, page in manual.topics().items():
            print(f"  {name:<16}{manual.title(page)}")
        return 0
    topic, *words = options.topic
    if topic in commands:
        print(commands[topic].format_help(), end="")
    else:
        manual.show(topic, words, Terminal(highlight=False, markup=False, emoji=False))
    return 0


def short_help(parser: argparse.ArgumentParser) -> str:
    """Return the help for those who give no command."""
    summaries = summaries_of(parser)
    lines = [
        "dualstack tests whether a network service works on IPv4-only, IPv6-only and dual-stack networks.",
        "",
        "  dualstack try -- ./server --port 8080               what does it serve, on which networks?",
        "  dualstack try --client -- curl http://{target}/     what does a client do there?",
        "",
        *(f"  dualstack {name:<10}{summaries[name]}" for name in _FIRST),
        f"  dualstack help      all {len(summaries)} commands, and the pages of the manual",
    ]
    return "\n".join(lines)


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of the commands, by name, in the order of the help."""
    return dict(_subparsers(parser).choices or {})


def summaries_of(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Return what each command does, by name, in the order of the help."""
    return {action.dest: action.help or "" for action in _subparsers(parser)._get_subactions()}  # noqa: SLF001 - argparse shows its own list with it


def _subparsers(parser: argparse.ArgumentParser) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    """Return the action of a parser that has the commands."""
    return next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))  # noqa: SLF001 - argparse has no public way to its actions
