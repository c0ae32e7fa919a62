"""The messages between a prober's client (in the test process) and its agent (inside a lab host).

One JSON object a line, over a stream. A request is ``{"id": n, "do": "<its class>", "with": {<its fields>}}``. The
answer is ``{"id": n, "ok": <answer>}``, or ``{"id": n, "error": "<message>", "kind": "<an exception of
dualstack.errors>"}``. Answers come in any order. Bytes travel as Latin-1 text. The stream's end ends the agent and,
with it, its host.

This package exports the messages that tests and suites use; the others are imported from its modules.
"""

from dualstack.prober.messages.advertising import Advertise
from dualstack.prober.messages.connections import MOST_CLIENTS, Ends, Linger, Stage
from dualstack.prober.messages.datagrams import Forge, Heard, Sender, Volley, Volleyed
from dualstack.prober.messages.exchanges import Dial, Dialled, Outcome
from dualstack.prober.messages.idling import Idle, Idled, alike_until
from dualstack.prober.messages.load import Load, Loaded
from dualstack.prober.messages.naming import Names, Query, Resolved
from dualstack.prober.messages.programs import (
    PATIENCE,
    Await,
    Exit,
    Launch,
    Limits,
    Log,
    Readiness,
    Spent,
    Vitals,
)
from dualstack.prober.messages.serving import Accepted, Hold, Serve
from dualstack.prober.messages.tables import AddressRow, RouteRow, SocketRow

__all__ = [
    "MOST_CLIENTS",
    "PATIENCE",
    "Accepted",
    "AddressRow",
    "Advertise",
    "Await",
    "Dial",
    "Dialled",
    "Ends",
    "Exit",
    "Forge",
    "Heard",
    "Hold",
    "Idle",
    "Idled",
    "Launch",
    "Limits",
    "Linger",
    "Load",
    "Loaded",
    "Log",
    "Names",
    "Outcome",
    "Query",
    "Readiness",
    "Resolved",
    "RouteRow",
    "Sender",
    "Serve",
    "SocketRow",
    "Spent",
    "Stage",
    "Vitals",
    "Volley",
    "Volleyed",
    "alike_until",
]
