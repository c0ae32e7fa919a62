"""Idle clients, and when the service ends their connections."""

from collections.abc import Callable

import pytest

from dualstack.families import BOTH, Family
from dualstack.prober.client import Prober, ProgramHandle
from dualstack.prober.messages import Await, Dial, Idle, Outcome, Serve, Stage, alike_until
from dualstack.transport import AppProtocol, Transport

PORT = 7501

HASTY = f"""
import socket, threading
def serve(client, address):
    with client:
        client.settimeout(0.3)
        try:
            while data := client.recv(4096): client.sendall(data)
        except TimeoutError: pass
listener = socket.create_server(("127.0.0.1", {PORT}))
while True: threading.Thread(target=serve, args=listener.accept()).start()
"""


def echo(family: Family) -> Dial:
    """Return an exchange with the loopback address of a family."""
    return Dial(family, family.loopback, PORT, protocol=AppProtocol.ECHO)


def test_an_end_is_timed(prober: Prober, start: Callable[..., ProgramHandle]) -> None:
    """A connection that the service ends has lived as long as the service's time-out, with and without an exchange."""
    assert start(HASTY).wait_ready(Await(PORT, Transport.TCP, None, 10)).ready
    idles = [Idle((echo(Family.IPV4),) * 2, stage, 20.0) for stage in (Stage.CONNECTED, Stage.ANSWERED)]
    for (stage, rows), outcome in zip(
        zip(("connected", "answered"), prober.call_all(idles), strict=True),
        (Outcome.SILENT, Outcome.ANSWERED),
        strict=True,
    ):
        for row in rows:
            assert row.connected, stage
            assert row.ended
            assert 0.25 < row.lived < 10
            assert row.outcome is outcome


def test_what_stays_open_is_watched_for_as_long_as_was_asked(prober: Prober) -> None:
    """A connection that the service does not end is still open when the time is up; a refused one is not connected."""
    with prober.serve(Serve(tuple(family.loopback for family in BOTH), PORT)):
        (rows,) = prober.call_all([Idle(tuple(map(echo, BOTH)), Stage.ANSWERED, 0.3)])
    for row in rows:
        assert (row.connected, row.ended) == (True, False)
        assert row.lived >= 0.3
    ((refused,),) = prober.call_all([Idle((echo(Family.IPV4),), Stage.CONNECTED, 0.3)])
    assert (refused.connected, refused.ended) == (False, False)


def test_one_end_makes_others_wait_no_longer_than_it_takes(prober: Prober, start: Callable[..., ProgramHandle]) -> None:
    """When one connection has ended, the others are watched until they count as kept longer, and no longer."""
    assert start(HASTY).wait_ready(Await(PORT, Transport.TCP, None, 10)).ready
    with prober.serve(Serve((Family.IPV6.loopback,), PORT)):
        ((first, last),) = prober.call_all([Idle(tuple(map(echo, BOTH)), Stage.CONNECTED, 60.0)])
    assert first.ended
    assert not last.ended
    assert alike_until(first.lived) <= last.lived + 0.1 < 30


@pytest.mark.parametrize(("lived", "until"), [(0.0, 1.0), (2.0, 4.0), (60.0, 91.0)])
def test_what_counts_as_alike(lived: float, until: float) -> None:
    """A connection that lives half as long again and a second more than another has not ended like it."""
    assert alike_until(lived) == until
