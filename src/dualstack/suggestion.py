"""The nearest allowed word for a mistyped one, for messages."""

import difflib
from collections.abc import Sequence
from itertools import takewhile


def did_you_mean(found: str, allowed: Sequence[str], *, cutoff: float = 0.6) -> str:
    """Return ``; did you mean 'x'?`` with the most similar of the allowed words; empty if none is similar.

    Upper and lower case count as the same, and what all words begin with does not count.

    Args:
        found: The word that was found.
        allowed: The words that exist.
        cutoff: How similar they must be, from 0 to 1; see `difflib.get_close_matches`.
    """
    same = takewhile(lambda letters: len({*letters}) == 1, zip(found, *allowed, strict=False))
    shared = sum(1 for _ in same) if len(allowed) > 1 else 0  # SIG of SIGTERM says nothing
    words = {word[shared:].lower(): word for word in reversed(allowed)}
    nearest = difflib.get_close_matches(found[shared:].lower(), list(words), n=1, cutoff=cutoff)
    return f"; did you mean {words[nearest[0]]!r}?" if nearest else ""
