"""Ready when an exchange succeeds: for services that accept connections before they can answer."""

import time
from collections.abc import Sequence
from dataclasses import replace

from dualstack.deadline import Deadline
from dualstack.families import Family
from dualstack.lab.protocol import Lab, Program
from dualstack.manifest import Listen, Reach
from dualstack.prober.messages import Dial, Outcome, Readiness, dial_to
from dualstack.world.clients import in_the_house, on_the_host

_AGAIN = 0.1
"""Seconds between two rounds of exchanges."""

_LOGGED = 1.0
"""Seconds within which the service must have logged the exchange, where it logs its clients."""

_TURNED_AWAY = frozenset({Outcome.SILENT, Outcome.WRONG})


def await_exchange(
    listener: Listen, lab: Lab, program: Program, families: Sequence[Family], seconds: float, *, restricted: bool
) -> Readiness:
    """Hold exchanges with a listener from the service's own host, until one succeeds; none crosses the link.

    Args:
        listener: The listener.
        lab: The lab.
        program: The service, whose sockets and output show that it is ready.
        families: The families that it is expected to serve.
        seconds: How long it may take.
        restricted: Whether the service may turn its own host away; being turned away is enough then.
    """
    began = time.monotonic()
    deadline = Deadline(seconds, "an exchange to succeed")
    enough = {Outcome.ANSWERED} | (_TURNED_AWAY if restricted else set())
    dials, logged, already = _dials(listener, lab, families), program.log().size, program.poll()
    detail = ""
    while True:
        for dial in dials:
            timeout = min(dial.timeout, max(deadline.remaining, _AGAIN))
            dialled = lab.hosts["service"].prober.dial(replace(dial, timeout=timeout))
            detail = f"an exchange with {listener.name!r} from its own host did not succeed: {dialled.detail}"
            if dialled.outcome in enough:
                if listener.peer_log is not None:  # or the next client would be taken for this one
                    program.wait_log(listener.peer_log, Deadline(_LOGGED, "the exchange to be logged"), logged)
                return Readiness(True, program.poll(), time.monotonic() - began, "it is ready")
        if not dials:
            return Readiness(True, already, 0.0, "it is ready; it is expected to serve no family here")
        pause = Deadline(min(_AGAIN, deadline.remaining), "the service to end")
        # What went into the background has ended before: its children are the service.
        if pause.until(lambda: already is None and program.poll() is not None) or deadline.expired:
            ended = program.poll()
            words = f"it {ended}; {detail}" if ended is not None else detail
            return Readiness(False, ended, time.monotonic() - began, words)


def _dials(listener: Listen, lab: Lab, families: Sequence[Family]) -> list[Dial]:
    """Return an exchange with each address of the service's host, from that address itself.

    Loopback addresses are the last ones, for a host that has no other yet.
    """
    places = [on_the_host(lab)] if listener.reach is Reach.LOOPBACK else [in_the_house(lab), on_the_host(lab)]
    return [
        replace(dial_to(listener, address), source=address)
        for clients in places
        for family in families
        for address in clients.addresses[family]
    ]
