"""Sentences on why a program is not ready, the same for every lab backend."""

from collections.abc import Iterable, Sequence

from dualstack.prober.messages import Await, Exit
from dualstack.transport import Transport


def not_listening(condition: Await) -> str:
    """Return the phrase for a program that has no socket on the port."""
    where = f"{condition.transport.value.upper()} port {condition.port}"
    listening = "is still not listening on" if condition.transport is Transport.TCP else "has still no socket on"
    return f"it {listening} {where}"


def unready(
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
    closed = not_listening(condition)
    if how is not None:
        others = [phrase for phrase in missing if phrase != closed]
        return "; ".join([f"it {how} after {duration(seconds)}", *others])
    text = ", and ".join(sorted(missing, key=closed.__eq__))
    if closed not in missing:
        return f"{text} (after {duration(seconds)})"
    ports = sorted({port for transport, port in own if transport is condition.transport and port != condition.port})
    places = f"; it listens on {condition.transport.value.upper()} port {' and '.join(map(str, ports))} instead"
    return f"{text} after {duration(seconds)}{places if ports else ''}"


def duration(seconds: float) -> str:
    """Return a duration with its unit: ``40 ms``, ``10 s``."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{round(seconds, 1):g} s"
