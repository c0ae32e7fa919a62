"""Impairments and the packets that carry them out, without a lab."""

import errno
import socket

import pytest
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6
from scapy.packet import Packet

from dualstack.errors import UsageError
from dualstack.families import BOTH, Family
from dualstack.lab.impairing.packets import read_syn, repeat, reset, unreachable
from dualstack.lab.impairments import ERRORS, Impairment, Kind

ADDRESS = {Family.IPV4: "192.0.2.2", Family.IPV6: "2001:db8::2"}
CLIENT = {Family.IPV4: "192.0.2.1", Family.IPV6: "2001:db8::1"}

each_family = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)


def syn_of(family: Family) -> bytes:
    """Return a SYN with options whose checksum is wrong, as on a virtual link, and bytes after its end."""
    layer = IP if family is Family.IPV4 else IPv6
    segment = TCP(sport=4321, dport=80, seq=0xFFFFFFFF, flags="S", chksum=1, options=[("MSS", 1460)])
    return bytes(layer(src=CLIENT[family], dst=ADDRESS[family]) / segment) + b"padding"


def parsed(packet: bytes, family: Family) -> Packet:
    """Return a packet as scapy reads it."""
    return IP(packet) if family is Family.IPV4 else IPv6(packet)


def has_right_checksums(packet: bytes, family: Family) -> bool:
    """Return whether every checksum of a packet is what scapy computes for it."""
    copy = parsed(packet, family)
    for name in ("chksum", "cksum"):
        layer = copy
        while layer:
            if name in layer.fields:
                delattr(layer, name)
            layer = layer.payload
    return bytes(copy) == packet


@each_family
def test_a_syn_is_read(family: Family) -> None:
    """Addresses, ports and the sequence number are those of the packet, which ends with its length."""
    syn = read_syn(syn_of(family))
    assert (syn.family, syn.source, syn.source_port) == (family, CLIENT[family], 4321)
    assert (syn.target, syn.port, syn.number) == (ADDRESS[family], 80, 0xFFFFFFFF)
    assert not syn.packet.endswith(b"padding")


@each_family
def test_a_repeated_syn_has_its_checksum(family: Family) -> None:
    """It is the same packet but for the checksum, which is right."""
    syn = read_syn(syn_of(family))
    again = repeat(syn)
    assert has_right_checksums(again, family)
    assert len(again) == len(syn.packet)
    assert parsed(again, family)[TCP].options == parsed(syn.packet, family)[TCP].options


@each_family
def test_a_reset_acknowledges_the_syn(family: Family) -> None:
    """RFC 9293 §3.10.7.1: sequence number 0, and the acknowledgement wraps around."""
    packet = reset(read_syn(syn_of(family)))
    found = parsed(packet, family)
    assert (found.src, found.dst) == (ADDRESS[family], CLIENT[family])
    assert (found[TCP].sport, found[TCP].dport, found[TCP].seq, found[TCP].ack) == (80, 4321, 0, 0)
    assert found[TCP].flags == "RA"
    assert has_right_checksums(packet, family)


@each_family
def test_an_icmp_error_quotes_the_syn(family: Family) -> None:
    """It has the type destination unreachable and the code, and the whole SYN follows."""
    syn = read_syn(syn_of(family))
    packet = unreachable(syn, 1)
    found = parsed(packet, family)
    assert (found.src, found.dst) == (ADDRESS[family], CLIENT[family])
    layer = found[ICMP if family is Family.IPV4 else ICMPv6DestUnreach]
    assert (layer.type, layer.code) == ((3, 1) if family is Family.IPV4 else (1, 1))
    assert packet.endswith(syn.packet)


@each_family
def test_an_icmp_error_has_its_checksum(family: Family) -> None:
    """The sum over the message, with a pseudo header for ICMPv6, is all ones."""
    packet = unreachable(read_syn(syn_of(family)), 0)
    message = packet[20:] if family is Family.IPV4 else packet[40:]
    pseudo = b"" if family is Family.IPV4 else packet[8:40] + bytes([0, 0, 0, len(message), 0, 0, 0, 58])
    data = pseudo + message
    total = sum(int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big") for at in range(0, len(data), 2))
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF


@pytest.mark.parametrize(
    ("kind", "fields"),
    [(Kind.HOLD, {}), (Kind.LOSE, {}), (Kind.UNREACHABLE, {"code": 7}), (Kind.UNREACHABLE, {"code": -1})],
)
def test_a_value_that_is_missing_or_wrong_is_refused(kind: Kind, fields: dict[str, int]) -> None:
    """A delay of nothing, no lost SYN, and a code that ICMPv6 does not have."""
    with pytest.raises(UsageError):
        Impairment(kind, "2001:db8::2", 80, **fields)


def test_the_code_about_sizes_is_refused() -> None:
    """ICMP type 3 code 4 says that a packet is too big, which no SYN is."""
    with pytest.raises(UsageError, match="no code 4"):
        Impairment(Kind.UNREACHABLE, "192.0.2.2", 80, code=4)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_described(kind: Kind) -> None:
    """The sentence names the target, and each kind has another one."""
    one = Impairment(kind, "2001:db8::2", 80, seconds=0.25, count=2, code=1)
    assert "[2001:db8::2]:80" in str(one)
    texts = {str(Impairment(item, "2001:db8::2", 80, seconds=0.25, count=2, code=1)) for item in Kind}
    assert len(texts) == len(Kind)


def test_errors_are_the_kernels() -> None:
    """The error of each code has a name of the C library."""
    names = {error for family in BOTH for error in ERRORS[family] if error}
    assert names <= set(errno.errorcode.values())
    assert all(socket.inet_pton(family.af, ADDRESS[family]) for family in BOTH)
