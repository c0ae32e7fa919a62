"""A service that reloads its configuration serves the families that it served before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic, sleep

from dualstack.deadline import Deadline
from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.manifest.texts import fill
from dualstack.prober.messages import Outcome, SocketRow
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.oneway import hold_exchange

WATCH, LONGER = 1.0, 1.5
"""Seconds for which a reload is watched: a service closes its listeners a moment after the signal.

It is watched for `LONGER` times the seconds of the start if that is more: a reload may do what a start does.
"""

SETTLE = 0.5
"""Seconds for which it is watched after a change of its sockets, which may be closed one after the other."""

PAUSE = 0.05
"""Seconds between two rounds of exchanges."""

SILENT, SLOWER = 1.0, 10
"""A client without an answer counts as denied after `SILENT` s plus `SLOWER` times the time of a served client."""

BY_DEFAULT = "SIGHUP"
"""The reload signal of a service whose manifest names none, if it handles the signal and keeps running."""


@Requirement(
    id="LIFE-008",
    title="A reload keeps both families",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service that reloads its configuration, as its manifest says or because of SIGHUP, does not end, and "
    "serves each family that it served before, at once or within the time in which it becomes ready. This holds for "
    "each reload. Its access rules still apply to clients of both families. A service whose manifest names no such "
    "signal or command may end at SIGHUP, like any program that does not handle it.",
    stimulus="Start the service, and make it reload: by the signal or command of its manifest, or else by SIGHUP to "
    "its first process, if that handles it. Try exchanges over each family for a second; if its start took longer, "
    "until its sockets change, for up to 1.5 times the time of the start. Then require an answer over each family. "
    "Repeat this once. If access rules are declared, do all of it with a rule that denies one client of a family, for "
    "each family: after each reload that client is denied and others are served.",
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
    start, ready = world.service.launches[-1].seconds, world.subject.manifest.timeouts.ready
    seconds = max(WATCH, min(LONGER * start, ready))
    for which in ("the reload", "the second reload"):
        before = sockets(world)
        world.service.reload(declared or BY_DEFAULT)
        seconds = watch(world, families, before, seconds)
        await_families(world, families)
        if ended(world) and declared is None:
            happened = f"it {world.service.program.poll()}"
            world.require(Finding(True, "if it keeps running after SIGHUP, it serves each family", happened))
            return
        world.survives(which)
        for family in families if not ended(world) else ():
            world.answers(family, world.addresses(family)[0])
        if not all(finding.ok for finding in world.findings):
            return
    for rule in rules(world, families):
        keeps_rule(world, rule, declared or BY_DEFAULT, seconds)


@dataclass(frozen=True, slots=True)
class Rule:
    """An access rule about clients of one family.

    Attributes:
        text: What ``{acl}`` stands for.
        denied: The address of a client that it denies.
        served: The families whose first client it admits.
    """

    text: str
    denied: str
    served: tuple[Family, ...]


def rules(world: ListenerWorld, families: Sequence[Family]) -> Iterator[Rule]:
    """Yield a rule for each family that denies its second client, if the manifest has such rules."""
    acl = world.listener.acl
    if acl is None:
        return
    for family in families:
        first, second = world.sources(family)[:2]
        if acl.deny is not None:
            yield Rule(fill(acl.deny, {"address": second}), second, tuple(families))
        elif acl.allow is not None:
            yield Rule(fill(acl.allow, {"address": first}), second, (family,))


def keeps_rule(world: ListenerWorld, rule: Rule, how: str | list[str], seconds: float) -> None:
    """Require that an access rule still applies after each of two reloads.

    That it applies before the first one is the subject of SEC-001.
    """
    world.service.start(acl=rule.text)
    times = [world.client.dial(family, world.addresses(family)[0]) for family in rule.served]
    if not all(world.client.is_served(one) and not world.client.is_denial(one) for one in times):
        world.note(f'with the rule "{rule.text}" not all other clients are served: reloads are not judged with it')
        return
    silence = min(SILENT + SLOWER * max(one.seconds for one in times), world.subject.manifest.timeouts.exchange)
    if not is_denied(world, rule.denied, silence):
        world.note(f'with the rule "{rule.text}" {rule.denied} is not denied: reloads are not judged with it')
        return
    for which in ("the reload", "the second reload"):
        before = sockets(world)
        world.service.reload(how)
        seconds = watch(world, rule.served, before, seconds)
        await_families(world, rule.served)
        if ended(world):
            world.survives(f"{which} with an access rule")
            return
        for family in rule.served:
            world.answers(family, world.addresses(family)[0])
        ok = is_denied(world, rule.denied, silence)
        if not ok:
            sleep(WATCH)
            ok = is_denied(world, rule.denied, silence)
        expected = f'after {which} the client {rule.denied} is denied by the rule "{rule.text}", as before'
        happened = "it is denied" if ok else f"it is served after {which}, and was denied before"
        world.require(Finding(ok, expected, happened, symptoms=(Symptom.RULE_LOST,)))
        if not ok:
            return


def is_denied(world: ListenerWorld, source: str, silence: float) -> bool:
    """Return whether a client is refused, not answered, or given the answer for denied clients."""
    family = Family.of(source)
    dialled = world.client.dial(family, world.addresses(family)[0], source=source, timeout=silence)
    return dialled.outcome in {Outcome.REFUSED, Outcome.SILENT} or world.client.is_denial(dialled)


def watch(world: ListenerWorld, families: Sequence[Family], before: frozenset[SocketRow], seconds: float) -> float:
    """Try exchanges until a reload is over or the service ends, and note the families over which some failed.

    Args:
        world: The world.
        families: The families that were served before.
        before: The sockets before the reload.
        seconds: How long a reload may take to change the sockets.

    Returns:
        The seconds for which the next reload is watched: at least `WATCH`, and `LONGER` than this change took.
    """
    lost, changed, began = dict[str, None](), 0.0, monotonic()
    while (passed := monotonic() - began) < (max(WATCH, changed + SETTLE) if changed else seconds):
        if ended(world):
            break
        lost |= {family.label: None for family in families if not is_served(world, family)}
        if not changed and sockets(world) != before:
            changed = passed + PAUSE
        sleep(PAUSE)
    how = f"its sockets changed after {changed:.1f} s" if changed else "its sockets did not change"
    failed = " and ".join(lost) or "no family"
    world.note(f"in {passed:.1f} s after the reload {how}, and exchanges failed over {failed}")
    return max(WATCH, LONGER * changed)


def await_families(world: ListenerWorld, families: Sequence[Family]) -> None:
    """Wait until each family is served, the service ends, or the time in which it becomes ready is up."""
    deadline = Deadline(world.subject.manifest.timeouts.ready, "the families to be served")
    for family in families:
        deadline.until(lambda family=family: ended(world) or is_served(world, family))  # type: ignore[misc]  # bound here


def sockets(world: ListenerWorld) -> frozenset[SocketRow]:
    """Return the service's sockets on the listener's port."""
    return frozenset(world.service.sockets.read_on_port())


def is_served(world: ListenerWorld, family: Family) -> bool:
    """Return whether a client is answered now."""
    dialled = hold_exchange(world.listener, world.client.exchange(family), world.clients.host, world.service.program)
    return dialled.outcome is Outcome.ANSWERED


def ended(world: ListenerWorld) -> bool:
    """Return whether the service has ended."""
    return world.service.program.poll() is not None
