"""Facts about connection attempts that fail in the host, and what a connector's output says about them."""

import ipaddress
import re
from itertools import combinations, pairwise

from dualstack.causes.connecting import failed, loopback_missed, stopped_at_first
from dualstack.counting import count
from dualstack.facts import Facts, How, Run, Sign, Tried, matches
from dualstack.families import BOTH, Family, unmapped
from dualstack.transport import Transport

IPV4 = Family.IPV4

_NOT_SENT = (Sign.NO_NETWORK, Sign.NO_HOST, Sign.NO_ADDRESS, Sign.NO_FAMILY, Sign.INVALID, Sign.OTHER_FAMILY)
"""Errors of connect() for which no packet is sent."""

_OF_SOCKET = (Sign.INVALID, Sign.NO_FAMILY, Sign.OTHER_FAMILY)
"""Those of them that no packet can bring about."""

_AT_ONCE = 0.01
"""Seconds in which a server on the link answers, and after which no client gives an attempt up on purpose."""

_SOON = 0.3
"""Seconds within which a program that takes an attempt for failed begins the next one, or ends."""

_OTHER_CALL = re.compile(r"sockopt|ioctl|fcntl|\bbind|shutdown|getpeername|getsockname|poll\b|select", re.IGNORECASE)
"""What an error message names that is about no address."""

_SENDS = re.compile(r"\b(?:connect|sendto|sendmsg)\b", re.IGNORECASE)
"""The calls that get the address of a peer."""

_USED = re.compile(r"\b(?:send|write|writing|recv|read|reading)(?:all|to|from|v|msg)?\b", re.IGNORECASE)
"""What an error message names that is about a connection in use."""


def failed_in_host(facts: Facts) -> str:
    """It tried another address, and its output names one with an error for which no packet is sent."""
    lines = [line for sign, line in facts.signs if sign in _NOT_SENT]
    for run in failed(facts):
        for address in run.untried if run.tried else ():
            line = next((line for line in lines if names(line, address)), "")
            if line:
                return f'its output says "{line}", so it tried {address}, and no packet was sent'
    return ""


def names(line: str, address: str) -> bool:
    """Return whether a line contains an address, not as a part of a longer one; a port may follow an IPv4 address."""
    longer = "[0-9a-f:.]*[0-9a-f]" if ":" in address else r"\.?\d"
    return re.search(rf"(?<![0-9a-f]){re.escape(address)}(?!{longer})", line, re.IGNORECASE) is not None


def other_failed_in_host(facts: Facts) -> str:
    """Its output has an error that the one attempt on the wire cannot have got, or two errors where none was made.

    An attempt whose SYN was sent is refused, times out or is answered by ICMP: EINVAL is of another address.
    """
    runs = [run for run in failed(facts) if run.literal is None and len(run.known) > 1]
    line = next(filter(_of_connect, facts.lines(*_OF_SOCKET)), "")
    one = next((run for run in runs if run.tried and run.untried), None)
    if one is not None and line and all(run.tried for run in runs):
        return f'its output says "{line}", which is not about {one.tried[0].address}: it tried another address'
    lines = list(filter(_of_connect, facts.lines(*_NOT_SENT))) if len(runs) == 1 and not runs[0].tried else []
    for first, second in combinations(lines, 2):
        if not _errors(first) & _errors(second):
            return f'its output says "{first}" and "{second}": it tried two addresses, and no packet was sent'
    return ""


def _of_connect(line: str) -> bool:
    """Return whether an error message may be about connect()."""
    return not _OTHER_CALL.search(line) and not _USED.search(line)


def _errors(line: str) -> set[Sign]:
    """Return the errors of connect() that a line has."""
    found = {sign for sign in _NOT_SENT if matches(sign, line)}
    return found | ({Sign.NO_FAMILY} if Sign.OTHER_FAMILY in found else set())


def mapped_fails(facts: Facts) -> str:
    """Its output says of an IPv4-mapped address that it cannot be reached from this host."""
    line = next((line for sign, line in facts.signs if sign in _NOT_SENT and (Sign.MAPPED, line) in facts.signs), "")
    usable = not facts.listens and IPV4 in facts.host.families and any(failed(facts))
    return f'this host has IPv4, and its output says "{line}"' if line and usable else ""


def mapped_target(facts: Facts) -> str:
    """A run towards an IPv4-mapped literal failed."""
    for run in failed(facts):
        if run.literal is not None and unmapped(run.target) != run.target and "." in unmapped(run.target):
            return f"given {run.target} it made {count(len(run.tried), 'attempt')}, and did not succeed"
    return ""


def bind_fails(facts: Facts) -> str:
    """Its output says that it cannot bind the local address of a connection, because of its family."""
    line = facts.says(Sign.OTHER_FAMILY, Sign.INVALID, Sign.NO_FAMILY)
    return (
        f'its output says "{line}"'
        if re.search(r"\bbind", line) and facts.host.ipv6_sockets and not facts.listens
        else ""
    )


def taken_for_failure(facts: Facts) -> str:
    """It reports that an attempt is in progress as an error, or leaves a new connection at once for another address."""
    line = facts.says(Sign.IN_PROGRESS)
    if line and any(failed(facts)) and not _waits_for_attempts(facts):
        return f'its output says "{line}": the attempt had begun, and went on'
    for run in failed(facts):
        for item, other in pairwise(run.tried):
            if other.address != item.address and item.after <= other.at - item.at < _AT_ONCE and _unused(item):
                return f"{item.address} answered at once; it sent nothing there, and tried {other.address}"
    return ""


