"""When a program is ready, decided from what is seen of it, and the sentences that say why it is not.

It does no I/O: each lab looks at the program repeatedly, and decides by these rules.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dualstack.families import Family
from dualstack.prober.messages import STARVATION_FACTOR, Await, Exit, Readiness
from dualstack.protocols.judgement import show_pattern
from dualstack.transport import Transport


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket of the host that receives connections or datagrams.

    Attributes:
        serves: The families that it serves.
        owners: The names of the other programs that have it; empty if it is the program's own.
    """

    serves: frozenset[Family]
    owners: tuple[str, ...] = ()


class View(Protocol):
    """What is seen of a program in one look. Each part is asked for only if it matters; `exit` before `over`."""

    def exit(self) -> Exit | None:
        """Return how its first process ended; None while that runs."""

    def running(self) -> bool:
        """Return whether any of its processes is seen to run."""

    def over(self) -> bool:
        """Return whether it is certain that none of its processes runs."""

    def has_logged(self) -> bool:
        """Return whether a line of its output has matched the condition's pattern."""

    def listeners(self, transport: Transport, port: int) -> Sequence[Listener]:
        """Return the sockets of its host on a port that receive connections or datagrams."""

    def own_ports(self) -> Iterable[tuple[Transport, int]]:
        """Return transport and port of each own socket that receives connections or datagrams."""

    def unhealthy(self) -> Sequence[str]:
        """Return what else it lacks, one phrase each; asked when it lacks nothing of the condition."""

    def starved(self) -> float:
        """Return the seconds for which it could have run but had no processor."""

    def left_behind(self) -> str:
        """Return the names of the processes that run after the end of the first one."""


class Waiting:
    """One wait for a program to be ready."""

    def __init__(self, condition: Await, now: float) -> None:
        """Begin to wait at the time ``now``, in seconds of the monotonic clock."""
        self._condition = condition
        self._start = now
        self._timeout = condition.timeout
        self._serving_since: float | None = None

    def left(self, now: float) -> float:
        """Return the seconds until the time is up, unless the program was starved of processor time."""
        return max(self._start + self._timeout - now, 0.0)

    def look(self, view: View, now: float) -> Readiness | None:
        """Return the result, or None if the program may still become ready.

        The wait ends when the program is ready, when none of its processes is left, or when the time is up. A program
        that the machine starves of processor time gets that much more, up to `STARVATION_FACTOR` times the timeout.
        """
        missing = self._missing(view, now)
        passed = now - self._start
        how = view.exit()
        if not missing and (how is None or view.running()):
            detail = (
                "it is ready" if how is None else f"it {how}, and what it left behind is ready: {view.left_behind()}"
            )
            return Readiness(ready=True, exit=how, seconds=passed, detail=detail)
        starved = 0.0
        if not view.over():
            if passed >= self._timeout:
                limit, starved = self._condition.timeout, view.starved()
                self._timeout = min(limit + starved, limit * STARVATION_FACTOR)
            if passed < self._timeout:
                return None
        detail = _unready(self._condition, passed, how, missing, view.own_ports())
        return Readiness(ready=False, exit=how, seconds=passed, detail=detail, starved=starved)

    def _missing(self, view: View, now: float) -> list[str]:
        """Return what the program still lacks, one phrase each."""
        missing = []
        if self._condition.log is not None and not view.has_logged():
            missing.append(f"no line of its output matches {show_pattern(self._condition.log)}")
        if self._condition.port:
            missing += self._missing_socket(view.listeners(self._condition.transport, self._condition.port), now)
        if not missing and self._condition.others:
            missing += self._missing_others(view, now)
        return missing or list(view.unhealthy())

    def _missing_others(self, view: View, now: float) -> list[str]:
        """Return which of its other ports the program has not opened yet; none when its time for that is up."""
        passed, limit = now - (self._serving_since or now), self._condition.patience
        is_late = passed >= limit and passed >= min(limit + view.starved(), limit * STARVATION_FACTOR)
        if is_late or now - self._start >= self._timeout:
            return []
        missing = []
        for place in self._condition.others:
            own = [item for item in view.listeners(place.transport, place.port) if not item.owners]
            served = frozenset[Family]().union(*(item.serves for item in own))
            if not own or not served.issuperset(place.families):
                missing.append(f"{place.transport.value.upper()} port {place.port} does not serve all its families yet")
        return missing

    def _missing_socket(self, found: Sequence[Listener], now: float) -> list[str]:
        """Return why the program does not have the port yet, as a list of one phrase; empty when it has."""
        condition = self._condition
        if not found:
            return [_not_listening(condition)]
        own = [item for item in found if not item.owners]
        if not own:
            owners = ", ".join(dict.fromkeys(name for item in found for name in item.owners))
            return [f"{condition.transport.value.upper()} port {condition.port} belongs to {owners}, not to it"]
        if self._serving_since is None:
            self._serving_since = now
        served = frozenset[Family]().union(*(item.serves for item in own))
        lacking = [family.label for family in condition.families if family not in served]
        if not lacking or now - self._serving_since >= condition.grace:
            return []
        return [f"its sockets on port {condition.port} do not serve {' and '.join(lacking)}"]


def _not_listening(condition: Await) -> str:
    """Return the phrase for a program that has no socket on the port."""
    where = f"{condition.transport.value.upper()} port {condition.port}"
    listening = "is still not listening on" if condition.transport is Transport.TCP else "has still no socket on"
    return f"it {listening} {where}"


def _unready(
    condition: Await, seconds: float, how: Exit | None, missing: Sequence[str], own: Iterable[tuple[Transport, int]]
) -> str:
    """Return why a program is not ready, one sentence.

    Args:
        condition: The condition of the wait.
        seconds: The duration of the wait.
        how: How the program ended; None if it runs.
        missing: The conditions that are not met, one phrase each.
        own: Transport and port of each socket on which it accepts clients.
    """
    closed = _not_listening(condition)
    if how is not None:
        others = [phrase for phrase in missing if phrase != closed]
        after = f" after {duration(how.seconds)}" if how.seconds else ""
        return "; ".join([f"it {how}{after}", *others])
    text = ", and ".join(sorted(missing, key=closed.__eq__))
    if closed not in missing:
        return f"{text} (after {duration(seconds)})"
    ports = sorted({port for transport, port in own if transport is condition.transport and port != condition.port})
    places = f"; it listens on {condition.transport.value.upper()} port {' and '.join(map(str, ports))} instead"
    return f"{text} after {duration(seconds)}{places if ports else ''}"


def duration(seconds: float) -> str:
    """Return a duration with its unit: ``40 ms``, ``10 s``."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{round(seconds, 1):g} s"
