"""Ignorable signals do not interrupt exchanges."""

from dataclasses import replace

from dualstack.counting import count
from dualstack.deadline import Deadline
from dualstack.errors import NothingToJudge
from dualstack.finding import Finding
from dualstack.prober.messages import Dial, Load
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld

CLIENTS = 5
"""How many clients of each family repeat exchanges while signals are sent."""

PAUSE = 0.02
"""Seconds between two exchanges of a client: the test is about signals, not load."""

ALONE = ("SIGCHLD", "SIGWINCH", "SIGCONT")
STOPPING = ("SIGSTOP", "SIGCONT")

EACH, TURNS = 40, 40
"""How often each signal is sent, and how often the service is stopped and continued: 200 signals in all."""

EVERY = 0.01
"""Seconds between two signals."""

ROUNDS = 10
"""How many exchanges each client has without signals."""

END_WITHIN = 30.0
"""Seconds within which the last exchanges must have ended."""


@Requirement(
    id="ROBUST-004",
    title="Signals do not break accept and read",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="SIGCHLD, SIGWINCH and SIGCONT, and being stopped and continued, neither end the service nor break an "
    "exchange.",
    stimulus="Start the service on a dual-stack host; five clients of each family that it serves repeat exchanges. "
    "Send its main process 200 of these signals, 10 ms apart, except those that its manifest lists as having a "
    "meaning for it. If an exchange fails, repeat this without signals: what fails then too is not judged.",
    wire="No claim: the evidence is each client's answer.",
    cites=("signal(7): Interruption of system calls", "accept(2): EINTR", "sigaction(2): SA_RESTART"),
    topologies=("dual-stack",),
    causes=("RC-EINTR",),
    needs=(Need.TCP, Need.ANSWER, Need.MANY, Need.NETWORK),
).attach
def test_signals_do_not_break_exchanges(world: ListenerWorld) -> None:
    """Clients are served while many signals are sent."""
    world.service.start()
    families = world.served()
    dials = tuple(
        world.client.exchange(family) for family in families for _ in range(min(CLIENTS, world.listener.clients))
    )
    dials = tuple(replace(dial, timeout=dial.timeout + len(STOPPING) * TURNS * EVERY) for dial in dials)
    signals = [name for name in ALONE if name not in world.subject.manifest.service.signals for _ in range(EACH)]
    if "SIGCONT" in signals:
        signals += STOPPING * TURNS
    with world.peer.prober.load(Load(dials, rounds=0, pause=PAUSE)) as load:
        world.service.program.send_signals(signals, EVERY)
        world.note(f"{len(signals)} signals were sent, {EVERY * 1000:g} ms apart")
        loaded = load.finish(Deadline(END_WITHIN, "the last exchanges to end"))
    first = f"; the first: {loaded.failures[0].detail}" if loaded.failures else ""
    if loaded.failed and world.service.program.poll() is None:
        require_served_without(world, dials)
    world.require(
        Finding(
            not loaded.failed and min(loaded.exchanges) > 0,
            "every exchange is answered while signals are sent",
            f"{count(sum(loaded.exchanges), 'exchange')} of {count(len(dials), 'client')}, "
            f"{loaded.failed} failed{first}",
        )
    )
    for family in families:
        world.answers(family, world.addresses(family)[0])
    world.survives("the signals")


def require_served_without(world: ListenerWorld, dials: tuple[Dial, ...]) -> None:
    """Check that the same clients are served while no signals are sent.

    Raises:
        NothingToJudge: They are not.
    """
    world.note("control: are the same clients served without signals?")
    quiet = world.peer.prober.load(Load(dials, rounds=ROUNDS, pause=PAUSE))
    with quiet as load:
        found = load.finish(Deadline(END_WITHIN, "the last exchanges to end"))
    if found.failed:
        raise NothingToJudge(
            f"{count(len(dials), 'client')} at the same time are not served without signals either: "
            f"{found.failures[0].detail}; clients in [[listen]] says for how many of each family it is made"
        )
