"""The survey: what a service really does, however it is configured and whatever the kernel can. Nothing is judged."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import product

from dualstack.deadline import Deadline
from dualstack.effect import Effect, Evidence, admission, complaint, effect_of, serving
from dualstack.errors import ServiceError
from dualstack.families import BOTH, Family
from dualstack.kinds import DOCKER, NETNS
from dualstack.lab.backends import make_backend
from dualstack.lab.protocol import Backend, Host, Lab
from dualstack.lab.proving import prove
from dualstack.manifest import Bind, Listen, Reach, Subject
from dualstack.prober.messages import Exit, Hold, Outcome, Readiness, SocketRow, dial_to
from dualstack.service import SCRATCH, launch_service, readiness_of
from dualstack.topology import load_topology

STATES = {
    "normal": "dual-stack",
    "bindv6only": "dual-stack-bindv6only",
    "disable_ipv6": "ipv4-only-disable-ipv6",
    "no AF_INET6": "ipv4-only-no-af-inet6",
    "no IPv4": "ipv6-only-strict",
}
"""The states of a kernel, and the topology that each one is."""

FREE = "free"
"""The name of a port that nobody has."""

_SHARING = Hold(Family.IPV4, Family.IPV4.wildcard, 0, reuse_port=True)

TAKEN: dict[str, tuple[Hold, ...]] = {
    FREE: (),
    "0.0.0.0": (Hold(Family.IPV4, Family.IPV4.wildcard, 0),),
    "[::] V6ONLY": (Hold(Family.IPV6, Family.IPV6.wildcard, 0),),
    "[::]": (Hold(Family.IPV6, Family.IPV6.wildcard, 0, v6only=False),),
    "[::] bound": (Hold(Family.IPV6, Family.IPV6.wildcard, 0, v6only=False, listening=False, reuse_address=True),),
    "shared": (_SHARING, replace(_SHARING, family=Family.IPV6, address=Family.IPV6.wildcard)),
}
"""What somebody else has the port with before the service is started: sockets that listen, one that is bound with
SO_REUSEADDR and takes both families, and a socket for each family that would share it (SO_REUSEPORT)."""

ANOTHERS = "another's"
"""What stands for the answer of a family in which the port is another's alone."""

NOT_LISTENING = "✗"

_NOT_EXECUTABLE = 126
"""The code with which a shell tells of a program that cannot be executed."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to configure a listener: a configuration, or a spelling of where to listen; and what is asked so."""

    subject: Subject
    listener: Listen
    label: str
    bind: str | None
    asked: frozenset[Family]


@dataclass(frozen=True, slots=True)
class Observation:
    """What a service did, configured in one way, in one state.

    Attributes:
        service: The service's name, without its configuration.
        way: The configuration's name, or the spelling of where to listen.
        listener: The listener's name.
        transport: ``tcp`` or ``udp``.
        state: A key of `STATES`.
        taken: A key of `TAKEN`.
        sockets: ``4``, ``6`` (IPV6_V6ONLY), ``D`` (IPv6 socket that serves both), joined by ``+``; a specific address
            stands behind ``@``; ``✗`` when it does not listen.
        answers: How an exchange over each family ended; a family that the world lacks is left out, and one in which
            the port is another's alone is not tried.
        error: Why it does not listen, or not over all families: how it ended or how long it was waited for, and the
            line of its output that says what did not work, or else its last one.
        rows: The sockets in full.
        effect: What it came to: the value of an `Effect`.
        ended: How it ended by itself: ``exited with code 1``; empty while it ran.
        timed_out: Whether it ran, and was not ready when the manifest's time was up.
    """

    service: str
    way: str
    listener: str
    transport: str
    state: str
    taken: str
    sockets: str
    answers: dict[str, str]
    error: str
    rows: tuple[SocketRow, ...]
    effect: str
    ended: str = ""
    timed_out: bool = False


def ways(subject: Subject) -> Iterator[Way]:
    """Yield each way in which the subject's listeners can be told where to listen."""
    for listener in subject.listen:
        told = [] if subject.configuration or listener.bind is None else _told(listener.bind, listener.reach)
        for text, asked in told:
            place = "".join(f"{{{family.label} address}}" for family in asked)
            label = repr(text.replace("{address}", place))
            yield Way(subject, listener, label, text, asked)
        if not told:
            yield Way(subject, listener, subject.configuration or "default", None, frozenset(listener.families))


