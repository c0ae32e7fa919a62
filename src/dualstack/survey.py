"""The survey: what a service really does, however it is configured and whatever the kernel can. Nothing is judged."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dualstack.deadline import Deadline
from dualstack.errors import ServiceError
from dualstack.families import Family
from dualstack.lab.netns import NetnsBackend
from dualstack.lab.protocol import Backend, Host, Lab
from dualstack.lab.proving import prove
from dualstack.manifest import Bind, Listen, Subject
from dualstack.prober.messages import Dial, SocketRow
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

NOT_LISTENING = "✗"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to configure a listener: a configuration, or a spelling of where to listen."""

    subject: Subject
    listener: Listen
    label: str
    bind: str | None


@dataclass(frozen=True, slots=True)
class Observation:
    """What a service did, configured in one way, in one state.

    Attributes:
        service: The service's name, without its configuration.
        way: The configuration's name, or the spelling of where to listen.
        listener: The listener's name.
        transport: ``tcp`` or ``udp``.
        state: A key of `STATES`.
        sockets: ``4``, ``6`` (IPV6_V6ONLY), ``D`` (IPv6 socket that serves both), joined by ``+``; a specific address
            stands behind ``@``; ``✗`` when it does not listen.
        answers: How an exchange over each family ended; a family that the world lacks is left out.
        error: The last line of its output, if it does not listen.
        rows: The sockets in full.
    """

    service: str
    way: str
    listener: str
    transport: str
    state: str
    sockets: str
    answers: dict[str, str]
    error: str
    rows: tuple[SocketRow, ...]


def ways(subject: Subject) -> Iterator[Way]:
    """Yield each way in which the subject's listeners can be told where to listen."""
    for listener in subject.listen:
        bind = listener.bind or Bind()
        spellings = [] if subject.configuration else [*bind.any, *bind.ipv4_any, *bind.ipv6_any]
        spellings += [] if subject.configuration else [*bind.ipv4_address, *bind.ipv6_address]
        if spellings:
            yield from (Way(subject, listener, repr(text), text) for text in dict.fromkeys(spellings))
        else:
            yield Way(subject, listener, subject.configuration or "default", None)


def survey(
    subjects: Sequence[Subject], labs: int = 2, progress: Callable[[int, int], object] | None = None
) -> list[Observation]:
    """Observe every way of every subject in every state.

    Args:
        subjects: What to observe.
        labs: How many labs to have at once.
        progress: Told how many observations are done, and of how many.

    Raises:
        HostCannot: This machine cannot make a lab, or a root file system has not been built.
        BrokenLab: A lab is not what it claims to be.
    """
    work = [(way, state) for subject in subjects for way in ways(subject) for state in STATES]
    backends: queue.Queue[Backend] = queue.Queue()
    lock, done = threading.Lock(), 0

    def one(item: tuple[Way, str]) -> Observation:
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

    made = [NetnsBackend() for _ in range(labs)]
    try:
        for backend in made:
            backends.put(backend)
        with ThreadPoolExecutor(labs) as pool:
            return list(pool.map(one, work))
    finally:
        for backend in made:
            backend.close()


def observe(backend: Backend, way: Way, state: str) -> Observation:
    """Start the service once, and look."""
    lab = backend.up(load_topology(STATES[state]))
    try:
        prove(lab)
        rows, answers, error = _look(lab, way)
    finally:
        lab.close()
    return Observation(
        service=way.subject.manifest.service.name,
        way=way.label,
        listener=way.listener.name,
        transport=way.listener.transport.value,
        state=state,
        sockets=notation(rows),
        answers=answers,
        error=error,
        rows=rows,
    )


def _look(lab: Lab, way: Way) -> tuple[tuple[SocketRow, ...], dict[str, str], str]:
    """Return the listener's sockets, how exchanges with it ended, and the error of a service that does not listen."""
    host = lab.hosts["service"]
    bind = way.bind
    if bind is not None and "{address}" in bind:
        family = Family.IPV6 if bind in (way.listener.bind or Bind()).ipv6_address else Family.IPV4
        bind = bind.replace("{address}", host.plan.address(family))
    binds = None if bind is None else {way.listener.name: bind}
    launch = launch_service(way.subject, SCRATCH, af_inet6=host.spec.af_inet6, binds=binds)
    try:
        program = host.start(launch)
    except ServiceError as error:
        return (), {}, str(error)
    try:
        readiness = program.wait_ready(readiness_of(way.subject, lab.topology.families()))
        early = _listening(host, way.listener)
        answers = {
            family.value: _dial(lab, way.listener, family, host)
            for family in lab.topology.families()
            if readiness.ready
        }
        # A service that answers has opened all its sockets; one that takes a single connection has closed them again.
        rows = _listening(host, way.listener) or early
        return rows, answers, "" if rows else program.log().last_line or readiness.detail
    finally:
        seconds = way.subject.manifest.timeouts.stop
        program.stop(way.subject.manifest.service.stop_signal, Deadline(seconds, "the service to stop"))


def _listening(host: Host, listener: Listen) -> tuple[SocketRow, ...]:
    """Return the service's sockets on the listener's port."""
    return tuple(
        row
        for row in host.prober.sockets()
        if row.port == listener.port
        and row.transport == listener.transport.value
        and row.state in {"LISTEN", "UNCONN"}
        and not row.owner.endswith("(1)")
    )


def _dial(lab: Lab, listener: Listen, family: Family, host: Host) -> str:
    """Return how an exchange over the family ended."""
    address = host.plan.configured[family][0]
    dialled = lab.hosts["peer"].prober.dial(
        Dial(
            family=family,
            address=address,
            port=listener.port,
            transport=listener.transport,
            protocol=listener.protocol,
            send=listener.send,
            expect=listener.expect,
            timeout=2.0,
        )
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
