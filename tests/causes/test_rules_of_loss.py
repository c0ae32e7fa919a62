"""Which causes the facts support if a service loses a listener, a client or a part of an answer while it runs."""

from dataclasses import replace

import pytest

from dualstack.facts import Facts, FamilyFacts, How
from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from tests.causes.made import DUAL, HUNG_UP, IPV4, IPV6, OK, ONLY, REFUSED, U4, U6, UDP, ZERO, facts, first, held, saw

WAITING = How.KEPT_WAITING
THREAD = "Exception in thread Thread-1 (accept):\nTraceback (most recent call last):\nOSError: [Errno 107] gone"
TRACEBACK = (
    'Traceback (most recent call last):\n  File "a.py", line 3, in <module>\n    assert error != errno.EADDRINUSE\n'
    "AssertionError"
)
PEER = "[2001:db8:51:1::201]:44658"
CONNECTED = replace(U6, state="ESTABLISHED", address="2001:db8:51:1::101", peer=PEER)
IN_PART = Finding(False, "an IPv6 client is answered", "only 512 of 4000 bytes came back: nothing more came within 5 s")
MISSED = Finding(False, "an IPv4 client is answered by the IPv6 server", "no answer", symptoms=(Symptom.SERVER_MISSED,))


def mixed(family: Family, answered: int, refused: int) -> FamilyFacts:
    """Return facts of a family whose clients were answered at first, and refused later."""
    return FamilyFacts(family, works=False, hows=((OK, answered), (REFUSED, refused)))


def relay(output: str) -> Facts:
    """Return the facts of a relay that does not reach its server."""
    return facts(HUNG_UP, OK, DUAL, output=output, listens=False, requirement="FORWARD-001", broken=(MISSED,))


CASES = {
    "a thread ends, and clients wait": (
        "RC-CLIENTERROR",
        facts(OK, WAITING, ZERO, ONLY, output=THREAD, exchanges=(held(IPV4, OK), held(IPV6, WAITING))),
    ),
    "a thread of one client ends": (
        "RC-ERRORANSWER",
        facts(OK, HUNG_UP, ZERO, ONLY, output=THREAD, exchanges=(held(IPV4, OK), held(IPV6, HUNG_UP))),
    ),
    "connections wait after resets, and are not accepted": (
        "RC-BLOCKING",
        facts(
            OK,
            WAITING,
            ZERO,
            replace(ONLY, waiting=78),
            requirement="ROBUST-003",
            exchanges=(held(IPV6, WAITING),),
        ),
    ),
    "clients of one family are accepted and get no answer": (
        "RC-ERRORANSWER",
        facts(OK, WAITING, ZERO, replace(ONLY, waiting=0)),
    ),
    "a listener is gone": (
        "RC-LISTENERGONE",
        facts(OK, mixed(IPV6, 500, 300), ZERO, ONLY, table=(ZERO,), requirement="ROBUST-007"),
    ),
    "a listener is gone, and no descriptor was left": (
        "RC-LEAK",
        facts(
            OK,
            mixed(IPV6, 5, 3),
            ZERO,
            ONLY,
            table=(ZERO,),
            requirement="ROBUST-005",
            output="accept: [Errno 24] Too many open files, closing listener",
        ),
    ),
    "a UDP socket has a peer": (
        "RC-CONNECTEDUDP",
        facts(OK, mixed(IPV6, 1, 3), U4, U6, table=(U4,), connected=(CONNECTED,), requirement="UDP-004", **UDP),
    ),
    "a UDP socket with a peer beside one without": (
        "",
        facts(OK, REFUSED, U4, U6, connected=(CONNECTED,), requirement="UDP-001", **UDP),
    ),
    "a datagram comes in part": (
        "RC-DATAGRAMCUT",
        facts(OK, saw(IPV6, How.WRONG), U4, U6, requirement="UDP-005", broken=(IN_PART,), **UDP),
    ),
    "a large answer is a datagram, and not whole": (
        "RC-DATAGRAMCUT",
        facts(
            OK,
            saw(IPV6, How.WRONG),
            U4,
            U6,
            requirement="UDP-005",
            exchanges=(held(IPV6, How.WRONG, asks_large=True, answer="xxx"),),
            **UDP,
        ),
    ),
    "a relay's name is not found": (
        "RC-RESOLVER",
        relay("cannot connect to db.lab.test: [Errno -5] No address associated with hostname"),
    ),
    "a relay joins address and port": (
        "RC-BRACKET",
        relay("dial tcp: address 2001:db8:51:1::301:7161: too many colons in address"),
    ),
}


@pytest.mark.parametrize(("code", "found"), CASES.values(), ids=CASES)
def test_facts_name_their_cause(code: str, found: Facts) -> None:
    """The first cause is the one that the facts support; where none does, none is named."""
    assert first(found) == code


def test_the_source_in_a_traceback_says_nothing() -> None:
    """The program's own line, which a traceback shows, is no error that the program reports."""
    assert not facts(output=TRACEBACK).signs
