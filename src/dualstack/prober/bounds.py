"""The limits of a program: those that the kernel enforces, and those that the agent checks while it runs."""

import os
import resource
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from dualstack.prober.identity import Identity
from dualstack.prober.messages import Limits

CHECK_INTERVAL = 0.2
"""Seconds between two checks of what a program uses."""

_COUNTS_BY_NAMESPACE = (5, 14)
"""Since this Linux version RLIMIT_NPROC counts the processes of one user namespace; before, those of a user."""

_OTHERS = 1000
"""How many processes the other labs may have beside those of a program, for all its users together."""

_PAGE = resource.getpagesize()
_MEBI = 1 << 20


def prefer_for_killing() -> None:
    """Make the kernel's OOM killer choose the calling process and its children first."""
    with suppress(OSError):
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(descriptor, b"1000")
        os.close(descriptor)


def limit_processes(limits: Limits, who: Identity, helper: socket.socket) -> None:
    """Enter the program's user namespace, and set the kernel's limit for the number of its processes.

    The agent kills a program that reaches its limit (`exceeded`). The kernel's limit protects the machine from one that
    forks faster than the agent checks. It counts the processes of all users of the program.
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
    """Return which limit a program has reached, as the end of a sentence; empty if none.

    Args:
        limits: Its limits.
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
    """Return whether processes, and the host's files in memory, use more than ``bound`` bytes of memory.

    The quick sum counts shared memory once for each process; the exact sum is made only if the quick one is too large.
    """
    disk = os.statvfs("/dev/shm")  # noqa: S108 - the host's own tmpfs
    files = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    return files + sum(map(_resident, members)) > bound and files + sum(map(_proportional, members)) > bound


def _resident(pid: int) -> int:
    """Return the resident memory of a process in bytes; 0 for one that has ended."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return 0


def _proportional(pid: int) -> int:
    """Return the memory of a process that belongs to no file, in bytes; shared pages count in proportion (PSS)."""
    found = 0
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                found += int(line.split()[1]) << 10
    return found
