"""Which causes the facts of a listener show: each kind of fact names its cause, and contradicts the others."""

from dataclasses import replace

import pytest

from dualstack.causes import likely
from dualstack.causes.ranking import contradiction
from dualstack.facts import Facts, FamilyFacts, Host, How, Start
from dualstack.finding import Finding
from dualstack.requirement import Requirement
from dualstack.suites import requirements
from tests.causes.made import ADDRESS, CLIENT, DUAL, IPV4, IPV6, ONLY, PORT, ZERO, facts, held, row, saw

OK, REFUSED, IGNORED, HUNG_UP = How.ANSWERED, How.REFUSED, How.IGNORED, How.HUNG_UP
NO_IPV6 = Host(families=frozenset({IPV4}), loopbacks=frozenset({IPV4}), ipv6_disabled=True)
NO_AF_INET6 = replace(NO_IPV6, ipv6_sockets=False)
NO_IPV4 = Host(families=frozenset({IPV6}), loopbacks=frozenset({IPV6}))
STARTED, DIED = Start(ready=True), Start(ended="exited with code 1", code=1)
IN_USE = "bind: Address already in use"


def first(found: Facts) -> str:
    """Return the first cause that the requirement's facts show; empty if none is known."""
    known: dict[str, Requirement] = dict(requirements())
    item = known.get(found.requirement)
    causes = likely(item.causes if item else (), found)
    return causes[0].code if causes else ""


