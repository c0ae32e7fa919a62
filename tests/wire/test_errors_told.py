"""Whether an error about its clients reached a service."""

from collections.abc import Callable

import pytest

from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family
from dualstack.wire import expect
from dualstack.wire.evidence import CaptureData
from tests.wire.packets import echo, gone, sent, told, too_far

MakeCapture = Callable[..., CaptureData]

each_family = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)


@each_family
def test_port_unreachable_and_resets_are_errors(make_capture: MakeCapture, family: Family) -> None:
    """ICMP port unreachable about an answer of any port says that a client is gone, and so does RST to the port."""
    expect.require_errors(make_capture((1, told(family)), (2, gone(family))), 8081, family)
    expect.require_errors(make_capture((2, gone(family, port=9000))), 8081, family)
    expect.require_errors(make_capture((1, sent(family, "PA", b"x")), (2, sent(family, "R"))), 8080, family)


@each_family
def test_without_them_nothing_was_tried(make_capture: MakeCapture, family: Family) -> None:
    """Other errors, resets of the service, those of the other family, and a capture with drops are no evidence."""
    others = [
        (1, told(family)),
        (2, too_far(family)),
        (3, echo(family)),
        (4, sent(family, "R", back=True)),
        (5, gone(family.other)),
    ]
    with pytest.raises(Inconclusive, match=f"came over {family.label} for port 8080"):
        expect.require_errors(make_capture(*others), 8080, family)
    with pytest.raises(Inconclusive):
        expect.require_errors(make_capture(), 8080, family)
    with pytest.raises(Inconclusive, match="dropped 3 frames"):
        expect.require_errors(make_capture((2, gone(family)), drops=3), 8081, family)
