"""Forging: what is sent is a right packet but for its source."""

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6

from dualstack.errors import HarnessError
from dualstack.manifest.models import Protocol, Transport
from dualstack.prober.client import Prober
from dualstack.prober.forging import packet
from dualstack.prober.messages import Forge, Serve

PORT = 7320
FORGE = Forge("::ffff:192.0.2.7", 4001, "::1", PORT, "odd")


@pytest.mark.parametrize("text", ["", "odd", "even", "\xff" * 1000])
def test_the_packet_is_right(text: str) -> None:
    """Another implementation reads what was meant, and builds the same packet, checksum included."""
    built = packet(Forge("::ffff:192.0.2.7", 4001, "2001:db8::1", PORT, text))
    read = IPv6(built)
    assert (read.src, read.dst, read[UDP].sport, read[UDP].dport) == ("::ffff:192.0.2.7", "2001:db8::1", 4001, PORT)
    assert bytes(read[UDP].payload) == text.encode("latin-1")
    del read[UDP].chksum, read[UDP].len, read.plen
    assert bytes(read) == built


def test_a_forged_datagram_reaches_a_socket(prober: Prober) -> None:
    """A socket for IPv6 alone is handed a datagram with a mapped source: IPV6_V6ONLY does not keep it away."""
    with prober.serve(Serve(("::1",), PORT, Transport.UDP, Protocol.CONNECT)) as server:
        prober.forge(FORGE)
        while not (seen := server.accepted()):  # the loopback interface delivers at once
            prober.ping()
    assert [(one.peer, one.peer_port, one.received) for one in seen] == [("::ffff:192.0.2.7", 4001, 3)]


def test_no_way_is_an_error_of_ours(prober: Prober) -> None:
    """Where there is no way to the destination nothing was sent, and that is said."""
    with pytest.raises(HarnessError, match=r"cannot forge a datagram from ::ffff:192\.0\.2\.7: Network is unreachable"):
        prober.forge(Forge("::ffff:192.0.2.7", 1, "2001:db8:ffff::1", PORT, "x"))
