"""Fields of 32 bits cut IPv6 addresses; wider ones carry every address, and old peers still parse the messages."""

import importlib.util
import sys
from types import ModuleType

import pytest

from dualstack.content import ROOT

SERVICES = ROOT / "fixtures" / "services"


def load(kind: str, name: str) -> ModuleType:
    """Return the module of a service, which may import those in its folder."""
    folder = str(SERVICES / kind)
    spec = importlib.util.spec_from_file_location(f"messages_{kind}", f"{folder}/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    return module


OLD, NEW = load("zoo", "u32_messages"), load("reference", "address_messages")
KINDS = list(NEW.FAMILIES)
ADDRESSES = ["192.0.2.177", "2001:db8::1", "::ffff:192.0.2.177", "::"]


def test_both_have_the_same_messages() -> None:
    """Both codecs have the five families of messages of the document, with the same numbers and fields."""
    assert dict(NEW.FAMILIES) == OLD.FAMILIES
    assert len(KINDS) == 5


@pytest.mark.parametrize("kind", KINDS)
def test_every_address_comes_back(kind: str) -> None:
    """M10: each field of each family returns IPv4, IPv6, mapped and unspecified addresses, and a scope."""
    for name in NEW.FAMILIES[kind][1]:
        for address in [*(NEW.Address(text) for text in ADDRESSES), NEW.Address("fe80::1", 7)]:
            message = NEW.encode(kind, {name: address})
            assert NEW.decode(message) == (kind, {name: address})


@pytest.mark.parametrize("kind", KINDS)
def test_an_old_peer_still_parses(kind: str) -> None:
    """M10: a peer that knows only fields of 32 bits reads the IPv4 addresses of a new message, and 0 for IPv6 ones."""
    first, *others = NEW.FAMILIES[kind][1]
    fields = {first: NEW.Address("192.0.2.177")} | {name: NEW.Address("2001:db8::1") for name in others}
    assert OLD.decode(NEW.encode(kind, fields)) == {first: "192.0.2.177"} | dict.fromkeys(others, "0.0.0.0")


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_peer_parses_old_messages(kind: str) -> None:
    """M10: a new peer reads the IPv4 addresses of an old message; a field with 0 has no address."""
    first = NEW.FAMILIES[kind][1][0]
    assert NEW.decode(OLD.encode(kind, {first: "192.0.2.177"})) == (kind, {first: NEW.Address("192.0.2.177")})


def test_order_of_bytes_and_length() -> None:
    """M10: addresses are in network byte order, and the header has the length of what follows."""
    message = NEW.encode("rtsp-pull", {"camera": NEW.Address("192.0.2.177")})
    assert message.hex() == "00050201001cc00002b10400000000000000c00002b1" + "00" * 12
    assert len(message) - 6 == 0x1C


@pytest.mark.parametrize("cut", range(34))
def test_what_is_cut_is_refused(cut: int) -> None:
    """M10: a message that is not complete is refused, and never read as another address."""
    message = NEW.encode("rtsp-pull", {"camera": NEW.Address("2001:db8::1")})
    assert len(message) == 34
    with pytest.raises(ValueError, match="not complete"):
        NEW.decode(message[:cut])


def test_a_field_of_32_bits_cuts() -> None:
    """M10: the old codec makes an IPv4 address of the first bytes of an IPv6 address, without an error."""
    assert OLD.decode(OLD.encode("rtsp-pull", {"camera": "2001:db8::1"})) == {"camera": "32.1.13.184"}
