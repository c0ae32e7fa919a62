"""Datagrams that have no answer (syslog, statsd, NetFlow): the service's output shows which of them came."""

import secrets
import time
from dataclasses import replace

from dualstack.deadline import Deadline
from dualstack.lab.protocol import Host, Program
from dualstack.manifest import Listen
from dualstack.prober.dialogue import with_token
from dualstack.prober.messages import Dial, Dialled, Outcome

_TOKEN_BYTES = 6
_LINE_SHOWN = 200


def send_oneway(listener: Listen, dial: Dial, host: Host, program: Program) -> Dialled:
    """Send a datagram, and wait until the service's output shows that it came.

    Args:
        listener: The listener: its ``received_log``, or else ``peer_log``, is what the output must show.
        dial: The datagram, and how long to wait.
        host: The host that it is sent from.
        program: The service.

    Returns:
        ANSWERED if the output shows it, REFUSED or UNREACHABLE after an ICMP error, SILENT otherwise.
    """
    token, since, began = secrets.token_hex(_TOKEN_BYTES), program.log().size, time.monotonic()
    dialled = host.prober.dial(replace(dial, send=with_token(dial.send or "", token)))
    if dialled.outcome is not Outcome.ANSWERED:
        return dialled
    pattern = with_token(listener.received_log or listener.peer_log or "", token)
    line = program.wait_log(pattern, Deadline(dial.timeout, "the datagram to show in the log"), since)
    if line is None:
        outcome = Outcome.SILENT
        detail = f"{dialled.detail}, but within {dial.timeout:g} s no line of the output matches {pattern!r}"
    else:
        outcome, detail = Outcome.ANSWERED, f'it came; the output shows "{line.strip()[:_LINE_SHOWN]}"'
    return replace(dialled, outcome=outcome, seconds=time.monotonic() - began, detail=detail)
