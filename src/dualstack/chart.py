"""The timeline of one run of a client, as data: a lane for each question and each attempt, on one time axis."""

from dataclasses import dataclass

_FAMILIES = {"ipv4": "IPv4", "ipv6": "IPv6"}


@dataclass(frozen=True, slots=True)
class Lane:
    """A question to a name server, or an attempt to reach an address.

    Attributes:
        label: The record type of a question, or the address of an attempt.
        family: ``ipv4`` or ``ipv6`` for an attempt; empty for a question.
        began: When the question or the SYN was first sent, in seconds since the first packet of the run.
        again: When it was sent again.
        ended: When it was answered, refused or failed; None if nothing came back.
        result: How it ended: ``answered``, ``connected``, ``refused``, ``no answer`` …
        won: Whether it is the connection that the client used.
        closed: When the client closed the connection; None if it did not, or if there was none.
    """

    label: str
    family: str
    began: float
    again: tuple[float, ...] = ()
    ended: float | None = None
    result: str = ""
    won: bool = False
    closed: float | None = None

    @property
    def times(self) -> tuple[float, ...]:
        """Every time in it."""
        return (self.began, *self.again, *(item for item in (self.ended, self.closed) if item is not None))

    @property
    def name(self) -> str:
        """What it is, as text: ``AAAA question``, ``IPv6 2001:db8::1``."""
        return f"{_FAMILIES.get(self.family, self.family)} {self.label}" if self.family else f"{self.label} question"

    def __str__(self) -> str:
        """Return what happened as a sentence, with times in milliseconds."""
        end = "" if self.ended is None else f" at {self.ended * 1000:.1f} ms"
        again = f", sent {len(self.again) + 1} times" if self.again else ""
        won = ", used by the client" if self.won else ""
        return f"{self.name}: sent at {self.began * 1000:.1f} ms{again}, {self.result}{end}{won}."


@dataclass(frozen=True, slots=True)
class Chart:
    """The timeline of one run.

    Attributes:
        title: What was run: ``run 1 towards a-ok.aaaa-ok.7f3a9c01.lab.test``.
        lanes: The questions, then the attempts, each in the order in which they began.
    """

    title: str
    lanes: tuple[Lane, ...]

    @property
    def end(self) -> float:
        """The last time in it, in seconds; 0 without a lane."""
        return max((time for lane in self.lanes for time in lane.times), default=0.0)

    @property
    def words(self) -> str:
        """All of it as text."""
        return " ".join(map(str, self.lanes))
