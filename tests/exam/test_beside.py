"""A real component that is missing is a failure in CI, and elsewhere the reason why a test is skipped."""

import pytest

from tests.exam import beside
from tests.exam.examined import BESIDE

pytestmark = pytest.mark.brief


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("false", pytest.skip.Exception)])
def test_a_missing_component(monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]) -> None:
    """The reason names the package, and what builds its root file system."""
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(beside, "find_root", lambda _: None)
    with pytest.raises(outcome, match="no root file system with tayga: make rootfs"):
        beside.ask(beside.TAYGA, {})


def test_the_exam_has_the_packages() -> None:
    """The command "make rootfs" installs each component that runs beside ours."""
    assert set(BESIDE) == {beside.TAYGA, beside.UNBOUND}
