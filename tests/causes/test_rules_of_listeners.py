"""Which causes the facts of a listener's clients support, and which they rule out."""

from dataclasses import replace

import pytest

from dualstack.causes import likely
from dualstack.causes.ranking import contradiction
from dualstack.facts import Facts, FamilyFacts, Host, How, Start
from dualstack.finding import Finding, Symptom
from dualstack.protocols.certificates import TlsFault
from dualstack.suites import requirements
from tests.causes.made import (
    CLIENT,
    DIED,
    DUAL,
    HUNG_UP,
    IGNORED,
    IN_USE,
    IPV4,
    IPV6,
    NO_IPV6,
    OK,
    ONLY,
    REFUSED,
    STARTED,
    ZERO,
    facts,
    first,
    held,
    row,
    saw,
)

CASES = {
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
    "a certificate for another name": (
        "RC-TLSNAME",
        facts(OK, How.WRONG, DUAL, exchanges=(held(IPV6, How.WRONG, tls=TlsFault.OTHER_NAME),)),
    ),
    "no TLS on a host with one family": (
        "RC-TLSMISSING",
        facts(FamilyFacts(IPV4), How.WRONG, ONLY, exchanges=(held(IPV6, How.WRONG, tls=TlsFault.PLAIN),)),
    ),
    "no TLS over one family": (
        "RC-TLSMISSING",
        facts(OK, How.WRONG, ZERO, ONLY, exchanges=(held(IPV6, How.WRONG, tls=TlsFault.PLAIN),)),
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
        facts(OK, saw(IPV6, IGNORED, expired="ICMPv6 hop limit exceeded"), ZERO, ONLY),
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
    "two addresses are cut after 15 characters, after an IPv4 client": (
        "RC-SOCKADDR",
        facts(
            OK,
            OK,
            DUAL,
            requirement="INTEROP-002",
            exchanges=(held(IPV4, OK), held(IPV6, OK)),
            shown=((CLIENT[IPV6], "2001:db8:51:1::"), ("2001:db8:51:1:aaaa:bbbb:cccc:202", "2001:db8:51:1:a")),
        ),
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
            broken=(
                Finding(
                    False,
                    "each packet is sent to the router",
                    "3 of 3 were sent past the router",
                    symptoms=(Symptom.BYPASSED_ROUTER,),
                ),
            ),
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
            broken=(
                Finding(
                    False,
                    "clients that come from one port are all answered",
                    "one was not",
                    symptoms=(Symptom.OTHERS_ANSWERS,),
                ),
            ),
        ),
    ),
    "a rule hits another client": (
        "RC-ACLPREFIX",
        facts(
            requirement="SEC-001",
            misjudged=((CLIENT[IPV6], "deny 2001:db8:51:1::9"),),
            broken=(Finding(False, "it is served", "no"),),
        ),
    ),
    "a rule in another form misses its client": (
        "RC-ACLTEXT",
        facts(
            requirement="SEC-001",
            misjudged=((CLIENT[IPV6], "deny 2001:DB8:51:1::201"),),
            broken=(Finding(False, "it is denied", "no"),),
        ),
    ),
    "only redirects bypass the filter": (
        "RC-REDIRECT",
        facts(
            requirement="SEC-006",
            broken=(
                Finding(
                    False,
                    "redirected (302) by an allowed server to ::1, nothing",
                    "it was connected to",
                    symptoms=(Symptom.REDIRECT,),
                ),
            ),
        ),
    ),
    "another form bypasses the filter": (
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
    """The first cause is the one that the facts support, and it is not contradicted."""
    assert first(found) == code
    item = requirements().get(found.requirement)
    (likeliest, *_) = likely(item.causes if item else (), found)
    assert likeliest.weight
    assert not contradiction(code, found)
