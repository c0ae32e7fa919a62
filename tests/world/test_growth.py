"""Which counts have grown, and whose clients cause it."""

from dualstack.families import Family
from dualstack.world.growth import Counts, growth


def counts(descriptors: int) -> Counts:
    """Return the counts of a service."""
    return (("descriptors", descriptors), ("zombie processes", 0))


def test_a_family_that_leaks_is_named() -> None:
    """If clients of one family alone make a count grow, the finding names it."""
    alone = [(Family.IPV4, counts(600), counts(602)), (Family.IPV6, counts(602), counts(702))]
    grown, steady = growth(counts(100), counts(600), 1000, alone)
    assert (grown.ok, steady.ok) == (False, True)
    assert grown.expected == "10 s after 1000 clients have left, the number of descriptors has grown by at most 5"
    assert grown.happened == "it has grown by 500, from 100 to 600; clients over IPv6 alone cause it"


def test_both_families_leak() -> None:
    """If the clients of each family make a count grow, that is said."""
    alone = [(Family.IPV4, counts(600), counts(700)), (Family.IPV6, counts(700), counts(800))]
    assert growth(counts(100), counts(600), 1000, alone)[0].happened.endswith("; clients of either family cause it")


def test_what_is_not_known_is_not_said() -> None:
    """Without clients of a single family, or if none of them shows it, no family is named."""
    for alone in ([], [(family, counts(600), counts(600)) for family in Family]):
        assert growth(counts(100), counts(600), 1000, alone)[0].happened == "it has grown by 500, from 100 to 600"
