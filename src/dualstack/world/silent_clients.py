"""Whether as many silent clients of one family as of the other keep further clients from being served."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import HoldConnections, Stage
from dualstack.world.limits import wait_out_limits
from dualstack.world.listening import ListenerWorld
from dualstack.world.used_up_limits import PENALTY

TRIES = 3
"""How many clients of a family must all fail in the second comparison: a service may turn clients away by chance."""

Lost = Mapping[Family, frozenset[Family]]
"""By the family of the silent clients: the families whose next client is not served."""


def differing(lost: Lost) -> tuple[bool, bool]:
    """Return whether the next client of the same family, and that of the other one, fares differently by family."""
    own = {family in gone for family, gone in lost.items()}
    other = {family.other in gone for family, gone in lost.items()}
    return len(own) > 1, len(other) > 1


def compare_silent(world: ListenerWorld, families: Sequence[Family], stage: Stage, count: int) -> bool:
    """Require that ``count`` silent clients of either family keep the same further clients from being served.

    A service that serves a fixed number of clients, of whatever family, does so. A difference counts only if it is
    there twice, and ordinary clients are served in between.

    Returns:
        Whether all clients were served, so that other silent clients may be tried.
    """
    first = {family: _lost_beside(world, families, family, stage, count, tries=1) for family in families}
    if not any(first.values()):
        return True
    lost: dict[Family, frozenset[Family]] = {}
    for family in reversed(families) if any(differing(first)) else ():
        wait_out_limits(PENALTY)
        if not all(world.client.is_served(world.client.carry_out(world.client.exchange(one))) for one in families):
            world.note("ordinary clients are not all served without silent ones either: nothing is compared")
            return False
        lost[family] = _lost_beside(world, families, family, stage, count, tries=TRIES)
    found = any(one and again for one, again in zip(differing(first), differing(lost), strict=True))
    for family in families:
        if found and any(family in gone for gone in lost.values()):
            world.count(family, served=False)
    if not found:
        world.note(f"{count} silent clients use up what the service has for clients of whatever family")
    expected = f"{count} silent clients of either family keep the same further clients from being served, if any"
    world.require(Finding(not found, expected, in_words(lost or first, count)))
    return False


def in_words(lost: Lost, count: int) -> str:
    """Return which clients are not served beside silent ones."""
    return "; ".join(
        f"while {count} {family.label} clients are silent, "
        + (f"{' and '.join(one.label for one in Family if one in gone)} clients are not" if gone else "all others are")
        + " served"
        for family, gone in lost.items()
    )


def _lost_beside(
    world: ListenerWorld, families: Sequence[Family], silent: Family, stage: Stage, count: int, *, tries: int
) -> frozenset[Family]:
    """Return the families of which none of some clients is served while clients of one family are silent."""
    with _held(world, silent, stage, count):
        return frozenset(family for family in families if not _is_one_served(world, family, tries))


@contextmanager
def _held(world: ListenerWorld, family: Family, stage: Stage, count: int) -> Iterator[None]:
    """Hold connections of silent clients of a family open."""
    dials = (world.client.exchange(family),) * count
    with world.peer.prober.hold_connections(HoldConnections(dials, stage)) as held:
        world.note(f"{held.held} of {count} {family.label} clients are connected and silent ({stage.value})")
        yield


def _is_one_served(world: ListenerWorld, family: Family, tries: int) -> bool:
    """Return whether one of some ordinary clients is served."""
    return any(world.client.is_served(world.client.carry_out(world.client.exchange(family))) for _ in range(tries))
