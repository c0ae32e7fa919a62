"""What comes back through a field of a message is compared with what was sent."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dualstack.families import Family
from dualstack.finding import Symptom
from dualstack.manifest import AddressField
from dualstack.world.address_fields import Sent, addresses_for, holds, why_other
from dualstack.world.listening import ListenerWorld

if TYPE_CHECKING:
    from tests.world.conftest import MadeUp

MakeWorld = Callable[..., "MadeUp"]

GLOBAL = "2001:db8:1234:5678:9abc:def0:8765:4321"


def field(**keys: object) -> AddressField:
    """Return a field of a manifest."""
    return AddressField.model_validate({"name": "x", "request": "{address}", "answer": "(.+)"} | keys)


@pytest.mark.parametrize(
    ("sent", "came"),
    [
        ("192.0.2.177", "192.0.2.177"),
        (GLOBAL, "2001:0DB8:1234:5678:9ABC:DEF0:8765:4321"),
        (GLOBAL, f"[{GLOBAL}]"),
        ("fe80::51%eth0", "fe80::51%eth0"),
        ("fe80::51%eth0", "fe80::51%2"),
        ("::ffff:192.0.2.177", "192.0.2.177"),
        ("::", "0:0:0:0:0:0:0:0"),
    ],
)
def test_the_same_address(sent: str, came: str) -> None:
    """Another text of the same address is the same, and so is the IPv4 address in a mapped one."""
    assert why_other(sent, came) == ""


@pytest.mark.parametrize(
    ("sent", "came", "why"),
    [
        (GLOBAL, "32.1.13.184", "it is made of the first 4 of the 16 bytes"),
        (GLOBAL, "184.13.1.32", "it is made of the first 4 of the 16 bytes"),
        (GLOBAL, "135.101.67.33", "it is made of the last 4 of the 16 bytes"),
        ("192.0.2.177", "177.2.0.192", "the same bytes in reverse order"),
        (GLOBAL, GLOBAL[:15], "its first 15 characters, of 38"),
        (GLOBAL, "2001:db8:1234:5678::", "comes back"),
        (GLOBAL, "", "comes back"),
        ("::", "0.0.0.0", "comes back"),
        ("fe80::51%eth0", "fe80::51", "without the zone eth0"),
        ("fe80::51%eth0", "fe80::51%0", "with another zone than eth0"),
        ("fe80::51%eth0", "fe80::51%lo", "with another zone than eth0"),
    ],
)
def test_another_address(sent: str, came: str, why: str) -> None:
    """An address that differs from the one sent is a fault, and the sentence says what it is made of."""
    assert why in why_other(sent, came)


@pytest.mark.parametrize(
    ("sent", "came", "symptom"),
    [(GLOBAL, GLOBAL[:15], Symptom.CUT_ADDRESS), ("192.0.2.177", "177.2.0.192", Symptom.OTHER_ADDRESS)],
)
def test_only_an_ipv6_address_shows_a_field_that_is_too_small(
    make_world: MakeWorld, sent: str, came: str, symptom: Symptom
) -> None:
    """An IPv4 address that comes back wrong has another cause than the size of the field."""
    made = make_world(ListenerWorld, '[[listen]]\nname = "main"\nport = 8080\nprotocol = "http"\n')
    made.prober.dialled = replace(made.prober.dialled, answer=came)
    finding = holds(made.world, field(), Sent(sent, "an address", Family.of(sent)))
    assert (finding.ok, finding.symptoms) == (False, (symptom,))


def test_what_is_sent() -> None:
    """All five kinds are sent; those of a family that the field does not hold only if it can refuse them."""
    assert [item.address for item in addresses_for(field(), "eth0")] == [
        "192.0.2.177",
        GLOBAL,
        "fe80::51%eth0",
        "::ffff:192.0.2.177",
        "::",
    ]
    assert addresses_for(field(zone=False), "eth0")[2].address == "fe80::51"
    assert [item.family for item in addresses_for(field(families=["ipv4"]), "eth0")] == [Family.IPV4]
    assert len(addresses_for(field(families=["ipv4"], refusal="no"), "eth0")) == 5
