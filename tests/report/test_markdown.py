"""Markdown: text of services stays text, and what is too long is counted."""

import pytest

from dualstack.report.markdown import bullets, escaped, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain-words: 1.5 ms (ok)", "plain-words: 1.5 ms (ok)"),
        ("a|b", "a&#124;b"),
        ("`code`", "&#96;code&#96;"),
        ("<img src=x>", "&#60;img src=x&#62;"),
        ("&#96;", "&#38;#\u206096;"),
        ("*a* _b_ ~~c~~", "&#42;a&#42; &#95;b&#95; &#126;&#126;c&#126;&#126;"),
        ("[a](javascript:x)", "&#91;a&#93;(javascript:x)"),
        ("![a](b)", "!&#91;a&#93;(b)"),
        ("a\n# b\r\n- c", "a # b - c"),
        ("# head", "&#35; head"),
        ("- item", "&#45; item"),
        ("1. item", "&#49;. item"),
        ("https://evil.example", "https&#58;//evil.example"),
        ("www.evil.example", "www.\u2060evil.example"),
        ("see @team and a@b", "see @\u2060team and a@b"),
        ("fixes #12, GH-3", "fixes #\u206012, GH-\u20603"),
        (":tada:", "&#58;tada:"),
        ("$x$", "&#36;x&#36;"),
        ("\\|", "&#92;&#124;"),
        ("\x1b[31mred\x00", "red␀"),
    ],
)
def test_nothing_is_markup(text: str, shown: str) -> None:
    """Characters that mean something in Markdown or to GitHub become references or are joined; others stay."""
    assert escaped(text) == shown


def test_a_table_has_its_rows() -> None:
    """Each row is a line, with a cell for each column; without rows there is no table."""
    assert table(("a", "b"), [("1", "x|y")], 1000) == "| a | b |\n| --- | --- |\n| 1 | x&#124;y |\n"
    assert table(("a",), [], 1000) == ""


@pytest.mark.parametrize("room", [200, 1000, 5000])
def test_what_is_left_out_is_counted(room: int) -> None:
    """A table and a list keep their room, and say how many rows they leave out."""
    rows = [(f"row {number}", "x" * 40) for number in range(2000)]
    text = table(("a", "b"), rows, room, "case")
    shown = text.count("| row")
    assert len(text) <= room
    assert 0 < shown < 2000
    assert text.endswith(f"… and {2000 - shown} more cases.\n")
    listed = bullets([row[0] for row in rows], room)
    assert len(listed) <= room
    assert f"… and {2000 - listed.count('- row')} more." in listed
