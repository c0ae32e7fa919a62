"""Facts about how a connector resolves names and tries addresses."""

import ipaddress
from collections.abc import Iterator
from itertools import pairwise

from dualstack.causes.rule import Test
from dualstack.counting import count
from dualstack.facts import Facts, How, Run, Sign
from dualstack.families import BOTH, Family, unmapped
from dualstack.finding import Symptom

IPV4, IPV6 = Family.IPV4, Family.IPV6

SLOW = 1.0
"""Seconds above which a user notices a delay; after a refusal the next attempt can begin at once."""

PATIENT = 2.1
"""Seconds from an attempt that is not answered to the next one: DNS-002 allows 2 s, and a busy machine adds some."""

_AT_ONCE = 0.01
"""Seconds between two attempts below which RFC 8305 §5 forbids the second one."""

_SAME_FAMILY = 2
"""How many addresses of one family may be tried before the other one (RFC 8305 §8)."""


def failed(facts: Facts) -> Iterator[Run]:
    """Yield the runs of a connector that did not work."""
    return (run for run in facts.runs if not run.works)


def listens(facts: Facts) -> str:
    """The case is about a listener."""
    return "it is a listener" if facts.listens else ""


def no_run_failed(facts: Facts) -> str:
    """Every run worked, and promptly; a relay has no runs."""
    return "" if facts.listens or not facts.runs or any(failed(facts)) or slow_attempts(facts) else "every run worked"


def ipv4_first(facts: Facts) -> str:
    """It knew addresses of both families, and tried an IPv4 one first."""
    for run in facts.runs:
        families = {Family.of(item) for item in run.known}
        if len(families) == len(BOTH) and run.tried and run.tried[0].family is IPV4:
            return f"it knew {' and '.join(run.known)}, and tried {run.tried[0].address} first"
    return ""


def loopback_missed(family: Family) -> Test:
    """Return the test that a connector to localhost reaches the other family's loopback address only."""

    def test(facts: Facts) -> str:
        if facts.requirement != "DNS-011" or facts.one_lost is not family:
            return ""
        return f"given localhost it reaches {family.other.loopback}, and not {family.loopback}"

    return test


def _one_tried(facts: Facts) -> Iterator[Run]:
    """Yield the runs that failed at the one address that they tried, and knew others."""
    for run in failed(facts):
        addresses = {item.address for item in run.tried}
        if len(addresses) == 1 and run.untried and all(item.how is not How.ANSWERED for item in run.tried):
            yield run


def waits(run: Run) -> bool:
    """Return whether a run was stopped while its last attempt had no answer: what it would have done is unknown."""
    return run.timed_out and bool(run.tried) and run.tried[-1].how is How.IGNORED


def stopped_at_first(facts: Facts) -> str:
    """It tried one address, learned that it fails, and tried no other of those that it knew."""
    for run in _one_tried(facts):
        if not waits(run):
            return f"it tried {run.tried[0].address} ({run.tried[-1].how.result}), and not {', '.join(run.untried)}"
    return _stopped_inside(facts)


def waits_at_first(facts: Facts) -> str:
    """When it was stopped it had tried one address, which does not answer: perhaps it would have tried others."""
    for run in _one_tried(facts):
        if waits(run):
            waited, first = run.seconds - run.tried[0].at, run.tried[0].address
            return f"{waited:.1f} s after its attempt to {first} it had not tried {', '.join(run.untried)}"
    return ""


def goes_on_after_refusal(facts: Facts) -> str:
    """In a run that worked its first address refused and it tried another one; in none did it stop at the first."""
    for run in facts.runs if not stopped_at_first(facts) and not unreachable_is_final(facts) else ():
        if run.works and run.literal is None and len(run.tried) > 1 and run.tried[0].how is How.REFUSED:
            return f"after {run.tried[0].address} had refused it tried {run.tried[1].address}"
    return ""


def one_failure_is_final(facts: Facts) -> str:
    """In one run it tried another address after the first one had failed; in another run, which failed, it did not."""
    went_on = next((run for run in facts.runs if run.literal is None and _went_on(run)), None)
    final = stopped_at_first(facts) or unreachable_is_final(facts)
    if went_on is None or not final:
        return ""
    first = went_on.tried[0]
    how = "no answer yet" if first.how is How.ANSWERED else first.how.result
    return f"{final}; in another run it went on after {first.address} ({how})"


def tries_several(facts: Facts) -> str:
    """In some run it tried several addresses of a name, as packets show."""
    for run in facts.runs:
        addresses = tuple(dict.fromkeys(item.address for item in run.tried))
        if run.literal is None and len(addresses) > 1:
            return f"for {run.target} it tried {' and '.join(addresses)}"
    return ""


def _went_on(run: Run) -> bool:
    """Return whether a run tried another address after its first one had failed, or while that did not answer."""
    first, other = run.tried[:1], next((item for item in run.tried if item.address != run.tried[0].address), None)
    if other is None:
        return False
    return first[0].how is not How.ANSWERED or first[0].at + first[0].after > other.at


