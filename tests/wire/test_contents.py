"""What is read inside packets: checksums, path MTU, DNS messages, embedded addresses."""

import pytest
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6

from dualstack.errors import Inconclusive
from dualstack.wire import expect
from tests.wire.packets import C4, C6, F4, F6, S6, UDP_FIXED_ZERO, MakeCapture, net, syn, told, unreachable


def test_offloaded_checksum_is_not_wrong(make_capture: MakeCapture) -> None:
    """A checksum that the kernel left to its network card, the pseudo-header's sum alone, is not wrong."""
    datagram = told(F6)
    raw = bytearray(bytes(datagram))
    pseudo = raw[22:54] + (12).to_bytes(4, "big") + (17).to_bytes(4, "big")
    total = sum(int.from_bytes(pseudo[at : at + 2], "big") for at in range(0, len(pseudo), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    raw[60:62] = total.to_bytes(2, "big")
    assert expect.udp6_checksum(make_capture((0, bytes(raw))), 8081).ok
    raw[60] ^= 1
    assert not expect.udp6_checksum(make_capture((0, bytes(raw))), 8081).ok


def test_datagrams_that_were_cut_prove_nothing(make_capture: MakeCapture) -> None:
    """Where no datagram was kept whole no checksum is known; one that is zero is known all the same."""
    cut, zero = bytes(told(F6))[:-1], bytes(UDP_FIXED_ZERO)[:-1]
    with pytest.raises(Inconclusive, match="no datagram from port 8081 was kept whole, so no checksum is known"):
        expect.udp6_checksum(make_capture((0, cut)), 8081)
    assert not expect.udp6_checksum(make_capture((0, zero)), 8081).ok


def test_too_big_messages_are_listed(make_capture: MakeCapture) -> None:
    """Both families' messages are listed with their MTU, and no other ICMP error."""
    wire = make_capture(
        (0, net(F6) / ICMPv6PacketTooBig(mtu=1280) / syn(F6)[IPv6]),
        (1, net(F4) / ICMP(type=3, code=4, nexthopmtu=1400) / syn(F4)[IP]),
        (2, unreachable(F4, syn(F4))),
    )
    assert [(one.family.number, one.src, one.mtu) for one in expect.packets_too_big(wire)] == [
        (6, C6, 1280),
        (4, C4, 1400),
    ]


def test_questions_and_answers(make_capture: MakeCapture) -> None:
    """Questions over UDP and TCP are listed with family, name and type, answers with their data and code."""
    query = DNS(id=5, qd=DNSQR(qname="Www.Lab.test", qtype="AAAA"))
    answer = DNS(
        id=5, qr=1, qd=DNSQR(qname="www.lab.test", qtype="AAAA"), an=[DNSRR(rrname="x", type="AAAA", rdata=S6)]
    )
    failure = DNS(id=6, qr=1, rcode=2, qd=DNSQR(qname="www.lab.test", qtype="A"))
    message = bytes(DNS(id=7, qd=DNSQR(qname="b.lab.test", qtype="A")))
    wire = make_capture(
        (0, net(F6) / UDP(sport=40000, dport=53) / query),
        (1, net(F6, back=True) / UDP(sport=53, dport=40000) / answer),
        (2, net(F4, back=True) / UDP(sport=53, dport=40000) / failure),
        (3, net(F4) / TCP(sport=40000, dport=53, flags="PA") / (len(message).to_bytes(2, "big") + message)),
        (4, net(F4) / UDP(sport=40000, dport=53) / b"?"),
    )
    asked_for = expect.dns_queries(wire)
    assert [(one.family.number, one.transport, one.name, one.type) for one in asked_for] == [
        (6, "udp", "www.lab.test", "AAAA"),
        (4, "tcp", "b.lab.test", "A"),
    ]
    assert asked_for[0].time == pytest.approx(wire.frames[0].time)
    assert [(one.rcode, one.answers) for one in expect.dns_answers(wire)] == [(0, (S6,)), (2, ())]
    with pytest.raises(Inconclusive, match="dropped"):
        expect.dns_queries(make_capture(drops=1))


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("2001:db8::/32", "2001:db8:c000:221::"),
        ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
        ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
        ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
        ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100:0"),
        ("2001:db8:122:344::/96", "2001:db8:122:344::c000:221"),
        ("64:ff9b::/96", "64:ff9b::c000:221"),
    ],
)
def test_rfc6052_table(prefix: str, expected: str) -> None:
    """All six prefix lengths give what the table of RFC 6052 §2.4 has for 192.0.2.33."""
    assert expect.embed(prefix, "192.0.2.33") == expected


def test_rfc6052_knows_six_lengths() -> None:
    """Any other prefix length is an error, which names those that there are."""
    with pytest.raises(ValueError, match=r"no prefix of this length, only 32, 40, 48, 56, 64, 96$"):
        expect.embed("2001:db8::/44", "192.0.2.33")
