"""A service that gets its stop signal stops on both families, and leaves no socket on its port."""

import signal

from dualstack.deadline import Deadline
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import Exit, SocketRow
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld


@Requirement(
    id="LIFE-007",
    title="Stopping closes both families",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="On its stop signal the service ends in time, with exit code 0 or by that signal; by then its sockets "
    "of both families are closed, and no process that it forked keeps one open.",
    stimulus="Start the service, send its stop signal to its first process alone, wait until that has ended and every "
    "socket on its port is closed, and dial each family that it listened for.",
    wire="Every connection attempt is answered by a reset within 1 s; every UDP request is answered by ICMP port "
    "unreachable.",
    cites=("signal(7): SIGTERM", "RFC 9293 §3.10.7.1", "RFC 1122 §4.1.3.1", "RFC 4443 §3.1"),
    topologies=("dual-stack",),
    causes=("RC-STOP", "RC-INHERIT"),
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
    for family in served:
        world.shows_refused(family)


def on_port(world: ListenerWorld) -> list[SocketRow]:
    """Return the service's sockets on the listener's port."""
    return [row for row in world.service.sockets.read() if row.port == world.listener.port]


def is_clean(how: Exit, name: str) -> bool:
    """Return whether a program ended with code 0, by that signal, or with a shell's exit code for that signal."""
    return how.signal == name or how.code in {0, 128 + signal.Signals[name]}
