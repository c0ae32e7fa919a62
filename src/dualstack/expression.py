"""The expressions of ``-k``: words that a name contains, joined by ``and``, ``or``, ``not`` and parentheses.

They mean what they mean in pytest: a word matches if it occurs anywhere in the name, in upper or lower case.
"""

import re
from collections.abc import Callable
from typing import Protocol

from dualstack.errors import UsageError

_TOKEN = re.compile(r"\s*(?:(?P<sign>[()])|(?P<word>[\w:+\-.\[\]\\/@]+)|(?P<end>$))")
_WORDS = ("and", "or", "not")


class Matches(Protocol):
    """Whether a name is meant."""

    def __call__(self, name: str, /) -> bool:
        """Return whether ``name`` is meant."""


def parse(text: str) -> Matches:
    """Return what an expression means.

    Raises:
        UsageError: It is wrong; the message says at which column, and what is expected there.
    """
    return _Parser(text).parse()


class _Parser:
    """Reads one expression from left to right."""

    def __init__(self, text: str) -> None:
        """Begin at the first token."""
        self._text = text
        self._at = self._next = 0
        self._now = ""
        self._advance()

    def parse(self) -> Matches:
        """Return the meaning of the whole text."""
        found = self._any()
        if self._now:
            raise self._wrong("and, or, or the end")
        return found

    def _advance(self) -> str:
        """Go to the next token; return the one before."""
        before, match = self._now, _TOKEN.match(self._text, self._next)
        if match is None:
            self._at = self._next + len(self._text[self._next :]) - len(self._text[self._next :].lstrip())
            self._now = self._text[self._at]
            raise self._wrong("a word, and, or, not, or a parenthesis")
        self._now = match["sign"] or match["word"] or ""
        self._next = match.end()
        self._at = self._next - len(self._now)
        return before

    def _any(self) -> Matches:
        """Read terms joined by ``or``."""
        return self._joined("or", self._all, any)

    def _all(self) -> Matches:
        """Read factors joined by ``and``."""
        return self._joined("and", self._one, all)

    def _joined(self, word: str, read: Callable[[], Matches], join: Callable[[list[bool]], bool]) -> Matches:
        """Read parts joined by a word."""
        parts = [read()]
        while self._now == word:
            self._advance()
            parts.append(read())
        return parts[0] if len(parts) == 1 else lambda name: join([part(name) for part in parts])

    def _one(self) -> Matches:
        """Read a word, a negation, or an expression in parentheses."""
        if self._now == "not":
            self._advance()
            inner = self._one()
            return lambda name: not inner(name)
        if self._now == "(":
            self._advance()
            inner = self._any()
            if self._now != ")":
                raise self._wrong(")")
            self._advance()
            return inner
        if self._now in ("", ")", *_WORDS):
            raise self._wrong("a word, not, or (")
        word = self._advance().lower()
        return lambda name: word in name.lower()

    def _wrong(self, allowed: str) -> UsageError:
        """Return the error at the present token."""
        found = repr(self._now) if self._now else "the end"
        return UsageError(f"-k {self._text!r}: found {found} at column {self._at + 1}, allowed there: {allowed}")
