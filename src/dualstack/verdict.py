"""Verdicts: what may be said of a case, and the exit code of a run."""

import enum
import errno
from collections.abc import Iterable

from dualstack import errors
from dualstack.requirement import Level


@enum.unique
class Verdict(enum.Enum):
    """What is said of a case; `JUDGED` are those that say something about the service."""

    PASS = "pass"
    FAIL = "fail"
    DEVIATES = "deviates"
    OBSERVED = "observed"
    NOT_APPLICABLE = "not applicable"
    INCONCLUSIVE = "inconclusive"
    HOST_CANNOT = "host cannot"
    BROKEN_LAB = "broken lab"
    HARNESS_ERROR = "harness error"
    TIMEOUT = "timeout"
    KNOWN = "known"
    UNEXPECTED_PASS = "unexpected pass"
    BLOCKED = "blocked"


OUR_FAULT = frozenset({Verdict.BROKEN_LAB, Verdict.HARNESS_ERROR, Verdict.INCONCLUSIVE, Verdict.TIMEOUT})
"""Verdicts that say that the harness or its lab failed, not the service."""

FAILURES = frozenset({Verdict.FAIL, Verdict.UNEXPECTED_PASS})
"""Verdicts that make a run fail because of the service or its manifest."""

SPEAKS = frozenset({Verdict.FAIL, Verdict.DEVIATES, Verdict.KNOWN})
"""Verdicts that say that the service does not do what is required; a report names causes for them."""

JUDGED = frozenset(
    {Verdict.PASS, Verdict.FAIL, Verdict.DEVIATES, Verdict.OBSERVED, Verdict.KNOWN, Verdict.UNEXPECTED_PASS}
)
"""Verdicts that say something about the service; a run without any of them is not a success."""

_BLAME = (
    (errors.Inconclusive, Verdict.INCONCLUSIVE),
    (errors.NothingToJudge, Verdict.NOT_APPLICABLE),
    (errors.HostCannot, Verdict.HOST_CANNOT),
    (errors.BrokenLab, Verdict.BROKEN_LAB),
    (errors.DeadlineExpired, Verdict.TIMEOUT),
    (errors.ServiceError, Verdict.FAIL),
)

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors of a full disk: the evidence of a case could not be kept."""

_NOT_MET = {Level.MUST: Verdict.FAIL, Level.SHOULD: Verdict.DEVIATES, Level.OBSERVE: Verdict.OBSERVED}
"""The verdict on a service that does not meet a requirement, by the requirement's level."""


def judge(level: Level, error: BaseException | None, *, known: bool = False) -> Verdict:
    """Return the verdict on a case that ended with ``error``, or without one.

    Args:
        level: The requirement's level.
        error: What the case raised; its type says who is to blame; None if it raised nothing.
        known: Whether the manifest declares that the case fails.
    """
    if error is None:
        if known:
            return Verdict.UNEXPECTED_PASS
        return Verdict.OBSERVED if level is Level.OBSERVE else Verdict.PASS
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return Verdict.INCONCLUSIVE
    verdict = next((found for kind, found in _BLAME if isinstance(error, kind)), Verdict.HARNESS_ERROR)
    if verdict is not Verdict.FAIL:
        return verdict
    if isinstance(error, errors.RequirementBroken) and error.level:
        level = Level(error.level)
    return Verdict.KNOWN if known else _NOT_MET[level]


def exit_code(verdicts: Iterable[Verdict], *, strict: bool = False) -> int:
    """Return the exit code of a run.

    It is 0 when every case is as expected, 1 when a service does not meet a requirement or does not start, 2 when no
    planned case was judged, and 3 when the harness, the lab or the machine is the reason that a case was not judged.

    Args:
        verdicts: Those of all cases.
        strict: Whether a SHOULD counts like a MUST.
    """
    seen = set(verdicts)
    failures = FAILURES | {Verdict.BLOCKED} | ({Verdict.DEVIATES} if strict else set())
    if seen & OUR_FAULT:
        return 3
    if seen & failures:
        return 1
    if not seen or seen & JUDGED:
        return 0
    return 3 if Verdict.HOST_CANNOT in seen else 2
