"""Correct and malformed hosts in requests of HTTP, RTSP and SIP."""

import importlib

import pytest

from dualstack.world.request_heads import head_fault, host_fault, requests_in

SUITE = importlib.import_module("dualstack.content.suites.connect.test_request_heads")
ASKED = "2001:db8:1::2"


def head(*hosts: str, line: str = "GET / HTTP/1.1") -> str:
    """Return the head of a request with these Host headers."""
    return "\r\n".join([line, "Accept: */*", *(f"Host: {host}" for host in hosts)])


@pytest.mark.parametrize(
    "host",
    [
        "[2001:db8:1::2]:8000",
        "[2001:db8:1::2]",
        "[2001:DB8:1:0:0:0:0:2]:8000",
        "192.0.2.1:8000",
        "shop.example",
        "shop.example:",
        "a_b%20c.example:8000",
        " \tshop.example \t",
        "[v1.fe80::a+en1]",
    ],
)
def test_right_hosts(host: str) -> None:
    """An IPv6 address in brackets, an IPv4 address and a name are correct, with or without a port."""
    assert host_fault(head(host), ASKED) == ""


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        ("2001:db8:1::2:8000", "lacks brackets"),
        ("2001:db8:1::2", "lacks brackets"),
        ("::1:8000", "lacks brackets"),
        ("fe80::1%eth0:8000", "lacks brackets"),
        ("[2001:db8:1::2", "not a host"),
        ("[2001:db8:1::2]8000", "not a host"),
        ("shop.example:http", "not a host"),
        ("[fe80::1%eth0]:8000", "zone"),
        ("[fe80::1%25eth0]:8000", "zone"),
        ("[192.0.2.1]:8000", "not an IPv6 address"),
        ("[2001:db8:1:2]:8000", "not an IPv6 address"),
        ("%5B2001%3Adb8%3A1%3A%3A2%5D:8000", "percent-encoded"),
        ("%5B2001:db8:1::2%5D:8000", "brackets of its IPv6 address are percent-encoded"),
        ("%5bfe80::1%25eth0%5d:8000", "brackets of its IPv6 address are percent-encoded"),
        ("2001", "only a piece"),
        ("2001:8000", "only a piece"),
        ("", "empty"),
        (":8000", "empty"),
        ("shop example", "not allowed"),
    ],
)
def test_wrong_hosts(host: str, fault: str) -> None:
    """Each kind of malformed Host is named, together with the header."""
    said = host_fault(head(host), ASKED)
    assert fault in said
    assert f"Host: {host}" in said


def test_a_host_is_named_once() -> None:
    """HTTP/1.1 requires one Host header; HTTP/1.0 requires none; two are wrong in both."""
    assert "no Host header" in host_fault(head(), ASKED)
    assert host_fault(head(line="GET / HTTP/1.0"), ASKED) == ""
    assert "2 Host headers" in host_fault(head("a", "a"), ASKED)
    assert host_fault("GET / HTTP/1.1\r\nhOsT:[2001:db8:1::2]:80", ASKED) == ""


def test_the_absolute_form_is_right_and_is_judged_too() -> None:
    """A request to a proxy names the server in its request line, which needs brackets too."""
    right = head("[2001:db8:1::2]:8000", line="GET http://[2001:db8:1::2]:8000/ HTTP/1.1")
    assert host_fault(right, ASKED) == ""
    wrong = head("[2001:db8:1::2]:8000", line="GET http://2001:db8:1::2:8000/ HTTP/1.1")
    assert "lacks brackets" in host_fault(wrong, ASKED)


@pytest.mark.parametrize("line", ["GET /", "GET  / HTTP/1.1", "hello", "GET / HTTP/x", ""])
def test_a_request_line_has_three_parts(line: str) -> None:
    """A malformed request line is reported."""
    assert "request line" in host_fault(head("a", line=line), ASKED)


