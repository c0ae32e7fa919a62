"""A service restarts at once, whatever connections are left on its port."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from dualstack.deadline import Deadline
from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family, unmapped
from dualstack.finding import Finding
from dualstack.prober.client import ConnectionsHandle
from dualstack.prober.messages import Outcome, SocketRow
from dualstack.protocols.application import Trait
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.transport import AppProtocol, Transport
from dualstack.world import ListenerWorld

Held = Mapping[Family, ConnectionsHandle]
"""The connections that are held open, by family."""

AFTER_STOP = 20
"""How many connections of each family are open when the service is stopped."""

AFTER_KILL = 2
"""The same when its first process is killed."""

ANY = frozenset({"ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSING", "TIME_WAIT"})
"""States of a connection that its client has not closed (RFC 9293 §3.3.2), and TIME_WAIT."""

SETTLED = 5.0
"""Seconds within which the kernel must show the new state of connections."""


@Requirement(
    id="LIFE-001",
    title="Restart while own connections are in TIME_WAIT",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="When the service is stopped while clients of both families are connected, so that it closes first and "
    "the connections stay in TIME_WAIT on its port, it starts again at once and serves each family that it served "
    "before.",
    stimulus="Hold 20 connections of each family open, each after an exchange, stop the service, have the clients "
    "close, check the kernel's socket table, start the service, and try an exchange over each family.",
    wire="Each connection attempt is answered from the address that was dialled.",
    cites=("RFC 9293 §3.3.2, §3.6", "socket(7): SO_REUSEADDR", "bind(2): EADDRINUSE"),
    topologies=("dual-stack",),
    causes=("RC-REUSEADDR",),
    needs=(Need.TCP, Need.NETWORK),
).attach
def test_restart_with_connections_in_time_wait(world: ListenerWorld) -> None:
    """The service binds its port although connections that it closed are in TIME_WAIT there."""
    served = world.served()
    apart = takes_turns(world, served)
    for families in world.rounds(served, apart=apart):
        world.ensure(families)
        held = hold(world, families, 1 if apart else AFTER_STOP)
        world.service.stop()
        await_closed(held)
        lasting = not_reset(held)
        for clients in held.values():
            clients.close()
        require_restart(world, families, left_behind(world, lasting, {"TIME_WAIT"}))
    for family in served:
        world.shows_served(family)


@Requirement(
    id="LIFE-002",
    title="Restart after a kill, with live connections",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="When its first process is killed while clients are connected, and processes that it forked keep these "
    "connections, the service starts again at once and serves each family that it served before.",
    stimulus="Hold 2 connections of each family open, send SIGKILL to the service's first process alone, start the "
    "service while the connections are still held, and try an exchange over each family.",
    wire="Each connection attempt is answered from the address that was dialled.",
    cites=("RFC 9293 §3.6", "socket(7): SO_REUSEADDR", "fork(2): open descriptors"),
    topologies=("dual-stack",),
    causes=("RC-REUSEADDR", "RC-INHERIT"),
    needs=(Need.TCP, Need.NETWORK),
).attach
def test_restart_after_a_kill(world: ListenerWorld) -> None:
    """Neither live connections nor surviving child processes prevent a new start."""
    served = world.served()
    # A web server closes a connection after its answer; on these connections nothing is sent.
    protocol = AppProtocol.CONNECT if Trait.HTTP in world.listener.traits else None
    for families in world.rounds(served, apart=takes_turns(world, served)):
        world.ensure(families)
        held = hold(world, families, AFTER_KILL, protocol)
        await_accepted(world)
        world.service.leave("SIGKILL")
        require_restart(world, families, left_behind(world, not_reset(held), ANY))
    for family in served:
        world.shows_served(family)


def takes_turns(world: ListenerWorld, served: Sequence[Family]) -> bool:
    """Return whether the service serves one client at a time, so that a held connection blocks others."""
    if len(served) < len(BOTH) or world.listener.single_shot:
        return False
    with world.client.hold(served[0], 1):
        second = world.client.dial(served[1], world.addresses(served[1])[0])
    return second.outcome is not Outcome.ANSWERED


def hold(world: ListenerWorld, families: Iterable[Family], count: int, protocol: AppProtocol | None = None) -> Held:
    """Hold ``count`` connections of each family open, and require at least one of each."""
    held = {family: world.client.hold(family, count, protocol) for family in families}
    for family, clients in held.items():
        if not clients.held:
            world.require(Finding(False, f"an {family.label} client is answered again", clients.clients[-1].detail))
    return held


def not_reset(held: Held) -> set[Family]:
    """Return the families with a connection that was not reset: a reset connection leaves no state behind."""
    return {family for family, clients in held.items() if clients.ends().reset < clients.held}


def await_accepted(world: ListenerWorld) -> None:
    """Wait until the service has accepted one of the held connections; it may have closed it again.

    Raises:
        DeadlineExpired: It has not.
    """
    deadline = Deadline(SETTLED, "the service to accept a connection")
    if not deadline.until(lambda: any(row.owner or row.state != "ESTABLISHED" for row in connections(world))):
        raise deadline.error()


def await_closed(held: Held) -> None:
    """Wait until the service has closed or reset every held connection.

    Raises:
        Inconclusive: It has not, although it was stopped.
    """
    deadline = Deadline(SETTLED, "the connections to be closed")
    if not deadline.until(lambda: all(clients.ends().open == 0 for clients in held.values())):
        raise Inconclusive("connections of the service that was stopped are still open")


def left_behind(world: ListenerWorld, lasting: Collection[Family], states: Collection[str]) -> str:
    """Return which connections are left on the service's port, in words.

    Args:
        world: The world.
        lasting: The families that must have one.
        states: The states that these may be in.

    Raises:
        Inconclusive: One is missing, so nothing would be in the way of the next start.
    """

    def shown() -> set[Family]:
        return {family_of(row) for row in connections(world) if row.state in states}

    if not Deadline(SETTLED, "the kernel to show them").until(lambda: shown().issuperset(lasting)):
        names = " and ".join(family.label for family in lasting)
        raise Inconclusive(f"the kernel does not show connections over {names} in {' or '.join(sorted(states))}")
    counted = Counter(f"{family_of(row).label} {row.state}" for row in connections(world))
    return ", ".join(f"{count} {text}" for text, count in sorted(counted.items())) or "none, because it has reset them"


def require_restart(world: ListenerWorld, families: Sequence[Family], left: str) -> None:
    """Require that the service starts again and serves the families; ``left`` are the connections on its port."""
    world.note(f"connections that are left on the service's port: {left}")
    readiness = world.service.wait_ready(world.service.launch(), families)
    happened = readiness.detail + ("" if readiness.ready else world.service.last_log_line())
    expected = f"the service starts again, whatever connections are left on its port ({left})"
    world.require(Finding(readiness.ready, expected, happened))
    if readiness.ready:
        for family in families:
            world.answers(family, world.addresses(family)[0])


def connections(world: ListenerWorld) -> list[SocketRow]:
    """Return the connections on the listener's port, as the kernel of the service's host shows them."""
    rows = world.host.prober.sockets(Transport.TCP)
    return [row for row in rows if row.port == world.listener.port and row.state != "LISTEN"]


def family_of(row: SocketRow) -> Family:
    """Return the family of a connection's packets."""
    return Family.of(unmapped(row.address))
