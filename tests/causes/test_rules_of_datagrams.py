"""Which causes the facts of a datagram service support."""

from dataclasses import replace

import pytest

from dualstack.causes import likely
from dualstack.facts import Facts
from dualstack.finding import Finding, Symptom
from tests.causes.made import IGNORED, IPV6, OK, REFUSED, U4, U6, UDP, facts, first, held, saw

DATAGRAMS = {
    "refused, no socket": ("RC-V4SOCK", facts(OK, REFUSED, U4, requirement="LISTEN-012", **UDP)),
    "nothing leaves": ("RC-REPLYSOCKET", facts(OK, IGNORED, U4, U6, requirement="UDP-006", **UDP)),
    "nothing leaves, another address": ("RC-REPLYSOCKET", facts(OK, IGNORED, U4, U6, requirement="UDP-002", **UDP)),
    "an address does not fit the socket in Python": (
        "RC-REPLYSOCKET",
        facts(OK, IGNORED, U4, U6, requirement="UDP-002", output="AF_INET address must be a pair (host, port)", **UDP),
    ),
    "an address does not fit the socket in Go": (
        "RC-REPLYSOCKET",
        facts(OK, IGNORED, U4, U6, requirement="UDP-004", output="write udp4 [::]:53: non-IPv4 address", **UDP),
    ),
    "an address does not fit the socket in C": (
        "RC-REPLYSOCKET",
        facts(
            OK,
            IGNORED,
            U4,
            U6,
            requirement="LISTEN-012",
            output="sendto: Address family not supported by protocol",
            **UDP,
        ),
    ),
    "a call that sends is refused": (
        "RC-SOCKADDR",
        facts(OK, IGNORED, U4, U6, requirement="LISTEN-012", output="sendto: Invalid argument", **UDP),
    ),
    "Node refuses an address of the other family": (
        "RC-REPLYSOCKET",
        facts(OK, IGNORED, U4, U6, requirement="LISTEN-012", output="send EINVAL 2001:db8:51:1::201:40000", **UDP),
    ),
    "an answer goes astray": (
        "RC-SOCKADDR",
        facts(OK, IGNORED, U4, U6, requirement="UDP-005", strangers=("2001:db8:51:1::",), **UDP),
    ),
    "another source": (
        "RC-PKTINFO",
        facts(OK, saw(IPV6, IGNORED, wrong_source=("2001:db8:51:1::103",)), U4, U6, requirement="UDP-002", **UDP),
    ),
    "an address that its client asked earlier": (
        "RC-PKTINFO",
        facts(
            OK,
            OK,
            U4,
            U6,
            requirement="UDP-002",
            broken=(Finding(False, "it comes from b", "it comes from a", symptoms=(Symptom.OTHER_SOURCE,)),),
            **UDP,
        ),
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
            broken=(
                Finding(
                    False,
                    "every datagram has a right checksum",
                    "1 of 2 datagrams has not: zero",
                    symptoms=(Symptom.BAD_CHECKSUM,),
                ),
            ),
            **UDP,
        ),
    ),
    "large answers to small requests are lost": (
        "RC-MTU",
        facts(
            OK,
            IGNORED,
            U4,
            U6,
            requirement="UDP-005",
            exchanges=(held(IPV6, OK, size=32), held(IPV6, IGNORED, size=40, asks_large=True)),
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
    """The same for a datagram service."""
    assert first(found) == code


def test_silence_alone_has_several_causes() -> None:
    """Where one family is silent and nothing is said, access rules come first, unless the service answers anybody."""
    silent = facts(OK, IGNORED, U4, U6, requirement="LISTEN-012", **UDP)
    assert [item.code for item in likely([], silent)] == ["RC-REPLYSOCKET"]
    declared = replace(silent, protocol="exchange")
    assert [item.code for item in likely([], declared)] == ["RC-ACLFAMILY", "RC-REPLYSOCKET"]


def test_a_relay_whose_server_is_missed_sends_no_answer_on_the_wrong_socket() -> None:
    """Where nothing leaves a relay, its server may be what is not reached."""
    relay = facts(OK, IGNORED, U4, U6, requirement="UDP-006", relays=True, **UDP)
    assert "RC-REPLYSOCKET" not in [item.code for item in likely(["RC-REPLYSOCKET"], relay)]
