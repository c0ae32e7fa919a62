"""Placeholders: in any text the known ones are replaced once, everything else stays, and unknown ones are named."""

from hypothesis import given
from hypothesis import strategies as st

from dualstack.manifest.texts import fill, unknown_placeholders

NAMES = ["bind", "port", "http.port", "scratch", "x"]
KNOWN = st.dictionaries(st.sampled_from(NAMES[:-1]), st.text(max_size=12) | st.just("{port}"))
"""Values of placeholders; some look like a placeholder themselves."""

PLAIN = st.text(st.characters(exclude_characters="{}$"), max_size=10)
PIECES = st.lists(st.tuples(PLAIN, st.sampled_from(["", *NAMES])), max_size=6)
"""A text in pieces: plain text, and behind it a placeholder or nothing."""


def written(pieces: list[tuple[str, str]]) -> str:
    """Return the text with its placeholders."""
    return "".join(plain + (f"{{{name}}}" if name else "") for plain, name in pieces)


@given(pieces=PIECES, values=KNOWN)
def test_each_placeholder_is_replaced_once(pieces: list[tuple[str, str]], values: dict[str, str]) -> None:
    """Known placeholders become their values, which are not filled again; unknown ones and all else stay."""
    expected = "".join(plain + (values.get(name, f"{{{name}}}") if name else "") for plain, name in pieces)
    assert fill(written(pieces), values) == expected


@given(text=st.text(st.sampled_from("{}$ab.1 \n\"'")))
def test_other_braces_stay(text: str) -> None:
    """Nothing changes without values, nor where each placeholder stands for itself."""
    assert fill(text, {}) == text
    assert fill(text, {name: f"{{{name}}}" for name in ("a", "b", "ab", "a.b", "a1")}) == text


@given(text=st.text(st.characters(exclude_characters="{}"), max_size=20), name=st.sampled_from(NAMES))
def test_variables_of_a_shell_stay(text: str, name: str) -> None:
    """A placeholder behind a dollar sign is a shell's own: it is neither filled nor refused."""
    shell = f"{text}${{{name}}}"
    assert fill(shell, dict.fromkeys(NAMES, "y")) == shell
    assert [*unknown_placeholders([shell], set())] == []


@given(pieces=PIECES, values=KNOWN)
def test_unknown_ones_are_named(pieces: list[tuple[str, str]], values: dict[str, str]) -> None:
    """There is one line for each placeholder that is not known, in their order, which names it."""
    unknown = [name for _, name in pieces if name and name not in values]
    lines = [*unknown_placeholders([written(pieces)], set(values))]
    assert [line.split(" in ")[0] for line in lines] == [f"unknown placeholder {{{name}}}" for name in unknown]
