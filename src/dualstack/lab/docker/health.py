"""What the engine knows of a service's container beside its output: its health check, and how it ended."""

import signal
from contextlib import suppress

from dualstack.lab.docker.engine import Engine, NotFound, explained
from dualstack.prober.messages import Exit

_SHOWN = 200
"""How many characters of a health check's output are shown."""

_SIGNALLED = 128
_FATAL = frozenset(
    {"SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGSEGV", "SIGPIPE", "SIGTERM"}
)
"""Signals that end programs: an exit code of 128 plus one of their numbers means the signal, as in a shell."""


def unhealthy(engine: Engine, identity: str) -> str:
    """Return the state of a container's health check, one phrase; empty when it has passed, or there is none.

    Raises:
        HarnessError: The engine refuses.
    """
    with explained("the service's container cannot be inspected"):
        try:
            health = engine.api.inspect_container(identity)["State"].get("Health") or {}
        except NotFound:
            return ""
    if health.get("Status", "healthy") in {"healthy", "none"}:
        return ""
    last = (health.get("Log") or [{}])[-1]
    output = " ".join(str(last.get("Output", "")).split())[-_SHOWN:]
    return f"its image's health check is {health['Status']}" + (f' and says "{output}"' if output else "")


def exit_of(code: int, engine: Engine, identity: str) -> Exit:
    """Return how a container ended; the signal says if it was out of memory."""
    if code > _SIGNALLED:
        with suppress(ValueError):
            name = signal.Signals(code - _SIGNALLED).name
            if name in _FATAL:
                return Exit(code=None, signal=f"{name} (out of memory)" if _out_of_memory(engine, identity) else name)
    return Exit(code=code)


def _out_of_memory(engine: Engine, identity: str) -> bool:
    """Return whether the kernel killed a process of a container because its memory was used up."""
    try:
        return bool(engine.api.inspect_container(identity)["State"]["OOMKilled"])
    except NotFound:
        return False
