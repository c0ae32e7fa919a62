"""What group 1 of peer_reply and peer_log may match, and the error for anything else."""

import pytest

from dualstack.manifest.shown import shown_address

CLIENT = "2001:db8::201"


@pytest.mark.parametrize(
    ("caught", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::201", "2001:db8::201"),
        ("[2001:db8::201]", "2001:db8::201"),
        ("[2001:db8::201]:4711", "2001:db8::201"),
        ("/192.0.2.1:4711", "192.0.2.1"),
        ("/[2001:db8:0:0:0:0:0:201]:4711", "2001:db8:0:0:0:0:0:201"),
        ("/2001:db8:0:0:0:0:0:201:4711", "2001:db8:0:0:0:0:0:201"),
        ("[0:0:0:0:0:0:0:1]:80", "0:0:0:0:0:0:0:1"),
        ("/0:0:0:0:0:0:0:1%lo:8080", "0:0:0:0:0:0:0:1"),
        ("0:0:0:0:0:0:0:1%0", "0:0:0:0:0:0:0:1"),
        ("[fe80::1%eth0]:99", "fe80::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("[::ffff:192.0.2.1]:4711", "::ffff:192.0.2.1"),
        ("::", "::"),
        ("0.0.0.0:0", "0.0.0.0"),
        ("ipv4:192.0.2.1:4711", "192.0.2.1"),
        ("ipv6:%5B2001:db8::201%5D:4711", "2001:db8::201"),
        ("ipv6:%5b2001:db8::201%5d:4711", "2001:db8::201"),
        ("ipv6:[2001:db8::201]:4711", "2001:db8::201"),
        ("ipv6:%5Bfe80::1%25eth0%5D:4711", "fe80::1"),
        ("ipv6:%5B::ffff:192.0.2.1%5D:4711", "::ffff:192.0.2.1"),
    ],
)
def test_forms_of_an_address(caught: str, address: str) -> None:
    """An address with or without port, brackets, Java's slash, gRPC's scheme and a zone are understood."""
    assert shown_address(caught, CLIENT) == address


@pytest.mark.parametrize(
    "caught", ["", "2001", "2001:db8:1:", "192.0.2", "(null)", "null", "<unknown>", "None", "::ffff:"]
)
def test_what_the_service_damages_is_the_services_fault(caught: str) -> None:
    """A damaged address, or a word for none, is returned: the requirement fails."""
    assert shown_address(caught, CLIENT) == caught


@pytest.mark.parametrize(
    "caught",
    [
        "hello",
        "client.example:99",
        "from 192.0.2.1",
        "addr=2001:db8::201",
        "ipv6:2001:db8::201:99",
        "ipv4:[2001:db8::201]:99",
        "2001:db8::201,",
        "192.0.2.1/24",
    ],
)
def test_what_the_expression_catches_wrongly_is_shown(caught: str) -> None:
    """Anything else is a fault of the manifest: the error says what was matched and what is allowed."""
    with pytest.raises(ValueError, match="address:port") as raised:
        shown_address(caught, CLIENT)
    assert repr(caught) in str(raised.value)


@pytest.mark.parametrize("port", ["1234", "53124", "80"])
def test_a_port_without_brackets_is_ambiguous(port: str) -> None:
    """The client's address, a colon and a port read as another address: that is said, with how to catch it."""
    with pytest.raises(ValueError, match="without brackets"):
        shown_address(f"{CLIENT}:{port}", CLIENT)


def test_an_address_that_could_be_one_with_a_port_is_the_address() -> None:
    """A text that is the client's address is taken for that, and where neither reading fits it is an address too."""
    assert shown_address("2001:db8::1:1234", "2001:db8::1:1234") == "2001:db8::1:1234"
    assert shown_address("2001:db8::1:1234", "2001:db8::9") == "2001:db8::1:1234"
