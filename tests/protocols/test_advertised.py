"""Addresses in answers: how they are read from text, JSON and protobuf, and which of them a client can use."""

import re

import pytest

from dualstack.families import Family
from dualstack.manifest import Advertises
from dualstack.protocols import jsonpath, protobuf
from dualstack.protocols.advertised import Advertised, split_endpoint, why_unusable
from dualstack.protocols.http import response_in

F4, F6 = Family.IPV4, Family.IPV6


def table(**keys: object) -> Advertises:
    """Return a table of a manifest."""
    return Advertises.model_validate(keys)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", ("192.0.2.1", None)),
        ("192.0.2.1:80", ("192.0.2.1", 80)),
        ("shop.test:80", ("shop.test", 80)),
        ("2001:db8::1", ("2001:db8::1", None)),
        ("[2001:db8::1]:80", ("2001:db8::1", 80)),
        ("[2001:db8::1]", ("[2001:db8::1]", None)),
        ("2001:db8::1:80", ("2001:db8::1:80", None)),
        ("http://[2001:db8::1]/x", ("2001:db8::1", None)),
        ("http://user@[2001:db8::1]:80/x", ("2001:db8::1", 80)),
        ("tcp://shop.test:80", ("shop.test", 80)),
    ],
)
def test_host_and_port(text: str, expected: tuple[str, int | None]) -> None:
    """Host and port are separated only where the text says where the port begins; a lone bracketed host stays so."""
    assert split_endpoint(text) == expected


@pytest.mark.parametrize(
    ("host", "family", "reason"),
    [
        ("192.0.2.1", F4, ""),
        ("2001:db8::1", F6, ""),
        ("shop.test", F6, ""),
        ("192.0.2.1", F6, "it is an IPv4 address, and the client has IPv6"),
        ("2001:db8::1", F4, "it is an IPv6 address, and the client has IPv4"),
        ("0.0.0.0", F4, "it is the unspecified address"),
        ("::", F6, "it is the unspecified address"),
        ("::", F4, "it is the unspecified address"),
        ("127.0.0.1", F4, "it is a loopback address"),
        ("127.0.0.1", F6, "it is an IPv4 address"),
        ("::1", F6, "it is a loopback address"),
        ("::ffff:192.0.2.1", F4, "it is IPv4-mapped"),
        ("::ffff:c000:201", F6, "it is IPv4-mapped"),
        ("fe80::1", F6, "it is a link-local address"),
        ("fe80::1%eth0", F6, "it is a link-local address"),
        ("[2001:db8::1]", F6, "it has brackets"),
        ("[2001", F6, "it has one bracket alone"),
        ("2001:db8::1:80:90:70:1:2:3", F6, "it is no address and no name: it has a colon"),
        ("", F4, "it is empty"),
    ],
)
def test_which_addresses_a_client_can_use(host: str, family: Family, reason: str) -> None:
    """A client on another host can use an address of its family or a name, and nothing else."""
    found = why_unusable(host, family)
    assert found.startswith(reason)
    assert bool(found) is bool(reason)


@pytest.mark.parametrize("family", [F4, F6])
def test_a_client_inside_can_use_loopback(family: Family) -> None:
    """A client on the service's own host can use the loopback address of its family, and not the other one."""
    assert why_unusable(family.loopback, family, inside=True) == ""
    assert why_unusable(family.other.loopback, family, inside=True)


def test_matches_of_an_expression() -> None:
    """Every match is an address; the port is that of the group, of the text, or of the manifest."""
    answer = b"a 192.0.2.1 1\nb 2001:db8::1 2\nc shop.test 3\n"
    found = table(pattern=r"(?m)^\w (?P<host>\S+) (?P<port>\d)").read(answer, b"")
    assert [(item.host, item.port) for item in found] == [("192.0.2.1", 1), ("2001:db8::1", 2), ("shop.test", 3)]
    assert found[1].where == "'b 2001:db8::1 2'"
    moved = b"MOVED to [2001:db8::1]:7001"
    assert table(pattern=r"to (?P<host>\S+)").read(moved, b"") == (
        Advertised("2001:db8::1", 7001, "'to [2001:db8::1]:7001'"),
    )
    assert table(pattern=r"at (?P<host>\S+)", port=9).read(b"at a b", b"")[0].port == 9
    assert table(pattern=r"at (?P<host>\S+)").read(b"nothing", b"") == ()


def test_values_in_json() -> None:
    """A path leads to every value; the port is the number or text beside it, and missing keys lead to nothing."""
    body = b'{"brokers": [{"host": "::", "port": 1}, {"host": "a.test", "port": "2"}, {"name": 3}], "at": null}'
    found = table(json_path="$.brokers[*].host", port_field="port").read(b"", body)
    assert found == (Advertised("::", 1, "$.brokers[0].host"), Advertised("a.test", 2, "$.brokers[1].host"))
    assert table(json_path="$.brokers[1].host").read(b"", body)[0] == Advertised("a.test", None, "$.brokers[1].host")
    assert table(json_path="$.brokers[*].host").read(b"", b'{"brokers": {"x": {"host": "b:7"}}} rest') == (
        Advertised("b", 7, "$.brokers.x.host"),
    )
    assert table(json_path="$.at").read(b"", body)[0].host == "None"
    assert table(json_path='$["at"].none').read(b"", body) == ()
    for wrong in (b"no JSON", b'{"brokers": [', b"[" * 60000):
        with pytest.raises(ValueError, match=r"JSON|Expecting"):
            table(json_path="$.at").read(b"", wrong)


