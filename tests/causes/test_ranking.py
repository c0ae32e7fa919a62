"""Which causes are never named, and what is named if no cause has support."""

from dataclasses import replace

import pytest

from dualstack.causes import likely
from dualstack.causes.ranking import contradiction
from dualstack.facts import Facts, Start
from dualstack.finding import Finding, Symptom
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
    saw,
)

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


def test_where_nothing_fits_no_cause_is_named() -> None:
    """Clients of both families are ignored, and no socket of the service is seen: no cause is named."""
    found = facts(IGNORED, IGNORED, starts=(STARTED,))
    assert likely(("RC-V4SOCK", "RC-V6ONLY", "RC-LIBBUILD"), found) == ()


def test_told_an_ipv6_address_it_has_an_ipv4_socket() -> None:
    """The IPv4 socket is the first cause; a library without IPv6 is the second."""
    found = facts(OK, REFUSED, ZERO, starts=(Start(bind="::", ready=True),))
    assert [item.code for item in likely(("RC-V4SOCK",), found)] == ["RC-V4SOCK", "RC-LIBBUILD"]


def test_a_cause_without_a_rule_keeps_its_place() -> None:
    """It is named if the requirement lists it and no other cause has support."""
    assert [item.code for item in likely(("RC-HALFCLOSE",), facts(HUNG_UP, HUNG_UP, DUAL))] == ["RC-HALFCLOSE"]
    assert [item.code for item in likely(("RC-SHAREDPORT",), facts(OK, REFUSED, ZERO))] == ["RC-V4SOCK"]


def test_a_service_that_does_not_start_has_no_cause() -> None:
    """Its own output explains the failure."""
    assert likely(("RC-V4SOCK",), facts(starts=(DIED,), requirement="START-001", output=IN_USE)) == ()


def test_a_component_that_failed_leaves_no_cause() -> None:
    """Facts that show a cause show none if a component of the service failed."""
    found = facts(OK, REFUSED, ZERO)
    assert likely(["RC-V4SOCK"], found)
    assert likely(["RC-V4SOCK"], replace(found, component="component store exited with code 1")) == ()


def test_made_up_addresses_are_of_their_families() -> None:
    """The constants of these tests are consistent."""
    assert {":" in ADDRESS[IPV6], ":" in ADDRESS[IPV4]} == {True, False}
    assert PORT == ZERO.port == DUAL.port