def _waits_for_attempts(facts: Facts) -> bool:
    """Return whether each unanswered attempt of a failed run was followed by the next one, or by the end, after a time.

    SO_SNDTIMEO ends connect() on a blocking socket after a time, with EINPROGRESS too.
    """
    waits = [
        (run.tried[number].at if number < len(run.tried) else run.seconds) - item.at
        for run in failed(facts)
        for number, item in enumerate(run.tried, start=1)
        if item.how is How.IGNORED
    ]
    return bool(waits) and min(waits) > _SOON


def _unused(item: Tried) -> bool:
    """Return whether a connection was established at once, and the connector sent nothing on it."""
    return item.how is How.ANSWERED and not item.sent and item.after < _AT_ONCE


def ignores_failure(facts: Facts) -> str:
    """Given texts that are no addresses, it made no attempt and reported success: it has not misread them."""
    runs = [run for run in facts.runs if run.literal is None and run.reports_success]
    if facts.requirement != "ADDR-002" or not runs or any(run.tried for run in runs):
        return ""
    return f"given {runs[0].target}, which is no address, it made no connection attempt and reported success"


def uses_proxy(facts: Facts) -> str:
    """Given an IPv6 address, it tried only the proxy of its environment, which its output names."""
    for run in failed(facts):
        for host, port in facts.proxies if run.literal is Family.IPV6 and not run.tried else ():
            ends = re.compile(rf"(?<!\d){port}(?!\d)")
            line = next((line for _, line in facts.signs if names(line, host) and ends.search(line)), "")
            if line:
                return f'given {run.target} it made no attempt there, and its output names a proxy: "{line}"'
    return ""


def sends_nothing_unnoticed(facts: Facts) -> str:
    """A client over UDP reported success, knew an address of a family that the host has, and sent nothing to it."""
    for run in failed(facts) if facts.transport == Transport.UDP.value else ():
        first = next((item for item in _addresses(run) if Family.of(item) in facts.host.families), "")
        if run.reports_success and first and not run.tried and not run.may_be_inside:
            return f"it knew {first} and reported success, and no packet was sent there"
    return ""


def dialled(facts: Facts) -> str:
    """It had an address and used it: connect() or sendto() has failed with an error, or it reported success."""
    line = facts.says(*_NOT_SENT, Sign.IN_PROGRESS, Sign.ONE_FAMILY_ASKED)
    if line and not facts.listens:
        return f'it had an address: its output says "{line}"'
    return "it reported success, so it had an address" * any(run.reports_success for run in failed(facts))


def socket_fails(facts: Facts) -> str:
    """Its socket cannot be used with the address that it had, or it did not notice that."""
    line = facts.says(*_OF_SOCKET, Sign.IN_PROGRESS)
    if line:
        return f'its output says "{line}"'
    return "it reported success" * any(run.reports_success for run in failed(facts))


def socket_of_other_family(facts: Facts) -> str:
    """Its output says that an address has a different family from its socket."""
    by_name = any(run.literal is None for run in failed(facts))
    line = facts.says(Sign.OTHER_FAMILY, *([Sign.ONE_FAMILY_ASKED] if by_name else []))
    if line and any(failed(facts)):
        return f'its output says "{line}"'
    line = next((line for line in facts.lines(Sign.NO_FAMILY, Sign.INVALID) if not _OTHER_CALL.search(line)), "")
    complete = len(facts.host.families) == len(BOTH)
    if not line or facts.listens or not facts.host.ipv6_sockets or not any(failed(facts)):
        return ""
    if not complete and not (facts.says(Sign.INVALID) and all(_towards_ipv4(run) for run in failed(facts))):
        return ""
    where = "this host has both families" if complete else "its target is an IPv4 address"
    return f'{where}, and its output says "{line}"'


def address_is_short(facts: Facts) -> str:
    """Towards IPv6 addresses alone connect() or sendto() failed with EINVAL: the length of the address is too small.

    On a socket of the other family it is EAFNOSUPPORT. A link-local address without a zone gets EINVAL, too.
    """
    line = next(filter(_SENDS.search, facts.lines(Sign.INVALID)), "")
    runs = list(failed(facts)) if Family.IPV6 in facts.host.families and not _OTHER_CALL.search(line) else []
    own = [ipaddress.ip_address(item.partition("%")[0]) for run in runs for item in _addresses(run)]
    unsent = own and not any(run.tried or not _addresses(run) for run in runs)
    if not line or not unsent or any(Family.of(item) is IPV4 or item.is_link_local for item in own):
        return ""
    return f'its target is an IPv6 address, and its output says "{line}": the length of the address is too small'


def _towards_ipv4(run: Run) -> bool:
    """Return whether a run knew IPv4 addresses alone."""
    return {Family.of(item) for item in _addresses(run)} == {IPV4}


def _addresses(run: Run) -> tuple[str, ...]:
    """Return the addresses that a run knew: its literal, or those from DNS."""
    return (run.target,) if run.literal else run.known


def used_after_failure(facts: Facts) -> str:
    """The only address that it tried had refused, and its output says that writing or reading failed."""
    signs = (Sign.REFUSED, Sign.PIPE, Sign.NOT_CONNECTED, Sign.NO_NETWORK, Sign.NO_HOST)
    line = next((line for sign, line in facts.signs if sign in signs and _USED.search(line)), "")
    stopped = stopped_at_first(facts) or loopback_missed(IPV4)(facts)
    if not line or not stopped:
        return ""
    return stopped if line in stopped else f'{stopped}; its output says "{line}"'
