"""Facts about how a connector looks names up, and whether it does so again."""

import re

from dualstack.causes.connecting import failed
from dualstack.causes.given import quotes
from dualstack.causes.rule import Test, did_not_start
from dualstack.facts import Facts, Sign
from dualstack.families import BOTH, Family
from dualstack.finding import Symptom

_LATE = 1.0
"""Seconds from the start of a run to its first attempt above which a user notices the delay."""

_LATE_WITHOUT_AAAA = 6.0
"""The same if AAAA is not answered and resolv.conf sets ``timeout:1`` (DNS-007)."""

_NO_HOST = re.compile(
    r"name or service not known|unknown host|no such host|nodename nor servname|does not resolve|\bENOTFOUND\b"
    r"|no address associated|EAI_(?:NONAME|NODATA)|host not found|bad hostname|(?:not|n't|unable to) resolve"
    r"|UnknownHostException",
    re.IGNORECASE,
)
"""Errors that say that a host was not found; not those about a service or port, or about the resolver."""

_OF_ORDER = ("CONNECT-009", "DNS-001")
"""Requirements that a connector can break in runs that work."""


def never_asked(facts: Facts) -> str:
    """It queried only one record type of a name, although the host has the other family."""
    for run in facts.runs if facts.requirement in _OF_ORDER else failed(facts):
        for family in BOTH:
            if run.literal is None and run.asked == (family.other.record,) and family in facts.host.families:
                return f"for {run.target} it queried {family.other.record}, and never {family.record}"
    return ""


def gave_up_with_addresses(facts: Facts) -> str:
    """It got addresses from DNS, and reports that the name was not found."""
    for run in failed(facts):
        line = facts.says(Sign.NOT_FOUND)
        if run.literal is None and line and not run.tried and run.known and not run.may_be_inside:
            return f'it got {", ".join(run.known)} from DNS and made no attempt; its output says "{line}"'
    return ""


def not_found(facts: Facts) -> str:
    """It reports that a name was not found, at its start or in a run."""
    line = facts.says(Sign.NOT_FOUND)
    relevant = did_not_start(facts) if facts.listens else any(run.literal is None for run in failed(facts))
    return f'its output says "{line}"' if line and relevant else ""


def refused_literal(facts: Facts) -> str:
    """Given an address of a family that the host has, it reports that a host was not found, and names no other text.

    It queried no name server and made no attempt: the function that it calls looks names of the other family up.
    """
    line = facts.says(Sign.NOT_FOUND)
    for run in failed(facts) if _NO_HOST.search(line) else ():
        unused = run.literal in facts.host.families and not (run.names or run.tried or run.may_be_inside)
        if unused and (quotes(line, run.target) or not _names_piece(line, run.target)):
            return f'given {run.target} it queried no name server and made no attempt; its output says "{line}"'
    return ""


def _names_piece(line: str, target: str) -> bool:
    """Return whether a line has a piece of an address, or the address with brackets or a port beside it."""
    rest = re.sub(rf"(?<![\[0-9a-f:]){re.escape(target)}(?![\]0-9a-f]|:[0-9])", "", line, flags=re.IGNORECASE)
    return re.search(rf"\b{re.escape(re.split('[:.]', target)[0])}\b", rest, re.IGNORECASE) is not None


def asked_for_one_family(facts: Facts) -> str:
    """Its output says that an address, whose family the host has, was looked up in the other family."""
    line = facts.says(Sign.ONE_FAMILY_ASKED)
    if line and any(run.literal in facts.host.families for run in failed(facts)):
        return f'its output says "{line}"'
    return ""


def one_of_localhost(facts: Facts) -> str:
    """Configured to listen on localhost, it listens on only one loopback address."""
    named = any("localhost" in text for text in facts.listen_addresses)
    rows = {row.address for row in facts.on_port}
    missing = {family for family in facts.claimed & facts.host.loopbacks if not facts.takes(family)}
    if not named or len(rows) != 1 or not any(facts.lost(family) or facts.is_about(family) for family in missing):
        return ""
    return f"its listen address is localhost, and it listens on {rows.pop()} alone"


def bound_of_localhost(family: Family) -> Test:
    """Return the test that a listener on localhost has the loopback address of this family alone."""

    def test(facts: Facts) -> str:
        rows = {row.address for row in facts.on_port}
        alone = facts.requirement == "LISTEN-013" and rows == {family.loopback}
        return f"of the addresses of localhost it listens on {family.loopback} alone" if alone else ""

    return test


