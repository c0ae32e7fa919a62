"""Correct and malformed Host headers."""

import pytest

from dualstack.world.host_header import host_fault

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
