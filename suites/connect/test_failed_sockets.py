"""A connector closes the sockets of connection attempts that have failed, and of connections that are lost."""

import time
from collections import Counter
from dataclasses import dataclass

from dualstack.counting import count
from dualstack.deadline import Deadline
from dualstack.errors import NothingToJudge
from dualstack.families import BOTH, Family, endpoint
from dualstack.finding import Finding, Symptom
from dualstack.lab.changes import AddAddress
from dualstack.lab.protocol import Program
from dualstack.prober.messages import Serve
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.transport import AppProtocol, Transport
from dualstack.wire.expect import Fate, attempts
from dualstack.world import ConnectorWorld
from dualstack.world.deserted import deserted

DEAD = 4
"""How many addresses refuse before one accepts."""

FAILURES, FEWEST = 6, 3
"""How many failed attempts of a daemon are waited for, and how many are enough: one more may be under way."""

SETTLED = 1.0
"""Seconds within which a failed socket is closed."""

FAILED = ("CLOSE", "SYN_SENT", "CLOSE_WAIT")
"""The states of sockets that are of no use: refused or never connected, unanswered, and ended by the server."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a connector had open while it waited for the server's answer.

    Attributes:
        dead: The family whose addresses refused.
        began: When it was started, in seconds since the epoch.
        ended: When it was stopped.
        left: The states of its failed sockets.
    """

    dead: Family
    began: float
    ended: float
    left: Counter[str]


@Requirement(
    id="CONNECT-013",
    title="Failed sockets are closed",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="A connector closes the socket of each attempt that has failed, within 1 s; a daemon also closes the "
    "sockets of connections that the server has ended.",
    stimulus="A connector that runs once: a name has four addresses of one family that refuse, and one of the other "
    "family, whose server accepts and does not answer. Look at its TCP sockets while it waits. Then swap "
    "the families. A daemon: when it has completed an exchange, the server ends the connection and listens no more. "
    "Look at its TCP sockets after six attempts have failed, or after timeouts.reconnect.",
    wire="Attempts are reset. The evidence is the kernel's table of its sockets.",
    cites=("RFC 8305 §5", "RFC 1122 §4.2.2.13"),
    topologies=("dual-stack",),
    causes=("RC-LEAK",),
    needs=(Need.TCP, Need.BOTH, Need.NAMES, Need.ANSWER),
).attach
def test_failed_sockets_are_closed(world: ConnectorWorld) -> None:
    """After failed attempts, only the socket in use is open."""
    if world.connector.runs_on:
        after_failures(world)
        return
    runs = [run for live in BOTH if (run := while_it_waits(world, live)) is not None]
    made = attempts(world.wire(), world.connector.port)
    for run in runs:
        refused = sum(item.fate is Fate.REFUSED and run.began <= item.time <= run.ended for item in made)
        if refused:
            world.require(judged(run.left, f"after {refused} of its attempts over {run.dead.label} were refused"))
    if runs and not world.findings:
        raise NothingToJudge("it tried the address that accepts first in each run, so none of its attempts had failed")
    if not world.findings:
        raise NothingToJudge("it does not connect after an address has refused (CONNECT-005)")


def while_it_waits(world: ConnectorWorld, live: Family) -> Held | None:
    """Run a connector towards a name whose addresses refuse, but for one of ``live`` that does not answer.

    Returns:
        What it had open; None if it did not connect.
    """
    peer, port, dead = world.peer, world.connector.port, live.other
    for address in peer.plan.planned[dead][len(peer.plan.configured[dead]) : DEAD]:
        peer.apply(AddAddress(address))
    one = peer.plan.configured[live][0]
    world.note(f"the peer accepts on {endpoint(one, port)} and does not answer; {DEAD} {dead.label} addresses refuse")
    addresses = {dead: peer.plan.planned[dead][:DEAD], live: (one,)}
    within = Deadline(world.subject.manifest.timeouts.connect, "the connector")
    began = time.time()
    with (
        peer.prober.serve(Serve((one,), port, Transport.TCP, AppProtocol.CONNECT)) as serving,
        world.names(a="ok", aaaa="ok", addresses=addresses) as name,
        world.connector_runs.held(name, serving) as program,
    ):
        if not serving.await_client(0, within, completed=False):
            return None
        left = left_open(world, program, 0)
        return Held(dead, began, time.time(), left)


def after_failures(world: ConnectorWorld) -> None:
    """Let a daemon connect, take its server away, and require that it closes what has failed."""
    timeouts, prober = world.subject.manifest.timeouts, world.host.prober
    with deserted(world) as left:
        within = Deadline(timeouts.reconnect, "the daemon to try again")
        left.daemon.until(lambda: prober.failed_attempts() - left.before >= FAILURES, within)
        failed = prober.failed_attempts() - left.before
        if failed < FEWEST:
            raise NothingToJudge(
                f"{count(failed, 'attempt')} failed in {timeouts.reconnect:g} s after its server had gone, too few to "
                "judge (DNS-010); if it waits longer than that before it tries again, raise timeouts.reconnect"
            )
        world.require(
            judged(left_open(world, left.daemon.program, 1), f"after {failed} of its attempts were refused", 1)
        )


def left_open(world: ConnectorWorld, program: Program, allowed: int) -> Counter[str]:
    """Return the states of its failed sockets, when it has no more than are allowed or had the time to close them."""
    left: Counter[str] = Counter()

    def closed() -> bool:
        nonlocal left
        states = world.host.prober.tcp_states(program.tcp_sockets())
        left = Counter(state for state in states if state in FAILED)
        return left.total() <= allowed and not left["CLOSE_WAIT"]

    Deadline(SETTLED, "its failed sockets").until(closed)
    return left


def judged(left: Counter[str], when: str, allowed: int = 0) -> Finding:
    """Return whether a connector has closed its failed sockets; ``allowed``: an attempt that may be under way."""
    ok = left.total() <= allowed and not left["CLOSE_WAIT"]
    found = ", ".join(f"{number} in state {state}" for state, number in sorted(left.items()))
    more = ", except that of an attempt under way" if allowed else ""
    return Finding(
        ok,
        f"{when}, it has no failed TCP socket open{more}",
        f"it has {found}" if found else "it has none",
        symptoms=() if ok else (Symptom.GROWTH,),
    )
