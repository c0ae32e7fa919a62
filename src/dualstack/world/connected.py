"""What the packets show of a connector's connections."""

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.manifest import Connect
from dualstack.wire.attempts import Fate, attempts
from dualstack.wire.dialling import tried
from dualstack.wire.evidence import CaptureData
from dualstack.world.runs import Run


def over_text(family: Family | None) -> str:
    """Return `` over IPv4``; nothing without a family."""
    return f" over {family.label}" if family is not None else ""


def connected(wire: CaptureData, *, port: int, family: Family | None, where: str, run: Run) -> Finding:
    """Return whether the packets show a connection of a run, over a family or (None) either."""
    made = [item for item in attempts(wire, port) if family in (None, item.family) and item.fate is Fate.ANSWERED]
    return Finding(
        bool(made),
        f"it connects to {where}{over_text(family)}",
        f"it connected: {run.reached}" if made else run.problem,
    )


def datagrams_over(wire: CaptureData, port: int, family: Family, connector: Connect) -> Finding:
    """Return whether every datagram to ``port`` is a packet of ``family``."""
    seen = {attempt.family for attempt in tried(wire, port, connector.transport)}
    labels = ", ".join(sorted(item.label for item in seen))
    return Finding(seen == {family}, f"every datagram to port {port} is {family.label}", f"they are {labels}")
