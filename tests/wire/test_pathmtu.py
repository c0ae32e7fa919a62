"""What a capture of a narrow hop does not prove, and IPv4."""

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6

from dualstack.errors import Inconclusive
from dualstack.wire import expect
from tests.wire.cases.pathmtu import WIDE, narrow
from tests.wire.packets import C6, F4, F6, IN, OTHER, OUT, S4, S6, MakeCapture, Timed, sent, told


@pytest.mark.parametrize(
    "said",
    [
        [],
        [(1.001, narrow(WIDE[0], mtu=1400))],
        [(1.001, OUT() / IPv6(src=S6, dst=C6) / ICMPv6PacketTooBig(mtu=1280) / WIDE[0][IPv6])],
        [(1.001, IN() / IPv6(src=C6, dst=OTHER[F6]) / ICMPv6PacketTooBig(mtu=1280) / WIDE[0][IPv6])],
    ],
    ids=["nothing", "another MTU", "by the host itself", "to another host"],
)
def test_a_hop_that_is_not_there_is_not_heeded(make_capture: MakeCapture, said: list[Timed]) -> None:
    """Where packets are too large for the hop and no router says so to the host, the hop was not there."""
    with pytest.raises(Inconclusive, match="there was no such hop"):
        expect.path_mtu_heeded(make_capture((1, WIDE[0]), *said, (2, told(F6))), 1280)


def test_silence_after_a_router_has_spoken_proves_nothing(make_capture: MakeCapture) -> None:
    """A host that sends nothing after the report has not shown that it obeys."""
    with pytest.raises(Inconclusive, match="no IPv6 packet left"):
        expect.path_mtu_heeded(make_capture((1, WIDE[0]), (1.001, narrow(WIDE[0]))), 1280)


def test_path_mtu_over_ipv4(make_capture: MakeCapture) -> None:
    """Fragmentation needed is heeded like Packet Too Big (RFC 1191 §3)."""
    large = sent(F4, "A", b"x" * 1400, back=True)
    needed = IN() / IP(src="198.51.100.65", dst=S4) / ICMP(type=3, code=4, nexthopmtu=1280) / large[IP]
    after = [(2, sent(F4, "A", b"x" * 1240, back=True))]
    assert expect.path_mtu_heeded(make_capture((1, large), (1.01, needed), *after), 1280, F4).ok
    assert not expect.path_mtu_heeded(make_capture((1, large), (1.01, needed), (2, large)), 1280, F4).ok
