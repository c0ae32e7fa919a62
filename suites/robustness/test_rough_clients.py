"""One client's bad manners, a reset or a long silence, are no other client's trouble."""

from collections.abc import Sequence
from dataclasses import replace

from dualstack.families import Family
from dualstack.manifest import Protocol
from dualstack.prober.messages import Dial, Linger, Stage
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import outlives_resets
from dualstack.world import ListenerWorld

RESETS = 100
"""How many clients of each family reset their connection, unless the service is made for fewer."""

PATIENCE = 1.0
"""Seconds within which a client that is to reset its connection must have it; if not, it is one reset fewer."""

PROBES = 3
"""How many clients of each family come while others are silent."""


@Requirement(
    id="ROBUST-003",
    title="Resets do not kill the server",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="Clients that reset their connection, before it is accepted, in the middle of their request, or when the "
    "answer is on its way, concern nobody else: the next client is served, and the service has not ended.",
    stimulus="Start the service on a dual-stack host. Stop all its processes (SIGSTOP); over each family connect and "
    "reset, send half a request and reset, send a request with FIN and reset; let the service go on. Then let about "
    "100 clients of each family (fewer if its manifest says so) do the same while it runs. Hold one exchange over each "
    "family.",
    wire="Clients' segments carry RST, and the SYN of a later client is answered by SYN ACK.",
    cites=("accept(2): ECONNABORTED", "RFC 9293 §3.10.7.4", "send(2): EPIPE", "getpeername(2): ENOTCONN"),
    topologies=("dual-stack",),
    causes=("RC-SIGPIPE", "RC-EINTR"),
    needs=(Need.TCP, Need.MANY, Need.NETWORK),
).attach
def test_resets_do_not_kill_the_server(world: ListenerWorld) -> None:
    """Who comes after clients that reset their connections is served by the same service."""
    world.start()
    families = world.served()
    with world.paused():
        for stage in stages(world):
            reset(world, families, stage, 1)
    for stage in stages(world):
        reset(world, families, stage, -(-min(RESETS, world.listener.clients) // len(stages(world))))
    for family in families:
        world.answers(family, world.addresses(family)[0])
    world.survives("the resets")
    for family in families:
        world.shows(lambda wire, family=family: outlives_resets(wire, world.listener.port, family))  # type: ignore[misc]  # bound in each round


def stages(world: ListenerWorld) -> tuple[Stage, ...]:
    """Return how far a client may go before it resets its connection."""
    if world.listener.protocol is Protocol.CONNECT:
        return (Stage.CONNECTED,)
    return (Stage.CONNECTED, Stage.HALF_SENT, Stage.SENT)


def reset(world: ListenerWorld, families: Sequence[Family], stage: Stage, count: int) -> None:
    """Let ``count`` clients of each family come to a stage, then reset their connections."""
    dials = [
        replace(world.exchange(family), half_close=True, timeout=PATIENCE) for _ in range(count) for family in families
    ]
    with world.peer.prober.linger(Linger(tuple(dials), stage)) as clients:
        connected = sum(client.connected for client in clients.clients)
        clients.reset()
    world.note(f"{connected} of {len(dials)} clients reset their connection when it is {stage.value}")


@Requirement(
    id="ROBUST-006",
    title="A silent client does not block others",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A client that connects and says nothing, or stops in the middle of its request, does not keep clients "
    "of either family from being served.",
    stimulus="Start the service on a dual-stack host. Over each family that it serves open one connection that stays "
    "silent, and one that stops after half a request; while they are open, hold three exchanges over each family.",
    wire="Each later SYN is answered by SYN ACK.",
    cites=("RFC 4732 §2.1", "accept(2)"),
    topologies=("dual-stack",),
    causes=("RC-BLOCKING", "RC-PERPREFIX"),
    needs=(Need.TCP, Need.ANSWER, Need.MANY, Need.NETWORK),
).attach
def test_a_silent_client_does_not_block_others(world: ListenerWorld) -> None:
    """Clients are served while others stay silent."""
    world.start()
    families = world.served()
    silent: tuple[Dial, ...] = tuple(world.exchange(family) for family in families)
    prober = world.peer.prober
    with prober.linger(Linger(silent)), prober.linger(Linger(silent, Stage.HALF_SENT)):
        world.note("over each family one client stays silent, and one stops after half a request")
        for family in families:
            world.answers(family, world.addresses(family)[0], times=PROBES)
    for family in families:
        world.shows_served(family)
