"""Suggestions: a mistyped word is answered with the nearest allowed one."""

import pytest

from dualstack.suggestion import did_you_mean


@pytest.mark.parametrize(
    ("found", "hint"), [("prot", "; did you mean 'port'?"), ("zzz", ""), ("port", "; did you mean 'port'?")]
)
def test_did_you_mean(found: str, hint: str) -> None:
    """The nearest of what is allowed is named, or nothing."""
    assert did_you_mean(found, ["bind", "port"]) == hint


def test_cutoff() -> None:
    """The words must be as similar as the caller wants."""
    assert did_you_mean("raedy", ["ready"], cutoff=0.5) == "; did you mean 'ready'?"
    assert did_you_mean("raedy", ["ready"], cutoff=0.9) == ""
