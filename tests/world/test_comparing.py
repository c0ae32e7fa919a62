"""A failure that also occurs in the control does not count against the service."""

from dualstack.finding import Finding
from dualstack.world.comparing import excused

BROKEN, OTHER, FINE = Finding(False, "a", "b"), Finding(False, "c", "d"), Finding(True, "e", "f")


def test_only_what_fails_in_the_control_is_excused() -> None:
    """The same expectation must be broken in the control; the finding then says what happened there."""
    control = [Finding(False, "a", "likewise"), Finding(True, "c", "it works"), Finding(False, "e", "g")]
    first, *rest = excused([BROKEN, OTHER, FINE], control, "without it")
    assert first == Finding(True, "a", "b; it is the same without it: likewise")
    assert rest == [OTHER, FINE]


def test_without_a_control_nothing_is_excused() -> None:
    """A control that could not be run proves nothing."""
    assert excused([BROKEN, FINE], [], "without it") == [BROKEN, FINE]
