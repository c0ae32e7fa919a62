"""Facts about connectors on IPv6-only networks whose IPv4 servers are behind a translator (NAT64, 464XLAT)."""

import ipaddress
import re

from dualstack.causes.connecting import failed
from dualstack.facts import Facts, Sign
from dualstack.families import Family

_WORD = re.compile(r"[0-9a-f:.]*:[0-9a-f:.]*[0-9a-f:]", re.IGNORECASE)
"""What may be an IPv6 address in a line."""


def synthesized_untried(facts: Facts) -> str:
    """It got a synthesized AAAA record from DNS, and did not try its address."""
    for run in failed(facts):
        left = [address for address in run.untried if Family.of(address) is Family.IPV6]
        if run.literal is None and left and not run.tried:
            return f"for {run.target} it got {left[0]} from DNS, which NAT64 translates, and did not try it"
    return ""


def ipv4_alone_failed(facts: Facts) -> str:
    """It tried no IPv6 address in any run, and what its output says of an unreachable address is of no IPv6 address.

    It tried an IPv4 address, which DNS gave it too, and stopped there; no prefix needs to be assumed for that.
    """
    lines = tuple(facts.lines(Sign.NO_NETWORK, Sign.NO_HOST, Sign.NO_ADDRESS))
    tried = any(item.family is Family.IPV6 for run in facts.runs for item in run.tried)
    had = any(Family.of(address) is Family.IPV4 for run in failed(facts) for address in run.known)
    if tried or not had or any(_is_ipv6(word) for line in lines for word in _WORD.findall(line)):
        return ""
    return f'its output says "{lines[0]}"' if lines else ""


def _is_ipv6(word: str) -> bool:
    """Return whether a word is an IPv6 address; a time of day is none."""
    try:
        return isinstance(ipaddress.ip_address(word.rstrip(":")), ipaddress.IPv6Address)
    except ValueError:
        return False


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
