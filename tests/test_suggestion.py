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


def test_what_all_words_share_is_no_similarity() -> None:
    """SIGKILL is not similar to SIGINT: all signals begin with SIG."""
    signals = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"]
    assert did_you_mean("SIGKILL", signals) == ""
    assert did_you_mean("SIGTREM", signals) == "; did you mean 'SIGTERM'?"


def test_upper_and_lower_case_are_alike() -> None:
    """A word in the wrong case is suggested as it is written."""
    assert did_you_mean("HTTP", ["http", "echo"]) == "; did you mean 'http'?"
