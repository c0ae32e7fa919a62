"""Of several half-closes only those count that came before the service had answered and closed."""

from collections.abc import Callable

import pytest

from dualstack.errors import Inconclusive
from dualstack.wire.evidence import CaptureData
from dualstack.wire.expect import half_closes
from tests.wire.packets import F6, Timed, handshake, sent

PORTS = (40000, 40001)


def in_time(sport: int, at: float) -> list[Timed]:
    """Return a connection on which the client's FIN comes with its request."""
    return [
        *handshake(F6, at, sport),
        (at + 0.1, sent(F6, "FPA", b"request", sport)),
        (at + 0.2, sent(F6, "FPA", b"answer", sport, back=True)),
    ]


def late(sport: int, at: float) -> list[Timed]:
    """Return a connection on which the client's FIN comes when the service has answered and closed."""
    return [
        *handshake(F6, at, sport),
        (at + 0.1, sent(F6, "PA", b"request", sport)),
        (at + 0.2, sent(F6, "FPA", b"answer", sport, back=True)),
        (at + 0.3, sent(F6, "FA", sport=sport)),
    ]


def test_a_late_half_close_shows_nothing(make_capture: Callable[..., CaptureData]) -> None:
    """A connection on which the client's FIN came too late is skipped; the other one decides."""
    assert half_closes(make_capture(*late(40000, 0), *in_time(40001, 1)), PORTS).ok
    broken = half_closes(make_capture(*late(40000, 0), *in_time(40001, 1)[:-1]), PORTS)
    assert not broken.ok
    assert broken.happened == "the service never sent its FIN"


def test_late_half_closes_alone_are_no_evidence(make_capture: Callable[..., CaptureData]) -> None:
    """If every client's FIN came too late, the result is inconclusive."""
    with pytest.raises(Inconclusive, match="before the service had closed its own"):
        half_closes(make_capture(*late(40000, 0), *late(40001, 1)), PORTS)


def test_closing_without_an_answer_is_never_late(make_capture: Callable[..., CaptureData]) -> None:
    """A service that closes before it has answered breaks the half-close, whenever the client's FIN came."""
    unanswered = [*handshake(F6), (1, sent(F6, "FA", back=True)), (2, sent(F6, "FA"))]
    assert not half_closes(make_capture(*unanswered, *in_time(40001, 3)), PORTS).ok
