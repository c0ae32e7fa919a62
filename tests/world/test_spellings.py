"""The spellings of refused targets: each leads where it says, and a request names it as its protocol has it."""

import ipaddress
from itertools import combinations
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from dualstack.manifest import Fetch, Refused
from dualstack.prober.names import behaviours
from dualstack.world.spellings import Spelling, added_addresses, request_for, spellings, url_of

LINK_LOCAL = ("fe80::1%eth0",)
ALL = spellings(set(Refused), LINK_LOCAL, names=True)
GET = Fetch(request="/fetch?url={url}")
CONNECT = Fetch(request="CONNECT {target} HTTP/1.1\r\nHost: {host}\r\n\r\n", port=8001)


def hosts(*refused: Refused, names: bool = False) -> set[str]:
    """Return the hosts that are asked for with a policy."""
    return {item.host for item in spellings(refused, LINK_LOCAL, names=names)}


def test_loopback_is_always_refused() -> None:
    """Without any declaration the spellings of loopback and unspecified addresses are asked for, and no others."""
    assert hosts() == {
        *("127.0.0.1", "2130706433", "::ffff:127.0.0.1", "::ffff:7f00:1", "127.1", "0x7f.1", "0177.0.0.1"),
        *("127.0.0.2", "::1", "0:0:0:0:0:0:0:1", "localhost", "0.0.0.0", "0", "::", "::ffff:0.0.0.0"),
    }


def test_each_declaration_adds_its_own() -> None:
    """Link-local, private and NAT64 targets come with their word alone; none of them is another's."""
    added = {kind: hosts(kind) - hosts() for kind in Refused}
    assert added[Refused.LINK_LOCAL] >= {"fe80::1%eth0", "169.254.169.254", "2852039166", "::ffff:a9fe:a9fe"}
    assert added[Refused.PRIVATE] >= {"10.51.0.1", "171114497", "::ffff:a33:1", "fd51:51:51:1::1"}
    assert added[Refused.NAT64] == {"64:ff9b::7f00:1", "64:ff9b::127.0.0.1"}
    assert not any(added[one] & added[other] for one, other in combinations(Refused, 2))


@pytest.mark.parametrize("item", [item for item in ALL if ":" in item.host], ids=lambda item: item.what)
def test_ipv6_spellings_are_what_they_reach(item: Spelling) -> None:
    """Whatever an IPv6 literal looks like, it is the address whose canary is to see it."""
    assert ipaddress.ip_address(item.host) == ipaddress.ip_address(item.reaches)


def test_what_is_reached_is_on_the_host() -> None:
    """Every address is loopback, unspecified, link-local with a zone, or given to the host for this."""
    given = {ipaddress.ip_address(text) for text in added_addresses(set(Refused))}
    assert ipaddress.ip_address("64:ff9b::7f00:1") in given
    for item in ALL:
        address = ipaddress.ip_address(item.reaches)
        plain = getattr(address, "ipv4_mapped", None) or address
        assert plain.is_loopback or plain.is_unspecified or plain in given or "%" in item.reaches, item


def test_nothing_is_given_that_is_not_needed() -> None:
    """A host keeps the addresses that it has unless the policy has more words."""
    assert added_addresses(()) == ()
    assert [len(added_addresses({kind})) for kind in Refused] == [1, 2, 1]


def test_names_are_fresh_and_known() -> None:
    """Each name is one that the name server knows, no two are alike, and they are left out where names are none."""
    named = [item.host for item in ALL if item.named]
    assert len(set(named)) == len(named) == 9
    assert all(behaviours(name) for name in named)
    assert not set(named) & {item.host for item in spellings((), (), names=True)}
    assert not [item for item in spellings(set(Refused), LINK_LOCAL, names=False) if item.named]


@pytest.mark.parametrize("item", ALL, ids=lambda item: item.what)
def test_a_path_carries_the_url_whole(item: Spelling) -> None:
    """What is percent-encoded in the path is decoded to the URL, and that to the host, zone and all."""
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


def test_what_is_sent_otherwise_is_sent_as_it_is() -> None:
    """In a request that is no path the target is in brackets where it has colons, and nothing is encoded."""
    text = request_for(CONNECT, "fe80::1%eth0", "192.0.2.1:80")
    assert text == "CONNECT [fe80::1%eth0]:8001 HTTP/1.1\r\nHost: fe80::1%eth0\r\n\r\n"
    assert url_of(CONNECT, "fe80::1%eth0") == "http://[fe80::1%25eth0]:8001/"
    assert not Fetch(request="/{host}\r\n").is_path
