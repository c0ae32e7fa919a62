"""Answers of services: they are read piece by piece and judged."""

from dataclasses import dataclass
from typing import Protocol

from dualstack.prober.messages import Outcome

_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of an exchange, as far as the answer decides it.

    Attributes:
        outcome: ANSWERED, SILENT or WRONG.
        detail: One sentence.
        status: The status or reply code of three digits that the answer has; 0 without one.
    """

    outcome: Outcome
    detail: str
    status: int = 0


class Reader(Protocol):
    """Reads one answer. Each byte is read once, however the answer is split, unless a class says otherwise."""

    def feed(self, data: bytes) -> Judgement | None:
        """Read the next piece; return the judgement, or None while more must come."""

    def end(self, why: str, *, closed: bool = False) -> Judgement:
        """Return the judgement after the last piece.

        Args:
            why: Why nothing more comes.
            closed: Whether the service closed the connection in an orderly way (FIN).
        """


class Dialogue(Protocol):
    """One exchange in one protocol."""

    @property
    def request(self) -> bytes:
        """The bytes that are sent."""

    def reader(self) -> Reader:
        """Return a new reader of the answer."""


def show(data: bytes | str) -> str:
    """Return the beginning of an answer, quoted for a sentence."""
    text = data.decode("latin-1") if isinstance(data, bytes) else data
    return repr(text[:_SHOWN]) + (" …" if len(text) > _SHOWN else "")