CASES = {
    "an IPv4 socket alone": ("RC-V4SOCK", facts(OK, REFUSED, ZERO)),
    "an IPv4 socket alone, on an IPv6-only host": ("RC-V4SOCK", facts(OK, REFUSED, ZERO, host=NO_IPV4)),
    "an IPv4 address": ("RC-LITERAL", facts(OK, REFUSED, row("198.51.100.1"))),
    "IPV6_V6ONLY by default": (
        "RC-V6ONLY",
        facts(REFUSED, OK, ONLY, host=Host(v6only=True), requirement="LISTEN-005"),
    ),
    "IPv6 on another port": ("RC-TWOPORTS", facts(OK, REFUSED, ZERO, row("::", 8081, v6only=True))),
    "a bind error although the port is free": (
        "RC-DOUBLEBIND",
        facts(OK, REFUSED, ZERO, output=f"listen [::]:8080: {IN_USE}", starts=(STARTED,)),
    ),
    "half of a pair": (
        "RC-DOUBLEBIND",
        facts(OK, REFUSED, ZERO, requirement="LISTEN-008", starts=(Start(bind="0.0.0.0,::", ready=True),)),
    ),
    "the other half of a pair": (
        "RC-V6ONLY",
        facts(REFUSED, OK, ONLY, requirement="LISTEN-008", starts=(Start(bind="::,0.0.0.0", ready=True),)),
    ),
    "two sockets for IPv4": ("RC-REUSEPORT", facts(OK, OK, ZERO, DUAL, requirement="LISTEN-008")),
    "the port is taken, and it runs on": (
        "RC-BINDSWALLOWED",
        facts(OK, OK, ZERO, row("::", 8081, v6only=True), requirement="LISTEN-009", foreign=True, starts=(STARTED,)),
    ),
    "IPv6 comes later": (
        "RC-EARLYREADY",
        facts(OK, FamilyFacts(IPV6, works=False, hows=((REFUSED, 3),), late=True), ZERO),
    ),
    "refused at first": (
        "RC-EARLYREADY",
        facts(OK, REFUSED, ZERO, ONLY, exchanges=(held(IPV6, REFUSED), held(IPV6, OK))),
    ),
    "no IPv6 sockets": (
        "RC-NOINET6",
        facts(host=NO_AF_INET6, requirement="LISTEN-004", starts=(DIED,), output="socket: EAFNOSUPPORT"),
    ),
    "no IPv6 sockets, and no word": (
        "RC-NOINET6",
        facts(host=NO_AF_INET6, requirement="LISTEN-004", starts=(DIED,)),
    ),
    "no ::1": (
        "RC-LOOPBACK",
        facts(host=NO_IPV6, requirement="LISTEN-003", starts=(DIED,), output="bind: Cannot assign requested address"),
    ),
    "a registry at 127.0.0.1": (
        "RC-LOOPBACK",
        facts(
            host=NO_IPV4,
            requirement="LISTEN-002",
            starts=(DIED,),
            output="Protocol 'inet_tcp': register/listen error: enetunreach",
        ),
    ),
    "an unreachable IPv4 address at the start": (
        "RC-LITERAL",
        facts(
            host=replace(NO_IPV4, loopbacks=frozenset({IPV4, IPV6})),
            requirement="LISTEN-002",
            starts=(DIED,),
            output="connect 192.0.2.9: Network is unreachable",
        ),
    ),
    "joined without brackets at the start": (
        "RC-BRACKET",
        facts(
            starts=(DIED,),
            output="register: address 2001:db8::1:8080: too many colons in address",
            broken=(Finding(False, "it starts", "it did not"),),
        ),
    ),
    "wider than asked": (
        "RC-EXPOSE",
        facts(OK, OK, DUAL, requirement="LISTEN-010", starts=(Start(bind="2001:db8:51:1::102", ready=True),)),
    ),
    "IPv4 claimed, IPv6 open": (
        "RC-EXPOSE",
        facts(OK, OK, DUAL, requirement="SEC-004", claimed=frozenset({IPV4})),
    ),
    "a loopback service on every address": (
        "RC-EXPOSE",
        facts(OK, OK, ZERO, requirement="SEC-002", inside=True),
    ),
    "a mapped client is turned away": (
        "RC-ACLTEXT",
        facts(HUNG_UP, OK, DUAL, output="::ffff:198.51.100.33 is not allowed"),
    ),
    "a mapped client is hung up on": ("RC-MAPPED", facts(HUNG_UP, OK, DUAL)),
    "an IPv6 client is hung up on": ("RC-ERRORANSWER", facts(OK, HUNG_UP, ZERO, ONLY)),
    "an error in the handler": (
        "RC-SOCKADDR",
        facts(OK, HUNG_UP, ZERO, ONLY, output="ValueError: too many values to unpack (expected 2)"),
    ),
    "HTTP 500 over IPv6": (
        "RC-ERRORANSWER",
        facts(OK, How.WRONG, ZERO, ONLY, exchanges=(held(IPV6, How.WRONG, answer="HTTP/1.1 500 Oops\r\n\r\n"),)),
    ),
    "a gateway's error": (
        "RC-LOCALHOSTBACKEND",
        facts(
            How.WRONG,
            How.WRONG,
            DUAL,
            exchanges=(held(IPV4, How.WRONG, answer="HTTP/1.1 504 Gateway Timeout\r\n\r\n"),),
            output="Error occurred while proxying to http://localhost:3001/ [ECONNREFUSED]",
        ),
    ),
    "half of a body": (
        "RC-CUTSHORT",
        facts(OK, How.WRONG, ZERO, ONLY, exchanges=(held(IPV6, How.WRONG, missing=5000),)),
    ),
    "::1 is refused": (
        "RC-BINDTODEVICE",
        facts(
            OK,
            saw(IPV6, REFUSED),
            ZERO,
            ONLY,
            exchanges=(held(IPV6, OK), held(IPV6, REFUSED, address="::1", inside=True)),
        ),
    ),
    "link-local clients are dropped": (
        "RC-SCOPEDPEER",
        facts(OK, OK, ZERO, ONLY, exchanges=(held(IPV6, OK), held(IPV6, HUNG_UP, address="fe80::1%eth0"))),
    ),
    "hop limit exceeded": (
        "RC-HOPLIMIT",
        facts(OK, saw(IPV6, IGNORED, icmp=("ICMPv6 hop limit exceeded",)), ZERO, ONLY),
    ),
    "one connection per network": (
        "RC-PERPREFIX",
        facts(
            saw(IPV4, OK, 200),
            FamilyFacts(IPV6, False, ((OK, 3), (HUNG_UP, 197)), hung_up_beside=197),
            ZERO,
            ONLY,
            requirement="ROBUST-005",
        ),
    ),
    "clients wait": (
        "RC-BLOCKING",
        facts(saw(IPV4, OK, 200), saw(IPV6, How.KEPT_WAITING, 200), ZERO, ONLY, requirement="ROBUST-005"),
    ),
    "too many open files": (
        "RC-LEAK",
        facts(OK, How.KEPT_WAITING, ZERO, ONLY, requirement="ROBUST-005", output="accept: Too many open files"),
    ),
    "SIGPIPE": (
        "RC-SIGPIPE",
        facts(
            REFUSED,
            REFUSED,
            DUAL,
            requirement="ROBUST-003",
            starts=(Start(ready=True, ended="was ended by SIGPIPE", signal="SIGPIPE"),),
        ),
    ),
    "ENOTCONN": (
        "RC-EINTR",
        facts(
            REFUSED,
            REFUSED,
            DUAL,
            requirement="ROBUST-003",
            starts=(replace(DIED, ready=True),),
            output="OSError: [Errno 107] Transport endpoint is not connected",
        ),
    ),
    "the port is busy after a restart": (
        "RC-REUSEADDR",
        facts(OK, OK, DUAL, requirement="LIFE-002", starts=(STARTED, DIED), output=IN_USE, table=()),
    ),
    "a child still listens": (
        "RC-INHERIT",
        facts(OK, OK, DUAL, requirement="LIFE-002", starts=(STARTED, DIED), output=IN_USE),
    ),
    "a client's address is cut at a colon": (
        "RC-SPLIT",
        facts(OK, OK, DUAL, requirement="INTEROP-002", shown=((CLIENT[IPV6], "[2001"),)),
    ),
    "a client's address is cut after 15 characters": (
        "RC-SOCKADDR",
        facts(OK, OK, DUAL, requirement="INTEROP-002", shown=((CLIENT[IPV6], CLIENT[IPV6][:15]),)),
    ),
    "an IPv6 client after an IPv4 one": (
        "RC-ADDRLEN",
        facts(
            OK,
            OK,
            DUAL,
            requirement="INTEROP-002",
            exchanges=(held(IPV4, OK), held(IPV6, OK)),
            shown=((CLIENT[IPV6], "2001:db8:51:1::"),),
        ),
    ),
    "every IPv6 client is cut": (
        "RC-SOCKADDR",
        facts(
            OK,
            OK,
            DUAL,
            requirement="INTEROP-002",
            exchanges=(held(IPV6, OK),),
            shown=((CLIENT[IPV6], "2001:db8:51:1::"),),
        ),
    ),
    "a mapped client, on an IPv4-only host": (
        "RC-MAPPED",
        facts(HUNG_UP, FamilyFacts(IPV6), DUAL, requirement="LISTEN-003", host=NO_IPV6),
    ),
    "a hop limit of 1": (
        "RC-HOPLIMIT",
        facts(
            saw(IPV4, OK, hop_limit=64),
            saw(IPV6, IGNORED, hop_limit=1),
            ZERO,
            ONLY,
            requirement="LISTEN-016",
            host=Host(routed=True),
        ),
    ),
    "past the router": (
        "RC-DONTROUTE",
        facts(
            saw(IPV4, OK, hop_limit=64),
            saw(IPV6, OK, hop_limit=64),
            ZERO,
            ONLY,
            requirement="LISTEN-016",
            host=Host(routed=True),
            broken=(Finding(False, "each packet is sent to the router", "3 of 3 were sent past the router"),),
        ),
    ),
    "an answer that is cut short": (
        "RC-CUTSHORT",
        facts(
            OK,
            How.WRONG,
            ZERO,
            ONLY,
            broken=(Finding(False, "an IPv6 client is answered", "the answer 200 is cut short: 5 of the 9 bytes"),),
        ),
    ),
    "a sender of a line is dropped": (
        "RC-ADDRTEXT",
        facts(
            OK,
            IGNORED,
            row("0.0.0.0", transport="udp"),
            row("::", transport="udp", v6only=True),
            requirement="LISTEN-012",
            transport="udp",
            protocol="oneway",
        ),
    ),
    "some addresses are not served": (
        "RC-ADDRTEXT",
        facts(
            requirement="INTEROP-007",
            exchanges=(held(IPV6, OK), held(IPV6, HUNG_UP, source="2001:db8:51:1:1000::")),
            broken=(Finding(False, "a client at 2001:db8:51:1:1000:: is answered", "no answer"),),
        ),
    ),
    "one client gets another's answers": (
        "RC-CLIENTKEY",
        facts(
            requirement="INTEROP-007",
            broken=(Finding(False, "clients that come from one port are all answered", "one was not"),),
        ),
    ),
    "a rule hits another client": (
        "RC-ACLPREFIX",
        facts(
            requirement="SEC-001",
            broken=(Finding(False, f'it is served, from {CLIENT[IPV6]}, with the rule "deny 2001:db8:51:1::9"', "no"),),
        ),
    ),
    "a rule in another spelling misses its client": (
        "RC-ACLTEXT",
        facts(
            requirement="SEC-001",
            broken=(
                Finding(False, f'it is denied, from {CLIENT[IPV6]}, with the rule "deny 2001:DB8:51:1::201"', "no"),
            ),
        ),
    ),
    "only redirects lead past the filter": (
        "RC-REDIRECT",
        facts(
            requirement="SEC-006",
            broken=(Finding(False, "redirected (302) by an allowed server to ::1, nothing", "it was connected to"),),
        ),
    ),
    "a spelling leads past the filter": (
        "RC-SSRF",
        facts(requirement="SEC-006", broken=(Finding(False, "for http://[::]/ nothing", "it was connected to"),)),
    ),
    "names of clients are asked for": (
        "RC-REVERSELOOKUP",
        facts(reverse=True, requirement="ROBUST-009"),
    ),
    "an IPv4 client is 0.0.0.0": (
        "RC-SOCKADDR",
        facts(OK, OK, DUAL, requirement="INTEROP-001", shown=((CLIENT[IPV4], "0.0.0.0"),)),
    ),
}


