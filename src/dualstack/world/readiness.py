"""Ready when an exchange succeeds: for services that accept connections before they can answer."""

import re
import time
from collections.abc import Sequence
from dataclasses import replace

from dualstack.deadline import Deadline
from dualstack.families import BOTH, Family
from dualstack.lab.protocol import Lab, Program
from dualstack.manifest import Listen, Scope, Subject
from dualstack.prober.messages import Await, Dial, Outcome, Readiness
from dualstack.service import dial_to
from dualstack.topology import Topology
from dualstack.world.clients import local_clients, loopback_clients

_ROUND_INTERVAL = 0.1
"""Seconds between two rounds of exchanges."""

_LOG_TIMEOUT = 1.0
"""Seconds to wait until a service that logs its clients has logged the exchange."""

_NO_ADDRESS = re.compile(r"(?i)cannot assign requested address|address not available|EADDRNOTAVAIL")
"""What programs print if an address to bind does not exist: strerror's text with two C libraries, or its name."""

_DENIED = frozenset({Outcome.SILENT, Outcome.WRONG})


def wait_ready(subject: Subject, lab: Lab, program: Program, condition: Await, *, restricted: bool) -> Readiness:
    """Wait until a service is ready as its manifest says, with an exchange if the manifest asks for one.

    Args:
        subject: The service's manifest, with one of its configurations.
        lab: The lab.
        program: The service.
        condition: The condition, with the timeout for the whole wait.
        restricted: Whether an access list may deny the service's own host.
    """
    readiness = program.wait_ready(condition)
    if not readiness.ready or not subject.manifest.ready.exchange:
        return readiness
    left = max(condition.timeout - readiness.seconds, 0.0)
    found = await_exchange(subject.listen[0], lab, program, condition.families, left, restricted=restricted)
    return replace(found, seconds=readiness.seconds + found.seconds)


def await_exchange(
    listener: Listen, lab: Lab, program: Program, families: Sequence[Family], seconds: float, *, restricted: bool
) -> Readiness:
    """Hold exchanges with a listener from the service's own host until one succeeds; none reaches the link.

    Args:
        listener: The listener.
        lab: The lab.
        program: The service; its sockets and output have shown that it is ready.
        families: The families that it is expected to serve.
        seconds: The timeout.
        restricted: Whether an access list may deny its own host; a denied exchange counts as success then.
    """
    began = time.monotonic()
    deadline = Deadline(seconds, "an exchange to succeed")
    enough = {Outcome.ANSWERED} | (_DENIED if restricted else set())
    dials, logged, already = _dials(listener, lab, families), program.log().size, program.poll()
    detail = ""
    while True:
        for dial in dials:
            timeout = min(dial.timeout, max(deadline.remaining, _ROUND_INTERVAL))
            dialled = lab.hosts["service"].prober.dial(replace(dial, timeout=timeout))
            detail = f"an exchange with {listener.name!r} from its own host did not succeed: {dialled.detail}"
            if dialled.outcome in enough:
                if listener.peer_log is not None:  # otherwise it would be attributed to the next client
                    program.wait_log(listener.peer_log, Deadline(_LOG_TIMEOUT, "the exchange to be logged"), logged)
                return Readiness(True, program.poll(), time.monotonic() - began, "it is ready")
        if not dials:
            return Readiness(True, already, 0.0, "it is ready; it is expected to serve no family here")
        pause = Deadline(min(_ROUND_INTERVAL, deadline.remaining), "the service to end")
        # A service that has daemonised had ended before: its children are the service.
        if pause.until(lambda: already is None and program.poll() is not None) or deadline.expired:
            ended = program.poll()
            words = f"it {ended}; {detail}" if ended is not None else detail
            return Readiness(False, ended, time.monotonic() - began, words)


def _dials(listener: Listen, lab: Lab, families: Sequence[Family]) -> list[Dial]:
    """Return an exchange with each address of the service's host, from that address itself.

    Loopback addresses are last: a host may have no other yet.
    """
    places = (
        [loopback_clients(lab)] if listener.scope is Scope.LOOPBACK else [local_clients(lab), loopback_clients(lab)]
    )
    return [
        replace(dial_to(listener, address), source=address)
        for clients in places
        for family in families
        for address in clients.addresses[family]
    ]


def missing_loopback(topology: Topology, output: str) -> str:
    """Return that the host has no loopback address of a family, if that may be why the service is not ready.

    Args:
        topology: The topology.
        output: The service's output; it must say that an address does not exist.

    Returns:
        The end of a sentence; empty if the output does not say so, or all loopback addresses exist.
    """
    missing = [family.loopback for family in BOTH if family not in topology.loopbacks()]
    line = next((line.strip() for line in output.splitlines() if missing and _NO_ADDRESS.search(line)), "")
    if not line:
        return ""
    return f'; this host has no {" and no ".join(missing)}, and the service says: "{line[:200]}"'
