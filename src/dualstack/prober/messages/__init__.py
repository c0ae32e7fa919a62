"""The messages between a prober's client (in the test process) and its agent (inside a lab host).

One JSON object a line, over a stream. A request is ``{"id": n, "do": "<its class>", "with": {<its fields>}}``. The
answer is ``{"id": n, "ok": <answer>}``, or ``{"id": n, "error": "<message>", "kind": "<an exception of
dualstack.errors>"}``. Answers come in any order. Bytes travel as Latin-1 text. The stream's end ends the agent and,
with it, its host.

This package exports the messages that tests and suites use; the others are imported from its modules.
"""

from dualstack.prober.messages.advertising import Advertise
from dualstack.prober.messages.connections import MOST_CLIENTS, Ends, HoldConnections, Stage
from dualstack.prober.messages.datagrams import DatagramBatch, ReceivedDatagram, Sender, SenderResult, SpoofedDatagram
from dualstack.prober.messages.exchanges import Dial, Dialled
from dualstack.prober.messages.idling import Idle, Idled, alike_until
from dualstack.prober.messages.load import Load, LoadResult
from dualstack.prober.messages.naming import Names, Query, Resolved
from dualstack.prober.messages.programs import (
    STARVATION_FACTOR,
    Await,
    Contained,
    Exit,
    Launch,
    Limits,
    Log,
    Place,
    Readiness,
    ResourceUsage,
    ThreadTime,
)
from dualstack.prober.messages.serving import Accepted, Hold, Serve
from dualstack.prober.messages.tables import AddressRow, RouteRow, SocketRow
from dualstack.protocols.judgement import Outcome

__all__ = [
    "MOST_CLIENTS",
    "STARVATION_FACTOR",
    "Accepted",
    "AddressRow",
    "Advertise",
    "Await",
    "Contained",
    "DatagramBatch",
    "Dial",
    "Dialled",
    "Ends",
    "Exit",
    "Hold",
    "HoldConnections",
    "Idle",
    "Idled",
    "Launch",
    "Limits",
    "Load",
    "LoadResult",
    "Log",
    "Names",
    "Outcome",
    "Place",
    "Query",
    "Readiness",
    "ReceivedDatagram",
    "Resolved",
    "ResourceUsage",
    "RouteRow",
    "Sender",
    "SenderResult",
    "Serve",
    "SocketRow",
    "SpoofedDatagram",
    "Stage",
    "ThreadTime",
    "alike_until",
]