def _told(bind: Bind, reach: Reach) -> list[tuple[str, frozenset[Family]]]:
    """Return each spelling of where a listener of that reach may listen, and the families that it asks for."""
    both, ipv4, ipv6 = frozenset(BOTH), frozenset({Family.IPV4}), frozenset({Family.IPV6})
    spellings = [
        *((text, both) for text in bind.localhost),
        *((text, ipv4) for text in bind.ipv4_address),
        *((text, ipv6) for text in bind.ipv6_address),
    ]
    if reach is Reach.LOOPBACK:
        return list(dict.fromkeys(spellings))
    spellings = [
        *((text, both) for text in (*bind.any, *bind.pair)),
        *((text, ipv4) for text in (*bind.ipv4_any, *bind.ipv4_address)),
        *((text, ipv6) for text in (*bind.ipv6_any, *bind.ipv6_address)),
    ]
    return list(dict.fromkeys(spellings))


def survey(
    subjects: Sequence[Subject],
    labs: int = 2,
    progress: Callable[[int, int], object] | None = None,
    *,
    states: Iterable[str] = tuple(STATES),
    taken: Iterable[str] = (FREE,),
    kind: str = NETNS,
    run: str = "",
) -> list[Observation]:
    """Observe every way of every subject in every state.

    Args:
        subjects: What to observe.
        labs: How many labs to have at once.
        progress: Told how many observations are done, and of how many.
        states: Keys of `STATES`.
        taken: Keys of `TAKEN`.
        kind: What labs are made of: one of `dualstack.kinds.KINDS`.
        run: The run's id, for what outlives a process.

    Raises:
        HostCannot: This machine cannot make a lab, or a root file system has not been built.
        BrokenLab: A lab is not what it claims to be.
    """
    work = list(product([way for subject in subjects for way in ways(subject)], taken, states))
    backends: queue.Queue[Backend] = queue.Queue()
    lock, done = threading.Lock(), 0

    def one(item: tuple[Way, str, str]) -> Observation:
        nonlocal done
        backend = backends.get()
        try:
            return observe(backend, *item)
        finally:
            backends.put(backend)
            with lock:
                done += 1
                if progress is not None:
                    progress(done, len(work))

    made = [make_backend(kind, run, f"survey-{number}") for number in range(labs)]
    try:
        for backend in made:
            backends.put(backend)
        with ThreadPoolExecutor(labs) as pool:
            return list(pool.map(one, work))
    finally:
        for backend in made:
            backend.close()


def observe(backend: Backend, way: Way, taken: str, state: str) -> Observation:
    """Start the service once, on a port that is free or taken, and look."""
    lab = backend.up(load_topology(STATES[state]))
    try:
        prove(lab)
        for hold in TAKEN[taken]:
            lab.hosts["service"].prober.hold(replace(hold, port=way.listener.port, transport=way.listener.transport))
        evidence, answers, readiness = _look(lab, way, contained=backend.name == DOCKER)
    finally:
        lab.close()
    effect = effect_of(evidence)
    timed_out = not readiness.ready and evidence.ended is None
    return Observation(
        service=way.subject.manifest.service.name,
        way=way.label,
        listener=way.listener.name,
        transport=way.listener.transport.value,
        state=state,
        taken=taken,
        sockets=notation(serving(evidence.own)),
        answers=answers,
        error=_error(evidence, effect, readiness),
        rows=evidence.own,
        effect=effect.value,
        ended=str(evidence.ended) if evidence.ended is not None else "",
        timed_out=timed_out,
    )


def _error(seen: Evidence, effect: Effect, readiness: Readiness) -> str:
    """Return what a report says of a start that did not come to all that was asked; empty where it did."""
    if effect in {Effect.HALF, Effect.LATE}:
        return admission(seen.output, seen.port) or complaint(seen.output)
    if serving(seen.own):
        return ""
    lines = [line.strip() for line in seen.output.splitlines() if line.strip()]
    why = admission(seen.output, seen.port) or complaint(seen.output) or (lines[-1] if lines else "")
    if seen.ended is not None:
        return why or str(seen.ended)
    return f"still not listening after {readiness.seconds:.0f} s{f': {why}' if why else ''}"


