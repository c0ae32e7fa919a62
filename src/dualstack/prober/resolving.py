"""The host's resolver: getaddrinfo(3), in a child process because it blocks, and its files in /etc."""

import asyncio
import os
import signal
import socket
from pathlib import Path
from time import monotonic

from dualstack.prober.children import Reaper
from dualstack.prober.forking import fork, report_of
from dualstack.prober.messages import Resolved
from dualstack.prober.messages.naming import Resolve, WriteHosts, WriteResolvers
from dualstack.prober.verbs import Agent, verb

_HOSTS = Path("/etc/hosts")
_RESOLV_CONF = Path("/etc/resolv.conf")
_ERRORS = {getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")}


@verb(Resolve)
async def resolve(agent: Agent, request: Resolve) -> Resolved:
    """Resolve a name with getaddrinfo(3); the child is killed after the request's timeout."""
    af = request.family.af if request.family is not None else socket.AF_UNSPEC
    flags = socket.AI_ADDRCONFIG if request.addrconfig else 0
    start = monotonic()
    child = fork(lambda _: _getaddrinfo(request.name, af, flags))
    reaped = asyncio.Event()
    agent.shared(Reaper).watch(child.pid, lambda _: reaped.set())
    try:
        async with asyncio.timeout(request.timeout):
            addresses, error = await report_of(child)
    except TimeoutError:
        addresses, error = [], "timeout"
    finally:
        if not reaped.is_set():  # so the pid was not reused
            os.kill(child.pid, signal.SIGKILL)
        await reaped.wait()  # it has copies of the agent's sockets, which keep their ports in use
    return Resolved(addresses=tuple(addresses), error=error, seconds=monotonic() - start)


@verb(WriteResolvers)
async def write_resolvers(_: Agent, request: WriteResolvers) -> str:
    """Write /etc/resolv.conf in place: it is a mount point, and programs that run already see the new text too."""
    return _replace_text(_RESOLV_CONF, request.text)


@verb(WriteHosts)
async def write_hosts(_: Agent, request: WriteHosts) -> str:
    """Write /etc/hosts in place, as `write_resolvers` does with its file."""
    return _replace_text(_HOSTS, request.text)


def _replace_text(path: Path, text: str) -> str:
    """Write a text into an existing file; return its former text."""
    before = path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    return before


def _getaddrinfo(name: str, af: int, flags: int) -> tuple[list[str], str]:
    """Return the addresses and the error's name (in the child)."""
    try:
        found = socket.getaddrinfo(name, None, af, socket.SOCK_STREAM, 0, flags)
    except socket.gaierror as error:
        return [], _ERRORS.get(error.errno or 0, str(error))
    except UnicodeError:
        return [], "EAI_NONAME"  # Python's own check: an empty or too long label
    return [str(address[0]) for *_, address in found], ""
