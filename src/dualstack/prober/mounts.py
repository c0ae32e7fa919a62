"""The mount calls that Python lacks: mounts by descriptor, flags of whole trees, owners that a mount maps."""

import ctypes
import errno
import os
import struct
from pathlib import Path

from dualstack.prober import libc

_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
"""The numbers of these calls, which every architecture shares."""

_CLONE = 1
"""OPEN_TREE_CLONE: a copy of the mount that is not attached yet."""

_EMPTY_PATH, _RECURSIVE, _MOVE_EMPTY_PATH = 0x1000, 0x8000, 0x4
_HERE = -100

_RDONLY, _IDMAP = 0x1, 0x100000

_OCTAL = 8
_OLD_FLAGS = {
    "ro": libc.MS_RDONLY,
    "nosuid": libc.MS_NOSUID,
    "nodev": libc.MS_NODEV,
    "noexec": libc.MS_NOEXEC,
    "noatime": 0x400,
    "nodiratime": 0x800,
    "relatime": 0x200000,
}


def detached(folder: str, *, recursive: bool = False) -> int:
    """Return the descriptor of a copy of the mount at ``folder``, from there downwards, that is not attached yet.

    With ``recursive`` it includes the mounts below the folder.

    Raises:
        OSError: There is no such folder, or the kernel refuses.
    """
    flags = ctypes.c_uint(_CLONE | os.O_CLOEXEC | (_RECURSIVE if recursive else 0))
    return libc.syscall(f"open_tree {folder}", _OPEN_TREE, _HERE, os.fsencode(folder), flags)


def attach(mount: int, target: str) -> None:
    """Attach the mount of `detached` at ``target``.

    Raises:
        OSError: The kernel refuses.
    """
    flags = ctypes.c_uint(_MOVE_EMPTY_PATH)
    libc.syscall(f"move_mount to {target}", _MOVE_MOUNT, mount, b"", _HERE, os.fsencode(target), flags)


def map_ids(mount: int, namespace: int) -> None:
    """Make a detached mount show each owner as the user namespace ``namespace`` maps it.

    Raises:
        OSError: The file system cannot (EINVAL), or this process may not (EPERM).
    """
    _set(mount, b"", _EMPTY_PATH, added=_IDMAP, namespace=namespace)


def make_read_only(target: str, *, recursive: bool = False) -> None:
    """Make the mount at ``target`` read-only, and with ``recursive`` all mounts below it.

    Raises:
        OSError: The kernel refuses.
    """
    try:
        _set(_HERE, os.fsencode(target), _RECURSIVE if recursive else 0, added=_RDONLY)
    except OSError as error:
        if error.errno != errno.ENOSYS:  # Linux before 5.12
            raise
        _remount(target, read_only=True, recursive=recursive)


def make_writable(target: str) -> None:
    """Make the mount at ``target`` writable.

    Raises:
        OSError: The kernel refuses.
    """
    try:
        _set(_HERE, os.fsencode(target), 0, removed=_RDONLY)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        _remount(target, read_only=False, recursive=False)


def _set(mount: int, path: bytes, flags: int, *, added: int = 0, removed: int = 0, namespace: int = 0) -> None:
    """Call mount_setattr(2)."""
    attributes = ctypes.create_string_buffer(struct.pack("=QQQQ", added, removed, 0, namespace))
    size = ctypes.c_size_t(32)
    libc.syscall(
        f"mount_setattr {os.fsdecode(path)}", _MOUNT_SETATTR, mount, path, ctypes.c_uint(flags), attributes, size
    )


def _remount(target: str, *, read_only: bool, recursive: bool) -> None:
    """Set the flag with mount(2), one mount at a time; mounts that are covered by others stay unchanged."""
    for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
        fields = line.split()
        point = _unescaped(fields[4])
        if point != target and not (recursive and Path(point).is_relative_to(target)):
            continue
        flags = sum(_OLD_FLAGS.get(word, 0) for word in fields[5].split(","))
        flags = flags | libc.MS_RDONLY if read_only else flags & ~libc.MS_RDONLY
        try:
            libc.mount("none", point, flags=libc.MS_REMOUNT | libc.MS_BIND | flags)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EACCES, errno.EINVAL):  # another mount covers it
                raise


def _unescaped(text: str) -> str:
    r"""Return a path of /proc/self/mountinfo, in which blanks are written as ``\040``."""
    first, *rest = text.split("\\")
    return first + "".join(chr(int(part[:3], _OCTAL)) + part[3:] for part in rest)
