"""A finding: what was expected, and what happened."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation, and what happened.

    Attributes:
        ok: Whether it happened as expected.
        expected: What was expected, one sentence.
        happened: What happened, one sentence.
        packets: The packets that show it, one line each.
        level: ``MUST`` or ``SHOULD``, if it differs from the level of the requirement; else empty.
    """

    ok: bool
    expected: str
    happened: str
    packets: tuple[str, ...] = ()
    level: str = ""
