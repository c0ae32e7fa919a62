"""What a connector did that made no connection attempt: its reader needs its output to find out why."""

from dualstack.complaint import said
from dualstack.errors import Inconclusive
from dualstack.wire.attempts import attempts
from dualstack.world.base import World
from dualstack.world.connecting import ConnectorWorld


def unattempted(world: World) -> str:
    """Return how the connector's last run ended and what it printed, as the end of a sentence.

    Empty if the connector did not run, or if its packets show an attempt.
    """
    wire = world.captured
    if not isinstance(world, ConnectorWorld) or wire is None or not world.connector_runs.done:
        return ""
    try:
        wire.require_whole()
    except Inconclusive:
        return ""
    if attempts(wire, world.connector.port, world.connector.transport):
        return ""
    run = world.connector_runs.done[-1][2]
    how = f"it {run.how} after {run.seconds:.1f} s" if run.how is not None else f"it ran for {run.seconds:.1f} s"
    return f"; {how}{said(run.output)}"