def _stopped_inside(facts: Facts) -> str:
    """One of its addresses leads to its own host, where its attempt was refused; it tried no other on the wire."""
    line = facts.says(Sign.REFUSED)
    for run in failed(facts):
        inside = [item for item in run.known if ipaddress.ip_address(unmapped(item)).is_loopback]
        others = [item for item in run.known if item not in inside]
        if line and inside and others and not run.tried:
            return f'it did not try {", ".join(others)} after {inside[0]}, and its output says "{line}"'
    return ""


def unreachable_is_final(facts: Facts) -> str:
    """Its first address cannot be reached from this host, and it tried no other that it knew."""
    line = facts.says(Sign.NO_NETWORK, Sign.NO_HOST, Sign.NO_ADDRESS, Sign.NO_FAMILY)
    for run in failed(facts):
        if run.literal is None and len(run.known) > 1 and not run.tried and line:
            return f'it tried none of {", ".join(run.known)} on the wire, and its output says "{line}"'
    return ""


def ipv4_fails_unseen(facts: Facts) -> str:
    """On an IPv4-only host it sent nothing to an IPv4 address that it knew, and no output line names an IPv6 address.

    It stopped at an IPv6 address, or IPv4 failed before a packet was sent: the last error that it reports fits both.
    """
    if facts.host.families != {IPV4} or not unreachable_is_final(facts):
        return ""
    for run in failed(facts):
        known = {family: [item for item in run.known if Family.of(item) is family] for family in BOTH}
        named = any(item in line for item in known[IPV6] for _, line in facts.signs)
        if all(known.values()) and not run.tried and not named:
            return f"it sent no packet to {known[IPV4][0]}, and its output does not name the address that failed"
    return ""


def all_tried(facts: Facts) -> str:
    """Every address that it knew was tried in every run that failed."""
    runs = [run for run in failed(facts) if run.literal is None]
    if runs and all(run.known and run.tried and not run.untried for run in runs):
        return "it tried every address that DNS gave it"
    if not runs and slow_attempts(facts):
        return "it reached its server after a delay"
    return ""


def some_of_a_family_left(facts: Facts) -> str:
    """It tried several addresses, none of which answered, and skipped others of the same families."""
    for run in failed(facts):
        if waits(run) or any(item.how is How.ANSWERED for item in run.tried):
            continue  # it was stopped before it could try them, or had reached one
        families = {item.family for item in run.tried}
        left = [item for item in run.untried if Family.of(item) in families]
        if len({item.address for item in run.tried}) > 1 and left:
            return f"it tried {count(len(run.tried), 'address')}, and not {', '.join(left)}"
    return ""


def slow_attempts(facts: Facts) -> str:
    """There was a long pause between attempts to different addresses, in a run that failed if any did."""
    for run in tuple(failed(facts)) or facts.runs:
        for number, (one, other) in enumerate(pairwise(run.tried), start=1):
            limit = SLOW if one.how in (How.REFUSED, How.UNREACHABLE) else PATIENT
            again = other.address in {item.address for item in run.tried[:number]}
            if not again and other.at - one.at > limit:
                return f"the attempt to {other.address} came {other.at - one.at:.1f} s after the one to {one.address}"
    return ""


def unnamed_address(facts: Facts) -> str:
    """Its output does not name an address to which it could not connect."""
    return facts.happened(Symptom.UNNAMED_ADDRESS)


def only_words_are_wrong(facts: Facts) -> str:
    """What it did is as it should be; only its output lacks addresses."""
    lacking = [Symptom.UNNAMED_ADDRESS in item.symptoms for item in facts.broken]
    return "only the text of its output is wrong" if lacking and all(lacking) else ""


def several_requests(facts: Facts) -> str:
    """It sent its request to several addresses; a daemon may send it to one address repeatedly."""
    for run in facts.runs:
        spoken = [item.address for item in run.tried if item.sent]
        if len(set(spoken)) > 1 and run.literal is None:
            return f"it sent its request on {len(spoken)} connections: {', '.join(spoken)}"
    return ""


def tried_at_once(facts: Facts) -> str:
    """It tried an address while an earlier attempt was still under way, and had hardly begun."""
    for run in facts.runs:
        for one, other in pairwise(run.tried):
            if other.address != one.address and one.how is not How.REFUSED and other.at - one.at < _AT_ONCE:
                return f"it tried {other.address} {(other.at - one.at) * 1000:.1f} ms after {one.address}"
    return ""


def one_family_first(facts: Facts) -> str:
    """It tried more than two addresses of one family before the other one, or without the other one."""
    for run in facts.runs:
        families = [item.family for item in run.tried]
        same = next((at for at, family in enumerate(families) if family is not families[0]), len(families))
        if same > _SAME_FAMILY and len({Family.of(item) for item in run.known}) == len(BOTH):
            return f"it tried {same} {families[0].label} addresses before any {families[0].other.label} address"
    return ""
