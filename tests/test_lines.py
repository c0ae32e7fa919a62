"""The lines of a TOML file's keys."""

import tomllib
from collections.abc import Iterator

import pytest

from dualstack.content import ROOT
from dualstack.manifest.lines import Key, line_of, lines_of

SHIPPED = [path for folder in ("fixtures", "topologies", "src", "docs") for path in (ROOT / folder).rglob("*.toml")]

ODD = """\
# "quotes", [brackets] and = in a comment
plain = 1
  "quoted key" . 'and = dots'.x = "= [ ] # no comment"
dates = 1979-05-27 07:32:00.5  # a space in a value
numbers = [1.5, -2e3, inf, [[3], []], {a.b = 4, "c,d" = '}'}]
text = @@@one
[no.header]
a = "x" \\"@@@
more = [ "[", # a bracket
  # a line that is none

  '''two
lines''', ''''quoted'''',
]
empty = {}
[a."b.c"]  # a header
d = [
  { e = 1 },
  { e = 2 }
]
[[list]]
[list.inner]
x = 1
[[list]]
[[list.sub]]
x = 1
[[list.sub]]
x = 2
[list.inner]
x = '''end'''""".replace("@@@", '"' * 3)


def keys_of(value: object, key: Key = ()) -> Iterator[Key]:
    """Yield the path to each value inside ``value``."""
    if key:
        yield key
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, inner in items:
        yield from keys_of(inner, (*key, part))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_form_of_toml(newline: str) -> None:
    """Multi-line strings, dotted and quoted keys, inline tables and lists of tables have the right lines."""
    text = ODD.replace("\n", newline)
    lines = lines_of(text)
    assert set(lines) == {*keys_of(tomllib.loads(text))}
    assert {key: lines[key] for key in lines if key[0] in {"plain", "quoted key", "dates", "text", "empty"}} == {
        ("plain",): 2,
        ("quoted key",): 3,
        ("quoted key", "and = dots"): 3,
        ("quoted key", "and = dots", "x"): 3,
        ("dates",): 4,
        ("text",): 6,
        ("empty",): 15,
    }
    assert [lines["more", item] for item in range(3)] == [9, 12, 13]
    assert (lines["numbers", 3, 0, 0], lines["numbers", 4, "a", "b"], lines["numbers", 4, "c,d"]) == (5, 5, 5)
    assert (lines["a", "b.c"], lines["a", "b.c", "d", 1, "e"]) == (16, 19)
    assert (lines["list", 0], lines["list", 0, "inner", "x"], lines["list", 1]) == (21, 23, 24)
    assert (lines["list", 1, "sub", 1, "x"], lines["list", 1, "inner", "x"]) == (28, 30)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_key_has_its_line(path: object) -> None:
    """In all TOML files of this repository every key has a line, and this line contains the key."""
    assert hasattr(path, "read_text")
    text = path.read_text(encoding="utf-8")
    lines = lines_of(text)
    assert set(lines) == {*keys_of(tomllib.loads(text))}
    for key, line in lines.items():
        assert isinstance(key[-1], int) or key[-1] in text.splitlines()[line - 1]


def test_a_key_that_lacks_has_the_line_of_its_table() -> None:
    """A missing key has the line of the nearest table around it, or else line 1."""
    lines = lines_of("schema = 1\n[[listen]]\nport = 1\n[[listen]]\n")
    assert line_of(("listen", 1, "port"), lines) == 4
    assert line_of(("listen", 0, "bind", "any", 0), lines) == 2
    assert line_of(("service", "name"), lines) == 1


@pytest.mark.parametrize("end", range(0, len(ODD), 7))
def test_a_text_that_is_cut_short(end: int) -> None:
    """In a text with an error, the keys before the error have lines."""
    whole, cut = lines_of(ODD), lines_of(ODD[:end])
    assert all(whole.get(key, line) == line for key, line in cut.items())
