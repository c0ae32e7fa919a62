"""Requirements: what cannot be shown or run is refused where it is declared."""

from typing import Any

import pytest

from dualstack.requirement import Level, Need, Requirement, Role

COMPLETE: dict[str, Any] = {
    "id": "LISTEN-001",
    "title": "a title",
    "level": Level.MUST,
    "role": Role.LISTENER,
    "statement": "an obligation",
    "stimulus": "what is done",
    "wire": "what packets show",
    "cites": ("RFC 1 §1",),
    "topologies": ("dual-stack",),
    "causes": ("RC-V6ONLY",),
}


def test_a_complete_one_is_accepted() -> None:
    """A requirement with everything that is needed has no further needs of the service."""
    assert Requirement(**COMPLETE).needs == ()


@pytest.mark.parametrize("text", ["", "LISTEN-1", "LISTEN-0001", "listen-001", "LISTEN001", "LISTEN-001 ", "L_1-001"])
def test_id_has_its_form(text: str) -> None:
    """An id is capitals, a hyphen and three digits."""
    with pytest.raises(ValueError, match="is not a requirement id such as LISTEN-001"):
        Requirement(**{**COMPLETE, "id": text})


@pytest.mark.parametrize("name", ["title", "statement", "stimulus", "wire", "cites", "topologies", "causes"])
def test_nothing_is_empty(name: str) -> None:
    """Every part that a report shows must be there."""
    with pytest.raises(ValueError, match=f"LISTEN-001: {name} is empty"):
        Requirement(**{**COMPLETE, name: type(COMPLETE[name])()})


def test_the_service_as_a_whole_needs_no_cause() -> None:
    """That a service does not start has any cause; a listener's requirement names likely ones."""
    assert Requirement(**{**COMPLETE, "role": Role.SERVICE, "causes": ()}).causes == ()


def test_attached_to_its_test() -> None:
    """A test tells its requirement; anything else has none."""
    requirement = Requirement(**COMPLETE)

    def check() -> None:
        """Check nothing."""

    assert Requirement.of(check) is None
    assert requirement.attach(check) is check
    assert Requirement.of(check) is requirement
    check.requirement = "something else"  # type: ignore[attr-defined]  # any other thing of that name is ignored
    assert Requirement.of(check) is None


def test_each_need_has_a_reason_of_its_own() -> None:
    """No two needs have the same reason or the same code."""
    assert len({need.code for need in Need}) == len(Need)
    assert Need.NO_DUAL_UDP.code == "no-dual-udp"
    assert len({need.reason for need in Need}) == len(Need)
    assert all(need.reason.startswith(("it ", "its ")) for need in Need)