def test_uris_in_a_query_are_not_judged() -> None:
    """What a request says to the server behind its path is not about the server."""
    line = "GET /fetch?url=http://2001:db8::1:80/ HTTP/1.1"
    assert host_fault(head("a.example", line=line), "a.example") == ""


def test_a_header_ends_at_its_colon() -> None:
    """A space before the colon makes another header (RFC 9112 §5.1)."""
    assert "no Host header" in host_fault("GET / HTTP/1.1\r\nHost : a.example", "a.example")


def test_a_request_for_a_tunnel_names_its_end() -> None:
    """The target of CONNECT is a host and a port, with brackets around an IPv6 address (RFC 9112 §3.2.3)."""
    right = "CONNECT [2001:db8::1]:443 HTTP/1.1"
    assert host_fault(head("[2001:db8::1]:443", line=right), ASKED) == ""
    assert "lacks brackets" in host_fault(head("[2001:db8::1]:443", line=right.translate({91: "", 93: ""})), ASKED)


@pytest.mark.parametrize("field", ["Origin", "Referer", "Destination"])
def test_uris_in_headers_are_judged(field: str) -> None:
    """A URI in another header needs brackets too; a value that is no URI is not judged."""
    right = f"{head('a.example')}\r\n{field}: http://[2001:db8::1]:80/"
    assert host_fault(right, "a.example") == ""
    assert f"'{field}: http://2001" in host_fault(right.translate({91: "", 93: ""}), "a.example")
    assert host_fault(f"{head('a.example')}\r\n{field}: null", "a.example") == ""


@pytest.mark.parametrize("target", ["*", "rtsp://[2001:db8::1]:554/a", "rtsps://user:word@[2001:db8::1]/a", "rtsp://a"])
def test_right_targets_of_rtsp(target: str) -> None:
    """A request of RTSP has ``*`` or a URI, in which an IPv6 address is in brackets."""
    assert head_fault(f"OPTIONS {target} RTSP/1.0\r\nCSeq: 1", ASKED) == ""


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("rtsp://2001:db8:1::2:554/a", "lacks brackets"),
        ("rtsp://user:word@2001:db8:1::2:554/a", "lacks brackets"),
        ("rtsp://[fe80::1%eth0]:554/a", "zone"),
        ("rtsp://2001:554/a", "only a piece"),
        ("rtsp:///a", "empty"),
    ],
)
def test_wrong_targets_of_rtsp(target: str, fault: str) -> None:
    """Each kind of malformed host in the URI is named, with the request line."""
    said = head_fault(f"DESCRIBE {target} RTSP/2.0\r\nCSeq: 1", ASKED)
    assert fault in said
    assert target in said


SIP = """\
INVITE sip:bob@[2001:db8::10]:5060;transport=udp SIP/2.0\r
Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3-111\r
v: SIP / 2.0 / TCP a.example:5060;branch=z9hG4bK1, SIP/2.0/UDP 192.0.2.1\r
From: Alice <sip:alice@[2001:db8::9:1]>;tag=1\r
t: <sips:bob:word@[2001:db8::10]:5061?subject=x>\r
Contact: "A @ home" <sip:caller@[2001:db8::20]>\r
Call-ID: 3a2@2001:db8::9:1\r
CSeq: 8612 INVITE"""


def test_right_hosts_of_sip() -> None:
    """URIs have brackets; ``received`` need not, and Call-ID holds no URI (RFC 5118 §4.5)."""
    assert head_fault(SIP, ASKED) == ""


@pytest.mark.parametrize(
    "right",
    [
        "[2001:db8::10]:5060;transport",
        "[2001:db8::9:1];received",
        "[2001:db8::9:1]>;tag",
        "[2001:db8::10]:5061",
        "[2001:db8::20]",
    ],
)
def test_wrong_hosts_of_sip(right: str) -> None:
    """Each host without brackets is named: of the request line, Via, From, To and Contact."""
    assert SIP.count(right) == 1
    said = head_fault(SIP.replace(right, right.translate({91: "", 93: ""})), ASKED)
    assert said.count("lacks brackets") == 1


