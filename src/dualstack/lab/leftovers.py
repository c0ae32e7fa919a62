"""Finds what is left of a lab, by looking at every process of the machine."""

import contextlib
import fcntl
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path

_TICKS = 100
"""USER_HZ: the unit of times in /proc, whatever the kernel's own HZ is."""

_NS_GET_USERNS = 0xB701
"""<linux/nsfs.h>: open the user namespace that owns a namespace."""

_KINDS = ("user", "pid", "net", "mnt")


def boot_ticks() -> int:
    """Return the time since the machine started, in the unit of /proc/<pid>/stat."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * _TICKS)


def link_of(kind: str, inode: int) -> str:
    """Return a namespace as /proc shows it: ``net:[4026531840]``."""
    return f"{kind}:[{inode}]"


def holders(namespaces: Collection[str], before: int | None = None) -> list[str]:
    """Return which processes are in, or hold a descriptor of, one of these namespaces; one line each.

    A zombie holds no namespace.

    Args:
        namespaces: The namespaces, as `link_of` writes them.
        before: Ignore processes that started after this time (`boot_ticks`).

    The kernel reuses the number of a removed namespace. A user namespace differs from its successor by the start of
    the processes in it; every other namespace by its owner, if ``namespaces`` has a user namespace.
    """
    owners = {link for link in namespaces if link.startswith("user:")}
    lines = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it has ended meanwhile, or belongs to another user
            name, state, started = _stat(process)
            if state == "Z" or (before is not None and started > before):
                continue
            held = sorted({link for link, path in _held(process) if link in namespaces and _owned(path, owners)})
            if held:
                lines.append(f"process {process.name} ({name}) holds {', '.join(held)}")
    return lines


def _stat(process: Path) -> tuple[str, str, int]:
    """Return the name, the state and the start of a process."""
    stat = (process / "stat").read_text()
    fields = stat[stat.rindex(")") + 2 :].split()
    return stat[stat.index("(") + 1 : stat.rindex(")")], fields[0], int(fields[19])


def _held(process: Path) -> Iterator[tuple[str, Path]]:
    """Yield the namespaces and the targets of the descriptors of a process, each with its path below /proc."""
    for path in [process / "ns" / kind for kind in _KINDS] + list((process / "fd").iterdir()):
        with contextlib.suppress(OSError):
            yield str(path.readlink()), path


def _owned(path: Path, owners: Collection[str]) -> bool:
    """Return whether a namespace belongs to one of these user namespaces, or is one."""
    if not owners or path.readlink().name.startswith("user:"):
        return True
    namespace = os.open(path, os.O_RDONLY)
    try:
        owner = fcntl.ioctl(namespace, _NS_GET_USERNS)
    finally:
        os.close(namespace)
    try:
        return link_of("user", os.fstat(owner).st_ino) in owners
    finally:
        os.close(owner)
