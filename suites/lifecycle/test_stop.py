"""A service that gets its stop signal stops on both families, and leaves no socket on its port."""

import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from dualstack.deadline import Deadline
from dualstack.errors import ServiceError
from dualstack.families import BOTH, Family
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import Exit, SocketRow
from dualstack.protocols.application import Trait
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.transport import AppProtocol
from dualstack.wire.evidence import CaptureData
from dualstack.wire.expect import refused
from dualstack.world import ListenerWorld

TWICE = 2
"""How often a service must not end although it does with a client of the other family: once may be by chance."""


@Requirement(
    id="LIFE-007",
    title="Stopping closes both families",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="On its stop signal the service ends in time, with exit code 0 or by that signal; by then its sockets "
    "of both families are closed, and no process that it forked keeps one open. A connected client of one family does "
    "not prevent that if a client of the other one does not.",
    stimulus="Start the service, send its stop signal to its first process alone, wait until that has ended and every "
    "socket on its port is closed, and dial each family that it listened for. Over TCP start it again for each family, "
    "and stop it while a client of this family is connected.",
    wire="After the first stop, every connection attempt is answered by a reset within 1 s; every UDP request is "
    "answered by ICMP port unreachable.",
    cites=("signal(7): SIGTERM", "RFC 9293 §3.10.7.1", "RFC 1122 §4.1.3.1", "RFC 4443 §3.1"),
    topologies=("dual-stack",),
    causes=("RC-STOP", "RC-INHERIT", "RC-STOPSTATUS"),
    needs=(Need.NETWORK,),
).attach
def test_stopping_closes_both_families(world: ListenerWorld) -> None:
    """After a stop the service has no socket on its port."""
    world.service.start()
    served = [family for family in world.families if any(family in row.serves for row in on_port(world))]
    name = world.subject.manifest.service.stop_signal
    within = world.subject.manifest.timeouts.stop
    deadline = Deadline(within, "the sockets of the service to be closed")
    how = world.service.leave(name)
    world.require(
        Finding(
            how is not None and is_clean(how, name),
            f"within {within:g} s of {name} it ends with code 0 or by that signal",
            f"it {how}" if how is not None else "it still runs",
            symptoms=(Symptom.UNCLEAN_END if how is not None else Symptom.STILL_RUNS,),
        )
    )
    deadline.until(lambda: not on_port(world))
    left = on_port(world)
    expected = f"within {within:g} s of {name} its sockets are closed"
    happened = "; ".join(f"{row.owner} has {row.address} port {row.port} open" for row in left) or "they are"
    world.require(Finding(not left, expected, happened, symptoms=(Symptom.SOCKET_LEFT,)))
    for family in served:
        world.refuses(family, world.addresses(family)[0])
    until = time.time()
    if how is not None and world.is_tcp and not left and len(served) == len(BOTH) and not world.listener.single_shot:
        try:
            ended = {family: ends_with_client(world, family) for family in served}
            world.require(alike(ended, name, within))
        except ServiceError as error:  # LIFE-001 is about new starts
            world.note(f"it cannot be started again: {error}")
    for family in served:
        shows_refused(world, family, until)


def shows_refused(world: ListenerWorld, family: Family, until: float) -> None:
    """Require that every attempt over ``family`` before a time (seconds since the epoch) was refused."""
    if world.clients.inside:
        world.shows_inside()
        return
    listener, within = world.listener, world.subject.manifest.timeouts.refuse
    expected = partial(refused, port=listener.port, family=family, transport=listener.transport, within=within)

    def shown(wire: CaptureData) -> Finding:
        return expected(replace(wire, frames=tuple(frame for frame in wire.frames if frame.time < until)))

    world.shows(shown)


def ends_with_client(world: ListenerWorld, family: Family) -> bool:
    """Return whether the service ends in time while a client of ``family`` is connected, at least once of `TWICE`.

    Raises:
        ServiceError: It does not start.
    """
    protocol = AppProtocol.CONNECT if Trait.HTTP in world.listener.traits else None  # others may close after an answer
    for _ in range(TWICE):
        world.service.start()
        held = world.client.hold(family, 1, protocol)
        how = world.service.stop()
        held.close()
        if how is not None or not held.held:
            return True
    return False


def alike(ended: Mapping[Family, bool], name: str, within: float) -> Finding:
    """Return the finding about whether the service ends in time while a client is connected, by the client's family."""
    stuck = [family for family, in_time in ended.items() if not in_time]
    expected = f"within {within:g} s of {name} it also ends while a client is connected, of either family"
    if len(stuck) == 1:
        (family,) = stuck
        happened = (
            f"while an {family.label} client is connected it does not end, with an {family.other.label} client it does"
        )
        return Finding(False, expected, happened, symptoms=(Symptom.STILL_RUNS,))
    return Finding(True, expected, "it does not end, with a client of either family" if stuck else "it ends")


def on_port(world: ListenerWorld) -> list[SocketRow]:
    """Return the service's sockets on the listener's port."""
    return [row for row in world.service.sockets.read() if row.port == world.listener.port]


def is_clean(how: Exit, name: str) -> bool:
    """Return whether a program ended with code 0, by that signal, or with a shell's exit code for that signal."""
    return how.signal == name or how.code in {0, 128 + signal.Signals[name]}
