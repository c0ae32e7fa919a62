"""A client that resets its connection or stays silent does not affect other clients."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from dualstack.families import Family
from dualstack.prober.messages import Dial, HoldConnections, Stage
from dualstack.protocols.application import Trait
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import outlives_resets
from dualstack.world import ListenerWorld
from dualstack.world.silent_clients import compare_silent
from dualstack.world.used_up_limits import PENALTY, answers_when_limits_are_over

RESETS = 100
"""How many clients of each family reset their connection, unless the service is made for fewer."""

CONNECT_TIMEOUT = 1.0
"""Seconds within which a client must be connected before it resets the connection; if not, it is left out."""

SILENT = {Stage.CONNECTED: "stays silent", Stage.HALF_SENT: "stops after half a request"}
"""How a client is silent that has come to a stage, in words."""

PROBES = 3
"""How many clients of each family try an exchange while others are silent."""

MANY_SILENT = 16
"""How many clients of one family are silent when the families are compared, unless the service is made for fewer."""


@Requirement(
    id="ROBUST-003",
    title="Resets do not kill the server",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="Clients that reset their connection before it is accepted, in the middle of their request, or while "
    "the answer is on its way do not affect other clients: the next client is served, and the service still runs.",
    stimulus="Start the service on a dual-stack host. Stop all its processes (SIGSTOP); over each family connect and "
    "reset, send half a request and reset, send a request with FIN and reset; continue the service. Then about 100 "
    "clients of each family (fewer if its manifest says so) do the same while it runs. Try one exchange over each "
    "family, and another one 4 s later if it is not answered: a service may punish clients that leave.",
    wire="Clients' segments carry RST, and the SYN of a later client is answered by SYN ACK.",
    cites=("accept(2): ECONNABORTED", "RFC 9293 §3.10.7.4", "send(2): EPIPE", "getpeername(2): ENOTCONN"),
    topologies=("dual-stack",),
    causes=("RC-SIGPIPE", "RC-CLIENTRESET", "RC-EINTR"),
    needs=(Need.TCP, Need.MANY, Need.NETWORK),
).attach
def test_resets_do_not_kill_the_server(world: ListenerWorld) -> None:
    """After clients reset their connections, the same process serves the next ones."""
    world.service.start()
    families = world.served()
    with world.service.paused():
        for stage in stages(world):
            reset(world, families, stage, 1)
    for stage in stages(world):
        reset(world, families, stage, -(-min(RESETS, world.listener.clients) // len(stages(world))))
    answers_when_limits_are_over(world, families, seconds=PENALTY)
    world.survives("the resets")
    for family in families:
        world.shows(lambda wire, family=family: outlives_resets(wire, world.listener.port, family))  # type: ignore[misc]  # bound in each round


def stages(world: ListenerWorld) -> tuple[Stage, ...]:
    """Return the stages at which clients reset their connections."""
    if Trait.SILENT in world.listener.traits:
        return (Stage.CONNECTED,)
    return (Stage.CONNECTED, Stage.HALF_SENT, Stage.SENT)


def reset(world: ListenerWorld, families: Sequence[Family], stage: Stage, count: int) -> None:
    """Bring ``count`` clients of each family to a stage, then reset their connections."""
    dials = [
        replace(world.client.exchange(family), half_close=True, timeout=CONNECT_TIMEOUT)
        for _ in range(count)
        for family in families
    ]
    with world.peer.prober.hold_connections(HoldConnections(tuple(dials), stage)) as clients:
        connected = sum(client.connected for client in clients.clients)
        clients.reset()
    world.note(f"{connected} of {len(dials)} clients reset their connection when it is {stage.value}")


@Requirement(
    id="ROBUST-006",
    title="A silent client does not block others",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A client that connects and sends nothing, or stops in the middle of its request, does not prevent "
    "clients of either family from being served. If several such clients do, they do so whatever their family: a "
    "service does not serve fewer clients over one family at the same time than over the other.",
    stimulus="Start the service on a dual-stack host. Over each family that it serves, open one connection that stays "
    "silent, and one that stops after half a request; while they are open, try three exchanges over each family. With "
    "clients = 2 in its manifest only one of the two is open at a time. If it serves both families, open 16 silent "
    "connections over one family (fewer if its manifest says so), and try one exchange over each; then over the other "
    "family. What they prevent is compared, and if that differs, compared again.",
    wire="Each later SYN is answered by SYN ACK.",
    cites=("RFC 4732 §2.1", "accept(2)"),
    topologies=("dual-stack",),
    causes=("RC-BLOCKING", "RC-PERPREFIX", "RC-SHAREDADDRESS"),
    needs=(Need.TCP, Need.ANSWER, Need.MANY, Need.NETWORK, Need.TWO_CLIENTS),
).attach
def test_a_silent_client_does_not_block_others(world: ListenerWorld) -> None:
    """Clients are served while others stay silent."""
    world.service.start()
    families = world.served()
    for stages in silences(world.listener.clients - 1):
        silent_clients(world, families, stages)
    if not all(finding.ok for finding in world.findings) or many_silent_clients(world, families):
        for family in families:
            world.shows_served(family)


def many_silent_clients(world: ListenerWorld, families: Sequence[Family]) -> bool:
    """Compare what many silent clients of each family prevent; return whether all other clients were served."""
    count = min(MANY_SILENT, world.listener.clients - 1)
    if len(families) < len(Family) or count <= len(SILENT):
        return True
    return all(compare_silent(world, families, stage, count) for stage in stages_of_silence(world))


def stages_of_silence(world: ListenerWorld) -> tuple[Stage, ...]:
    """Return the stages at which many clients are silent."""
    return (Stage.CONNECTED,) if Trait.SILENT in world.listener.traits else tuple(SILENT)


def silences(room: int) -> list[list[Stage]]:
    """Return at which stages clients are silent at the same time, at most ``room`` of each family."""
    return [list(SILENT)] if room >= len(SILENT) else [[stage] for stage in SILENT]


def silent_clients(world: ListenerWorld, families: Sequence[Family], stages: Sequence[Stage]) -> None:
    """Require that clients are served while one client of each family is silent at each of the stages."""
    silent: tuple[Dial, ...] = tuple(world.client.exchange(family) for family in families)
    with ExitStack() as held:
        for stage in stages:
            held.enter_context(world.peer.prober.hold_connections(HoldConnections(silent, stage)))
        world.note(f"over each family one client {', and one '.join(SILENT[stage] for stage in stages)}")
        for family in families:
            world.answers(family, world.addresses(family)[0], times=PROBES)
