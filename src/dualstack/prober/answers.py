"""Answers as they come: what reads them piece by piece, and what it says of them."""

from dataclasses import dataclass
from typing import Protocol

from dualstack.prober.messages import Outcome

_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Judgement:
    """How an exchange ended, as far as the answer decides it.

    Attributes:
        outcome: ANSWERED, SILENT or WRONG.
        detail: One sentence.
        status: The status or reply code of three digits that the answer has; 0 without one.
    """

    outcome: Outcome
    detail: str
    status: int = 0


class Reader(Protocol):
    """Reads one answer. Each byte is looked at once, however the answer is cut, unless a class says otherwise."""

    def feed(self, data: bytes) -> Judgement | None:
        """Take the next piece; return the judgement, or None while more must come."""

    def end(self, why: str, *, closed: bool = False) -> Judgement:
        """Return the judgement now that no more comes.

        Args:
            why: Why no more comes.
            closed: Whether the service closed the connection in good order.
        """


class Dialogue(Protocol):
    """What is said in one protocol."""

    @property
    def request(self) -> bytes:
        """What is sent."""

    def reader(self) -> Reader:
        """Return the reader of one answer, which has read nothing."""


def show(data: bytes | str) -> str:
    """Return the beginning of an answer for a sentence."""
    text = data.decode("latin-1") if isinstance(data, bytes) else data
    return repr(text[:_SHOWN]) + (" …" if len(text) > _SHOWN else "")
