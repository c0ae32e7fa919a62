"""What a relay passes on of a TCP connection: the bytes, the end of each direction, and a reset."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from dualstack.errors import NothingToJudge
from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages.requests import Close
from dualstack.prober.messages.streaming import (
    Act,
    AwaitStreams,
    Converse,
    Ended,
    Part,
    ServeStreams,
    Streamed,
    stream_of,
)
from dualstack.requirement import Level
from dualstack.world.relaying import RelayWorld

FEW, BEFORE, MUCH = 200, 150_000, 1 << 20
"""Numbers of bytes: of a request, before the first end, and what is still to come after it."""

SECONDS = 10.0
"""Seconds that a connection may take."""

END, AWAIT_END, RESET = Part(Act.END), Part(Act.AWAIT_END), Part(Act.RESET)


@dataclass(frozen=True, slots=True)
class Scripts:
    """What both ends of a connection through a relay do."""

    client: tuple[Part, ...]
    server: tuple[Part, ...]


def send(count: int) -> Part:
    """Return the step that sends so many bytes."""
    return Part(Act.SEND, count)


def receive(count: int) -> Part:
    """Return the step that reads until so many bytes have arrived in all."""
    return Part(Act.RECEIVE, count)


PLAIN = Scripts((send(FEW), receive(FEW)), (receive(FEW), send(FEW)))
"""An exchange that every relay passes on."""

CLIENT_ENDS = Scripts((send(BEFORE), END, AWAIT_END), (AWAIT_END, send(MUCH), END))
SERVER_ENDS = Scripts((send(FEW), AWAIT_END, send(MUCH), END), (receive(FEW), send(BEFORE), END, AWAIT_END))
CLIENT_RESETS = Scripts((send(FEW), receive(FEW), RESET), (receive(FEW), send(FEW), AWAIT_END))
SERVER_RESETS = Scripts(
    (send(FEW), receive(FEW), send(FEW), AWAIT_END), (receive(FEW), send(FEW), receive(2 * FEW), RESET)
)


@dataclass(frozen=True, slots=True)
class Passed:
    """What both ends of a connection through a relay have seen; ``server`` is None if nothing reached it."""

    client: Streamed
    server: Streamed | None

    def __str__(self) -> str:
        """Return both in words."""
        server = "nothing reached the server" if self.server is None else f"the server {_saw(self.server)}"
        return f"the client {_saw(self.client)}; {server}"


def pairs(world: RelayWorld) -> Iterator[tuple[Family, Family]]:
    """Yield each claimed pair of families, of a client and of a server, while the relay runs towards that server.

    Raises:
        NothingToJudge: It passes nothing on, for any pair.
    """
    any_works = False
    for back in world.back_families:
        with world.target(back) as target:
            world.start_towards(target)
            for front in world.families:
                if works(world, front, back):
                    any_works = True
                    yield front, back
                else:
                    world.note(f"an {front.label} client does not reach the {back.label} server (FORWARD-001, -002)")
    if not any_works:
        raise NothingToJudge("no client reaches the server: the requirements on reachability cover that")


def works(world: RelayWorld, front: Family, back: Family) -> bool:
    """Return whether the relay passes on an ordinary exchange."""
    passed = converse(world, front, back, PLAIN)
    answered = passed.client.has(stream_of("server", FEW))
    return answered and passed.server is not None and passed.server.has(stream_of("client", FEW))


def converse(world: RelayWorld, front: Family, back: Family, scripts: Scripts) -> Passed:
    """Have a client and a server act by their scripts through the running relay; return what both have seen."""
    address, clients = world.server.plan.configured[back][0], world.clients
    call = world.server.prober.call
    handle = call(ServeStreams((address,), world.relay.port, scripts.server, SECONDS))
    try:
        dialled = world.addresses(front)[0]
        source = clients.sources[front][0]
        tunnel = world.service.upstreams.asked(world.listener).tunnel
        near = world.peer.prober.call(Converse(dialled, world.listener.port, scripts.client, source, SECONDS, tunnel))
        far = call(AwaitStreams(handle, 1, SECONDS))
    finally:
        call(Close(handle))
    passed = Passed(near, far[0] if far else None)
    world.note(
        f"{front.label} client ({_words(scripts.client)}), {back.label} server ({_words(scripts.server)}): {passed}"
    )
    return passed


def half_closed(front: Family, back: Family, scripts: Scripts, passed: Passed) -> Finding:
    """Return whether both ends received all bytes and the end of the other one, after one of them had ended first."""
    first, second = ("client", "server") if scripts is CLIENT_ENDS else ("server", "client")
    expected = (
        f"{front.label} client, {back.label} server: the {first} sends {BEFORE} bytes and FIN, the {second} sees that "
        f"and still sends {MUCH} bytes, and both get all bytes and FIN"
    )
    near, far = passed.client, passed.server
    sent_client = b"".join(stream_of("client", part.count) for part in scripts.client if part.act is Act.SEND)
    sent_server = b"".join(stream_of("server", part.count) for part in scripts.server if part.act is Act.SEND)
    fine = far is not None and (near.ended, far.ended) == (Ended.FIN, Ended.FIN)
    if fine and far is not None and near.has(sent_server) and far.has(sent_client):
        return Finding(True, expected, str(passed))
    told = far if first == "client" else near
    whole = sent_client if first == "client" else sent_server
    cut = told is not None and told.ended is Ended.FIN and not told.has(whole)
    symptom = Symptom.LAST_BYTES_LOST if cut else Symptom.HALF_CLOSE_LOST
    return Finding(False, expected, str(passed), symptoms=(symptom,))


def resets(front: Family, back: Family, scripts: Scripts, passed: Passed) -> Finding:
    """Return whether one end saw that the other one has reset the connection; FIN in its place breaks a SHOULD only."""
    by, told = ("client", passed.server) if scripts is CLIENT_RESETS else ("server", passed.client)
    other = "server" if by == "client" else "client"
    ended = told.ended if told is not None else Ended.NOT
    expected = f"{front.label} client, {back.label} server: when the {by} resets, the {other} is reset too"
    return Finding(
        ended is Ended.RESET,
        expected,
        str(passed),
        level=Level.SHOULD.value if ended is Ended.FIN else "",
        symptoms=() if ended is Ended.RESET else (Symptom.RESET_LOST,),
    )


Judge = Callable[[Family, Family, Scripts, Passed], Finding]


def judge_each(world: RelayWorld, scripts: Sequence[Scripts], judge: Judge) -> None:
    """Require for each pair of families what ``judge`` expects of each of these scripts; stop after a failure.

    Raises:
        NothingToJudge: The relay passes nothing on, for any pair.
    """
    for front, back in pairs(world):
        for one in scripts:
            finding = partial(judge, front, back, one)(converse(world, front, back, one))
            world.count(front, served=finding.ok)
            world.require(finding)
            if not finding.ok:
                return


def _saw(end: Streamed) -> str:
    """Return what one end has seen, as a clause without subject."""
    if not end.connected:
        return f"was not connected ({end.errno})"
    return f"got {end.received} bytes and {end.ended.value}"


def _words(script: Sequence[Part]) -> str:
    """Return a script in words."""
    return ", ".join(map(str, script))
