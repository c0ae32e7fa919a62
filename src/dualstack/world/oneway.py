"""Datagrams without an answer (syslog, statsd, NetFlow): the service's output shows which of them arrived."""

import secrets
import time
from dataclasses import replace

from dualstack.deadline import Deadline
from dualstack.lab.protocol import Host, Program
from dualstack.manifest import Listen
from dualstack.prober.messages import Dial, Dialled, Outcome
from dualstack.protocols.application import Trait
from dualstack.protocols.judgement import show_pattern
from dualstack.protocols.oneway import with_token
from dualstack.protocols.registry import traits_of

_TOKEN_BYTES = 6
_LINE_SHOWN = 200


def hold_exchange(listener: Listen, dial: Dial, host: Host, program: Program | None) -> Dialled:
    """Hold one exchange of a client on ``host`` with a listener, in any protocol.

    With a one-way protocol and no service, the result says only whether the datagram was refused.
    """
    if Trait.ONE_WAY in traits_of(dial.protocol) and program is not None:
        return _send_oneway(listener, dial, host, program)
    return host.prober.dial(dial)


def _send_oneway(listener: Listen, dial: Dial, host: Host, program: Program) -> Dialled:
    """Send a datagram, and wait until the service's output shows it.

    Args:
        listener: The listener; the output must match its ``received_log``, or else its ``peer_log``.
        dial: The datagram, and the timeout.
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
        detail = (
            f"{dialled.detail}, but within {dial.timeout:g} s no line of the output matches {show_pattern(pattern)}"
        )
    else:
        outcome, detail = Outcome.ANSWERED, f'it came; the output shows "{line.strip()[:_LINE_SHOWN]}"'
    return replace(dialled, outcome=outcome, seconds=time.monotonic() - began, detail=detail)
