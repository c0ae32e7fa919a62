"""The address family: its constants, and texts of addresses."""

import ipaddress
import socket

import pytest

from dualstack.families import BOTH, Family, endpoint, unmapped


def test_both_are_all() -> None:
    """BOTH holds every family once."""
    assert set(BOTH) == set(Family)
    assert len(BOTH) == 2


@pytest.mark.parametrize("family", Family, ids=lambda family: family.value)
def test_parameters_agree(family: Family) -> None:
    """Each constant of a family belongs to this family, and differs from that of the other."""
    assert Family.of(family.wildcard) is family
    assert Family.of(family.loopback) is family
    assert ipaddress.ip_address(family.wildcard).is_unspecified
    assert ipaddress.ip_address(family.loopback).is_loopback
    assert family.other is not family
    assert family.other.other is family
    for name in ("label", "number", "af", "ethertype", "wildcard", "loopback", "record"):
        assert getattr(family, name) != getattr(family.other, name), name


def test_values_of_the_standards() -> None:
    """EtherTypes, address families and record types are those of IEEE 802, POSIX and the DNS."""
    assert [(item.ethertype, item.af, item.record, item.number, item.label) for item in BOTH] == [
        (0x0800, socket.AF_INET, "A", 4, "IPv4"),
        (0x86DD, socket.AF_INET6, "AAAA", 6, "IPv6"),
    ]


@pytest.mark.parametrize(
    ("address", "family"),
    [
        ("192.0.2.1", Family.IPV4),
        ("2001:db8::1", Family.IPV6),
        ("fe80::1%eth0", Family.IPV6),
        ("::ffff:192.0.2.1", Family.IPV6),
        (ipaddress.ip_address("192.0.2.1"), Family.IPV4),
        (ipaddress.ip_address("2001:db8::1"), Family.IPV6),
    ],
)
def test_family_of_an_address(address: str | ipaddress.IPv4Address | ipaddress.IPv6Address, family: Family) -> None:
    """An address as text or value, also with a zone, has its family; an IPv4-mapped one is IPv6."""
    assert Family.of(address) is family


@pytest.mark.parametrize("text", ["", "localhost", "[::1]", "192.0.2.256", "1.2.3", "::1:80:", "192.0.2.1:80"])
def test_no_address_has_no_family(text: str) -> None:
    """A text that is not an address is refused."""
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        Family.of(text)


@pytest.mark.parametrize(
    ("address", "text"),
    [("192.0.2.1", "192.0.2.1:80"), ("2001:db8::1", "[2001:db8::1]:80"), ("name.test", "name.test:80")],
)
def test_endpoint_brackets_ipv6(address: str, text: str) -> None:
    """Only an IPv6 literal is bracketed before its port (RFC 5952 §6)."""
    assert endpoint(address, 80) == text


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("::192.0.2.1", "::c000:201"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("192.0.2.1", "192.0.2.1"),
        ("no address", "no address"),
        ("", ""),
    ],
)
def test_unmapped(address: str, text: str) -> None:
    """Only an IPv4-mapped address becomes IPv4; IPv6 becomes canonical; other texts are not changed."""
    assert unmapped(address) == text
