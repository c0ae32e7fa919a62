"""Numbers of things in sentences: the singular where there is one, and long lists cut short."""

from collections.abc import Iterable

MOST_LISTED = 3
"""How many items of a list are shown."""


def count(number: int, noun: str) -> str:
    """Return ``1 case``, ``2 cases`` or ``2 topologies``."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("ss") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def verb(number: int, one: str, several: str) -> str:
    """Return the verb that agrees with a number of things."""
    return one if number == 1 else several


def were(number: int, noun: str) -> str:
    """Return ``1 client was`` or ``2 clients were``."""
    return f"{count(number, noun)} {verb(number, 'was', 'were')}"


def some(items: Iterable[object], separator: str = ", ") -> str:
    """Return the first items of a list, and how many more there are: ``a, b, c and 49 more``."""
    texts = [str(item) for item in items]
    left = len(texts) - MOST_LISTED
    return separator.join(texts[:MOST_LISTED]) + (f" and {left} more" if left > 0 else "")
