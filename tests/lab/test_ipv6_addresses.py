"""When an IPv6 address can be used and found, told from the kernel's tables."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.lab import ipv6_addresses
from dualstack.lab.ipv6_addresses import unready_address, unready_addresses

ONE, TWO = "2001:db8:51:1::101", "2001:db8:51:1::202"
NONE, TENTATIVE, DUPLICATE = 0x80, 0xC0, 0xC8

Tables = Callable[..., None]


def digits(address: str) -> str:
    """Return one of the addresses above as the kernel's tables have it."""
    return f"20010db800510001{int(address.rpartition(':')[2], 16):016x}"


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tables:
    """Make tables of addresses of eth0, with their flags, and of the addresses whose groups are joined."""

    def make(addresses: dict[str, int], joined: tuple[str, ...] = (), interface: str = "eth0") -> None:
        rows = [f"{digits(address)} 02 40 00 {flags:02x} {interface:>8}\n" for address, flags in addresses.items()]
        (tmp_path / "if_inet6").write_text("".join(rows), encoding="ascii")
        groups = [
            f"2    eth0  ff0200000000000000000001ff{digits(address)[-6:]}     1 00000004 0\n" for address in joined
        ]
        (tmp_path / "igmp6").write_text("".join(groups), encoding="ascii")

    monkeypatch.setattr(ipv6_addresses, "_NET", tmp_path)
    return make


def test_an_address_is_ready_when_its_group_is_joined(tables: Tables) -> None:
    """Neighbours find an address when its solicited-node group is joined, and another one's does not do."""
    tables({ONE: NONE, TWO: NONE}, joined=(ONE,))
    assert unready_address("eth0", ONE) == ""
    assert unready_address("eth0", TWO) == f"the solicited-node group of {TWO} is not joined"
    assert unready_addresses("eth0", 2) == f"the solicited-node group of {TWO} is not joined"
    tables({ONE: NONE, TWO: NONE}, joined=(ONE, TWO))
    assert unready_addresses("eth0", 2) == ""


def test_a_tentative_address_is_not_ready(tables: Tables) -> None:
    """A tentative address does not count, unless it is what is waited for."""
    tables({ONE: TENTATIVE, TWO: NONE}, joined=(ONE, TWO))
    assert unready_address("eth0", ONE) == f"{ONE} is tentative"
    assert unready_address("eth0", ONE, tentative=True) == ""
    assert unready_addresses("eth0", 2) == "1 of 2 IPv6 addresses of eth0 are usable"


def test_an_address_of_another_interface_is_not_ready(tables: Tables) -> None:
    """What another interface has does not count."""
    tables({ONE: NONE}, joined=(ONE,), interface="eth1")
    assert unready_address("eth0", ONE) == f"{ONE} is not on eth0"
    assert unready_addresses("eth0", 1) == "0 of 1 IPv6 addresses of eth0 are usable"


def test_a_duplicate_is_not_usable(tables: Tables) -> None:
    """Of the addresses of all interfaces, tentative ones and duplicates are not usable."""
    tables({ONE: DUPLICATE, TWO: NONE})
    assert [(str(address), address.usable) for address in ipv6_addresses.ipv6_addresses()] == [
        (ONE, False),
        (TWO, True),
    ]


def test_a_kernel_without_ipv6_has_no_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel has no table of IPv6 addresses there are none."""
    monkeypatch.setattr(ipv6_addresses, "_NET", tmp_path)
    assert ipv6_addresses.ipv6_addresses() == []
    assert unready_addresses("eth0", 1) == "0 of 1 IPv6 addresses of eth0 are usable"
