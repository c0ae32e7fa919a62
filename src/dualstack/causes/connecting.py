"""Facts about how a connector resolves names and tries addresses."""

from collections.abc import Iterator

from dualstack.causes.rule import did_not_start
from dualstack.facts import Facts, How, Run, Sign
from dualstack.families import BOTH, Family, unmapped

IPV4, IPV6 = Family.IPV4, Family.IPV6

_SLOW = 1.0
"""Seconds between two attempts above which a user notices the delay."""


def failed(facts: Facts) -> Iterator[Run]:
    """Yield the runs of a connector that did not work."""
    return (run for run in facts.runs if not run.works)


def listens(facts: Facts) -> str:
    """The case is about a listener."""
    return "it is a listener" if facts.listens else ""


def no_run_failed(facts: Facts) -> str:
    """Every run worked, and promptly."""
    return "" if facts.listens or any(failed(facts)) or slow_attempts(facts) else "every run worked"


def never_asked(facts: Facts) -> str:
    """It queried only one record type of a name, although the host has the other family."""
    for run in failed(facts):
        for family in BOTH:
            if run.literal is None and run.asked == (family.other.record,) and family in facts.host.families:
                return f"for {run.target} it queried {family.other.record}, and never {family.record}"
    return ""


def gave_up_with_addresses(facts: Facts) -> str:
    """It got addresses from DNS, and reports that the name was not found."""
    for run in failed(facts):
        line = facts.says(Sign.NOT_FOUND)
        if run.literal is None and line and not run.tried and run.known:
            return f'it got {", ".join(run.known)} from DNS and made no attempt; its output says "{line}"'
    return ""


def not_found(facts: Facts) -> str:
    """It reports that a name was not found, at its start or in a run."""
    line = facts.says(Sign.NOT_FOUND)
    relevant = did_not_start(facts) if facts.listens else any(run.literal is None for run in failed(facts))
    return f'its output says "{line}"' if line and relevant else ""


def one_of_localhost(facts: Facts) -> str:
    """Configured to listen on localhost, it listens on only one loopback address."""
    named = any("localhost" in text for text in facts.listen_addresses)
    rows = {row.address for row in facts.on_port}
    if not named or len(rows) != 1:
        return ""
    return f"its listen address is localhost, and it listens on {rows.pop()} alone"


def one_address_known(facts: Facts) -> str:
    """It knew only one address, and tried that."""
    for run in failed(facts):
        if run.literal is None and len(run.known) == 1 and len(run.asked) == 1:
            return f"it queried only {run.asked[0]}, so it knew one address, {run.known[0]}"
    return ""


def stopped_at_first(facts: Facts) -> str:
    """It tried one address, which failed, and no other of those that it knew."""
    for run in failed(facts):
        addresses = {item.address for item in run.tried}
        if len(addresses) == 1 and run.untried and all(item.how is not How.ANSWERED for item in run.tried):
            how = run.tried[-1].how.name.lower()
            return f"it tried {run.tried[0].address} ({how}), and not {', '.join(run.untried)}"
    return ""


def unreachable_is_final(facts: Facts) -> str:
    """Its first address cannot be reached from this host, and it tried no other."""
    line = facts.says(Sign.NO_NETWORK, Sign.NO_HOST, Sign.NO_ADDRESS, Sign.NO_FAMILY)
    for run in failed(facts):
        if run.literal is None and run.known and not run.tried and line:
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
    if runs and all(run.known and not run.untried for run in runs):
        return "it tried every address that DNS gave it"
    if not runs and slow_attempts(facts):
        return "it reached its server after a delay"
    return ""


def some_of_a_family_left(facts: Facts) -> str:
    """It tried several addresses, and skipped others of the same families."""
    for run in failed(facts):
        families = {item.family for item in run.tried}
        left = [item for item in run.untried if Family.of(item) in families]
        if len({item.address for item in run.tried}) > 1 and left:
            return f"it tried {len(run.tried)} addresses, and not {', '.join(left)}"
    return ""


def slow_attempts(facts: Facts) -> str:
    """There was a long pause between attempts to different addresses."""
    for run in facts.runs:
        for one, other in zip(run.tried, run.tried[1:], strict=False):
            if other.address != one.address and other.at - one.at > _SLOW:
                return f"the attempt to {other.address} came {other.at - one.at:.1f} s after the one to {one.address}"
    return ""


def waits_for_dead_address(facts: Facts) -> str:
    """At its timeout it was still waiting for an address that never answers."""
    for run in failed(facts):
        if run.timed_out and run.tried and run.tried[-1].how is How.IGNORED and run.literal is None:
            return f"after {run.seconds:.1f} s it was still waiting for {run.tried[-1].address}"
    return ""


def quick_and_complete(facts: Facts) -> str:
    """No run waited long."""
    long = slow_attempts(facts) or waits_for_dead_address(facts) or any(run.seconds > _SLOW for run in facts.runs)
    return "" if long or facts.listens else "no run waited longer than a second"


def several_requests(facts: Facts) -> str:
    """It sent its request on several connections."""
    for run in facts.runs:
        spoken = [item.address for item in run.tried if item.sent]
        if len(spoken) > 1 and run.literal is None:
            return f"it sent its request on {len(spoken)} connections: {', '.join(spoken)}"
    return ""


def mapped_target(facts: Facts) -> str:
    """A run towards an IPv4-mapped literal failed."""
    for run in failed(facts):
        if run.literal is not None and unmapped(run.target) != run.target and "." in unmapped(run.target):
            return f"given {run.target} it made {len(run.tried)} attempts, and did not succeed"
    return ""


def socket_of_other_family(facts: Facts) -> str:
    """Its output says that an address has a different family from its socket."""
    line = facts.says(Sign.OTHER_FAMILY)
    if line and any(failed(facts)):
        return f'its output says "{line}"'
    line = facts.says(Sign.NO_FAMILY, Sign.INVALID)
    complete = facts.host.ipv6_sockets and len(facts.host.families) == len(BOTH)
    return (
        f'this host has both families, and its output says "{line}"'
        if line and complete and any(failed(facts)) and not facts.listens
        else ""
    )
