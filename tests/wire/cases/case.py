"""A case of a predicate: captures on which it holds, and on which it does not."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.wire.evidence import CaptureData
from tests.wire.packets import Timed


@dataclass(frozen=True)
class Case:
    """A predicate with a capture on which it holds, and some on which it does not.

    Attributes:
        name: What is shown.
        call: The predicate.
        good: A capture.
        bad: Captures, each with what the finding must mention.
        needs: The families of which it needs witnesses.
        vacuous: Whether a live capture without any frame is good: it claims only an absence.
    """

    name: str
    call: Callable[[CaptureData], Finding]
    good: list[Timed]
    bad: list[tuple[list[Timed], str]]
    needs: tuple[Family, ...] = ()
    vacuous: bool = False
    more_good: list[list[Timed]] = field(default_factory=list)
