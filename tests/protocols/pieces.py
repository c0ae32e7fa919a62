"""Bytes in pieces, for property-based tests of what is read from streams."""

import itertools
from collections.abc import Iterable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

examples = settings(
    max_examples=60,
    deadline=None,  # a loaded machine is no failure
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
"""How these tests run: the same examples each time."""

CUTS = st.lists(st.integers(0, 300), max_size=6)
"""Where a stream is cut."""


def split(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Return the data in pieces, some of which may be empty."""
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(places)]
