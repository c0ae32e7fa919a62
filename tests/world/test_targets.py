"""The obfuscated forms of refused targets: the address that each reaches, and how a request names it."""

import ipaddress
from itertools import combinations
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from dualstack.manifest import Fetch, Refused
from dualstack.prober.names import behaviours
from dualstack.world.targets import Target, added_addresses, refused_targets, request_for, url_of

LINK_LOCAL = ("fe80::1%eth0",)
ALL = refused_targets(set(Refused), LINK_LOCAL, names=True)
GET = Fetch(request="/fetch?url={url}")
CONNECT = Fetch(request="CONNECT {target} HTTP/1.1\r\nHost: {host}\r\n\r\n", port=8001)


def hosts(*refused: Refused, names: bool = False) -> set[str]:
    """Return the hosts that are requested with a policy."""
    return {item.host for item in refused_targets(refused, LINK_LOCAL, names=names)}


def test_loopback_is_always_refused() -> None:
    """Without a declaration only forms of loopback and unspecified addresses are requested."""
    assert hosts() == {
        *("127.0.0.1", "2130706433", "::ffff:127.0.0.1", "::ffff:7f00:1", "127.1", "0x7f.1", "0177.0.0.1"),
        *("127.0.0.2", "::1", "0:0:0:0:0:0:0:1", "localhost", "0.0.0.0", "0", "::", "::ffff:0.0.0.0"),
    }


def test_each_declaration_adds_its_targets() -> None:
    """Link-local, private and NAT64 targets are requested only if declared, each by its own word."""
    added = {kind: hosts(kind) - hosts() for kind in Refused}
    assert added[Refused.LINK_LOCAL] >= {"fe80::1%eth0", "169.254.169.254", "2852039166", "::ffff:a9fe:a9fe"}
    assert added[Refused.PRIVATE] >= {"10.51.0.1", "171114497", "::ffff:a33:1", "fd51:51:51:1::1"}
    assert added[Refused.NAT64] == {"64:ff9b::7f00:1", "64:ff9b::127.0.0.1"}
    assert not any(added[one] & added[other] for one, other in combinations(Refused, 2))


@pytest.mark.parametrize("item", [item for item in ALL if ":" in item.host], ids=lambda item: item.what)
def test_ipv6_forms_are_what_they_reach(item: Target) -> None:
    """Every form of an IPv6 literal is the address that the canary listens on."""
    assert ipaddress.ip_address(item.host) == ipaddress.ip_address(item.reaches)


def test_every_reached_address_is_on_the_host() -> None:
    """Every address is loopback, unspecified, link-local with a zone, or added to the host."""
    given = {ipaddress.ip_address(text) for text in added_addresses(set(Refused))}
    assert ipaddress.ip_address("64:ff9b::7f00:1") in given
    for item in ALL:
        address = ipaddress.ip_address(item.reaches)
        plain = getattr(address, "ipv4_mapped", None) or address
        assert plain.is_loopback or plain.is_unspecified or plain in given or "%" in item.reaches, item


def test_only_needed_addresses_are_added() -> None:
    """Addresses are added to the host only for the words of the policy."""
    assert added_addresses(()) == ()
    assert [len(added_addresses({kind})) for kind in Refused] == [1, 2, 1]


def test_names_are_fresh_and_known() -> None:
    """The name server knows each name, all are different, and there are none if targets are not names."""
    named = [item.host for item in ALL if item.named]
    assert len(set(named)) == len(named) == 9
    assert all(behaviours(name) for name in named)
    assert not set(named) & {item.host for item in refused_targets((), (), names=True)}
    assert not [item for item in refused_targets(set(Refused), LINK_LOCAL, names=False) if item.named]


@pytest.mark.parametrize("item", ALL, ids=lambda item: item.what)
def test_a_path_contains_the_whole_url(item: Target) -> None:
    """The percent-encoded path decodes to the URL, and the URL to the host with its zone."""
    text = request_for(GET, item.host, "192.0.2.1:80")
    line, host, *_ = text.split("\r\n")
    assert text.endswith("\r\n\r\n")
    assert host == "Host: 192.0.2.1:80"
    verb, path, version = line.split(" ")
    assert (verb, version) == ("GET", "HTTP/1.1")
    (url,) = parse_qs(urlsplit(path).query)["url"]
    assert url == url_of(GET, item.host)
    parts = urlsplit(url)
    assert (unquote(parts.hostname or ""), parts.port) == (item.host, 8000)


def test_other_requests_are_sent_unencoded() -> None:
    """In a request that is not a path, a target with colons has brackets, and nothing is encoded."""
    text = request_for(CONNECT, "fe80::1%eth0", "192.0.2.1:80")
    assert text == "CONNECT [fe80::1%eth0]:8001 HTTP/1.1\r\nHost: fe80::1%eth0\r\n\r\n"
    assert url_of(CONNECT, "fe80::1%eth0") == "http://[fe80::1%25eth0]:8001/"
    assert not Fetch(request="/{host}\r\n").is_path
