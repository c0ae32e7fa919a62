"""Which causes are never named, and what is named if no cause has support."""

from dataclasses import replace
from typing import Any

import pytest

from dualstack.causes import likely
from dualstack.causes.ranking import contradiction
from dualstack.facts import Facts, FamilyFacts, How, Start
from dualstack.finding import Finding, Symptom
from dualstack.protocols.certificates import TlsFault
from dualstack.suites import requirements
from tests.causes.made import (
    ADDRESS,
    DIED,
    DUAL,
    HUNG_UP,
    IGNORED,
    IN_USE,
    IPV4,
    IPV6,
    OK,
    ONLY,
    PORT,
    REFUSED,
    STARTED,
    U4,
    UDP,
    ZERO,
    facts,
    first,
    held,
    saw,
)

PLAIN = held(IPV6, How.WRONG, tls=TlsFault.PLAIN)

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
    "RC-SOCKADDR, a field of the request is misread": (
        "RC-SOCKADDR",
        facts(
            requirement="FORWARD-017",
            output="ValueError: too many values to unpack (expected 2)",
            broken=(Finding(False, "it shows the client", "it shows none", symptoms=(Symptom.FORWARDED,)),),
        ),
    ),
    "RC-SIGPIPE, it runs": ("RC-SIGPIPE", facts(OK, REFUSED, DUAL, requirement="ROBUST-003")),
    "RC-SIGPIPE, it exited after a reset that it names": (
        "RC-SIGPIPE",
        facts(
            REFUSED,
            REFUSED,
            DUAL,
            requirement="ROBUST-003",
            output="Error: read ECONNRESET",
            starts=(Start(ready=True, ended="exited with code 1", code=1),),
        ),
    ),
    "RC-NOCHECKSUM over TCP": ("RC-NOCHECKSUM", facts(OK, REFUSED, ZERO)),
    "RC-PKTINFO, the request went to a group": (
        "RC-PKTINFO",
        facts(saw(IPV4, OK, wrong_source=("198.51.100.1",)), IGNORED, U4, requirement="UDP-009", **UDP),
    ),
    "RC-MTU, the path is not to blame": (
        "RC-MTU",
        facts(
            requirement="TRANS-006",
            broken=(Finding(False, "200000 bytes arrive on the link", "no", symptoms=(Symptom.SHORT_ON_LINK,)),),
        ),
    ),
    "RC-MTU, a small answer is lost too": (
        "RC-MTU",
        facts(
            OK,
            IGNORED,
            U4,
            requirement="UDP-005",
            exchanges=(held(IPV6, OK), held(IPV6, IGNORED, asks_large=True), held(IPV6, IGNORED)),
            **UDP,
        ),
    ),
    "RC-MTU, refused": ("RC-MTU", facts(OK, REFUSED, U4, requirement="UDP-005", **UDP)),
    "RC-ACLTEXT, the client is denied at first": (
        "RC-ACLTEXT",
        facts(
            requirement="SEC-001",
            broken=(Finding(False, "it is denied", "it is served", symptoms=(Symptom.RULE_FORGOTTEN,)),),
        ),
    ),
    "RC-SOCKADDR, refused": ("RC-SOCKADDR", facts(OK, REFUSED, U4, requirement="UDP-002", **UDP)),
    "RC-HOPLIMIT, it is 64": ("RC-HOPLIMIT", facts(OK, saw(IPV6, IGNORED, hop_limit=64), ZERO, ONLY)),
    "RC-SSRF, redirects alone": (
        "RC-SSRF",
        facts(
            requirement="SEC-006",
            broken=(Finding(False, "redirected (301) by an allowed server", "it came", symptoms=(Symptom.REDIRECT,)),),
        ),
    ),
    "RC-RELOAD, its sockets are still there": (
        "RC-RELOAD",
        facts(saw(IPV4, IGNORED), saw(IPV6, IGNORED), DUAL, requirement="LIFE-008"),
    ),
    "RC-SNAPSHOT, it ended": ("RC-SNAPSHOT", facts(REFUSED, REFUSED, DUAL, requirement="LIFE-005", starts=(DIED,))),
}


@pytest.mark.parametrize(("code", "found"), CONTRADICTED.values(), ids=CONTRADICTED)
def test_a_contradicted_cause_is_never_named(code: str, found: Facts) -> None:
    """A cause that the facts rule out is not named, even if the requirement lists it."""
    assert contradiction(code, found)
    assert code not in [item.code for item in likely([code], found)]


def test_a_silent_tls_handshake_does_not_show_that_clients_are_blocked() -> None:
    """A socket without TLS that waits for the end of a line looks like one from which nothing is accepted."""
    silent = "the TLS handshake did not complete: nothing more came within 5 s"
    seen = (held(IPV4, OK), held(IPV6, How.KEPT_WAITING))
    found = facts(OK, How.KEPT_WAITING, ZERO, ONLY, requirement="LISTEN-001", exchanges=seen)
    assert first(found) == "RC-BLOCKING"
    assert not first(replace(found, broken=(Finding(False, "an IPv6 client is answered", silent),)))


