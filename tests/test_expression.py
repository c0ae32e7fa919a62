"""Expressions of ``-k``: the meaning that they have in pytest, on the keys of cases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.errors import UsageError
from dualstack.expression import parse

KEY = "LISTEN-001:shop/both:web@ipv6-only"


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("listen", True),
        ("LISTEN-001", True),
        ("web@ipv6", True),
        ("shop/both:web", True),
        ("udp", False),
        ("not udp", True),
        ("not not udp", False),
        ("udp or web", True),
        ("udp and web", False),
        ("web and not (udp or shop)", False),
        ("udp and web or shop", True),
        ("udp and (web or shop)", False),
        ("  web  ", True),
        ("android", False),
    ],
)
def test_meaning(text: str, means: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A word matches anywhere, in upper and lower case; not binds closer than and, and closer than or."""
    assert parse(text)(KEY) is means


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found the end at column 1"),
        ("web and", "found the end at column 8, allowed there: a word, not, or ("),
        ("(web", "found the end at column 5, allowed there: )"),
        ("web)", "found ')' at column 4"),
        ("web udp", "found 'udp' at column 5, allowed there: and, or, or the end"),
        ("or web", "found 'or' at column 1"),
        ("web & udp", "found '&' at column 5"),
        ("= ", "found '=' at column 1"),
    ],
)
def test_wrong_expressions(text: str, message: str) -> None:
    """What is wrong is named with its column and with what is allowed there."""
    with pytest.raises(UsageError) as raised:
        parse(text)
    assert message in str(raised.value)


@given(st.text(alphabet="aAn or()ot d&web", max_size=30))
def test_any_text(text: str) -> None:
    """Any text has a meaning or is refused, and nothing else."""
    try:
        found = parse(text)
    except UsageError:
        return
    assert found(KEY) in (True, False)
