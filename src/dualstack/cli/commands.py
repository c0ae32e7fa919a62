"""A command line with several commands: each has its own help and examples, and a wrong word gets a suggestion."""

import argparse
import re
from typing import Any, NoReturn

from dualstack.suggestion import did_you_mean


class Parser(argparse.ArgumentParser):
    """A parser whose errors suggest the nearest word, or show an example.

    Attributes:
        rest: The name under which the words after ``--`` are found, as they are; empty if the parser has no such words.
    """

    rest = ""
    _inside = False  # whether argparse parses a part of the words

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse the words, and keep those after ``--`` apart; an unknown option is an error of this command."""
        if self._inside:
            return super().parse_known_args(args, namespace)
        found, unknown = self._parse_apart(list(args), namespace) if self.rest else self._parse(args, namespace)
        if unknown:
            options = [name for name in self._option_string_actions if name.startswith("--")]
            hint = did_you_mean(unknown[0].partition("=")[0], options)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return found, unknown

    def _parse(self, args: Any, namespace: Any) -> tuple[Any, list[str]]:
        """Parse words as argparse does."""
        return super().parse_known_args(args, namespace)

    def _parse_apart(self, words: list[str], namespace: Any) -> tuple[Any, list[str]]:
        """Parse the words before ``--``; options may stand between the other words."""
        at = words.index("--") if "--" in words else len(words)
        self._inside = True
        try:
            found, unknown = self.parse_known_intermixed_args(words[:at], namespace)
        finally:
            self._inside = False
        setattr(found, self.rest, words[at + 1 :])
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Print usage and message, and exit with 2."""
        if match := re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message):
            message += did_you_mean(match[1], match[2].replace("'", "").split(", "))
        elif "are required" in message and self.epilog:
            message += f"; for example: {self.epilog.splitlines()[1].strip()}"
        super().error(message)


class Commands:
    """Adds commands to a parser."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        """Add commands to ``parser``."""
        self._parsers = parser.add_subparsers(parser_class=Parser, dest="command", metavar="COMMAND")

    def add(self, name: str, summary: str, text: str = "", examples: str = "") -> Parser:
        """Add a command and return its parser.

        Args:
            name: Its name; the module of that name in `dualstack.cli` does the work.
            summary: What it does, for the list of commands.
            text: What it does, for its own help; empty for the summary.
            examples: How it is used, one command a line.
        """
        return self._parsers.add_parser(
            name,
            help=summary,
            description=text or summary[0].upper() + summary[1:] + ".",
            epilog=f"examples:\n{examples}" if examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
