"""The view of the machine's file system for a program: read-only, with empty homes, /tmp and /run."""

import os
from contextlib import suppress

from dualstack.prober import libc, mounts
from dualstack.prober.folders import STAGE, Folder
from dualstack.prober.identity import Identity
from dualstack.prober.syslog import SYSTEM_LOG

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")

_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "fd/0",
    "stdout": "fd/1",
    "stderr": "fd/2",
    "ptmx": "pts/ptmx",
    "log": SYSTEM_LOG,
}

_STICKY = 0o1777

_HIDDEN = {"/run": 0o755, "/var/run": 0o755, "/home": 0o755, "/root": 0o700, "/var/tmp": _STICKY}  # noqa: S108 - names
"""Folders that are empty, in memory, for a program, with their permissions; so is /tmp."""


def freeze() -> None:
    """Make all mounts of the machine read-only; later mounts are not affected.

    Raises:
        OSError: The kernel refuses.
    """
    mounts.make_read_only("/", recursive=True)
    for own in ("/proc", "/dev/shm"):  # noqa: S108 - the host's own tmpfs
        mounts.make_writable(own)


def narrow(folders: list[Folder], who: Identity, *, ipv6: bool) -> None:
    """Hide homes, /tmp and /run, and show the program's folders; the stage is a tmpfs.

    Args:
        folders: The program's folders.
        who: The program's user.
        ipv6: Whether the kernel shows its settings of IPv6.

    Raises:
        OSError: The kernel refuses.
    """
    for number, (place, mode) in enumerate((_HIDDEN | {os.environ.get("HOME", "/root"): 0o700}).items()):
        if place not in ("/", STAGE) and os.path.isdir(place) and not os.path.islink(place):
            _cover(f"{STAGE}/hidden{number}", place, mode, who)
    _cover(f"{STAGE}/temporary", STAGE, _STICKY, who)
    for item in folders:
        os.makedirs(item.path, exist_ok=True)
        item.show(item.path)
    protect_settings("", ipv6=ipv6)


def _cover(empty: str, place: str, mode: int, who: Identity) -> None:
    """Hide a folder behind an empty one."""
    os.mkdir(empty)
    os.chmod(empty, mode)
    who.give(empty)
    libc.mount(empty, place, flags=libc.MS_BIND)


def protect_settings(root: str, *, ipv6: bool) -> None:
    """Make the kernel's settings below ``root`` read-only; without ``ipv6`` hide those of IPv6.

    A kernel without IPv6 has none: programs look there to learn whether there is IPv6.

    Raises:
        OSError: The kernel refuses.
    """
    settings = f"{root}/proc/sys"
    libc.mount(settings, settings, flags=libc.MS_BIND)
    if not ipv6:
        libc.mount("none", f"{settings}/net/ipv6", "tmpfs", libc.MS_RDONLY)
    mounts.make_read_only(settings)


def own_devices() -> None:
    """Mount a /dev with the devices that programs expect, and terminals, on the machine's.

    Raises:
        OSError: The kernel refuses.
    """
    libc.mount("tmpfs", STAGE, "tmpfs", libc.MS_NOSUID, "mode=0755")
    for name in _DEVICES:
        os.close(os.open(f"{STAGE}/{name}", os.O_CREAT, 0o666))
        libc.mount(f"/dev/{name}", f"{STAGE}/{name}", flags=libc.MS_BIND)
    for name, target in _DEVICE_LINKS.items():
        os.symlink(target, f"{STAGE}/{name}")
    for name in ("shm", "pts"):
        os.mkdir(f"{STAGE}/{name}")
    with suppress(OSError):  # a kernel without devpts
        terminals = "newinstance,ptmxmode=0666,mode=0620"
        libc.mount("devpts", f"{STAGE}/pts", "devpts", libc.MS_NOSUID | libc.MS_NOEXEC, terminals)
    libc.mount(STAGE, "/dev", flags=libc.MS_BIND | libc.MS_REC)
    libc.umount(STAGE, libc.MNT_DETACH)
