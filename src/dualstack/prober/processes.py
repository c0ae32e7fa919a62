"""The processes of this PID namespace, as /proc shows them."""

import os
import re
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dualstack.prober.messages import ThreadTime

_PROTOCOL = "system.sockprotoname"
"""The attribute of a socket with the name of its protocol: ``TCP``, ``TCPv6``, ``MPTCP`` …"""

_PF_EXITING = 0x4
"""The flag of a thread that has begun to end (``include/linux/sched.h``)."""

_GONE = (FileNotFoundError, ProcessLookupError)
"""The errors of reading /proc/<pid> after the process has ended."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process.

    Attributes:
        pid: Its number.
        parent: Its parent's number; 0 if the parent is outside of the namespace.
        session: Its session.
        name: Its name, at most 15 characters.
        threads: How many threads it has.
        state: One letter: ``R`` runs, ``S`` and ``D`` sleep, ``T`` is stopped, ``Z`` is a zombie.
    """

    pid: int
    parent: int
    session: int
    name: str
    state: str
    threads: int


def processes() -> dict[int, Process]:
    """Return all processes of the PID namespace, by number."""
    found = {}
    for pid in _numbers():
        with suppress(*_GONE):
            name, rest = _stat(f"/proc/{pid}/stat")
            found[pid] = Process(
                pid=pid,
                parent=int(rest[1]),
                session=int(rest[3]),
                name=name,
                state=rest[0],
                threads=int(rest[17]),
            )
    return found


def _stat(path: str) -> tuple[str, list[str]]:
    """Return the name of a process or thread, which may contain any character, and the fields after it (proc(5))."""
    text = Path(path).read_text(errors="backslashreplace")
    return text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()


def is_ending(pid: int) -> bool:
    """Return whether each thread of a process has begun to end: its sockets may be closed, but it is not reaped yet."""
    flags = []
    with suppress(*_GONE):
        for name in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - see sockets_of
            with suppress(*_GONE):
                flags.append(int(_stat(f"/proc/{pid}/task/{name}/stat")[1][6]))
    return all(flag & _PF_EXITING for flag in flags)


def _numbers() -> Iterator[int]:
    """Yield the process numbers that /proc lists."""
    return (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208 - see sockets_of


def cpu_starvation(pids: Iterable[int]) -> float:
    """Return the seconds for which one thread of these processes was runnable but had no CPU; the longest of all.

    The first thread of a Java program waits for the others, so that it is never runnable. The result is 0 if the kernel
    does not count them (CONFIG_SCHED_INFO).
    """
    return max((thread.waiting for pid in pids for thread in thread_times(pid)), default=0.0)


def thread_times(pid: int) -> list[ThreadTime]:
    """Return the time of each thread of a process; empty if it has ended or the kernel does not count the time."""
    found = []
    with suppress(*_GONE):
        for name in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - see sockets_of
            with suppress(*_GONE):
                running, waiting, _ = Path(f"/proc/{pid}/task/{name}/schedstat").read_text().split()
                runnable = _stat(f"/proc/{pid}/task/{name}/stat")[1][0] == "R"
                found.append(ThreadTime(int(name), int(running) / 1e9, int(waiting) / 1e9, runnable))
    return found


def handled_signals(pid: int | None) -> tuple[str, ...]:
    """Return the names of the signals that a process handles; empty if it has ended.

    It has a handler for them, or blocks them to read them with sigwait(3) or signalfd(2).
    """
    with suppress(*_GONE):
        text = Path(f"/proc/{pid}/status").read_text(errors="backslashreplace") if pid is not None else ""
        masks = [int(found, 16) for found in re.findall(r"(?m)^Sig(?:Cgt|Blk):\s*([0-9a-f]+)$", text)]
        return tuple(item.name for item in signal.Signals if any(mask >> (item - 1) & 1 for mask in masks))
    return ()


def descendants(table: Mapping[int, Process], root: int) -> set[int]:
    """Return every process of ``table`` that descends from ``root``, without ``root`` itself."""
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: set[int] = set()
    waiting = [root]
    while waiting:
        new = [pid for pid in children.get(waiting.pop(), ()) if pid not in found]
        found.update(new)
        waiting.extend(new)
    return found


def socket_owners() -> dict[int, set[int]]:
    """Return which processes have which socket open: process numbers by inode.

    Processes whose descriptors cannot be listed (of other users) are missing.
    """
    owners: dict[int, set[int]] = {}
    for pid in _numbers():
        for inode in sockets_of(pid):
            owners.setdefault(inode, set()).add(pid)
    return owners


def sockets_of(pid: int) -> Iterator[int]:
    """Yield the inodes of the sockets that a process has open."""
    folder = f"/proc/{pid}/fd"
    with suppress(*_GONE, PermissionError):
        for name in os.listdir(folder):  # noqa: PTH208 - a Path for each entry makes this three times as slow
            with suppress(*_GONE):
                match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(f"{folder}/{name}"))  # noqa: PTH115 - the same
                if match:
                    yield int(match[1])


def tcp_sockets_of(pid: int) -> Iterator[int]:
    """Yield the inodes of the TCP sockets that a process has open, in every state."""
    folder = f"/proc/{pid}/fd"
    with suppress(*_GONE, PermissionError):
        for name in os.listdir(folder):  # noqa: PTH208 - see sockets_of
            with suppress(OSError):  # it is closed by now, or no socket
                if b"TCP" in os.getxattr(f"{folder}/{name}", _PROTOCOL):
                    yield os.stat(f"{folder}/{name}").st_ino  # noqa: PTH116 - see sockets_of


def count_descriptors(pid: int) -> int:
    """Return how many descriptors a process has open; 0 for one that has ended.

    Raises:
        PermissionError: There is no permission to list them.
    """
    with suppress(*_GONE):
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - see sockets_of
    return 0


def process_name(pid: int) -> str:
    """Return ``name(pid)``, or ``(pid)`` if the process has ended."""
    with suppress(*_GONE):
        return f"{Path(f'/proc/{pid}/comm').read_text(errors='backslashreplace').rstrip()}({pid})"
    return f"({pid})"