@pytest.mark.parametrize(
    "found",
    [
        facts(OK, How.KEPT_WAITING, ZERO, ONLY, exchanges=(held(IPV4, OK), held(IPV6, How.KEPT_WAITING))),
        facts(OK, HUNG_UP, ZERO, ONLY, exchanges=(held(IPV4, OK), held(IPV6, HUNG_UP))),
        facts(REFUSED, How.WRONG, ONLY, exchanges=(held(IPV4, REFUSED), PLAIN)),
        facts(IGNORED, How.WRONG, ZERO, ONLY, exchanges=(held(IPV4, How.KEPT_WAITING), PLAIN)),
        facts(FamilyFacts(IPV4), How.WRONG, DUAL, exchanges=(PLAIN,)),
        facts(How.WRONG, How.WRONG, ZERO, ONLY, exchanges=(held(IPV4, How.WRONG, tls=TlsFault.PLAIN), PLAIN)),
    ],
    ids=["silent", "closed", "the other is refused", "the other is silent", "one socket", "both"],
)
def test_tls_is_missing_only_where_the_other_socket_has_it(found: Facts) -> None:
    """RC-TLSMISSING needs an answer in plain text at a socket of one family, and no sign against TLS at the other."""
    assert "RC-TLSMISSING" not in [item.code for item in likely((), found)]


def test_where_nothing_fits_no_cause_is_named() -> None:
    """Clients of both families are ignored, and no socket of the service is seen: no cause is named."""
    found = facts(IGNORED, IGNORED, starts=(STARTED,))
    assert likely(("RC-V4SOCK", "RC-V6ONLY", "RC-LIBBUILD"), found) == ()


def test_told_an_ipv6_address_it_has_an_ipv4_socket() -> None:
    """The IPv4 socket is the first cause; a library without IPv6 is the second."""
    found = facts(OK, REFUSED, ZERO, starts=(Start(bind="::", ready=True),))
    assert [item.code for item in likely(("RC-V4SOCK",), found)] == ["RC-V4SOCK", "RC-LIBBUILD"]


def test_told_both_wildcards_its_ipv4_socket_blames_no_library() -> None:
    """If an IPv4 wildcard is among its listen addresses, an IPv4 socket does not show a library without IPv6."""
    for bind in ("0.0.0.0:{port},[::]:{port}", "[::]:{port},0.0.0.0:{port}"):
        found = facts(OK, REFUSED, ZERO, starts=(Start(bind=bind, ready=True),))
        assert [item.code for item in likely(("RC-V4SOCK",), found)] == ["RC-V4SOCK"]


def test_a_cause_without_a_rule_keeps_its_place() -> None:
    """It is named if the requirement lists it and no other cause has support."""
    assert [item.code for item in likely(("RC-HALFCLOSE",), facts(HUNG_UP, HUNG_UP, DUAL))] == ["RC-HALFCLOSE"]
    assert [item.code for item in likely(("RC-SHAREDPORT",), facts(OK, REFUSED, ZERO))] == ["RC-V4SOCK"]


def test_a_service_that_does_not_start_has_no_cause() -> None:
    """Its own output explains the failure."""
    assert likely(("RC-V4SOCK",), facts(starts=(DIED,), requirement="START-001", output=IN_USE)) == ()


@pytest.mark.parametrize("name", ["ROBUST-001", "ROBUST-003", "ROBUST-006", "ROBUST-008", "ROBUST-011", "SEC-009"])
def test_where_nobody_connected_a_requirement_is_no_evidence(name: str) -> None:
    """A service that did not become ready in a case gets no cause that only the case's subject suggests."""
    late = Facts(requirement=name, starts=(Start(ready=False),), broken=(Finding(False, "it starts", "it does not"),))
    assert likely(requirements()[name].causes, late) == ()
    tried = replace(late, starts=(STARTED,))
    assert likely(requirements()[name].causes, tried) != ()


def test_a_start_that_ended_by_itself_leaves_no_port_behind() -> None:
    """A service whose sockets collide may seem ready for a moment: the next start finds no port of a stopped one."""
    ended, stopped = Start(bind="a", ready=True, ended="exited with code 1"), Start(bind="a", ready=True)
    for before, code in ((ended, "RC-DOUBLEBIND"), (stopped, "RC-REUSEADDR")):
        starts = (before, Start(bind="b", ended="exited with code 1"))
        found = facts(REFUSED, REFUSED, DUAL, requirement="LISTEN-008", output=IN_USE, starts=starts)
        assert likely(requirements()["LISTEN-008"].causes, found)[0].code == code


def test_a_sender_that_is_seen_is_not_dropped() -> None:
    """That a failed finding names a family is no sign that the requests of its clients are dropped."""
    told = (Finding(False, "with its port taken in IPv4 it fails", "it runs"),)
    declared: dict[str, Any] = {**UDP, "protocol": "oneway", "requirement": "LISTEN-009", "broken": told}
    assert "RC-ADDRTEXT" not in [
        item.code for item in likely([], facts(OK, OK, U4, exchanges=(held(IPV4, OK),), **declared))
    ]
    lost = facts(OK, OK, U4, exchanges=(held(IPV4, IGNORED),), **declared)
    assert "RC-ADDRTEXT" in [item.code for item in likely([], lost)]


def test_a_component_that_failed_leaves_no_cause() -> None:
    """Facts that show a cause show none if a component of the service failed."""
    found = facts(OK, REFUSED, ZERO)
    assert likely(["RC-V4SOCK"], found)
    assert likely(["RC-V4SOCK"], replace(found, component="component store exited with code 1")) == ()


def test_made_up_addresses_are_of_their_families() -> None:
    """The constants of these tests are consistent."""
    assert {":" in ADDRESS[IPV6], ":" in ADDRESS[IPV4]} == {True, False}
    assert PORT == ZERO.port == DUAL.port