def test_numbers_in_json_are_addresses() -> None:
    """An address that is a 32-bit number is shown as the IPv4 address that it is."""
    assert table(json_path="$[0]").read(b"", b"[3221225985]")[0].host == "192.0.2.1"


@pytest.mark.parametrize("text", ["brokers", "$", "$.", "$..a", "$.a[", "$.a[-1]", "$.a[?]", "a.b"])
def test_what_is_no_path_into_json(text: str) -> None:
    """Another form is refused, and the message names the allowed one."""
    with pytest.raises(ValueError, match=r"is not a path into JSON; allowed: "):
        jsonpath.parse_path(text)


NODE = b"\x12\x01a\x1a\x10\x20\x01\x0d\xb8" + bytes(11) + b"\x01\x20\x87\x37"
"""``{2: "a", 3: 2001:db8::1, 4: 7047}``."""


def test_fields_of_protobuf() -> None:
    """A path of field numbers leads to bytes, texts and numbers, in repeated messages too, after what is skipped."""
    text = b"\x1a\x0b2001:db8::2\x20\x01"
    numbers = b"\x1d\x01\x02\x00\xc0" + b"\x21" + bytes(8)
    message = b"".join(b"\x0a%c%b" % (len(node), node) for node in (NODE, text, numbers))
    found = table(protobuf_path="1.3", port_field="4", skip=2).read(b"", b"\xff\xff" + message)
    assert found[:2] == (
        Advertised("2001:db8::1", 7047, "field 1[0].3"),
        Advertised("2001:db8::2", 1, "field 1[1].3"),
    )
    assert found[2].host == "192.0.2.1"
    assert protobuf.fields_of(NODE)[0] == (2, b"a")
    assert table(protobuf_path="7").read(b"", message) == ()


@pytest.mark.parametrize("message", [b"\x0a", b"\x0a\x05abc", b"\x0b", b"\x00\x00", b"\xff" * 12, b"\x1d\x01"])
def test_what_is_no_protobuf(message: bytes) -> None:
    """Bytes that are no message, or a part of one, are refused, and never read as something else."""
    with pytest.raises(ValueError, match=r"protobuf message"):
        list(protobuf.values_at(message, (1,)))


def test_a_number_holds_no_message() -> None:
    """A path that leads through a number is refused."""
    with pytest.raises(ValueError, match=r"field 4 is a number"):
        list(protobuf.values_at(NODE, (4, 1)))


@pytest.mark.parametrize("text", ["", "1.", "0", "a", "1.0", ".1"])
def test_what_is_no_field_path(text: str) -> None:
    """Another form is refused."""
    with pytest.raises(ValueError, match=r"is not a path of field numbers"):
        protobuf.parse_path(text)


def test_the_response_in_what_was_received() -> None:
    """The final response is read: status, fields, and a body without chunks; also if its end is missing."""
    chunked = b"HTTP/1.1 301 x\r\nLocation: /a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    response = response_in(b"HTTP/1.1 103 Early\r\n\r\n" + chunked)
    assert response is not None
    assert (response.status, response.fields[0], response.body) == (301, ("location", "/a"), b"abcde")
    cut = response_in(chunked[:-12])
    assert cut is not None
    assert cut.body == b"abc"
    whole = response_in(b"HTTP/1.0 200 OK\r\n\r\n{}")
    assert whole is not None
    assert whole.body == b"{}"
    for wrong in (b"", b"HTTP/1.1 200 OK\r\n", b"220 mail.test\r\n"):
        assert response_in(wrong) is None


def test_when_the_answer_to_another_request_is_complete() -> None:
    """An answer of text is complete with a match, one of JSON at its last bracket; of protobuf nothing is known."""
    assert table(pattern="a (?P<host>x)").expect == "a (?P<host>x)"
    expect = table(json_path="$.a").expect
    assert expect is not None
    assert re.search(expect, '{"a": [1]}\r\n')
    assert not re.search(expect, '{"a": [1], "b"')
    assert table(protobuf_path="1").expect is None


@pytest.mark.parametrize(
    ("pattern", "answer", "host"),
    [
        (r"://(?P<host>[^/:\]]+|\[[^\]]+\]):(?P<port>\d+)", b"at http://[2001:db8::1]:80/", "2001:db8::1"),
        (r"://(?P<host>[^/]+)/", b"at ws://[2001:db8::1]/room", "2001:db8::1"),
        (r"at (?P<host>\S+) (?P<port>\d+)", b"at [2001:db8::1] 80", "[2001:db8::1]"),
        (r"at (?P<host>[^:]+):(?P<port>\d+)", b"at [2001:80", "[2001"),
    ],
)
def test_brackets_of_a_pattern(pattern: str, answer: bytes, host: str) -> None:
    """Brackets that a URL or a port needs do not belong to the host; others, and one alone, stay."""
    assert table(pattern=pattern).read(answer, b"")[0].host == host
