"""The bounds of a program: what the kernel holds it to, and what the agent looks at while it runs."""

import os
import resource
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from dualstack.prober.identity import Identity
from dualstack.prober.messages import Limits

LOOK = 0.2
"""Seconds between two looks at what a program uses."""

_COUNTS_BY_NAMESPACE = (5, 14)
"""The Linux version from which RLIMIT_NPROC counts the processes of one user namespace; before, those of a user."""

_OTHERS = 1000
"""How many processes the rest of the labs may have beside those of a program, all its users together."""

_PAGE = resource.getpagesize()
_MEBI = 1 << 20


def prefer_for_killing() -> None:
    """Have the kernel kill the calling process first, and what it starts, when the machine has no memory left."""
    with suppress(OSError):
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(descriptor, b"1000")
        os.close(descriptor)


def limit_processes(limits: Limits, who: Identity, helper: socket.socket) -> None:
    """Enter the program's user namespace, with the number of its processes bounded by the kernel.

    The agent kills a program that comes to its bound (`exceeded`); the kernel's own bound keeps one that forks faster
    than the agent looks from taking the machine's processes. All users of the program together are held to it, too.
    """
    bound = limits.processes
    version = tuple(int("".join(filter(str.isdigit, part)) or 0) for part in os.uname().release.split(".")[:2])
    if not bound or version < _COUNTS_BY_NAMESPACE:
        who.enter(helper)
        return
    _set_processes(bound + _OTHERS)
    who.enter(helper)
    _set_processes(bound)


def _set_processes(number: int) -> None:
    """Set RLIMIT_NPROC, unless it is lower already."""
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    number = number if hard == resource.RLIM_INFINITY else min(number, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (number, number))


def exceeded(limits: Limits, tasks: int, members: Iterable[int], output: int) -> str:
    """Return which bound a program has come to, as the end of a sentence; empty if none.

    Args:
        limits: Its bounds.
        tasks: How many processes and threads it has.
        members: Its processes.
        output: How many bytes it has written.
    """
    if limits.output and output > limits.output * _MEBI:
        return f"it wrote more than {limits.output} MiB of output (limits.output in the manifest)"
    if limits.processes and tasks >= limits.processes:
        return f"it had {tasks} processes and threads (limits.processes in the manifest: {limits.processes})"
    if limits.memory and _is_beyond(limits.memory * _MEBI, list(members)):
        return f"it used more than {limits.memory} MiB of memory (limits.memory in the manifest)"
    return ""


def _is_beyond(bound: int, members: list[int]) -> bool:
    """Return whether processes, and the host's files in memory, take more than ``bound`` bytes of memory.

    The quick sum counts what they share as often as they share it; only when it is too much, the exact one is made.
    """
    disk = os.statvfs("/dev/shm")  # noqa: S108 - the host's own tmpfs
    files = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    return files + sum(map(_resident, members)) > bound and files + sum(map(_proportional, members)) > bound


def _resident(pid: int) -> int:
    """Return the bytes of memory that a process has; 0 for one that has ended."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return 0


def _proportional(pid: int) -> int:
    """Return the bytes of memory that a process has that are of no file, each divided by how many share it."""
    found = 0
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                found += int(line.split()[1]) << 10
    return found