def test_requests_are_found_in_what_a_client_sent() -> None:
    """Each request has its line and its headers; bodies, and what is no request, are left out."""
    first, second = "OPTIONS * RTSP/1.0\r\nCSeq: 1", "ANNOUNCE rtsp://a/ RTSP/1.0\r\nCSeq: 2"
    assert requests_in(f"{first}\r\n\r\n{second}\r\n\r\nv=0\r\no=- 1 1 IN IP6 ::1\r\n") == [first, second]
    assert requests_in("EHLO a\r\nMAIL FROM:<a@b>\r\n") == []


CALL = ":method: POST\r\n:scheme: http\r\n:authority: [2001:db8::1]:8000\r\n:path: /lab.Echo/Say\r\nte: trailers"
"""The head of a request of HTTP/2, as the lab's server reports it."""


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("[2001:db8::1]:8000", "2001:db8::1:8000", "':authority: 2001:db8::1:8000': the IPv6 address lacks brackets"),
        ("[2001:db8::1]:8000", "2001:db8::1", "the IPv6 address lacks brackets"),
        ("[2001:db8::1]:8000", "%5B2001:db8::1%5D:8000", "the brackets of its IPv6 address are percent-encoded"),
        ("[2001:db8::1]:8000", "[fe80::1%eth0]:8000", "it has a zone"),
        ("[2001:db8::1]:8000", "me@[2001:db8::1]:8000", "has user information"),
        (":authority: [2001:db8::1]:8000\r\n", "", "it has no :authority (RFC 9113 §8.3.1)"),
        ("te: trailers", "host: other.test", "its Host other.test differs from its :authority [2001:db8::1]:8000"),
        ("te: trailers", ":authority: x", "it names the host more than once"),
        ("te: trailers", "referer: http://2001:db8::1/", "the IPv6 address lacks brackets"),
        ("te: trailers", "te: trailers", ""),
        ("te: trailers", "host: [2001:db8::1]:8000", ""),
        ("[2001:db8::1]:8000", "service.test", ""),
        (":authority:", "host:", ""),
    ],
)
def test_authority_is_judged_like_host(right: str, wrong: str, said: str) -> None:
    """What is wrong in Host is wrong in :authority; they agree if a request has both (RFC 9113 §8.3.1)."""
    found = head_fault(CALL.replace(right, wrong), ASKED)
    assert said in found
    assert bool(found) is bool(said)


def test_requests_of_one_http2_connection_are_split() -> None:
    """Each request of a connection is judged."""
    second = CALL.replace("Say", "Tell")
    assert requests_in(f"{CALL}\r\n\r\n{second}") == [CALL, second]


@pytest.mark.parametrize(
    ("lines", "port", "found"),
    [
        (("Host: 192.0.2.1:8000", "Host: [2001:db8:1::2]:8000"), 8000, [True]),
        (("Host: 192.0.2.1:8000", "Host: [2001:db8:1::2]"), 8000, [False]),
        (("Host: 192.0.2.1:8000", "Host: [2001:db8:1::2]:80001"), 8000, [False]),
        (("Host: 192.0.2.1", "Host: [2001:db8:1::2]"), 8000, []),
        (("Host: 192.0.2.1:80", "Host: [2001:db8:1::2]"), 80, []),
        (("", "Host: [2001:db8:1::2]"), 8000, []),
        (("Host: 192.0.2.1:8000", ""), 8000, []),
    ],
)
def test_the_port_is_kept_after_an_ipv6_address(lines: tuple[str, str], port: int, found: list[bool]) -> None:
    """A port that is there after an IPv4 address must be there after an IPv6 address; a default one need not."""
    judged = SUITE.keeps_port(dict(zip(("192.0.2.1", ASKED), lines, strict=True)), port)
    assert [finding.ok for finding in judged] == found
