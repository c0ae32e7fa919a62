"""Whether concurrent clients are shown their own addresses, or those of each other, in answers or in the log."""

import re
from collections.abc import Mapping, Sequence

from dualstack.deadline import Deadline
from dualstack.families import Family, unmapped
from dualstack.finding import Finding, Symptom
from dualstack.manifest.shown import shown_address
from dualstack.world.concurrent_clients import ClientResult, add_client_addresses, dial_together
from dualstack.world.limits import wait_out_limits
from dualstack.world.listening import ListenerWorld

ROUNDS = 5
"""How many times the clients come, until one is shown another's address: on a busy machine they may not overlap."""

FIRST_IDENTIFIER, FIRST_HOST = 0x9101, 241
"""The interface identifier and the IPv4 host number of the first client; no host of a topology uses these."""

OF_A_FAMILY = 2
"""How many clients of each family come at the same time."""


def shows_clients_themselves(world: ListenerWorld, families: Sequence[Family]) -> None:
    """Require that concurrent clients are shown their own addresses, if the service shows any.

    That a client is shown another one's address counts if it happens twice. Any other wrong text is the subject of
    INTEROP-001 and INTEROP-002.
    """
    listener = world.listener
    if listener.peer_reply is None and listener.peer_log is None:
        return
    expected = "concurrent clients are shown their own addresses, and not each other's"
    happened = ""
    for attempt in range(2):
        sources = _fresh(world, families, attempt)
        fault = _answers_mix(world, sources) if listener.peer_reply is not None else _log_mixes(world, sources)
        if not fault:
            happened = f"once {happened}, and then no more" if happened else "they are"
            world.require(Finding(True, expected, happened))
            return
        world.note(fault)
        happened = fault
        wait_out_limits()
    world.require(Finding(False, expected, f"twice {happened}", symptoms=(Symptom.OTHERS_ADDRESS,)))


def _fresh(world: ListenerWorld, families: Sequence[Family], attempt: int) -> list[str]:
    """Give the client's host addresses from which no client has come yet; return them."""
    plan = world.lab.plan
    numbers = range(attempt * OF_A_FAMILY, (attempt + 1) * OF_A_FAMILY)
    sources = [
        str(plan.ipv4[FIRST_HOST + number] if family is Family.IPV4 else plan.ipv6[FIRST_IDENTIFIER + number])
        for number in numbers
        for family in families
    ][: world.listener.clients]
    add_client_addresses(world, sources)
    return sources


def _answers_mix(world: ListenerWorld, sources: Sequence[str]) -> str:
    """Return which client's answer shows another client's address; empty if none does."""
    pattern = world.listener.peer_reply or ""
    for _ in range(ROUNDS):
        fault = mixed_answers({one.name: _found(pattern, one) for one in dial_together(world, sources)})
        if fault:
            return fault
    return ""


def _found(pattern: str, result: ClientResult) -> list[str]:
    """Return the addresses that the answers to a client show."""
    found = (re.search(pattern, answer) for answer in result.answers)
    return [_address(match[1] or "", result.name) for match in found if match]


def _address(caught: str, client: str) -> str:
    """Return a shown address, an IPv4-mapped one as IPv4; empty if the text is none."""
    try:
        return unmapped(shown_address(caught, client).strip("[]"))
    except ValueError:
        return ""


def mixed_answers(shown: Mapping[str, Sequence[str]]) -> str:
    """Return which client is shown the address of another one; empty if none is.

    Args:
        shown: By the address of each client: the addresses that its answers show.
    """
    for client, addresses in shown.items():
        for address in addresses:
            if address != client and address in shown:
                return f"the client at {client} is shown {address}, the address of a client that came at the same time"
    return ""


def _log_mixes(world: ListenerWorld, sources: Sequence[str]) -> str:
    """Return which client is missing in the log, although that has as many lines about them; empty if none is."""
    came = [one.name for one in dial_together(world, sources) if one.answered]
    deadline = Deadline(world.subject.manifest.timeouts.exchange, "the clients in the log")
    deadline.until(lambda: set(came) <= set(_logged(world, sources)))
    return missing_in_log(came, _logged(world, sources))


def _logged(world: ListenerWorld, sources: Sequence[str]) -> list[str]:
    """Return the address in each line of the log that shows one of the clients."""
    pattern, text = world.listener.peer_log or "", world.service.log.text
    found = (match[1] or "" for line in text.splitlines() if (match := re.search(pattern, line)))
    return [address for caught in found for source in sources if (address := _address(caught, source)) == source]


def missing_in_log(came: Sequence[str], logged: Sequence[str]) -> str:
    """Return which client is missing in the log; empty if none is, or if the log has fewer lines than clients came.

    Args:
        came: The clients that were answered.
        logged: The client that each line about one of them shows.
    """
    missing = [client for client in came if client not in logged]
    if not missing or len(logged) < len(came):
        return ""
    often = max(set(logged), key=logged.count)
    return f"the log has no line about the client at {missing[0]}, and {logged.count(often)} about the one at {often}"
