"""The types of errors: each says who is to blame."""

import inspect

import pytest

from dualstack import errors

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.DualstackError) and kind is not errors.DualstackError
]


def test_there_is_one_for_each_blame() -> None:
    """User, service, lab, machine, evidence, harness and time each have one, and what gives no occasion to judge."""
    assert {kind.__name__ for kind in KINDS} == {
        "UsageError",
        "ServiceError",
        "RequirementBroken",
        "BrokenLab",
        "HostCannot",
        "Inconclusive",
        "HarnessError",
        "DeadlineExpired",
        "NothingToJudge",
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_blames_one_party_only(kind: type[errors.DualstackError]) -> None:
    """No error is of two kinds, but a broken requirement, which is the service's and a failed assertion."""
    parents = {parent for parent in KINDS if issubclass(kind, parent)} - {kind}
    assert parents == ({errors.ServiceError} if kind is errors.RequirementBroken else set())
    assert issubclass(kind, AssertionError) is (kind is errors.RequirementBroken)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_says_what_it_is_for(kind: type[errors.DualstackError]) -> None:
    """Each has its own docstring, and its message is its text."""
    assert kind.__doc__
    assert str(kind("what happened")) == "what happened"