def ipv6_loopback_alone(facts: Facts) -> str:
    """Its host has both loopback addresses, and it listens on ::1 alone, as it should not: no look-up leaves IPv4 out.

    It was configured with localhost, or it is for clients on its own host, of which no usual configuration has ::1
    alone. The first address of localhost is ::1 on most hosts.
    """
    rows = {row.address for row in facts.on_port}
    both = len(facts.host.loopbacks) == len(BOTH) and rows == {Family.IPV6.loopback}
    if not both or not (one_of_localhost(facts) or (facts.inside and facts.lost(Family.IPV4))):
        return ""
    return (
        one_of_localhost(facts) or "it listens on ::1 alone, like a program that takes the first address of localhost"
    )


def incomplete_resolver(facts: Facts) -> str:
    """It repeated no truncated query over TCP, or sent none to a name server that has an IPv6 address."""
    for run in failed(facts):
        if run.truncated and not run.asked_over_tcp:
            return f"its queries for {run.target} got truncated answers, and it sent none over TCP"
        unasked = run.literal is None and not run.asked and not run.tried
        if facts.requirement in ("DNS-017", "TRANS-004") and unasked:
            return f"it sent no query for {run.target} to the name server, which has an IPv6 address"
    return ""


def waited_before_dialling(facts: Facts) -> str:
    """A run that worked began its first attempt late."""
    for run in facts.runs:
        if run.works and run.literal is None and run.tried and run.tried[0].at > _LATE:
            return f"its first attempt to reach {run.target} began {run.tried[0].at:.1f} s after its start"
    return ""


def one_address_known(facts: Facts) -> str:
    """It knew only one address, and tried that."""
    for run in failed(facts):
        if run.literal is None and len(run.known) == 1 and len(run.asked) == 1:
            return f"it queried only {run.asked[0]}, so it knew one address, {run.known[0]}"
    return ""


def keeps_family(facts: Facts) -> str:
    """A daemon looks its name up again, and asks for one family only."""
    return facts.happened(Symptom.KEPT_FAMILY)


def keeps_address(facts: Facts) -> str:
    """A daemon connects to the address that a name had, and does not look it up again."""
    return facts.happened(Symptom.KEPT_ADDRESS)


def repeats_kept_address(facts: Facts) -> str:
    """A daemon tries the address that a name had, again and again: it has not given up."""
    again = next((run.repeats for run in facts.runs if run.repeats), "")
    given_up = facts.happened(Symptom.FAMILY_GIVEN_UP)
    return f"it tried {again} again and again" if again and keeps_address(facts) and not given_up else ""


def gives_up(facts: Facts) -> str:
    """A daemon does not try again, or not over a family that has failed once."""
    return facts.happened(Symptom.NO_RETRY, Symptom.FAMILY_GIVEN_UP)


def late_without_aaaa(facts: Facts) -> str:
    """In the run with ``timeout:1``, the first one, it waited longer for an AAAA answer than DNS-007 recommends."""
    for run in facts.runs[:1]:
        if run.works and run.tried and run.tried[0].at > _LATE_WITHOUT_AAAA:
            return f"its first attempt to reach {run.target} began {run.tried[0].at:.1f} s after its start"
    return ""


def waits_for_aaaa(facts: Facts) -> str:
    """It got an IPv4 address, and made no attempt until it ended or was stopped, because AAAA was not answered."""
    for run in failed(facts):
        known = run.known and all(Family.of(item) is Family.IPV4 for item in run.known)
        if known and Family.IPV6.record in run.asked and not run.tried and not run.may_be_inside:
            return f"it got {', '.join(run.known)}, no answer to AAAA, and made no attempt in {run.seconds:.1f} s"
    return ""


def good_answer_unused(facts: Facts) -> str:
    """It got an address from one of its two queries, whose other answer is broken, and did nothing with it."""
    for run in failed(facts):
        if any(item in line for item in run.known for _, line in facts.signs):
            continue  # its output names the address: it has used it
        if run.literal is None and run.known and not run.tried and not run.may_be_inside:
            return f"of its two queries one was answered with {', '.join(run.known)}, and it made no attempt"
    return ""


def alias_not_followed(facts: Facts) -> str:
    """It got addresses through an alias, and made no attempt."""
    for run in failed(facts):
        if run.known and not run.tried and not run.may_be_inside:
            return f"it got {', '.join(run.known)} from DNS, through aliases, and made no attempt"
    return ""
