"""UDP sockets that send what they are told, over loopback."""

import pytest

from dualstack.errors import HarnessError
from dualstack.families import BOTH, Family
from dualstack.prober.client import Prober
from dualstack.prober.messages.datagram_sockets import AwaitDatagrams, OpenDatagramSockets, SendDatagram
from dualstack.prober.messages.requests import Close

FIRST, SECOND = 7541, 7542


def test_each_socket_has_what_was_sent_to_it(prober: Prober) -> None:
    """A datagram arrives at the socket that it was sent to, with its source; texts of any byte, over both families."""
    for family in BOTH:
        sockets = prober.call(OpenDatagramSockets(((family.loopback, FIRST), (family.loopback, SECOND))))
        prober.call(SendDatagram(sockets, 0, family.loopback, SECOND, "one\xff"))
        prober.call(SendDatagram(sockets, 1, family.loopback, FIRST, ""))
        prober.call(SendDatagram(sockets, 1, family.loopback, FIRST, "two"))
        first, second = prober.call(AwaitDatagrams(sockets, ("two", "one\xff"), 10.0))
        assert [(item.address, item.port, item.text) for item in first] == [
            (family.loopback, SECOND, ""),
            (family.loopback, SECOND, "two"),
        ]
        assert [(item.port, item.text) for item in second] == [(FIRST, "one\xff")]
        prober.call(Close(sockets))


def test_what_does_not_arrive_is_not_awaited_longer(prober: Prober) -> None:
    """When the time is up, what has arrived until then is returned; a closed port is no error for the next datagram."""
    sockets = prober.call(OpenDatagramSockets((("::1", FIRST),)))
    for text in ("lost", "lost too"):
        prober.call(SendDatagram(sockets, 0, "::1", SECOND, text))
    prober.call(SendDatagram(sockets, 0, "::1", FIRST, "own"))
    assert [item.text for item in prober.call(AwaitDatagrams(sockets, ("own", "lost"), 0.3))[0]] == ["own"]
    prober.call(Close(sockets))


def test_a_taken_port_is_named(prober: Prober) -> None:
    """A socket that cannot be bound is an error, and leaves none of the others open."""
    taken = prober.call(OpenDatagramSockets(((Family.IPV4.loopback, FIRST),)))
    with pytest.raises(HarnessError, match=f"127.0.0.1:{FIRST}: EADDRINUSE"):
        prober.call(OpenDatagramSockets((("127.0.0.1", SECOND), ("127.0.0.1", FIRST))))
    prober.call(Close(taken))
    prober.call(Close(prober.call(OpenDatagramSockets((("127.0.0.1", SECOND),)))))
