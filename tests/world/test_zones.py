"""Which requests have a zone."""

import importlib

import pytest

suite = importlib.import_module("dualstack.content.suites.connect.test_link_local_targets")


@pytest.mark.parametrize(
    "line",
    [
        "Host: [fe80::1%eth0]:80",
        "Host: fe80::1%25eth0",
        "OPTIONS rtsp://[FE80::1%2]/a RTSP/1.0",
        "To: <sip:bob@[fe80::1%eth0]>",
    ],
)
def test_a_zone_is_found(line: str) -> None:
    """A zone is found wherever it is, encoded or not, and the line is shown."""
    finding = suite.sends_no_zone(("GET / HTTP/1.1\r\nAccept: */*", f"GET / HTTP/1.1\r\n{line}"))
    assert not finding.ok
    assert line in finding.happened


def test_no_zone_is_found() -> None:
    """A link-local address without a zone, and a percent sign elsewhere, are no zones."""
    assert suite.sends_no_zone(("GET /a%20b HTTP/1.1\r\nHost: [fe80::1]:80\r\nAccept: fe80::1 %eth0",)).ok
