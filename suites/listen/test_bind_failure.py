"""A listener that cannot be bound says so, loudly, and never stays up with half of what it claims."""

import re

from dualstack.deadline import Deadline
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import Exit, Hold
from dualstack.requirement import Level, Requirement, Role
from dualstack.world import ListenerWorld

LOUD_WITHIN = 10.0
"""Seconds after which a service must have failed, or shown that it is not ready."""

IN_USE = re.compile(r"(?i)in use|EADDRINUSE|\b98\b|10048")
"""How the error reads: strerror's text, its name, or its number on Linux and Windows."""


@Requirement(
    id="LISTEN-009",
    title="Bind failure is loud and total",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="If a declared listener cannot be bound in one of its families, the service exits or shows that it is "
    "not ready within 10 s, naming the error. It never stays up, silently, serving one family only.",
    stimulus="For each family that the service claims, and serves when its port is free: let a foreign socket of that "
    "family listen on its port (the IPv6 one with IPV6_V6ONLY), then start the service.",
    wire="No claim: the evidence is the exit, the output and the socket table.",
    cites=("RFC 4038 §6.3.1", "bind(2): EADDRINUSE", "listen(2): EADDRINUSE"),
    topologies=("dual-stack",),
    causes=("RC-BINDSWALLOWED", "RC-DOUBLEBIND"),
).attach
def test_bind_failure_is_loud_and_total(world: ListenerWorld) -> None:
    """The service does not hide that its port is taken in one family."""
    served = world.served()
    world.require(complete(world, served))
    world.stop()
    for family in served:
        if not start_against(world, family).ok:
            break  # one silent failure is enough, and each takes the whole time that there is


def complete(world: ListenerWorld, served: list[Family]) -> Finding:
    """Return whether the service, with nothing in its way, runs on although it says that it could not bind a family."""
    missing = [family.label for family in world.families if family not in served]
    says_so = IN_USE.search(world.log.text) is not None
    half = bool(missing) and says_so and world.listener.partial_bind is None
    return Finding(
        not half,
        "with its port free the service does not run on with a listener that it could not bind",
        f"it runs without {' and '.join(missing)}, and its output names a bind failure" if half else "it does not",
    )


def start_against(world: ListenerWorld, taken: Family) -> Finding:
    """Start the service while its port is taken in one family, and return (and require) how it takes that."""
    listener = world.listener
    hold = Hold(family=taken, address=taken.wildcard, port=listener.port, transport=listener.transport)
    with world.host.prober.hold(hold):
        world.note(f"a foreign socket takes {listener.transport.value} port {listener.port} of {taken.label}")
        ended = settle(world)
        served = {row.family for row in world.own_sockets() if row.port == listener.port}
        dual = {row.address for row in world.own_sockets() if row.port == listener.port and row.v6only is False}
        says_so = IN_USE.search(world.log.text) is not None
        world.stop()
    named = "its output names the error" if says_so else "its output does not name the error"
    if ended is not None:
        happened, ok = f"it {ended}, and {named}", says_so
    elif not served:
        happened, ok = f"after {LOUD_WITHIN:g} s it runs without listening, and {named}", says_so
    else:
        what = "a dual-stack socket" if dual else " and ".join(sorted(served))
        happened = f"after {LOUD_WITHIN:g} s it runs and listens with {what}, and {named}"
        ok = says_so and listener.partial_bind is not None
    finding = Finding(
        ok,
        f"with its port taken in {taken.label} the service fails within {LOUD_WITHIN:g} s and names the error",
        happened,
    )
    world.require(finding)
    return finding


def settle(world: ListenerWorld) -> Exit | None:
    """Start the service; return how it ended, or None if it still runs after the time that it has to fail in."""
    program = world.launch()
    deadline = Deadline(LOUD_WITHIN, "the service to fail")
    documented = world.listener.partial_bind is not None
    if documented and program.wait_log(IN_USE.pattern, deadline):
        return program.poll()
    return world.ended(program, deadline)
