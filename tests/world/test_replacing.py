"""Sockets that replace the IPv6 listen address which a service was given."""

import pytest

from dualstack.prober.messages import SocketRow
from dualstack.world.replacing import literal_in, replacements, where


def row(address: str, family: str = "ipv6", *, v6only: bool = True) -> SocketRow:
    """Return a listening socket."""
    return SocketRow(family, "tcp", "LISTEN", address, 8080, "", v6only=v6only if family == "ipv6" else None, owner="x")


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("::1", "::1"),
        ("[2001:db8::1]:8080", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("listen [::]:8080 ipv6only=on;", "::"),
        ("tcp6:[fe80::1%eth0]:80", "fe80::1"),
        (":: ipv6only", "::"),
        ("localhost", ""),
        ("0.0.0.0:8080", ""),
        ("", ""),
    ],
)
def test_the_literal_in_a_listen_address(text: str, literal: str) -> None:
    """The IPv6 address is found in any notation of a listen address, in canonical form."""
    assert literal_in(text) == literal


@pytest.mark.parametrize(
    ("told", "socket", "replaced"),
    [
        ("::1", row("::1"), False),
        ("::1", row("::"), True),
        ("::1", row("0.0.0.1", "ipv4"), True),
        ("2001:db8::1", row("127.0.0.1", "ipv4"), True),
        ("2001:db8::1", row("::ffff:127.0.0.1"), True),
        ("::", row("::"), False),
        ("::", row("::", v6only=False), False),
        ("::", row("0.0.0.0", "ipv4"), True),
        ("", row("2001:db8::9"), False),
        ("", row("0.0.0.0", "ipv4"), True),
    ],
)
def test_replacement_of_an_address(told: str, socket: SocketRow, replaced: bool) -> None:  # noqa: FBT001 - a row of the table
    """Another address is a replacement; for ``::`` only an IPv4 socket is."""
    assert replacements([socket], told) == ([socket] if replaced else [])


def test_where() -> None:
    """Sockets are listed with the families that reach them."""
    assert where([row("::", v6only=False), row("::1")]) == ":: (IPv4 and IPv6) and ::1 (IPv6)"
