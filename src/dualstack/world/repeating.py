"""Dials failed clients again, at the end of a case: whether they failed for their family, or for when they came."""

import contextlib
from collections.abc import Sequence

from dualstack.errors import DualstackError
from dualstack.facts import Exchange, How
from dualstack.families import BOTH
from dualstack.finding import Finding
from dualstack.world.client import Client
from dualstack.world.service import Service

_GROUPS = ("LISTEN", "INTEROP", "UDP")
"""Groups of requirements about ordinary clients, which nothing but the service itself disturbs."""


def dial_again(group: str, service: Service, client: Client, findings: Sequence[Finding]) -> None:
    """Dial again the clients that failed where only the order in which all clients came distinguishes the families.

    Args:
        group: The requirement's group.
        service: The service; nothing is done unless it was ready, and reachable over both families.
        client: Its clients.
        findings: The findings of the case; nothing is done unless one has failed.
    """
    program = service.current
    own = [item for item in client.exchanges if item.port == service.listener.port and not item.inside]
    failed = any(not item.ok for item in findings) and service.was_ready and len(service.families) == len(BOTH)
    if group not in _GROUPS or not failed or program is None or service.listener.single_shot or not own:
        return
    with contextlib.suppress(DualstackError):  # the case has its result: this only looks for the cause
        if program.poll() is None:
            for item in only_before_others(own):
                client.note("that client came before any other was answered: dial once more")
                _repeat(client, item)
        elif (last := next((item for item in own if item.how is not How.ANSWERED), None)) is not None:
            for item in unseen_as_first(own, last):
                client.note("the service has ended: start it again, and begin with the other order of clients")
                service.restart()
                _repeat(client, item)


def only_before_others(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Return the last failed client of each family whose clients came only before the first answered one.

    A refusal is no reason: it shows that the socket was missing.
    """
    start = exchanges[-1].start
    own = [item for item in exchanges if item.start == start]
    first = next((at for at, item in enumerate(own) if item.how is How.ANSWERED), None)
    if first is None:
        return []
    found = []
    for family in BOTH:
        last = max((at for at, item in enumerate(own) if item.family is family), default=-1)
        if 0 <= last < first and own[last].how is not How.REFUSED:
            found.append(own[last])
    return found


def unseen_as_first(exchanges: Sequence[Exchange], last: Exchange) -> list[Exchange]:
    """Return the client with which the service ended, and one of the other family, unless it was the first of a start.

    Args:
        exchanges: All exchanges.
        last: The first client that was not answered.
    """
    first = [item for number, item in enumerate(exchanges) if not number or exchanges[number - 1].start < item.start]
    other = next((item for item in exchanges if item.family is not last.family), None)
    wanted = [] if last.is_large or any(item.is_like(last) for item in first) else [last]
    if other is not None and all(item.family is not other.family for item in first):
        wanted.append(other)
    return wanted


def _repeat(client: Client, item: Exchange) -> None:
    """Hold an exchange from the same address with the same address again."""
    client.dial(item.family, item.address, source="" if "%" in item.address else item.source)
