"""Facts about how long a connector waits for addresses that do not answer, and what limits that time."""

from itertools import pairwise

from dualstack.causes.connecting import PATIENT, SLOW, failed, slow_attempts, waits
from dualstack.facts import Facts, How

_KERNEL = 60.0
"""Seconds after which the kernel may have ended an attempt by itself: 67 to 127 s with the default of Linux."""

_ANSWERED_BY = 0.2
"""Seconds within which servers on the lab's link answer a SYN, unless the SYN ACK is held."""


def tries_again(facts: Facts) -> str:
    """In a run that failed it tried an address again, with a new connection: the attempt before had a time limit."""
    again = next((run for run in failed(facts) if run.repeats), None)
    return f"for {again.target} it tried {again.repeats} again, with a new connection" if again else ""


def next_after_limit(facts: Facts) -> str:
    """In a run that failed the next attempt came late, and before the kernel ended the one before: that was limited.

    A pause of less than `PATIENT` may be that of attempts that overlap.
    """
    for run in failed(facts):
        for one, other in pairwise(run.tried):
            pause, begins = other.at - one.at, f"its attempt to {other.address} began"
            if one.how is How.IGNORED and other.address != one.address and PATIENT < pause < _KERNEL:
                return f"{begins} {pause:.1f} s after the one to {one.address}, which was not answered"
    return ""


def whole_has_no_limit(facts: Facts) -> str:
    """It limits the time of each attempt, and when it was stopped it was still waiting."""
    next_one, waiting = next_after_limit(facts), waits_for_all(facts)
    return f"{next_one}; {waiting}" if next_one and waiting else ""


def waits_for_dead_address(facts: Facts) -> str:
    """When it was stopped it had been waiting for an address, longer than DNS-002 allows, and not tried another one."""
    for run in failed(facts):
        waited = run.seconds - run.tried[-1].at if waits(run) and run.untried else 0.0
        if run.literal is None and waited > PATIENT and not run.repeats:
            return f"{waited:.1f} s after its attempt it was still waiting for {run.tried[-1].address}"
    return ""


def aborts_attempts(facts: Facts) -> str:
    """It had given up an attempt when that was answered, kept no other connection, and failed."""
    for run in failed(facts):
        for item in () if any(item.kept for item in run.tried) else run.tried:
            if item.how is How.ANSWERED and not item.sent and item.after >= _ANSWERED_BY:
                return f"{item.address} answered after {item.after:.2f} s, and it sent nothing on that connection"
    return ""


def waits_for_all(facts: Facts) -> str:
    """At its timeout it had tried every address and none had answered, or no address answers in this case."""
    for run in failed(facts):
        if not waits(run) or run.literal is not None or any(item.how is not How.IGNORED for item in run.tried):
            continue
        waited = run.seconds - run.tried[0].at
        if waited <= PATIENT and facts.requirement != "CONNECT-012":
            continue  # it was stopped early, so nothing is known about its limit
        since = f"{waited:.1f} s after its first attempt it was still waiting"
        if not run.untried:
            return f"{since}, although it had tried every address"
        if facts.requirement == "CONNECT-012":
            return f"{since} for {run.tried[-1].address}"
    return ""


def quick_and_complete(facts: Facts) -> str:
    """No run waited long."""
    long = slow_attempts(facts) or waits_for_dead_address(facts) or any(run.seconds > SLOW for run in facts.runs)
    return "" if long or facts.listens or not facts.runs else "no run waited longer than a second"
