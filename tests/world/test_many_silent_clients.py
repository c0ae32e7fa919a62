"""What many silent clients prevent is compared by family."""

import pytest

from dualstack.families import Family
from dualstack.world.silent_clients import differing, in_words

F4, F6 = Family.IPV4, Family.IPV6
NONE, ONE, BOTH = frozenset[Family](), {F4: frozenset({F4}), F6: frozenset({F6})}, frozenset({F4, F6})


@pytest.mark.parametrize(
    ("lost", "differ"),
    [
        ({F4: NONE, F6: NONE}, (False, False)),
        ({F4: BOTH, F6: BOTH}, (False, False)),
        (ONE, (False, False)),
        ({F4: frozenset({F6}), F6: frozenset({F4})}, (False, False)),
        ({F4: NONE, F6: frozenset({F6})}, (True, False)),
        ({F4: frozenset({F4}), F6: NONE}, (True, False)),
        ({F4: frozenset({F6}), F6: NONE}, (False, True)),
        ({F4: NONE, F6: BOTH}, (True, True)),
    ],
)
def test_only_a_difference_of_families_counts(lost: dict[Family, frozenset[Family]], differ: tuple[bool, bool]) -> None:
    """Workers for all, or as many for each family, are no difference; fewer for one family are."""
    assert differing(lost) == differ


def test_each_family_has_its_words() -> None:
    """The text says for each family of silent clients which other clients are not served."""
    text = in_words({F4: NONE, F6: BOTH}, 16)
    assert text == (
        "while 16 IPv4 clients are silent, all others are served; "
        "while 16 IPv6 clients are silent, IPv4 and IPv6 clients are not served"
    )
