"""When clients behind a translator are served as TRANS-008 requires."""

import importlib

import pytest

from dualstack.prober.messages import Dialled, Outcome

suite = importlib.import_module("dualstack.content.suites.transition.test_translated_clients")


def answer(status: int, outcome: Outcome = Outcome.ANSWERED) -> Dialled:
    """Return an exchange with this status."""
    return Dialled(outcome, "", True, "", 0, "", "", 0.1, "", status)


SILENT = answer(0, Outcome.SILENT)


@pytest.mark.parametrize(
    ("made", "near", "expected"),
    [
        pytest.param([answer(0), answer(0)], None, (True, 1), id="without statuses"),
        pytest.param([answer(200), answer(204)], None, (True, 1), id="both served"),
        pytest.param([answer(404), answer(404)], answer(404), (True, 1), id="the usual error"),
        pytest.param([answer(403), answer(403)], answer(200), (False, 0), id="both refused"),
        pytest.param([answer(200), answer(429)], answer(200), (False, 1), id="the second one refused"),
        pytest.param([answer(200), SILENT], answer(200), (False, 1), id="the second one not answered"),
        pytest.param([SILENT], answer(200), (False, 0), id="not answered"),
    ],
)
def test_clients_are_served_like_one_without_a_translator(
    made: list[Dialled], near: Dialled | None, expected: tuple[bool, int]
) -> None:
    """An error is one only if a client on this side of the translator does not get it; without doubt none dials."""
    assert all(suite.is_plainly_served(item, made[0]) for item in made) is (near is None)
    assert suite.judged(made, near) == expected


def test_a_second_client_that_is_answered_otherwise_needs_a_control() -> None:
    """A redirect for the second client alone is compared with what a client on the link gets."""
    assert not suite.is_plainly_served(answer(302), answer(200))
