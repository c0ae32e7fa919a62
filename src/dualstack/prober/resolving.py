"""What getaddrinfo says on the host, in a child: the C library blocks, and reads resolv.conf once per process."""

import asyncio
import os
import signal
import socket
from time import monotonic

from dualstack.families import Family
from dualstack.prober.children import Reaper
from dualstack.prober.forking import fork, report_of
from dualstack.prober.messages import Resolved

_ERRORS = {getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")}


async def resolve(name: str, family: Family | None, seconds: float, reaper: Reaper, *, addrconfig: bool) -> Resolved:
    """Resolve a name with getaddrinfo(3).

    Args:
        name: The name.
        family: The family that is asked for; None for AF_UNSPEC.
        seconds: How long it may take; then the child is killed.
        reaper: Tells when the child has ended.
        addrconfig: Whether AI_ADDRCONFIG is given.
    """
    af = family.af if family is not None else socket.AF_UNSPEC
    start = monotonic()
    child = fork(lambda _: _getaddrinfo(name, af, socket.AI_ADDRCONFIG if addrconfig else 0))
    reaped = asyncio.Event()
    reaper.watch(child.pid, lambda _: reaped.set())
    try:
        async with asyncio.timeout(seconds):
            addresses, error = await report_of(child)
    except TimeoutError:
        addresses, error = [], "timeout"
    finally:
        if not reaped.is_set():  # so that the number is still its own
            os.kill(child.pid, signal.SIGKILL)
        await reaped.wait()  # it had copies of the agent's sockets, and so their ports
    return Resolved(addresses=tuple(addresses), error=error, seconds=monotonic() - start)


def _getaddrinfo(name: str, af: int, flags: int) -> tuple[list[str], str]:
    """Return the addresses and the error's name (in the child)."""
    try:
        found = socket.getaddrinfo(name, None, af, socket.SOCK_STREAM, 0, flags)
    except socket.gaierror as error:
        return [], _ERRORS.get(error.errno or 0, str(error))
    except UnicodeError:
        return [], "EAI_NONAME"  # Python's own check: an empty or too long label
    return [str(address[0]) for *_, address in found], ""
