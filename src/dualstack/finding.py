"""A finding: one thing that was expected, and what happened."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was expected, and what happened.

    Attributes:
        ok: Whether it happened as expected.
        expected: What was expected, one sentence.
        happened: What happened, one sentence.
        packets: The packets that show it, one line each.
        level: How binding it is, ``MUST`` or ``SHOULD``, where that differs from its requirement; else empty.
    """

    ok: bool
    expected: str
    happened: str
    packets: tuple[str, ...] = ()
    level: str = ""
