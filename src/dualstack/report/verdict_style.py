"""How each verdict is shown: its sign, its colour and its meaning in plain words."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from dualstack.verdict import FAILURES, OUR_FAULT, Verdict


@enum.unique
class Tone(enum.Enum):
    """What a verdict means for its reader; a report has one colour for each tone."""

    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    FACT = "fact"
    QUIET = "quiet"
    UNSURE = "unsure"


TONE_STYLES = {
    Tone.GOOD: "green",
    Tone.BAD: "bold red",
    Tone.WARN: "yellow",
    Tone.FACT: "cyan",
    Tone.QUIET: "dim",
    Tone.UNSURE: "magenta",
}
"""The terminal's style of each tone."""


@dataclass(frozen=True, slots=True)
class VerdictStyle:
    """How a verdict is shown.

    Attributes:
        verdict: The verdict.
        sign: One character, one column wide.
        ascii: A short word, for a terminal without UTF-8.
        tone: Its colour.
        meaning: What it means, for a reader who does not know the words of this project.
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
    VerdictStyle(Verdict.FAIL, "✗", "FAIL", Tone.BAD, "The service does not meet a requirement that it must meet."),
    VerdictStyle(
        Verdict.UNEXPECTED_PASS,
        "‼",
        "XPASS",
        Tone.WARN,
        "The manifest declares that this case fails, but it passed: remove the entry from the manifest.",
    ),
    VerdictStyle(
        Verdict.BROKEN_LAB,
        "#",
        "LAB",
        Tone.UNSURE,
        "The test network was not as its topology requires, so the service was not judged. Not the service's fault.",
    ),
    VerdictStyle(
        Verdict.HARNESS_ERROR,
        "!",
        "ERR",
        Tone.UNSURE,
        "dualstack itself failed, so the service was not judged. Not the service's fault.",
    ),
    VerdictStyle(
        Verdict.TIMEOUT,
        "◷",
        "TIME",
        Tone.UNSURE,
        "Something that the test waited for did not happen in time; the reason names it. The service was not judged.",
    ),
    VerdictStyle(
        Verdict.INCONCLUSIVE,
        "?",
        "INC",
        Tone.UNSURE,
        "The packets that are needed as evidence were not recorded completely, so the service was not judged.",
    ),
    VerdictStyle(
        Verdict.BLOCKED,
        "□",
        "BLOCK",
        Tone.QUIET,
        "The service, or this part of it, does not start (START-001), so nothing else was tested.",
    ),
    VerdictStyle(
        Verdict.HOST_CANNOT,
        "⊘",
        "HOST",
        Tone.QUIET,
        "This machine lacks something that the test needs; 'dualstack doctor' says what to enable.",
    ),
    VerdictStyle(
        Verdict.DEVIATES,
        "≈",
        "DEV",
        Tone.WARN,
        "The service does not follow a recommendation (a SHOULD); a run fails for this only with --strict.",
    ),
    VerdictStyle(
        Verdict.KNOWN,
        "k",
        "KNOWN",
        Tone.WARN,
        "The service does not meet the requirement, and its manifest or a baseline declares that, with a reason.",
    ),
    VerdictStyle(Verdict.PASS, "✓", "ok", Tone.GOOD, "The service does what is required, and the packets prove it."),
    VerdictStyle(Verdict.OBSERVED, "i", "obs", Tone.FACT, "A fact about the service, recorded without judgement."),
    VerdictStyle(
        Verdict.NOT_APPLICABLE,
        "\N{EN DASH}",
        "n/a",
        Tone.QUIET,
        "The requirement does not apply to the service as its manifest describes it, or something that it depends on "
        "does not work; the reason says which.",
    ),
)

VERDICT_STYLES = {style.verdict: style for style in _BY_WEIGHT}
"""The style of each verdict, the most serious verdict first."""

_WEIGHT = {verdict: weight for weight, verdict in enumerate(VERDICT_STYLES)}

ATTENTION = FAILURES | OUR_FAULT | {Verdict.DEVIATES, Verdict.HOST_CANNOT, Verdict.BLOCKED}
"""Verdicts that need attention."""


def weight(verdict: Verdict) -> int:
    """Return how serious the verdict is: 0 is the most serious."""
    return _WEIGHT[verdict]


def most_serious(verdicts: Iterable[Verdict]) -> Verdict | None:
    """Return the most serious verdict; None without any."""
    return min(verdicts, key=weight, default=None)
