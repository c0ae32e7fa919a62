"""When a program is ready, decided from what is seen of it. Does no I/O: a lab looks, again and again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dualstack.families import Family
from dualstack.prober.messages import STARVATION_FACTOR, Await, Exit, Readiness
from dualstack.prober.readiness import not_listening, unready
from dualstack.transport import Transport


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket of the host that receives connections or datagrams for its port.

    Attributes:
        transport: Its transport.
        port: Its port.
        serves: The families that it serves.
        owner: The name of the other program that has it; empty if it is the program's own.
    """

    transport: Transport
    port: int
    serves: frozenset[Family]
    owner: str = ""


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

    def listeners(self) -> Sequence[Listener]:
        """Return the sockets of its host that receive connections or datagrams."""

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
        ready = not missing and (how is None or view.running())
        if ready:
            detail = (
                "it is ready" if how is None else f"it {how}, and what it left behind is ready: {view.left_behind()}"
            )
            return Readiness(ready=True, exit=how, seconds=passed, detail=detail)
        if not view.over():
            if passed >= self._timeout:
                limit = self._condition.timeout
                self._timeout = min(limit + view.starved(), limit * STARVATION_FACTOR)
            if passed < self._timeout:
                return None
        own = [(item.transport, item.port) for item in view.listeners() if not item.owner]
        detail = unready(self._condition, passed, how, missing, own)
        return Readiness(ready=False, exit=how, seconds=passed, detail=detail)

    def _missing(self, view: View, now: float) -> list[str]:
        """Return what the program still lacks, one phrase each."""
        missing = []
        if self._condition.log is not None and not view.has_logged():
            missing.append(f"no line of its output matches {self._condition.log!r}")
        if self._condition.port:
            missing += self._missing_socket(view.listeners(), now)
        return missing or list(view.unhealthy())

    def _missing_socket(self, listeners: Sequence[Listener], now: float) -> list[str]:
        """Return why the program does not have the port yet, as a list of one phrase; empty when it has."""
        transport, port = self._condition.transport, self._condition.port
        found = [item for item in listeners if (item.transport, item.port) == (transport, port)]
        if not found:
            return [not_listening(self._condition)]
        own = [item for item in found if not item.owner]
        if not own:
            owners = ", ".join(sorted({item.owner for item in found}))
            return [f"{transport.value.upper()} port {port} belongs to {owners}, not to it"]
        if self._serving_since is None:
            self._serving_since = now
        served = frozenset[Family]().union(*(item.serves for item in own))
        lacking = [family.label for family in self._condition.families if family not in served]
        if not lacking or now - self._serving_since >= self._condition.grace:
            return []
        return [f"its sockets on port {port} do not serve {' and '.join(lacking)}"]
