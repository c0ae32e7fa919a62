"""What a report says about the behaviour of a service on each kind of host: what its clients saw, in plain words."""

from collections.abc import Callable
from typing import Any

import pytest

from dualstack.report.behaviour import behaviour
from dualstack.report.support import Cell, TopologyTitle
from dualstack.results import Record
from dualstack.runinfo import RequirementInfo
from dualstack.verdict import Verdict

MakeRecord = Callable[..., Record]

LISTENER, CONNECTOR = (RequirementInfo(role=role, baseline=True) for role in ("listener", "connector"))
REQUIREMENTS = {
    "LISTEN-001": LISTENER,
    "LISTEN-002": RequirementInfo(role="listener"),
    "LISTEN-004": LISTENER,
    "CONNECT-009": CONNECTOR,
    "INTEROP-001": CONNECTOR,
}
NO_START: dict[str, Any] = {
    "works": {},
    "reason": "the service did not become ready",
    "log": "starting\nno such host\n",
}


def said(*records: Record, loopback: tuple[str, ...] = ()) -> str:
    """Return what is said of a cell with these cases."""
    return behaviour(Cell("nginx", TopologyTitle("ipv6-only", "IPv6-only", ""), records), REQUIREMENTS, loopback)


@pytest.mark.parametrize(
    ("requirement", "works", "expected"),
    [
        ("LISTEN-001", {"ipv4": True, "ipv6": True}, "serves IPv4 and IPv6 clients"),
        ("LISTEN-001", {"ipv6": True}, "serves IPv6 clients"),
        ("LISTEN-001", {"ipv4": True, "ipv6": False}, "serves IPv4 clients, but does not serve IPv6 clients"),
        ("LISTEN-001", {"ipv4": False}, "does not serve IPv4 clients"),
        ("CONNECT-009", {"ipv4": True}, "reaches IPv4 servers"),
    ],
)
def test_who_was_served(make_record: MakeRecord, requirement: str, works: dict[str, bool], expected: str) -> None:
    """The text says which clients a listener serves, or which servers a connector reaches."""
    assert said(make_record(requirement=requirement, works=works)) == expected


def test_cases_that_disagree(make_record: MakeRecord) -> None:
    """What works in one case and not in another works only sometimes."""
    one = make_record()
    other = make_record(Verdict.FAIL, requirement="LISTEN-004", works={"ipv4": False, "ipv6": True})
    assert said(one, other) == "serves IPv6 clients, but only sometimes serves IPv4 clients"


def test_clients_on_its_own_host(make_record: MakeRecord) -> None:
    """The text says that a loopback listener serves clients on its own host."""
    assert said(make_record(), loopback=("http",)) == "serves IPv4 and IPv6 clients on its own host"


@pytest.mark.parametrize(
    ("verdict", "changes", "expected"),
    [
        (Verdict.FAIL, NO_START, "does not start; its output says: “no such host”"),
        (Verdict.KNOWN, NO_START | {"log": " \n"}, "does not start"),
        (
            Verdict.FAIL,
            NO_START | {"component_logs": {"store": "fatal: no disk\n"}},
            "does not start; the output of component store says: “fatal: no disk”",
        ),
        (Verdict.BROKEN_LAB, {"works": {}, "reason": "no address"}, "could not be verified: no address"),
        (
            Verdict.NOT_APPLICABLE,
            {"reason": "it does not claim IPv6", "lacks": "ipv6"},
            "serves no clients: it does not claim IPv6",
        ),
        (Verdict.NOT_APPLICABLE, {"reason": "it is not UDP", "lacks": "udp"}, ""),
    ],
)
def test_no_client_was_served(
    make_record: MakeRecord, verdict: Verdict, changes: dict[str, Any], expected: str
) -> None:
    """The text distinguishes a service that does not start, a case that was not judged, and a family not claimed."""
    assert said(make_record(verdict, **{"findings": ()} | changes)) == expected


def test_a_service_that_never_starts(make_record: MakeRecord) -> None:
    """START-001 says why, once; the cases that it blocks add nothing."""
    blocked = make_record(Verdict.BLOCKED, works={}, findings=())
    start = make_record(Verdict.FAIL, requirement="START-001", **NO_START)
    assert said(blocked) == ""
    assert said(start, blocked) == "does not start; its output says: “no such host”"


def test_only_plain_requirements_speak(make_record: MakeRecord) -> None:
    """A requirement that puts an obstacle in the way of the service does not show its ordinary behaviour."""
    assert said(make_record(Verdict.FAIL, requirement="LISTEN-002")) == ""


def test_several_listeners_and_connectors(make_record: MakeRecord) -> None:
    """With several of them, each has its name and its clause."""
    records = (make_record(), make_record(requirement="INTEROP-001", element="upstream", works={"ipv4": True}))
    assert said(*records) == "http: serves IPv4 and IPv6 clients; upstream: reaches IPv4 servers"
