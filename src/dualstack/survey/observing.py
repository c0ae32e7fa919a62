"""One start of a service in a survey: its sockets, and how exchanges with it end."""

import errno
from collections.abc import Sequence
from dataclasses import replace

from dualstack.authority import names_for
from dualstack.backend_names import DOCKER
from dualstack.complaint import why
from dualstack.deadline import Deadline
from dualstack.effect import Effect, Evidence, admission, effect_of, serving
from dualstack.errors import ServiceError
from dualstack.facts import How
from dualstack.families import BOTH, Family
from dualstack.lab.protocol import Backend, Host, Lab, Program
from dualstack.lab.proving import prove
from dualstack.manifest import Listen, Scope
from dualstack.prober.messages import Exit, Hold, Outcome, Readiness, SocketRow
from dualstack.protocols.application import Trait
from dualstack.protocols.registry import traits_of
from dualstack.service import SCRATCH, dial_to, launch_service, readiness_of
from dualstack.survey.endings import CLOSED, STATUS, UNACCEPTED, is_answer
from dualstack.survey.observation import Observation
from dualstack.survey.variants import Variant
from dualstack.topology import load_topology
from dualstack.world.client import ERROR
from dualstack.world.components import Components
from dualstack.world.journal import Journal
from dualstack.world.observed import how_of
from dualstack.world.oneway import hold_exchange
from dualstack.world.patience import Patience
from dualstack.world.readiness import wait_ready
from dualstack.world.upstreams import Upstreams

STATES = {
    "normal": "dual-stack",
    "bindv6only": "dual-stack-bindv6only",
    "disable_ipv6": "ipv4-only-disable-ipv6",
    "no AF_INET6": "ipv4-only-no-af-inet6",
    "no IPv4": "ipv6-only-strict",
}
"""The kernel states, and the topology that has each."""

FREE = "free"
"""The name of a port on which no socket is bound."""

_SHARING = Hold(Family.IPV4, Family.IPV4.wildcard, 0, reuse_port=True)

TAKEN: dict[str, tuple[Hold, ...]] = {
    FREE: (),
    "0.0.0.0": (Hold(Family.IPV4, Family.IPV4.wildcard, 0),),
    "[::] V6ONLY": (Hold(Family.IPV6, Family.IPV6.wildcard, 0),),
    "[::]": (Hold(Family.IPV6, Family.IPV6.wildcard, 0, v6only=False),),
    "[::] bound": (Hold(Family.IPV6, Family.IPV6.wildcard, 0, v6only=False, listening=False, reuse_address=True),),
    "shared": (_SHARING, replace(_SHARING, family=Family.IPV6, address=Family.IPV6.wildcard)),
}
"""The sockets of another program on the port before the service is started: one that listens, one that is only bound
(SO_REUSEADDR, both families), and one for each family that shares the port (SO_REUSEPORT)."""

ANOTHERS = "another's"
"""The answer over a family in which only another program has the port."""

NOT_LISTENING = "✗"

_ACCEPT_TIMEOUT = 1.5
"""Seconds that a service has to accept a connection: longer if the machine starves it of CPU."""

_REFUSED = errno.errorcode[errno.ECONNREFUSED]
"""How a dial ended where nothing listens."""

_NOT_EXECUTABLE = 126
"""A shell's exit code for a program that cannot be executed."""


