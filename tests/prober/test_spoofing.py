"""Spoofed datagrams: the packet is correct apart from its source."""

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6

from dualstack.errors import HarnessError
from dualstack.prober.client import Prober
from dualstack.prober.messages import Serve, SpoofedDatagram
from dualstack.prober.spoofing import packet
from dualstack.transport import AppProtocol, Transport

PORT = 7320
SPOOFED = SpoofedDatagram("::ffff:192.0.2.7", 4001, "::1", PORT, "odd")


@pytest.mark.parametrize("text", ["", "odd", "even", "\xff" * 1000])
def test_the_packet_is_correct(text: str) -> None:
    """Scapy reads the same fields, and builds the same packet, checksum included."""
    built = packet(SpoofedDatagram("::ffff:192.0.2.7", 4001, "2001:db8::1", PORT, text))
    read = IPv6(built)
    assert (read.src, read.dst, read[UDP].sport, read[UDP].dport) == ("::ffff:192.0.2.7", "2001:db8::1", 4001, PORT)
    assert bytes(read[UDP].payload) == text.encode("latin-1")
    del read[UDP].chksum, read[UDP].len, read.plen
    assert bytes(read) == built


def test_a_spoofed_datagram_reaches_a_socket(prober: Prober) -> None:
    """An IPv6-only socket receives a datagram with an IPv4-mapped source: IPV6_V6ONLY does not block it."""
    with prober.serve(Serve(("::1",), PORT, Transport.UDP, AppProtocol.CONNECT)) as server:
        prober.call(SPOOFED)
        while not (seen := server.accepted()):  # the loopback interface delivers at once
            prober.ping()
    assert [(one.peer, one.peer_port, one.received) for one in seen] == [("::ffff:192.0.2.7", 4001, 3)]


def test_no_route_is_a_harness_error(prober: Prober) -> None:
    """Without a route to the destination nothing is sent, and the error says so."""
    with pytest.raises(HarnessError, match=r"spoofed source ::ffff:192\.0\.2\.7: Network is unreachable"):
        prober.call(SpoofedDatagram("::ffff:192.0.2.7", 1, "2001:db8:ffff::1", PORT, "x"))
