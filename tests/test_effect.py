"""The outcome of a start: one effect for each combination of sockets, answers and output."""

from dataclasses import replace

import pytest

from dualstack.effect import Effect, Evidence, admission, effect_of
from dualstack.families import BOTH, Family
from dualstack.prober.messages import Exit, SocketRow

V4, V6 = frozenset({Family.IPV4}), frozenset({Family.IPV6})
ALL = frozenset(BOTH)
ADDRESS = "2001:db8::1"
FAILED = "bind: Address already in use\n"


def row(address: str, *, v6only: bool = False, state: str = "LISTEN", transport: str = "tcp") -> SocketRow:
    """Return a socket on an address."""
    family = Family.of(address)
    return SocketRow(
        family=family.value,
        transport=transport,
        state=state,
        address=address,
        port=80,
        peer="",
        v6only=None if family is Family.IPV4 else v6only,
        owner="it(7)",
    )


FOUR = row("0.0.0.0")
DUAL = row("::")
SIX = row("::", v6only=True)
BOUND = row("::", state="CLOSE")
SEEN = Evidence(asked=ALL, address="", world=ALL, own=(DUAL,), answered=ALL)


@pytest.mark.parametrize(
    ("seen", "effect"),
    [
        (SEEN, Effect.BOTH),
        (replace(SEEN, own=(FOUR, SIX)), Effect.BOTH),
        (replace(SEEN, own=(FOUR, SIX), output=FAILED), Effect.BOTH),
        (replace(SEEN, own=(row("::", state="UNCONN", transport="udp"),)), Effect.BOTH),
        (replace(SEEN, asked=V4, own=(FOUR,), answered=V4), Effect.ONE),
        (replace(SEEN, asked=V6, own=(SIX,), answered=V6), Effect.ONE),
        (replace(SEEN, asked=V6, own=(row(ADDRESS, v6only=True),), address=ADDRESS, answered=V6), Effect.ONE),
        (replace(SEEN, world=V4, own=(FOUR,), answered=V4), Effect.ONE),
        (replace(SEEN, world=V6, answered=V6), Effect.ONE),
        (replace(SEEN, own=(), answered=frozenset()), Effect.NONE),
        (replace(SEEN, own=(), answered=frozenset(), ended=Exit(0)), Effect.NONE),
        (replace(SEEN, answered=frozenset()), Effect.NONE),
        (replace(SEEN, own=(), others=(DUAL,)), Effect.NONE),
        (replace(SEEN, asked=V6, world=V4, answered=frozenset()), Effect.WIDER),
        (replace(SEEN, asked=V4), Effect.WIDER),
        (replace(SEEN, asked=V6), Effect.WIDER),
        (replace(SEEN, asked=V6, own=(SIX,), address=ADDRESS, answered=V6), Effect.WIDER),
        (replace(SEEN, asked=V4, own=(row("::ffff:0.0.0.0"),), address="192.0.2.1", answered=V4), Effect.WIDER),
        (replace(SEEN, own=(FOUR,), answered=V4), Effect.NARROWER),
        (replace(SEEN, own=(FOUR,), answered=V4, output="listening on 80\n"), Effect.NARROWER),
        (replace(SEEN, own=(SIX,), others=(FOUR,)), Effect.NARROWER),
        (replace(SEEN, own=(), ended=Exit(1), answered=frozenset()), Effect.REFUSES),
        (replace(SEEN, own=(), ended=Exit(None, "SIGABRT"), answered=frozenset()), Effect.REFUSES),
        (replace(SEEN, own=(), ended=Exit(0), answered=frozenset(), output=FAILED), Effect.REFUSES),
        (replace(SEEN, own=(FOUR,), answered=V4, output=FAILED), Effect.HALF),
        (replace(SEEN, own=(SIX,), answered=V6, output="IPv4: Permission denied"), Effect.HALF),
        (replace(SEEN, own=(FOUR, BOUND), answered=V4, output=FAILED), Effect.LATE),
        (replace(SEEN, own=(BOUND,), answered=frozenset()), Effect.LATE),
        (replace(SEEN, own=(FOUR, SIX, BOUND)), Effect.BOTH),
        (replace(SEEN, own=(DUAL, DUAL)), Effect.BOTH),
        (replace(SEEN, own=(DUAL, replace(DUAL, owner="it(8)"))), Effect.BOTH),
        (replace(SEEN, own=(DUAL, replace(DUAL, owner="other(8)"))), Effect.SPLIT),
        (replace(SEEN, own=(FOUR, SIX), others=(FOUR,)), Effect.SPLIT),
        (replace(SEEN, own=(FOUR, DUAL)), Effect.BOTH),
        (replace(SEEN, own=(FOUR, replace(DUAL, owner="other(8)"))), Effect.SPLIT),
        (replace(SEEN, own=(SIX, replace(DUAL, owner="other(8)"))), Effect.SPLIT),
        (replace(SEEN, own=(FOUR, SIX), address="localhost"), Effect.WIDER),
        (replace(SEEN, own=(DUAL,), others=(FOUR,), answered=V6), Effect.SPLIT),
        (replace(SEEN, own=(DUAL, row(ADDRESS, v6only=True))), Effect.BOTH),
    ],
)
def test_effect(seen: Evidence, effect: Effect) -> None:
    """The evidence has this effect."""
    assert effect_of(seen) is effect


def test_every_effect_was_tried() -> None:
    """The test above covers every effect, and no two effects have the same word."""
    (mark,) = test_effect.pytestmark  # type: ignore[attr-defined]  # set by the decorator
    assert {effect for _, effect in mark.args[1]} == set(Effect)


def test_what_answers_must_be_its_own() -> None:
    """A port that answers through another program's socket is not served by the service."""
    seen = replace(SEEN, own=(SIX,), others=(FOUR,), answered=ALL)
    assert effect_of(seen) is Effect.NARROWER
    assert effect_of(replace(seen, asked=V6)) is Effect.ONE


@pytest.mark.parametrize(
    "line",
    [
        "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)",
        "OSError: [Errno 98] in use",
        "Error: listen EADDRINUSE",
        "error: listen tcp: bind: cannot assign requested address",
        "WARNING: IPv6 is not available",
        "Could not create server TCP listening socket *:6379",
        "warning: skipping ::1",
        "failed on [2001:db8::1]:443:",
        "error :::443",
        "Caused by: java.net.SocketException: Protocol family unavailable",
        "** exception error: {eaddrinuse}",
        "panic: os error 97",
    ],
)
def test_an_admission_is_found(line: str) -> None:
    """A line about a failure of the port, an address, a family or a bind is found."""
    assert admission(f"starting\nWARNING: old option\n  {line}\nready\n", 6379) == line


@pytest.mark.parametrize(
    "line",
    [
        "WARNING: the option is deprecated",
        "2026-01-02 12:30:45 ERROR cache failed",
        "error in std::io::Error",
        "cannot write /var/log: Permission denied",
        "warning: 16379 files are open",
        "listening on [::]:6379",
        "error: 50.3 % lost",
    ],
)
def test_no_admission(line: str) -> None:
    """A failure of something else, and an address without a failure, are not reported."""
    assert admission(f"{line}\n", 6379) == ""