@pytest.mark.parametrize(("code", "found"), CASES.values(), ids=CASES)
def test_facts_name_their_cause(code: str, found: Facts) -> None:
    """The first cause is the one that the facts show, with what speaks for it, and it is not contradicted."""
    assert first(found) == code
    item = requirements().get(found.requirement)
    (likeliest, *_) = likely(item.causes if item else (), found)
    assert likeliest.weight
    assert not contradiction(code, found)


UDP = {"transport": "udp", "protocol": "echo"}
U4, U6 = row("0.0.0.0", transport="udp"), row("::", transport="udp", v6only=True)

DATAGRAMS = {
    "refused, no socket": ("RC-V4SOCK", facts(OK, REFUSED, U4, requirement="LISTEN-012", **UDP)),
    "nothing leaves": ("RC-REPLYSOCKET", facts(OK, IGNORED, U4, U6, requirement="UDP-006", **UDP)),
    "an answer goes astray": (
        "RC-SOCKADDR",
        facts(OK, IGNORED, U4, U6, requirement="UDP-005", strangers=("2001:db8:51:1::",), **UDP),
    ),
    "another source": (
        "RC-PKTINFO",
        facts(OK, saw(IPV6, IGNORED, wrong_source=("2001:db8:51:1::103",)), U4, U6, requirement="UDP-002", **UDP),
    ),
    "another port": (
        "RC-REPLYPORT",
        facts(OK, saw(IPV6, OK, wrong_port=(40001,)), U4, U6, requirement="UDP-003", **UDP),
    ),
    "a zero checksum": (
        "RC-NOCHECKSUM",
        facts(
            OK,
            IGNORED,
            U4,
            U6,
            requirement="UDP-006",
            broken=(Finding(False, "every datagram has a right checksum", "1 of 2 datagrams have not: zero"),),
            **UDP,
        ),
    ),
    "large answers are lost": (
        "RC-MTU",
        facts(
            OK,
            IGNORED,
            U4,
            U6,
            requirement="UDP-005",
            exchanges=(held(IPV6, OK, size=250), held(IPV6, IGNORED, size=4000)),
            **UDP,
        ),
    ),
}


