"""Addresses that are sent through a field of a service's messages, and what comes back."""

import ipaddress
import re
from dataclasses import dataclass, replace
from urllib.parse import quote

from dualstack.families import Family, unmapped
from dualstack.finding import Finding, Symptom
from dualstack.manifest import AddressField
from dualstack.manifest.texts import fill
from dualstack.prober.messages import Dial
from dualstack.protocols.application import Trait
from dualstack.world.listening import ListenerWorld


@dataclass(frozen=True, slots=True)
class Sent:
    """An address that is sent through a field.

    Attributes:
        address: The address, with its zone.
        kind: What it is, in words.
        family: The family that the field must hold for it.
        refusable: Whether the service may refuse it.
    """

    address: str
    kind: str
    family: Family
    refusable: bool = False


def addresses_for(field: AddressField, interface: str) -> list[Sent]:
    """Return the addresses that are sent through a field; all bytes of the first two differ."""
    zone = f"%{interface}" if field.zone else ""
    every = [
        Sent("192.0.2.177", "an IPv4 address", Family.IPV4),
        Sent("2001:db8:1234:5678:9abc:def0:8765:4321", "a global IPv6 address", Family.IPV6),
        Sent(f"fe80::51{zone}", "a link-local address" + " with its zone" * field.zone, Family.IPV6),
        Sent("::ffff:192.0.2.177", "an IPv4-mapped address", Family.IPV6, refusable=True),
        Sent("::", "the unspecified address", Family.IPV6, refusable=True),
    ]
    return [item for item in every if item.family in field.families or field.refusal is not None]


def holds(world: ListenerWorld, field: AddressField, sent: Sent) -> Finding:
    """Send an address through a field; return whether it came back, or was refused if that is allowed."""
    may_refuse = field.refusal is not None and (sent.refusable or sent.family not in field.families)
    expected = f"{field.name} returns {sent.address}, {sent.kind}" + ", or refuses it" * may_refuse
    world.note(f"the next client sends {sent.address}, {sent.kind}, through {field.name}")
    dialled = world.client.carry_out(_dial(world, field, sent.address))
    if field.refusal is not None and re.search(field.refusal, dialled.answer):
        return Finding(may_refuse, expected, "it is refused", symptoms=() if may_refuse else (Symptom.CUT_ADDRESS,))
    found = re.search(field.answer, dialled.answer)
    if found is None:
        return Finding(False, expected, dialled.detail)
    if fault := why_other(sent.address, found[1] or ""):
        symptom = Symptom.CUT_ADDRESS if sent.family is Family.IPV6 else Symptom.OTHER_ADDRESS
        return Finding(False, expected, fault, symptoms=(symptom,))
    return Finding(True, expected, f"{found[1]} comes back")


def _dial(world: ListenerWorld, field: AddressField, address: str) -> Dial:
    """Return the exchange that sends an address through a field."""
    dial = world.client.exchange(world.families[0])
    if Trait.HTTP in world.listener.traits:
        return replace(dial, send=fill(field.request, {"address": quote(address, safe="")}))
    expect = f"(?:{field.answer})" + (f"|(?:{field.refusal})" if field.refusal is not None else "")
    return replace(dial, send=fill(field.request, {"address": address}), expect=expect)


def why_other(sent: str, came: str) -> str:
    """Return why what came back is not the address that was sent; empty if it is.

    An IPv4-mapped address may come back as the IPv4 address in it, and a zone as the number of its interface.
    """
    address, _, zone = sent.partition("%")
    back, _, its_zone = came.strip("[]").partition("%")
    if unmapped(back) != unmapped(address):
        return f'"{came}" comes back' + _part_of(address, back)
    if zone and not its_zone:
        return f'"{came}" comes back, without the zone {zone}'
    if zone and its_zone != zone and not (its_zone.isdecimal() and int(its_zone)):
        return f'"{came}" comes back, with another zone than {zone}'
    return ""


def _part_of(address: str, back: str) -> str:
    """Return which part of an address came back, as text or as an IPv4 address; empty if it is none."""
    if back and address.startswith(back):
        return f": its first {len(back)} characters, of {len(address)}"
    try:
        whole, part = ipaddress.ip_address(address).packed, ipaddress.IPv4Address(back).packed
    except ValueError:
        return ""
    if part == whole[::-1]:
        return ": the same bytes in reverse order"
    ends = {"first": whole[: len(part)], "last": whole[-len(part) :]}
    for where, data in ends.items():
        if part in (data, data[::-1]):
            return f": it is made of the {where} 4 of the {len(whole)} bytes"
    return ""
