"""Numbers of things in sentences."""

import pytest

from dualstack.counting import count, some, verb, were


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (0, "client", "0 clients"),
        (1, "client", "1 client"),
        (2, "IPv6 client", "2 IPv6 clients"),
        (1, "query", "1 query"),
        (3, "topology", "3 topologies"),
        (4, "address", "4 addresses"),
    ],
)
def test_counted(number: int, noun: str, words: str) -> None:
    """One thing is in the singular, none and several are in the plural."""
    assert count(number, noun) == words


def test_verbs_agree() -> None:
    """The verb agrees with the number."""
    assert (verb(1, "waits", "wait"), verb(0, "waits", "wait"), were(1, "client"), were(2, "client")) == (
        "waits",
        "wait",
        "1 client was",
        "2 clients were",
    )


def test_long_lists_are_cut_short() -> None:
    """At most three items are listed, then how many more there are."""
    assert some([]) == ""
    assert some([53, 54, 55]) == "53, 54, 55"
    assert some(range(52)) == "0, 1, 2 and 49 more"