@pytest.mark.parametrize(("code", "found"), DATAGRAMS.values(), ids=DATAGRAMS)
def test_facts_of_datagrams_name_their_cause(code: str, found: Facts) -> None:
    """The same of a datagram service."""
    assert first(found) == code


CONTRADICTED = {
    "RC-V4SOCK, a socket takes IPv6": ("RC-V4SOCK", facts(OK, HUNG_UP, ZERO, ONLY)),
    "RC-V4SOCK, no socket was seen": ("RC-V4SOCK", facts(OK, REFUSED)),
    "RC-V4SOCK, IPv6 is served": ("RC-V4SOCK", facts(REFUSED, OK, ZERO)),
    "RC-NOINET6, the host has IPv6": ("RC-NOINET6", facts(OK, REFUSED, ZERO)),
    "RC-LOOPBACK, both are there": ("RC-LOOPBACK", facts(OK, REFUSED, ZERO)),
    "RC-BLOCKING, it closes connections": (
        "RC-BLOCKING",
        facts(OK, saw(IPV6, HUNG_UP, 100), ZERO, ONLY, requirement="ROBUST-005"),
    ),
    "RC-SIGPIPE, it runs": ("RC-SIGPIPE", facts(OK, REFUSED, DUAL, requirement="ROBUST-003")),
    "RC-NOCHECKSUM over TCP": ("RC-NOCHECKSUM", facts(OK, REFUSED, ZERO)),
    "RC-MTU, refused": ("RC-MTU", facts(OK, REFUSED, U4, requirement="UDP-005", **UDP)),
    "RC-SOCKADDR, refused": ("RC-SOCKADDR", facts(OK, REFUSED, U4, requirement="UDP-002", **UDP)),
    "RC-HOPLIMIT, it is 64": ("RC-HOPLIMIT", facts(OK, saw(IPV6, IGNORED, hop_limit=64), ZERO, ONLY)),
    "RC-SSRF, redirects alone": (
        "RC-SSRF",
        facts(requirement="SEC-006", broken=(Finding(False, "redirected (301) by an allowed server", "it came"),)),
    ),
    "RC-SNAPSHOT, it ended": ("RC-SNAPSHOT", facts(REFUSED, REFUSED, DUAL, requirement="LIFE-005", starts=(DIED,))),
}


