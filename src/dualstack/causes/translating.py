"""Facts about connectors on IPv6-only networks whose IPv4 servers are behind a translator (NAT64, 464XLAT)."""

from dualstack.causes.connecting import failed
from dualstack.facts import Facts, Sign
from dualstack.families import Family


def synthesized_untried(facts: Facts) -> str:
    """It got a synthesized AAAA record from DNS, and did not try its address."""
    for run in failed(facts):
        left = [address for address in run.untried if Family.of(address) is Family.IPV6]
        if run.literal is None and left and not run.tried:
            return f"for {run.target} it got {left[0]} from DNS, which NAT64 translates, and did not try it"
    return ""


def literal_awaited(facts: Facts) -> str:
    """Given an IPv4 literal on a host without IPv4, it neither connected nor ended."""
    for run in failed(facts):
        if run.literal is Family.IPV4 and run.timed_out:
            return f"given {run.target} on a host without IPv4, it had not ended after {run.seconds:.1f} s"
    return ""


def clat_unused(facts: Facts) -> str:
    """Given an IPv4 literal on a host with a CLAT, it made no attempt, and reports that the host has no IPv4."""
    line = facts.says(Sign.NO_IPV4)
    for run in failed(facts):
        if run.literal is Family.IPV4 and not run.tried and line:
            return f'its output says "{line}", although the host has the address 192.0.0.1 and a route'
    return ""
