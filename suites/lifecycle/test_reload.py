"""A service that reloads its configuration serves the families that it served before."""

from collections.abc import Sequence
from time import sleep

from dualstack.deadline import Deadline
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.oneway import hold_exchange

WATCH = 1.0
"""Seconds for which the reload is watched: a service closes its listeners a moment after the signal."""

PAUSE = 0.05
"""Seconds between two rounds of exchanges."""

BY_DEFAULT = "SIGHUP"
"""The reload signal of a service whose manifest names none, if it handles the signal and keeps running."""


@Requirement(
    id="LIFE-008",
    title="A reload keeps both families",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service that reloads its configuration, as its manifest says or because of SIGHUP, does not end, and "
    "serves each family that it served before, at once or within the time in which it becomes ready. A service whose "
    "manifest names no such signal or command may end at SIGHUP, like any program that does not handle it.",
    stimulus="Start the service, and make it reload: by the signal or command of its manifest, or else by SIGHUP to "
    "its first process, if that handles it. Try exchanges over each family for a second; then require an answer over "
    "each family.",
    wire="No claim: the evidence is each client's answer.",
    cites=("RFC 4038 §6.1", "signal(7): SIGHUP"),
    topologies=("dual-stack",),
    causes=("RC-RELOAD",),
    needs=(Need.MANY, Need.NETWORK),
).attach
def test_reload_keeps_both_families(world: ListenerWorld) -> None:
    """After a reload, every family that was served before is served."""
    world.service.start()
    service = world.subject.manifest.service
    declared = service.reload
    if declared is None and (
        service.stop_signal == BY_DEFAULT or BY_DEFAULT not in world.service.program.resource_usage().handled
    ):
        happened = f"{BY_DEFAULT} does not make it reload, and its manifest names nothing else"
        world.require(Finding(True, "a reload keeps every family", happened))
        return
    families = world.served()
    world.service.reload(declared or BY_DEFAULT)
    lost = watch(world, families)
    world.note("in the second after the reload, exchanges failed over " + (" and ".join(lost) or "no family"))
    deadline = Deadline(world.subject.manifest.timeouts.ready, "the families to be served")
    for family in families:
        deadline.until(lambda family=family: ended(world) or is_served(world, family))  # type: ignore[misc]  # bound here
    if ended(world) and declared is None:
        world.require(
            Finding(
                True, "if it keeps running after SIGHUP, it serves each family", f"it {world.service.program.poll()}"
            )
        )
        return
    world.survives("the reload")
    for family in families if not ended(world) else ():
        world.answers(family, world.addresses(family)[0])


def watch(world: ListenerWorld, families: Sequence[Family]) -> list[str]:
    """Try exchanges for `WATCH` seconds or until the service ends; return the labels of families that failed."""
    lost = dict[str, None]()
    deadline = Deadline(WATCH, "the reload to happen")
    while not deadline.expired and not ended(world):
        lost |= {family.label: None for family in families if not is_served(world, family)}
        sleep(PAUSE)
    return list(lost)


def is_served(world: ListenerWorld, family: Family) -> bool:
    """Return whether a client is answered now."""
    dialled = hold_exchange(world.listener, world.client.exchange(family), world.clients.host, world.service.program)
    return dialled.outcome is Outcome.ANSWERED


def ended(world: ListenerWorld) -> bool:
    """Return whether the service has ended."""
    return world.service.program.poll() is not None
