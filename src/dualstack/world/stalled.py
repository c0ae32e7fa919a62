"""Answers that get stuck: a client gets none of the data, and the service waits for its acknowledgement."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from time import monotonic

from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import Dialled, Outcome
from dualstack.world.bulk import BULK, dial_bulk
from dualstack.world.listening import ListenerWorld

LATE = 1.5
"""Seconds that an end may be late on a busy machine."""

LOOK_INTERVAL = 0.05
"""Seconds between two looks at the sockets of the service."""


@dataclass(frozen=True, slots=True)
class Stall:
    """What became of a connection over which a bulk answer was sent.

    Attributes:
        dialled: The client's exchange.
        seen: Whether the service was seen to have a socket for it.
        ended: Seconds until the service had no socket for it any more; None if it still has one.
    """

    dialled: Dialled
    seen: bool
    ended: float | None


def stall(world: ListenerWorld, family: Family, seconds: float) -> Stall:
    """Ask for a bulk answer, and watch the service's sockets for ``seconds``, or until the answer arrives."""
    program = world.service.program
    before = {*program.tcp_sockets()}
    start = monotonic()
    seen, ended = False, None
    with ThreadPoolExecutor(1) as pool:
        client = pool.submit(dial_bulk, world, family, timeout=seconds)
        while not _is_done(client):
            if {*program.tcp_sockets()} - before:
                seen, ended = True, None
            elif seen and ended is None:
                ended = monotonic() - start
    return Stall(client.result(), seen, ended)


def _is_done(client: Future[Dialled]) -> bool:
    """Wait a moment for the end of the client; return whether it has ended."""
    return bool(wait([client], timeout=LOOK_INTERVAL).done)


def ends_stalled(world: ListenerWorld, family: Family, limit: float) -> Finding | None:
    """Return whether the service ends a connection that does not progress, or its answer arrives in the end.

    Args:
        world: The case.
        family: The family of the connection.
        limit: The seconds after which it says that it ends it.

    Returns:
        The finding; None if no socket of the service was seen for the connection.
    """
    stalled = stall(world, family, limit + LATE)
    expected = f"a bulk answer over {family.label} that the path loses arrives in the end, or is given up"
    expected += f" within {limit:g} s"
    if stalled.dialled.outcome is Outcome.ANSWERED:
        return Finding(True, expected, f"{BULK} bytes arrived after {stalled.dialled.seconds:.1f} s")
    if not stalled.seen:
        return None
    if stalled.ended is not None:
        return Finding(True, expected, f"the service ended the connection after {stalled.ended:.1f} s")
    happened = f"the service still has the connection after {limit + LATE:g} s: {stalled.dialled.detail}"
    return Finding(False, expected, happened, symptoms=(Symptom.STALLED,))
