"""A daemon whose server goes away."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from dualstack.errors import NothingToJudge
from dualstack.families import BOTH
from dualstack.world.connecting import ConnectorWorld
from dualstack.world.daemons import Daemon
from dualstack.world.kept import Kept


@dataclass(frozen=True, slots=True)
class Deserted:
    """A daemon after its server has gone.

    Attributes:
        daemon: The daemon.
        since: When its server went, in seconds since the epoch.
        before: How many attempts of its host had failed until then.
        clients: How many connections the server had accepted until then; some of them may have ended.
    """

    daemon: Daemon
    since: float
    before: int
    clients: int


@contextlib.contextmanager
def deserted(world: ConnectorWorld) -> Iterator[Deserted]:
    """Let a daemon connect to a dual-stack server by name, end the server, and yield the daemon.

    If it makes several connections, the server ends when their number is settled.

    Raises:
        NothingToJudge: It does not connect.
    """
    with (
        world.names(a="ttl-1", aaaa="ttl-1") as name,
        world.serve(*BOTH) as serving,
        world.connector_runs.running(name, serving) as daemon,
    ):
        if not (daemon.wait_ready() and daemon.exchange(serving, world.subject.manifest.timeouts.connect)):
            raise NothingToJudge(f"the daemon does not connect (CONNECT-003): {daemon.fault}")
        if world.connector.trigger is None:  # else it makes its connections when it is triggered
            Kept(serving).settle()
        clients = len(serving.accepted())
        left = Deserted(daemon, time.time(), world.host.prober.failed_attempts(), clients)
        serving.close()
        world.note("the server ends its connections and listens no more")
        yield left