def observe(backend: Backend, variant: Variant, taken: str, state: str) -> Observation:
    """Start a variant once and return what it does.

    Args:
        backend: What makes the lab.
        variant: What is started.
        taken: A key of `TAKEN`.
        state: A key of `STATES`.
    """
    lab = backend.up(load_topology(STATES[state]))
    try:
        prove(lab)
        for hold in TAKEN[taken]:
            lab.hosts["service"].prober.hold(
                replace(hold, port=variant.listener.port, transport=variant.listener.transport)
            )
        evidence, answers, readiness = _look(lab, variant, contained=backend.name == DOCKER)
    finally:
        lab.close()
    effect = effect_of(evidence)
    timed_out = not readiness.ready and evidence.ended is None
    return Observation(
        service=variant.subject.manifest.service.name,
        variant=variant.label,
        listener=variant.listener.name,
        transport=variant.listener.transport.value,
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
    """Return why a start does not serve everything that was asked; empty if it does."""
    line = admission(seen.output, seen.port) or next(iter(why(seen.output, 1)), "")
    if effect in {Effect.HALF, Effect.LATE}:
        return line
    if serving(seen.own):
        return line if seen.ended is not None and not seen.asked & seen.world <= seen.answered else ""
    if seen.ended is not None:
        return line or str(seen.ended)
    return f"still not listening after {readiness.seconds:.0f} s{f': {line}' if line else ''}"


def _look(lab: Lab, variant: Variant, *, contained: bool) -> tuple[Evidence, dict[str, str], Readiness]:
    """Return the evidence of a start, how exchanges ended, and whether the service became ready."""
    components = Components(variant.subject, lab, Journal(), contained=contained)
    upstreams = Upstreams(variant.subject, lab, Journal())
    try:
        upstreams.start()
        return _look_with(components, upstreams, lab, variant, contained=contained)
    finally:
        components.stop()


def _look_with(
    components: Components, upstreams: Upstreams, lab: Lab, variant: Variant, *, contained: bool
) -> tuple[Evidence, dict[str, str], Readiness]:
    """Start the components and the service; return what `_look` returns."""
    host = lab.hosts["service"]
    seen, bind = _expected(lab, variant)
    settings = {} if bind is None else {f"{variant.listener.name}.bind": bind}
    try:
        components.start()
        launch = launch_service(
            variant.subject,
            SCRATCH,
            af_inet6=host.spec.af_inet6,
            settings=settings,
            names=names_for(variant.subject.listen, lab),
            contained=contained,
            targets=upstreams.targets,
        )
        program = host.start(launch)
    except ServiceError as error:
        readiness = Readiness(ready=False, exit=Exit(_NOT_EXECUTABLE), seconds=0.0, detail=str(error))
        return replace(seen, ended=readiness.exit, output=str(error)), {}, readiness
    try:
        return _look_at(program, lab, variant, seen)
    finally:
        seconds = variant.subject.manifest.timeouts.stop
        program.stop(variant.subject.manifest.service.stop_signal, Deadline(seconds, "the service to stop"))


def _expected(lab: Lab, variant: Variant) -> tuple[Evidence, str | None]:
    """Return the evidence of a start that has not happened yet, and the value of ``{bind}``."""
    inside = variant.listener.scope is Scope.LOOPBACK
    world = lab.topology.loopbacks() if inside else lab.topology.families()
    address = ""
    if "{address}" in (variant.bind or ""):
        family = next(iter(variant.asked))
        address = family.loopback if inside else lab.hosts["service"].plan.address(family)
    place = address or "localhost" * inside
    seen = Evidence(asked=variant.asked, address=place, world=frozenset(world), port=variant.listener.port)
    return seen, None if variant.bind is None else variant.bind.replace("{address}", address)


def _look_at(
    program: Program, lab: Lab, variant: Variant, seen: Evidence
) -> tuple[Evidence, dict[str, str], Readiness]:
    """Wait until the service is ready, dial it, and return what `_look` returns."""
    host, listener = lab.hosts["service"], variant.listener
    world = tuple(family for family in BOTH if family in seen.world)
    readiness = wait_ready(variant.subject, lab, program, readiness_of(variant.subject, world), restricted=False)
    own, others = _unconnected(host, listener)
    answers = {
        family.value: _dial(lab, variant, family, program) if _may_answer(family, own, others) else ANOTHERS
        for family in world
        if readiness.ready or serving(own)
    }
    ended = program.poll()
    if ended is not None:  # its port refuses every family then
        answers = {family: how for family, how in answers.items() if how != _REFUSED}
    # A service that answers has opened all its sockets; one that takes a single connection has closed them again.
    late, others = _unconnected(host, listener)
    own = late or own
    answered = frozenset(family for family in world if is_answer(answers.get(family.value, "")))
    seen = replace(seen, own=own, others=others, answered=answered, ended=ended, output=program.log().text)
    return seen, answers, readiness


def _unconnected(host: Host, listener: Listen) -> tuple[tuple[SocketRow, ...], tuple[SocketRow, ...]]:
    """Return the unconnected sockets on the listener's port: the service's, and those of other programs."""
    rows = [row for row in host.prober.sockets(listener.transport) if row.port == listener.port and not row.peer]
    own = tuple(row for row in rows if not row.is_of_harness)
    return own, tuple(row for row in rows if row not in own)


def _may_answer(family: Family, own: tuple[SocketRow, ...], others: tuple[SocketRow, ...]) -> bool:
    """Return whether a dial can be answered: false if only another program has a socket for the family."""
    mine, theirs = ([row for row in serving(rows) if family in row.serves] for rows in (own, others))
    return bool(mine) or not theirs


def _dial(lab: Lab, variant: Variant, family: Family, program: Program) -> str:
    """Return how an exchange of one of the listener's clients ended over the family.

    If the client only connects, the kernel answers for the service, so the service must accept the connection; and one
    more, as a service that waits for another socket may still have accepted the first one.
    """
    listener = variant.listener
    inside = listener.scope is Scope.LOOPBACK
    address = family.loopback if inside else lab.hosts["service"].plan.configured[family][0]
    dial = dial_to(listener, address, variant.subject.manifest.timeouts.exchange)
    client = lab.hosts["service" if inside else "peer"]
    dialled = hold_exchange(listener, dial, client, program)
    only_connects = Trait.SILENT in traits_of(listener.protocol) and listener.tls is None
    if only_connects and dialled.outcome is Outcome.ANSWERED:
        if not _accepts(lab.hosts["service"], listener, family, program):
            return UNACCEPTED
        again = hold_exchange(listener, dial, client, program)
        if again.outcome is Outcome.ANSWERED and not _accepts(lab.hosts["service"], listener, family, program):
            return UNACCEPTED
    if dialled.outcome is Outcome.ANSWERED and dialled.status >= ERROR:
        return f"{STATUS}{dialled.status}"
    return CLOSED if how_of(dial, dialled) is How.HUNG_UP else dialled.errno or dialled.outcome.value


def _accepts(host: Host, listener: Listen, family: Family, program: Program) -> bool:
    """Return whether no connection waits in the queues of the listener's sockets, soon enough."""

    def nothing_waits() -> bool:
        own, _ = _unconnected(host, listener)
        return not any(row.waiting for row in own if family in row.serves)

    patience = Patience(program, _ACCEPT_TIMEOUT, "the service to accept a connection")
    while not patience.deadline.until(nothing_waits):
        if not patience.extend():
            return False
    return True


def notation(rows: Sequence[SocketRow]) -> str:
    """Return sockets in short notation: ``4``, ``6``, ``D``, ``4@127.0.0.1+6@[::1]`` …, or ``✗``."""
    return "+".join(sorted({_short(row) for row in rows})) or NOT_LISTENING


def _short(row: SocketRow) -> str:
    """Return one socket in short notation."""
    if row.family == Family.IPV4.value:
        return "4" if row.address == Family.IPV4.wildcard else f"4@{row.address}"
    kind = "6" if row.v6only else "D"
    return kind if row.address == Family.IPV6.wildcard else f"{kind}@[{row.address}]"
