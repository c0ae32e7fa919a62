"""The face of each verdict: its sign, its word, its tone and what it means in plain words."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from dualstack.verdict import FELL_SHORT, OUR_FAULT, Verdict


@enum.unique
class Tone(enum.Enum):
    """What a verdict asks of its reader; a report has one colour per tone."""

    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    FACT = "fact"
    QUIET = "quiet"
    UNSURE = "unsure"


STYLES = {
    Tone.GOOD: "green",
    Tone.BAD: "bold red",
    Tone.WARN: "yellow",
    Tone.FACT: "cyan",
    Tone.QUIET: "dim",
    Tone.UNSURE: "magenta",
}
"""The terminal's style of each tone."""


@dataclass(frozen=True, slots=True)
class Face:
    """How a verdict is shown.

    Attributes:
        verdict: The verdict.
        sign: One character, one column wide.
        ascii: The same for a terminal without UTF-8: a short word.
        tone: Its colour.
        meaning: What it says, for a reader who knows none of our words.
    """

    verdict: Verdict
    sign: str
    ascii: str
    tone: Tone
    meaning: str

    @property
    def slug(self) -> str:
        """The verdict as one word: ``broken-lab``."""
        return self.verdict.value.replace(" ", "-")


_BY_WEIGHT = (
    Face(Verdict.FAIL, "✗", "FAIL", Tone.BAD, "The service broke a requirement that it must meet."),
    Face(
        Verdict.UNEXPECTED_PASS,
        "‼",
        "XPASS",
        Tone.WARN,
        "The manifest declares this failing as known, but the service passed: remove the entry from the manifest.",
    ),
    Face(
        Verdict.BROKEN_LAB,
        "#",
        "LAB",
        Tone.UNSURE,
        "The test network was not what it should have been, so the service was not judged. Not the service's fault.",
    ),
    Face(
        Verdict.HARNESS_ERROR,
        "!",
        "ERR",
        Tone.UNSURE,
        "The test program itself failed, so the service was not judged. Not the service's fault.",
    ),
    Face(
        Verdict.TIMEOUT,
        "◷",
        "TIME",
        Tone.UNSURE,
        "Something that the test waited for did not happen in time; the reason names it. The service was not judged.",
    ),
    Face(
        Verdict.INCONCLUSIVE,
        "?",
        "INC",
        Tone.UNSURE,
        "The packets needed as evidence were not recorded completely, so nothing is claimed either way.",
    ),
    Face(
        Verdict.BLOCKED,
        "□",
        "BLOCK",
        Tone.QUIET,
        "The service, or this part of it, does not start at all (START-001), so nothing else can be said of it.",
    ),
    Face(
        Verdict.HOST_CANNOT,
        "⊘",
        "HOST",
        Tone.QUIET,
        "This machine lacks something that the test needs; 'dualstack doctor' says how to get it.",
    ),
    Face(
        Verdict.DEVIATES,
        "≈",
        "DEV",
        Tone.WARN,
        "The service does not do what is recommended (a SHOULD); this alone does not make a run fail.",
    ),
    Face(
        Verdict.KNOWN,
        "k",
        "KNOWN",
        Tone.WARN,
        "The service falls short here, and its manifest declares that as known, with a reason.",
    ),
    Face(Verdict.PASS, "✓", "ok", Tone.GOOD, "The service did what is required, and the packets prove it."),
    Face(Verdict.OBSERVED, "i", "obs", Tone.FACT, "A fact about the service, recorded without judgement."),
    Face(
        Verdict.NOT_APPLICABLE,
        "\N{EN DASH}",
        "n/a",
        Tone.QUIET,
        "The requirement is not for this service as its manifest describes it, or what it builds on does not work; the "
        "reason says which.",
    ),
)

FACES = {face.verdict: face for face in _BY_WEIGHT}
"""The face of each verdict, the one that a reader must see first before the others."""

_WEIGHT = {verdict: weight for weight, verdict in enumerate(FACES)}

ATTENTION = FELL_SHORT | OUR_FAULT | {Verdict.DEVIATES, Verdict.HOST_CANNOT, Verdict.BLOCKED}
"""Verdicts that somebody has to look at."""


def weight(verdict: Verdict) -> int:
    """Return the verdict's place in the order of attention, 0 first."""
    return _WEIGHT[verdict]


def gravest(verdicts: Iterable[Verdict]) -> Verdict | None:
    """Return the verdict that a reader must see first; None without any."""
    return min(verdicts, key=weight, default=None)
