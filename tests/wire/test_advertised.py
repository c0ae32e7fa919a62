"""What a capture of router advertisements does not prove."""

import pytest

from dualstack.errors import Inconclusive
from dualstack.wire import expect
from tests.wire.cases.advertised import ADVERTISED, amid, said
from tests.wire.packets import C6, F4, F6, MakeCapture, handshake


def test_a_connection_without_advertisements_proves_nothing(make_capture: MakeCapture) -> None:
    """Nor does one that is younger than the first, that of another client, or an attempt before any of them."""
    for frames in (
        [*handshake(F6), *said(2), (3, ADVERTISED)],
        [(0, ADVERTISED), *handshake(F6, 1), (3, ADVERTISED), *said(4)],
        [*handshake(F6, sport=40001), (1, ADVERTISED), (3, ADVERTISED), *said(4)],
        [*handshake(F4), (1, ADVERTISED), (3, ADVERTISED)],
    ):
        with pytest.raises(Inconclusive, match=r"no SYN from .*:40000 is followed by 2 router advertisements"):
            expect.flow_outlives_advertisements(make_capture(*frames), (C6, 40000), 2)
    with pytest.raises(Inconclusive, match="no attempt to reach port 8080 over IPv6 after a router advertisement"):
        expect.served_amid_advertisements(make_capture(*amid()), 8080, F6)
