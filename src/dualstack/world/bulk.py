"""Bulk answers: so much data that the path, and not the first packets, decides whether it arrives."""

from dataclasses import dataclass

from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import Dialled, Outcome
from dualstack.protocols.application import Trait
from dualstack.world.clients import Clients, router_clients
from dualstack.world.listening import ListenerWorld

BULK = 200_000
"""How many bytes a bulk answer has at least."""

LARGE = 4000
"""How many bytes an answer of several segments has: what LISTEN-017 is about."""

PATIENCE = 2
"""How many times as long as another exchange a bulk exchange may take."""


@dataclass(frozen=True, slots=True)
class OtherReason:
    """Why a path is not to blame for a bulk answer that does not cross it.

    Attributes:
        text: The reason, as a clause.
        on_link: The exchange of as much on the link that failed too, while a small answer crosses the path; None if
            the reason is another one.
    """

    text: str
    on_link: Dialled | None = None


def dial_bulk(world: ListenerWorld, family: Family, clients: Clients | None = None, timeout: float = 0.0) -> Dialled:
    """Hold an exchange whose answer has at least `BULK` bytes.

    Args:
        world: The case.
        family: The family to dial over.
        clients: Where the client is; None for the listener's clients.
        timeout: Seconds; 0 for `PATIENCE` times the manifest's ``timeouts.exchange``.
    """
    address, send = world.addresses(family)[0], world.listener.bulk_send
    timeout = timeout or PATIENCE * world.subject.manifest.timeouts.exchange
    return world.client.dial(family, address, size=BULK, send=send, clients=clients, timeout=timeout)


def crosses(world: ListenerWorld, family: Family, where: str, *, required: bool = True) -> OtherReason | None:
    """Require that a bulk answer crosses the path, unless it fails for another reason than the path; return that.

    Args:
        world: The case.
        family: The family to dial over.
        where: What the path crosses, for the finding.
        required: Whether it must cross; if not, it is reported only if it does, and None is returned.
    """
    dialled = dial_bulk(world, family)
    ok = dialled.outcome is Outcome.ANSWERED
    happened = dialled.detail
    if not ok and not required:
        return None
    if not ok:
        if reason := other_reason(world, family):
            world.note(f"{family.label} is not judged: {reason.text}")
            return reason
        # Earlier clients may be the reason, not the path: this one comes directly after one on the router.
        ok = dial_bulk(world, family).outcome is Outcome.ANSWERED
        happened += "; a client directly after one on the router is served" if ok else ""
    world.count(family, served=ok)
    world.require(Finding(ok, f"{BULK} bytes over {family.label} cross {where}", happened))
    return None


def report_short_on_link(world: ListenerWorld, family: Family, dialled: Dialled) -> None:
    """Report the failure of a bulk answer on the link, where a small answer arrives, and the other family's bulk does.

    What goes wrong on the path alone is the subject of other requirements, as is a family that is not served.
    """
    world.count(family, served=False)
    expected = f"{BULK} bytes over {family.label} arrive on the link, as over {family.other.label}"
    world.require(Finding(False, expected, dialled.detail, symptoms=(Symptom.SHORT_ON_LINK,)))


def other_reason(world: ListenerWorld, family: Family) -> OtherReason | None:
    """Return why the path is not to blame: less does not cross it, or as much does not arrive without it."""
    address = world.addresses(family)[0]
    if world.client.dial(family, address).outcome is not Outcome.ANSWERED:
        return OtherReason("a small answer does not arrive either")
    listener = world.listener
    if Trait.ECHOES in listener.traits or listener.large_send is not None:
        large = world.client.dial(family, address, size=LARGE, send=listener.large_send)
        if large.outcome is not Outcome.ANSWERED:
            return OtherReason("a large answer does not arrive either, which LISTEN-017 is about")
    on_link = dial_bulk(world, family, router_clients(world.lab))
    if on_link.outcome is not Outcome.ANSWERED:
        return OtherReason("as much does not arrive on the link either", on_link)
    return None
