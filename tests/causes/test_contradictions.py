"""What contradicts a cause: it is never named, however well it fits otherwise."""

from dataclasses import replace

from dualstack.causes import likely
from dualstack.causes.ranking import contradiction
from dualstack.facts import FamilyFacts, Start
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import Outcome
from dualstack.suites import requirements
from dualstack.world.relayed import NOT_ACCEPTED
from tests.causes.made import DUAL, HUNG_UP, IPV4, IPV6, OK, REFUSED, ZERO, facts, held


def test_a_relay_that_refuses_a_client_in_one_start_listens_on_ipv4_only() -> None:
    """Its sockets may differ from start to start; those of the start that refused the client count."""
    zero, both = Start(ready=True, sockets=(ZERO,)), Start(ready=True, sockets=(DUAL,))
    refused = Finding(False, "an IPv6 client is answered by the IPv4 server", "refused; nothing reached the server")
    found = facts(
        OK,
        FamilyFacts(IPV6, works=False, hows=((REFUSED, 1), (OK, 1))),
        ZERO,
        DUAL,
        listens=False,
        requirement="FORWARD-002",
        starts=(zero, both, zero),
        table=(ZERO,),
        exchanges=(held(IPV6, REFUSED, start=1), held(IPV6, OK, start=2), held(IPV6, REFUSED, start=3)),
        broken=(refused,),
    )
    causes = likely(requirements()["FORWARD-002"].causes, found)
    assert [item.code for item in causes] == ["RC-V4SOCK"]
    assert causes[0].because == (
        "when IPv6 clients were refused, it had no socket for IPv6 on TCP port 8080: it listened on 0.0.0.0"
    )
    both_refused = replace(found, starts=(both, both, both), table=(DUAL,))
    assert "RC-V4SOCK" not in [item.code for item in likely([], both_refused)]


def test_a_client_that_a_relay_refuses_says_nothing_about_its_server() -> None:
    """Only a client that was accepted shows that the relay does not reach its server."""
    assert {Outcome.REFUSED, Outcome.UNREACHABLE} == NOT_ACCEPTED


def test_unusual_proxy_headers_may_be_misread() -> None:
    """Clients whose connection ends without an answer, and begins with a PROXY header, point to that header."""
    one_closed = (held(IPV6, OK), held(IPV6, HUNG_UP, source="2001:db8:51:1:aaaa:bbbb:cccc:202"))
    found = facts(OK, HUNG_UP, DUAL, requirement="INTEROP-002", exchanges=one_closed, introduced=True)
    assert "RC-PROXYHDR" in [item.code for item in likely([], found)]
    for other in (replace(found, introduced=False), replace(found, exchanges=(held(IPV6, REFUSED),))):
        assert "RC-PROXYHDR" not in [item.code for item in likely([], other)]


def test_a_plain_client_of_the_family_contradicts_a_mapped_address() -> None:
    """In TRANS-008 a client on this side of the translator is answered: no client is rejected as IPv4-mapped."""
    near = (held(IPV6, HUNG_UP), held(IPV4, OK))
    seen = FamilyFacts(IPV4, works=False, hows=((HUNG_UP, 2), (OK, 1)))
    found = facts(seen, FamilyFacts(IPV6), DUAL, requirement="TRANS-008", exchanges=near)
    assert "RC-MAPPED" not in [item.code for item in likely([], found)]
    assert "RC-MAPPED" in [item.code for item in likely([], replace(found, exchanges=near[:1]))]


def test_what_ipv4_clients_do_not_get_either_is_no_matter_of_ipv6() -> None:
    """A channel beside the connection that fails over IPv4 as well is not for IPv4 only."""
    findings = tuple(Finding(False, f"an {label} client gets the medium", "SETUP: 500") for label in ("IPv4", "IPv6"))
    found = facts(OK, OK, DUAL, requirement="META-009", broken=findings)
    assert contradiction("RC-SIDECHANNEL", found) == "expected: an IPv4 client gets the medium; happened: SETUP: 500"
    assert contradiction("RC-SIDECHANNEL", replace(found, broken=findings[1:])) == ""


def test_evidence_is_true_by_itself() -> None:
    """What was expected and did not happen is never stated as a fact."""
    finding = Finding(False, "an IPv6 client can use 198.51.100.1:8080", "it is an IPv4 address")
    for symptom in (Symptom.UNUSABLE_ADDRESS, Symptom.GROWTH, Symptom.SIDE_PORT):
        found = facts(OK, OK, DUAL, requirement="META-001", broken=(replace(finding, symptoms=(symptom,)),))
        assert f"expected: {finding.expected}; happened: {finding.happened}" in [
            item.because for item in likely([], found)
        ]
