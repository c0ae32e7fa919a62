"""A service that reads its configuration again serves the families that it served before."""

from collections.abc import Sequence
from time import sleep

from dualstack.deadline import Deadline
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.manifest import Protocol
from dualstack.prober.messages import Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.oneway import send_oneway

WATCH = 1.0
"""Seconds in which the reload is given time to happen: a service closes its listeners a moment after it was told."""

PAUSE = 0.05
"""Seconds between two looks."""

BY_DEFAULT = "SIGHUP"
"""What makes a service reload whose manifest says nothing, if it handles this signal and goes on."""


@Requirement(
    id="LIFE-008",
    title="A reload keeps both families",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service that reads its configuration again, as its manifest says or because of SIGHUP, does not end, "
    "and serves each family that it served before, at once or within the time in which it becomes ready. A service "
    "without such a signal or command in its manifest may end at SIGHUP, as programs do that do not handle it.",
    stimulus="Start the service, and make it reload: by the signal or command of its manifest, or else by SIGHUP to "
    "its first process, if that handles it. Hold exchanges over each family for a second; then require an answer over "
    "each family.",
    wire="No claim: the evidence is each client's answer.",
    cites=("RFC 4038 §6.1", "signal(7): SIGHUP"),
    topologies=("dual-stack",),
    causes=("RC-RELOAD",),
    needs=(Need.MANY, Need.NETWORK),
).attach
def test_reload_keeps_both_families(world: ListenerWorld) -> None:
    """After a reload every family is served that was served before."""
    world.start()
    service = world.subject.manifest.service
    declared = service.reload
    if declared is None and (service.stop_signal == BY_DEFAULT or BY_DEFAULT not in world.program.vitals().handled):
        happened = f"{BY_DEFAULT} does not make it reload, and its manifest names nothing else"
        world.require(Finding(True, "what makes it reload takes no family from its clients", happened))
        return
    families = world.served()
    world.reload(declared or BY_DEFAULT)
    lost = watch(world, families)
    world.note("in the second after it an exchange failed over " + (" and ".join(lost) or "no family"))
    deadline = Deadline(world.subject.manifest.timeouts.ready, "the families to be served")
    for family in families:
        deadline.until(lambda family=family: ended(world) or is_served(world, family))  # type: ignore[misc]  # bound here
    if ended(world) and declared is None:
        world.require(
            Finding(True, "where it goes on after SIGHUP, it serves each family", f"it {world.program.poll()}")
        )
        return
    world.survives("the reload")
    for family in families if not ended(world) else ():
        world.answers(family, world.addresses(family)[0])


def watch(world: ListenerWorld, families: Sequence[Family]) -> list[str]:
    """Hold exchanges for a while, until the service ends; return the families over which one failed."""
    lost = dict[str, None]()
    deadline = Deadline(WATCH, "the reload to happen")
    while not deadline.expired and not ended(world):
        lost |= {family.label: None for family in families if not is_served(world, family)}
        sleep(PAUSE)
    return list(lost)


def is_served(world: ListenerWorld, family: Family) -> bool:
    """Return whether a client is answered now."""
    dial, host = world.exchange(family), world.clients.host
    if dial.protocol is Protocol.ONEWAY:
        return send_oneway(world.listener, dial, host, world.program).outcome is Outcome.ANSWERED
    return host.prober.dial(dial).outcome is Outcome.ANSWERED


def ended(world: ListenerWorld) -> bool:
    """Return whether the service has ended."""
    return world.program.poll() is not None
