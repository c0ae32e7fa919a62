"""Verdicts: the whole table of blame, level and known issues; exit codes."""

import errno
import itertools

import pytest

from dualstack import errors
from dualstack.requirement import Level
from dualstack.verdict import FAILURES, OUR_FAULT, Verdict, exit_code, judge

MUST, SHOULD, OBSERVE = Level.MUST, Level.SHOULD, Level.OBSERVE

FAULT = (Verdict.FAIL, Verdict.KNOWN, Verdict.DEVIATES, Verdict.KNOWN, Verdict.OBSERVED, Verdict.KNOWN)
GOOD = (
    Verdict.PASS,
    Verdict.UNEXPECTED_PASS,
    Verdict.PASS,
    Verdict.UNEXPECTED_PASS,
    Verdict.OBSERVED,
    Verdict.UNEXPECTED_PASS,
)

TABLE = [
    (None, GOOD),
    (errors.ServiceError("x"), FAULT),
    (errors.RequirementBroken("x"), FAULT),
    (errors.BrokenLab("x"), (Verdict.BROKEN_LAB,) * 6),
    (errors.HostCannot("x"), (Verdict.HOST_CANNOT,) * 6),
    (errors.Inconclusive("x"), (Verdict.INCONCLUSIVE,) * 6),
    (errors.NothingToJudge("x"), (Verdict.NOT_APPLICABLE,) * 6),
    (errors.DeadlineExpired("x"), (Verdict.TIMEOUT,) * 6),
    (errors.HarnessError("x"), (Verdict.HARNESS_ERROR,) * 6),
    (errors.UsageError("x"), (Verdict.HARNESS_ERROR,) * 6),
    (errors.DualstackError("x"), (Verdict.HARNESS_ERROR,) * 6),
    (AssertionError("x"), (Verdict.HARNESS_ERROR,) * 6),
    (OSError("x"), (Verdict.HARNESS_ERROR,) * 6),
    (KeyboardInterrupt(), (Verdict.HARNESS_ERROR,) * 6),
]
"""What a case raised, and the verdicts on it for MUST, SHOULD and OBSERVE, each not known and known."""

CASES = [
    pytest.param(error, level, known, verdict, id=f"{type(error).__name__}-{level.value}-{'known' if known else 'new'}")
    for error, verdicts in TABLE
    for (level, known), verdict in zip(itertools.product((MUST, SHOULD, OBSERVE), (False, True)), verdicts, strict=True)
]


@pytest.mark.parametrize(("error", "level", "known", "verdict"), CASES)
def test_judge(error: BaseException | None, level: Level, known: bool, verdict: Verdict) -> None:  # noqa: FBT001 - a row of the table
    """The error's type says who is to blame; level and manifest only change verdicts on the service."""
    assert judge(level, error, known=known) is verdict
    assert known or judge(level, error) is verdict


def test_table_is_whole() -> None:
    """Every type of error and every level is in the table."""
    kinds = {
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.DualstackError)
    }
    assert kinds <= {type(error) for error, _ in TABLE}
    assert {item for _, verdicts in TABLE for item in verdicts} == set(Verdict) - {Verdict.BLOCKED}


def test_a_finding_may_be_more_or_less_binding_than_its_requirement() -> None:
    """The strictest broken finding decides: a MUST of a SHOULD fails, a SHOULD of a MUST deviates."""
    assert judge(MUST, errors.RequirementBroken("x", level="SHOULD")) is Verdict.DEVIATES
    assert judge(SHOULD, errors.RequirementBroken("x", level="MUST")) is Verdict.FAIL
    assert judge(MUST, errors.RequirementBroken("x", level="SHOULD"), known=True) is Verdict.KNOWN


def test_a_full_disk_is_no_bug() -> None:
    """What the disk has no room for leaves no evidence: the case is inconclusive; other errors of files are ours."""
    assert judge(MUST, OSError(errno.ENOSPC, "No space left on device")) is Verdict.INCONCLUSIVE
    assert judge(MUST, OSError(errno.EISDIR, "Is a directory")) is Verdict.HARNESS_ERROR


def test_our_fault_is_never_hidden_by_a_known_issue() -> None:
    """A broken lab stays a broken lab with any manifest."""
    for error, _ in TABLE[3:]:
        assert judge(MUST, error, known=True) is judge(MUST, error, known=False)


EXITS = {
    Verdict.PASS: (0, 0),
    Verdict.FAIL: (1, 1),
    Verdict.DEVIATES: (0, 1),
    Verdict.OBSERVED: (0, 0),
    Verdict.NOT_APPLICABLE: (0, 0),
    Verdict.INCONCLUSIVE: (3, 3),
    Verdict.BROKEN_LAB: (3, 3),
    Verdict.HARNESS_ERROR: (3, 3),
    Verdict.TIMEOUT: (3, 3),
    Verdict.KNOWN: (0, 0),
    Verdict.UNEXPECTED_PASS: (1, 1),
    Verdict.HOST_CANNOT: (0, 0),
    Verdict.BLOCKED: (1, 1),
}
"""The exit code of a run with a pass and this verdict, ordinary and strict."""


@pytest.mark.parametrize("verdict", Verdict, ids=lambda verdict: verdict.value)
def test_exit_code(verdict: Verdict) -> None:
    """One verdict beside a pass decides the exit code."""
    ordinary, strict = EXITS[verdict]
    assert exit_code([Verdict.PASS, verdict]) == ordinary
    assert exit_code([verdict, Verdict.PASS], strict=True) == strict


@pytest.mark.parametrize("ours", sorted(OUR_FAULT, key=str), ids=lambda verdict: verdict.value)
@pytest.mark.parametrize("service", sorted(FAILURES, key=str), ids=lambda verdict: verdict.value)
def test_our_fault_outranks_the_services(ours: Verdict, service: Verdict) -> None:
    """A run in which the lab broke says so, also if the service fails elsewhere."""
    assert exit_code([service, ours, Verdict.PASS]) == 3


def test_a_run_that_judged_nothing_is_no_success() -> None:
    """Where no case says anything of a service, what was asked for is wrong, or it does not start."""
    assert exit_code([Verdict.NOT_APPLICABLE]) == 2
    assert exit_code([Verdict.NOT_APPLICABLE, Verdict.BLOCKED]) == 1
    assert exit_code([Verdict.NOT_APPLICABLE, Verdict.OBSERVED]) == 0
    assert exit_code([]) == 0


def test_a_machine_that_could_verify_nothing_is_no_success() -> None:
    """Where every case that applies was out of the machine's reach, nothing was shown."""
    assert exit_code([Verdict.HOST_CANNOT]) == 3
    assert exit_code([Verdict.HOST_CANNOT, Verdict.NOT_APPLICABLE]) == 3
    assert exit_code([Verdict.HOST_CANNOT, Verdict.NOT_APPLICABLE, Verdict.KNOWN]) == 0
