"""The line number of each key of a TOML text; ``tomllib`` returns values without line numbers."""

import contextlib
import re
import tomllib
from collections.abc import Iterator, Mapping

Key = tuple[str | int, ...]
"""The path to a value: keys of tables, positions in lists."""

_TOKEN = re.compile(
    r"""[ \t\r]+ | \#[^\n]* | (?P<newline>\n) | (?P<mark>[\[\]{},=.]) | (?P<bare>[^\s\[\]{},=.\#"']+)"""
    r'''| (?P<string> """(?:\\.|[^\\])*?"{3,5} | \'\'\'.*?'{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*' )''',
    re.DOTALL | re.VERBOSE,
)


def lines_of(text: str) -> dict[Key, int]:
    """Return the line, counted from 1, of each key of a TOML text; if the text has an error, of the keys before it.

    The line of a table is that of its header; the line of a list item is that on which it begins.
    """
    scan = _Scan(text)
    with contextlib.suppress(IndexError, tomllib.TOMLDecodeError, RecursionError):
        scan.document()
    return scan.lines


def line_of(key: Key, lines: Mapping[Key, int]) -> int:
    """Return the line of a key; if it has none, that of the nearest table around it, or else 1."""
    return next((lines[key[:end]] for end in range(len(key), 0, -1) if key[:end] in lines), 1)


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """Yield the kind, the text and the line of each token, except white space and comments."""
    position, line = 0, 1
    while match := _TOKEN.match(text, position):
        if match.lastgroup is not None:
            yield match.lastgroup, match[0], line
        line += match[0].count("\n")
        position = match.end()


class _Scan:
    """One pass through a text, token by token; IndexError at its end."""

    def __init__(self, text: str) -> None:
        """Begin at the first token."""
        self.lines: dict[Key, int] = {}
        self._tables: dict[Key, int] = {}  # how many tables each list of tables has so far
        self._tokens = [*_tokens(text)]
        self._position = 0

    def _is(self, token: str) -> bool:
        """Return whether this is the current token; if it is, advance past it."""
        kind, text, _ = self._tokens[self._position]
        found = text == token and kind != "string"
        self._position += found
        return found

    @property
    def _line(self) -> int:
        """The line of the current token."""
        return self._tokens[self._position][2]

    def document(self) -> None:
        """Read headers and entries up to the end of the text."""
        table: Key = ()
        while True:
            line = self._line
            if self._is("["):
                table = self._header(line, several=self._is("["))
            elif not self._is("\n"):
                self._entry(table)

    def _header(self, line: int, *, several: bool) -> Key:
        """Read the rest of ``[a.b]`` or ``[[a.b]]``; return the key of the table that it opens."""
        table: Key = ()
        names = self._names()
        for position, name in enumerate(names, 1):
            table = (*table, name)
            self.lines.setdefault(table, line)
            if several and position == len(names):
                self._tables[table] = self._tables.get(table, 0) + 1
            if table in self._tables:
                table = (*table, self._tables[table] - 1)
        self.lines[table] = line
        self._position += 2 if several else 1
        return table

    def _names(self) -> list[str]:
        """Read ``a."b".c``."""
        names = []
        while True:
            kind, name, _ = self._tokens[self._position]
            names.append(next(iter(tomllib.loads(f"{name} = 0"))) if kind == "string" else name)
            self._position += 1
            if not self._is("."):
                return names

    def _entry(self, table: Key) -> None:
        """Read ``a.b = value``."""
        line, key = self._line, table
        for name in self._names():
            key = (*key, name)
            self.lines.setdefault(key, line)
        self._position += 1
        self._value(key)

    def _value(self, key: Key) -> None:
        """Read a value."""
        if self._is("["):
            self._list(key)
        elif self._is("{"):
            self._inline_table(key)
        else:
            while self._tokens[self._position][1] not in {"\n", ",", "]", "}"}:
                self._position += 1  # several tokens make a number with a fraction, or a time

    def _list(self, key: Key) -> None:
        """Read the rest of a list in brackets."""
        position = 0
        while not self._is("]"):
            if self._is(",") or self._is("\n"):
                continue
            item = (*key, position)
            self.lines[item] = self._line
            self._value(item)
            position += 1

    def _inline_table(self, key: Key) -> None:
        """Read the rest of a table in braces."""
        while not self._is("}"):
            if not (self._is(",") or self._is("\n")):
                self._entry(key)