@pytest.mark.parametrize(("code", "found"), CONTRADICTED.values(), ids=CONTRADICTED)
def test_a_contradicted_cause_is_never_named(code: str, found: Facts) -> None:
    """What the facts rule out is not named, also where the requirement lists it."""
    assert contradiction(code, found)
    assert code not in [item.code for item in likely([code], found)]


def test_where_nothing_fits_no_cause_is_named() -> None:
    """Clients of both families are ignored, and nothing is seen of the service: no cause is known."""
    found = facts(IGNORED, IGNORED, starts=(STARTED,))
    assert likely(("RC-V4SOCK", "RC-V6ONLY", "RC-LIBBUILD"), found) == ()


def test_told_an_ipv6_address_it_has_an_ipv4_socket() -> None:
    """The socket is an IPv4 one, whatever made it so; that a library lacks IPv6 comes second."""
    found = facts(OK, REFUSED, ZERO, starts=(Start(bind="::", ready=True),))
    assert [item.code for item in likely(("RC-V4SOCK",), found)] == ["RC-V4SOCK", "RC-LIBBUILD"]


def test_a_cause_without_a_rule_keeps_its_place() -> None:
    """It is named where the requirement lists it, and not where another one is shown."""
    assert [item.code for item in likely(("RC-HALFCLOSE",), facts(HUNG_UP, HUNG_UP, DUAL))] == ["RC-HALFCLOSE"]
    assert [item.code for item in likely(("RC-SHAREDPORT",), facts(OK, REFUSED, ZERO))] == ["RC-V4SOCK"]


def test_a_service_that_does_not_start_has_no_cause() -> None:
    """What it says itself explains it."""
    assert likely(("RC-V4SOCK",), facts(starts=(DIED,), requirement="START-001", output=IN_USE)) == ()


def test_made_up_addresses_are_of_their_families() -> None:
    """The facts of these tests are about the port and the addresses that they say."""
    assert {":" in ADDRESS[IPV6], ":" in ADDRESS[IPV4]} == {True, False}
    assert PORT == ZERO.port == DUAL.port
