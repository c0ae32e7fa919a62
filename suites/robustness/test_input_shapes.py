"""TCP is a stream: neither the segments of a request nor a half-close by the client changes the answer."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dualstack.errors import NothingToJudge
from dualstack.families import Family
from dualstack.prober.messages import Dial, Outcome
from dualstack.protocols.application import Trait
from dualstack.protocols.registry import client_for, traits_of
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import half_closes, require_pieces
from dualstack.world import ListenerWorld

SINGLE = 16
"""How many bytes are sent one by one at the beginning of a request, and how many at its end."""

SEGMENTS = 10
"""Minimum number of segments of a slow request, unless it has fewer bytes."""

SLOW = 5.0
"""Seconds that a request in pieces may take longer: a piece waits up to 50 ms until the one before is acknowledged."""

HALF_CLOSES = 5
"""How many clients of each family half-close: a racy service may answer once by luck."""

MAY_ABORT = frozenset({Trait.HTTP, Trait.CALLS})
"""Protocols whose server may take the end of a client's sending side for the end of the connection: HTTP, gRPC."""

FIXED, SPLIT = 250, 100
"""The length of made-up requests (some services require a fixed length), and where it is split."""


@Requirement(
    id="ROBUST-001",
    title="Half-close by the client",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A client that sends its request and then closes its sending side still receives the whole answer, over "
    "each family; then the service closes its side too. An HTTP server should answer: it may take the FIN as the sign "
    "that its client has gone.",
    stimulus="Start the service on a dual-stack host. Over each family that it serves, five times: send a request and "
    "FIN in one segment, and read to the end.",
    wire="After the client's FIN the service sends its answer and then its own FIN; neither side sends RST.",
    cites=("RFC 9293 §3.6.1", "RFC 1122 §4.2.2.13", "RFC 9112 §9.5", "shutdown(2)"),
    topologies=("dual-stack",),
    causes=("RC-HALFCLOSE",),
    needs=(Need.TCP, Need.ANSWER, Need.NO_TLS, Need.ONE_REQUEST, Need.NETWORK),
).attach
def test_half_close(world: ListenerWorld) -> None:
    """A client that has sent everything is still answered."""
    world.service.start()
    level = "SHOULD" if MAY_ABORT & world.listener.traits else ""
    times = 1 if world.listener.single_shot else HALF_CLOSES
    connections, families = [], world.served()
    for family in families:
        dials = [replace(world.client.exchange(family), half_close=True)] * times
        manner = "ends its sending side with its request"
        done = [world.answers_unusual(dial, manner, level=level) for dial in dials]
        connections.append([dialled.source_port for dialled in done])
        if any(dialled.outcome is Outcome.SILENT for dialled in done) and world.service.program.poll() is None:
            require_ordinary(world, families[: families.index(family) + 1], times)
    if level and not world.listener.single_shot:
        world.survives("the half-closes")  # an end of the whole service is no matter of one connection
    for ports in connections:
        world.shows(lambda wire, ports=ports: replace(half_closes(wire, ports), level=level))  # type: ignore[misc]  # bound in each round


def require_ordinary(world: ListenerWorld, families: Sequence[Family], times: int) -> None:
    """Start the service again, and have as many ordinary clients come in the same order.

    Raises:
        NothingToJudge: One of them is not answered either.
    """
    if world.listener.single_shot:
        return
    world.note("do as many ordinary clients get answers in the same order?")
    world.service.restart()
    for dial in (world.client.exchange(family) for family in families for _ in range(times)):
        if world.client.carry_out(dial).outcome is not Outcome.ANSWERED:
            raise NothingToJudge("as many ordinary clients are not all answered either: ROBUST-006 is about that")


@Requirement(
    id="ROBUST-002",
    title="Segmented and coalesced input",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="The answer to a request does not depend on how TCP segments it: the request may arrive byte by byte, "
    "in two pieces, or together with the request that follows it.",
    stimulus="Start the service on a dual-stack host. Over each family that it serves: send a request whose first and "
    "last 16 bytes travel one by one; send one in two pieces (100 and 150 bytes if the harness makes the request up); "
    "and, where several requests fit one connection (echo and upper), send two of them in one segment.",
    wire="The slow request travels in at least 10 data segments, or in as many as it has bytes.",
    cites=("RFC 9293 §3.8", "recv(2)", "socket(7): SO_RCVLOWAT"),
    topologies=("dual-stack",),
    causes=("RC-PARTIAL",),
    needs=(Need.TCP, Need.ANSWER, Need.NETWORK),
).attach
def test_segmented_and_coalesced_input(world: ListenerWorld) -> None:
    """A request is answered however it arrives."""
    world.service.start()
    slow = []
    for family in world.served():
        for dial, manner in shapes(world, family):
            dialled = world.answers_unusual(dial, manner)
            if len(dial.chunks) > 1:
                slow.append((dialled.source_port, min(SEGMENTS, len(dialled.sent))))
    wire = world.wire()
    if all(finding.ok for finding in world.findings):
        for port, least in slow:
            require_pieces(wire, port, least)


def shapes(world: ListenerWorld, family: Family) -> Iterator[tuple[Dial, str]]:
    """Yield the special exchanges over a family, each with what its client does."""
    plain = replace(world.client.exchange(family), token_size=FIXED)
    patient = replace(plain, timeout=plain.timeout + SLOW)
    size = len(client_for(plain).start())
    yield replace(patient, chunks=singly(size)), "sends its request byte by byte"
    if size > 1:
        yield replace(patient, chunks=(SPLIT if size == FIXED else size // 2,)), "sends its request in two pieces"
    if Trait.PIPELINES in traits_of(plain.protocol) and not world.listener.single_shot:
        yield replace(plain, requests=2), "sends two requests in one segment"


def singly(size: int) -> tuple[int, ...]:
    """Return the pieces of a request: its beginning and its end byte by byte, all of it if it is short."""
    if size <= 2 * SINGLE:
        return (1,) * size
    return (1,) * SINGLE + (size - 2 * SINGLE,) + (1,) * SINGLE