def _look(lab: Lab, way: Way, *, contained: bool) -> tuple[Evidence, dict[str, str], Readiness]:
    """Return what a start shows, how exchanges ended, and whether the service became ready."""
    host, listener = lab.hosts["service"], way.listener
    inside = listener.reach is Reach.LOOPBACK
    world = lab.topology.loopbacks() if inside else lab.topology.families()
    address = ""
    if "{address}" in (way.bind or ""):
        family = next(iter(way.asked))
        address = family.loopback if inside else host.plan.address(family)
    seen = Evidence(
        asked=way.asked, address=address or "localhost" * inside, world=frozenset(world), port=listener.port
    )
    binds = None if way.bind is None else {listener.name: way.bind.replace("{address}", address)}
    try:
        launch = launch_service(way.subject, SCRATCH, af_inet6=host.spec.af_inet6, binds=binds, contained=contained)
        program = host.start(launch)
    except ServiceError as error:
        ended = Exit(_NOT_EXECUTABLE)
        return (
            replace(seen, ended=ended, output=str(error)),
            {},
            Readiness(ready=False, exit=ended, seconds=0.0, detail=str(error)),
        )
    try:
        readiness = program.wait_ready(readiness_of(way.subject, world))
        own, others = _unconnected(host, listener)
        answers = {
            family.value: _dial(lab, way, family) if _may_answer(family, own, others) else ANOTHERS
            for family in world
            if readiness.ready or serving(own)
        }
        # A service that answers has opened all its sockets; one that takes a single connection has closed them again.
        late, others = _unconnected(host, listener)
        own = late or own
        answered = frozenset(family for family in world if answers.get(family.value) == Outcome.ANSWERED.value)
        seen = replace(seen, own=own, others=others, answered=answered, ended=program.poll(), output=program.log().text)
        return seen, answers, readiness
    finally:
        seconds = way.subject.manifest.timeouts.stop
        program.stop(way.subject.manifest.service.stop_signal, Deadline(seconds, "the service to stop"))


def _unconnected(host: Host, listener: Listen) -> tuple[tuple[SocketRow, ...], tuple[SocketRow, ...]]:
    """Return the sockets on the listener's port that have no peer: the service's, and those of others."""
    rows = [row for row in host.prober.sockets(listener.transport) if row.port == listener.port and not row.peer]
    own = tuple(row for row in rows if not row.owner.endswith("(1)"))
    return own, tuple(row for row in rows if row not in own)


def _may_answer(family: Family, own: tuple[SocketRow, ...], others: tuple[SocketRow, ...]) -> bool:
    """Return whether the service, or nobody, has the port in a family: another would let a client wait in vain."""
    mine, theirs = ([row for row in serving(rows) if family in row.serves] for rows in (own, others))
    return bool(mine) or not theirs


def _dial(lab: Lab, way: Way, family: Family) -> str:
    """Return how an exchange over the family ended, with a client that the listener is for."""
    listener = way.listener
    inside = listener.reach is Reach.LOOPBACK
    address = family.loopback if inside else lab.hosts["service"].plan.configured[family][0]
    dialled = lab.hosts["service" if inside else "peer"].prober.dial(
        dial_to(listener, address, way.subject.manifest.timeouts.exchange)
    )
    return dialled.errno or dialled.outcome.value


def notation(rows: Sequence[SocketRow]) -> str:
    """Write sockets in short: ``4``, ``6``, ``D``, ``4@127.0.0.1+6@[::1]`` …, or ``✗``."""
    return "+".join(sorted({_short(row) for row in rows})) or NOT_LISTENING


def _short(row: SocketRow) -> str:
    """Write one socket in short."""
    if row.family == Family.IPV4.value:
        return "4" if row.address == Family.IPV4.wildcard else f"4@{row.address}"
    kind = "6" if row.v6only else "D"
    return kind if row.address == Family.IPV6.wildcard else f"{kind}@[{row.address}]"
