"""The textual forms of addresses, and the networks that tell clients apart."""

import ipaddress

import pytest

from dualstack.world.notations import addresses_in, network_without, notations, wide_network


@pytest.mark.parametrize(
    ("address", "forms"),
    [
        (
            "2001:db8:51:1::201",
            {
                "2001:DB8:51:1::201",
                "2001:db8:51:1:0:0:0:201",
                "2001:0db8:0051:0001:0000:0000:0000:0201",
                "2001:db8:51:1:0::201",
            },
        ),
        ("::1", {"0:0:0:0:0:0:0:1", "0000:0000:0000:0000:0000:0000:0000:0001", "0::1"}),
        ("2001:db8:1:2:3:4:0:5", {"2001:DB8:1:2:3:4:0:5", "2001:0db8:0001:0002:0003:0004:0000:0005"}),
        ("192.0.2.1", set()),
    ],
)
def test_every_form_is_the_same_address(address: str, forms: set[str]) -> None:
    """Each form is a different text of the same address."""
    found = set(notations(address).values())
    assert found == forms
    assert {ipaddress.ip_address(form) for form in found} <= {ipaddress.ip_address(address)}
    assert address not in found


@pytest.mark.parametrize(
    ("inside", "outside", "network"),
    [
        ("198.51.100.33", "198.51.100.34", "198.51.100.32/31"),
        ("2001:db8:51:1::201", "2001:db8:51:1:aaaa:bbbb:cccc:202", "2001:db8:51:1::/65"),
        ("2001:db8:51:1::201", "2001:db8:51:1::200", "2001:db8:51:1::201/128"),
    ],
)
def test_a_network_tells_two_clients_apart(inside: str, outside: str, network: str) -> None:
    """The network contains one client and not the other, and no larger network does."""
    assert network_without(inside, outside) == network
    found = ipaddress.ip_network(network)
    assert ipaddress.ip_address(inside) in found
    assert ipaddress.ip_address(outside) in found.supernet()


def test_a_wide_network_is_of_ordinary_size() -> None:
    """It is a /28 or a /64."""
    assert wide_network("198.51.100.33") == "198.51.100.32/28"
    assert wide_network("2001:db8:51:1::201") == "2001:db8:51:1::/64"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cannot connect to 198.51.100.33:80: refused", {"198.51.100.33"}),
        ("connect to [2001:DB8:0:0::201]:80 failed.", {"2001:db8::201"}),
        ("2001:db8::201: timed out; 198.51.100.33: timed out", {"2001:db8::201", "198.51.100.33"}),
        ("dial tcp ::ffff:198.51.100.33", {"198.51.100.33"}),
        ("at 12:30:45 the host shop.test did not answer", set()),
        ("error 110: nothing", set()),
    ],
)
def test_addresses_are_found_in_any_notation(text: str, found: set[str]) -> None:
    """Ports, brackets and punctuation do not belong to an address; times and numbers are none."""
    assert addresses_in(text) == found
