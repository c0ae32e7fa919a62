"""The nearest allowed word for a mistyped one, for messages."""

import difflib
from collections.abc import Sequence


def did_you_mean(found: str, allowed: Sequence[str], *, cutoff: float = 0.6) -> str:
    """Return ``; did you mean 'x'?`` with the most similar of the allowed words; empty if none is similar.

    Args:
        found: The word that was found.
        allowed: The words that exist.
        cutoff: How similar they must be, from 0 to 1; see `difflib.get_close_matches`.
    """
    nearest = difflib.get_close_matches(found, allowed, n=1, cutoff=cutoff)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""
