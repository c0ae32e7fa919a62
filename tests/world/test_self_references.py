"""The servers that an HTTP response names, and what is wrong with them."""

from dualstack.finding import Symptom
from dualstack.protocols.response import Response
from dualstack.world.self_references import Reference, references_in


def named(status: int, *fields: tuple[str, str], body: bytes = b"") -> list[tuple[str, str, str]]:
    """Return place, host with port, and fault of each server that a response names."""
    found = references_in(Response(status, fields, body))
    return [(item.where, item.authority, item.fault.partition(" (")[0]) for item in found]


def test_redirects() -> None:
    """The Location of a redirect names a server unless it is relative; the same is true of the URLs in its body."""
    assert named(301, ("location", "http://[2001:db8::1]:80/new")) == [("Location", "[2001:db8::1]:80", "")]
    assert named(302, ("location", "/new")) == []
    assert named(301, body=b'<a href="https://192.0.2.1/x">') == [("the redirect's body", "192.0.2.1", "")]
    assert named(200, body=b'<a href="https://192.0.2.1/x">') == []


def test_brackets() -> None:
    """An IPv6 address without brackets is found in every place, with and without a port."""
    fault = "the IPv6 address lacks brackets"
    assert named(301, ("location", "http://2001:db8::1:8080/new")) == [("Location", "2001:db8::1:8080", fault)]
    assert named(301, ("location", "http://2001:db8::1/")) == [("Location", "2001:db8::1", fault)]
    assert named(200, ("content-location", "HTTP://2001:db8::1/")) == [("Content-Location", "2001:db8::1", fault)]
    assert named(200, ("alt-svc", 'h2="2001:db8::1:443"')) == [("Alt-Svc", "2001:db8::1:443", fault)]
    (zone,) = named(301, ("location", "http://[fe80::1%25eth0]/"))
    assert zone[2].startswith("it has a zone")


def test_symptoms() -> None:
    """A host without brackets and one that is cut at its first colon show the cause; other forms do not."""
    found = {
        "2001:db8::1:8080": (Symptom.NO_BRACKETS,),
        "2001:db8::1": (Symptom.NO_BRACKETS,),
        "fe80::1%25eth0:8080": (Symptom.NO_BRACKETS,),
        "[2001:8080": (Symptom.CUT_AT_COLON,),
        "[2001": (Symptom.CUT_AT_COLON,),
        "[2001:db8::1]:8080": (),
        "[2001:db8::1": (),
        "2001:8080": (),
        "%5B2001:db8::1%5D:8080": (),
        "[192.0.2.1]:8080": (),
    }
    assert {text: Reference("Location", text, 80).symptoms for text in found} == found


def test_alternative_services() -> None:
    """Alt-Svc names servers unless it has only ports; those of HTTP/3 are not connected to over TCP."""
    value = 'h2="[2001:db8::1]:443"; ma=60, h3=":443", h3-29="alt.test:444", clear'
    found = list(references_in(Response(200, (("alt-svc", value),), b"")))
    assert [(item.advertised.host, item.advertised.port, item.connects) for item in found] == [
        ("2001:db8::1", 443, True),
        ("alt.test", 444, False),
    ]


def test_default_ports() -> None:
    """Without a port a URL means that of its scheme."""
    fields = (("location", "https://a.test/"), ("link", "<http://[::1]>; rel=next"))
    found = [item.advertised for item in references_in(Response(301, fields, b""))]
    assert [(item.host, item.port) for item in found] == [("a.test", 443), ("::1", 80)]
