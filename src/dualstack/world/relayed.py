"""What the server of a relay has seen, compared with what its client has seen."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import Accepted, Dialled, Outcome
from dualstack.transport import Transport
from dualstack.wire.evidence import CaptureData
from dualstack.wire.expect import Fate, attempts
from dualstack.wire.formatting import conversation

BETWEEN_HEADS = "\r\n\r\n"
"""What is between the heads of the requests of one connection, in what the lab's server reports."""

NOT_ACCEPTED = frozenset({Outcome.REFUSED, Outcome.UNREACHABLE})
"""Results of clients that a relay has not accepted: they say nothing about its connections to its server."""


def arrivals(before: Sequence[Accepted], now: Sequence[Accepted]) -> tuple[Accepted, ...]:
    """Return the connections of a server that are new, or on which something came since it was last looked at.

    A relay may keep connections open. Of those ``received`` counts only what came since, and ``head`` has only that.

    Args:
        before: All connections at the last look.
        now: All connections now, those of the last look first.
    """
    kept = [_since(old, item) for old, item in zip(before, now, strict=False)]
    return (*(item for item in kept if item.received), *now[len(before) :])


def _since(old: Accepted, now: Accepted) -> Accepted:
    """Return a connection with what came on it since it was looked at before."""
    head = now.head.removeprefix(old.head)
    return replace(now, received=now.received - old.received, head=head.removeprefix(BETWEEN_HEADS))


def heads_in(arrived: Sequence[Accepted]) -> list[str]:
    """Return the head of each HTTP request that came on these connections."""
    return [head for item in arrived for head in item.head.split(BETWEEN_HEADS) if head]


def seen(arrived: Sequence[Accepted]) -> str:
    """Return from where and over which family the server was reached, as a clause."""
    ways = dict.fromkeys(f"over {Family.of(item.address).label} from {item.peer}" for item in arrived)
    return f"the server was reached {' and '.join(ways)}" if ways else "nothing reached the server"


def back_leg(back: Family, arrived: Sequence[Accepted], own: Collection[str]) -> Finding:
    """Return whether the server was reached over a family, from one of the relay's ``own`` addresses."""
    fine = bool(arrived) and all(Family.of(item.address) is back and item.peer in own for item in arrived)
    return Finding(fine, f"the server is reached over {back.label}, from an address of the relay", seen(arrived))


def same_bytes(dialled: Dialled, arrived: Sequence[Accepted]) -> Finding:
    """Return whether one connection carried as many bytes as the client sent; the echo has shown which ones.

    Others may be health checks of the relay.
    """
    sent, received = len(dialled.sent), [item.received for item in arrived]
    happened = f"it got {' and '.join(map(str, received)) or 'nothing'}" + " on different connections" * (
        len(received) > 1
    )
    return Finding(sent in received, f"the server receives the {sent} bytes that the client sent", happened)


def reached_over(wire: CaptureData, port: int, transport: Transport, family: Family) -> Finding:
    """Some attempt over ``family`` to reach ``port`` is answered.

    Raises:
        Inconclusive: The capture is incomplete.
    """
    wire.require_whole()
    found = [item.fate for item in attempts(wire, port, transport, family)]
    return Finding(
        Fate.ANSWERED in found,
        f"an attempt over {family.label} to reach the server is answered",
        f"{found.count(Fate.ANSWERED)} of {len(found)} are",
        packets=conversation(wire, [port]),
    )
