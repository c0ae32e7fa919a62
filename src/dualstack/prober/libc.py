"""The Linux system calls that Python does not offer, or not in 3.11: namespaces, mounts, process controls, inotify."""

import ctypes
import os
import platform

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000

MNT_DETACH = 0x2

_PR_SET_PDEATHSIG = 1
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

_IN_CHANGES = 0x2 | 0x4 | 0x40 | 0x80 | 0x100 | 0x200
"""Contents, attributes, moved from, moved to, created, deleted."""

_CLOCK_MONOTONIC = 1
_TFD_TIMER_ABSTIME = 1
_NANOSECONDS = 1_000_000_000

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    """Raise the error of the system call that returned ``result``, if it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Put the calling process into new namespaces of the kinds in ``flags``.

    Raises:
        OSError: The kernel refuses; EPERM without the right, EINVAL for CLONE_NEWUSER in a process with threads.
    """
    _check(_libc.unshare(flags), f"unshare({flags:#x})")


def setns(fd: int, kind: int = 0) -> None:
    """Enter the namespace that ``fd`` refers to, which must be of ``kind`` unless that is 0.

    Raises:
        OSError: The kernel refuses.
    """
    _check(_libc.setns(fd, kind), f"setns({fd})")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount a file system of ``kind``, or bind ``source``, on ``target``.

    Raises:
        OSError: The kernel refuses; the message names source and target.
    """
    result = _libc.mount(
        os.fsencode(source), os.fsencode(target), os.fsencode(kind) or None, ctypes.c_ulong(flags), os.fsencode(data)
    )
    _check(result, f"mount {kind or 'bind'} {source} on {target}")


def umount(target: str, flags: int = 0) -> None:
    """Unmount: umount2(2).

    Raises:
        OSError: The kernel refuses.
    """
    _check(_libc.umount2(os.fsencode(target), flags), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    """Make ``new`` the root of the mount namespace and move the old one to ``old``.

    Raises:
        OSError: The kernel refuses: EINVAL when the present root is the kernel's initial ramfs; ENOSYS when the number
            of the call is not known for this machine.
    """
    number = _SYS_PIVOT_ROOT.get(platform.machine(), -1)
    _check(_libc.syscall(ctypes.c_long(number), os.fsencode(new), os.fsencode(old)), f"pivot_root {new}")


def syscall(what: str, number: int, *arguments: object) -> int:
    """Make a system call that the C library does not offer by name; return its result.

    Raises:
        OSError: The kernel refuses; the message opens with ``what``.
    """
    result: int = _libc.syscall(ctypes.c_long(number), *arguments)
    _check(result, what)
    return result


def die_with_parent(signal: int) -> None:
    """Make the kernel send ``signal`` to this process when the thread that forked it ends: prctl(2).

    Raises:
        OSError: The kernel refuses.
    """
    prctl(_PR_SET_PDEATHSIG, signal)


def prctl(option: int, first: int = 0, second: int = 0) -> None:
    """Set one of the kernel's process controls.

    Raises:
        OSError: The kernel refuses.
    """
    arguments = [ctypes.c_ulong(value) for value in (first, second, 0, 0)]
    _check(_libc.prctl(option, *arguments), f"prctl({option})")


class _TimerSpec(ctypes.Structure):
    """struct itimerspec: the interval, and the time of the first expiry."""

    _fields_ = (
        ("interval_seconds", ctypes.c_long),
        ("interval_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


def timerfd_create() -> int:
    """Return the descriptor of a timer of the monotonic clock, non-blocking and closed on exec.

    Raises:
        OSError: The kernel refuses.
    """
    result: int = _libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
    _check(result, "timerfd_create")
    return result


def timerfd_settime(fd: int, when: float) -> None:
    """Make a timer expire once at ``when``, in seconds of the monotonic clock; at once if that is over.

    Raises:
        OSError: The kernel refuses.
    """
    seconds, nanoseconds = divmod(max(1, round(when * _NANOSECONDS)), _NANOSECONDS)
    spec = _TimerSpec(0, 0, seconds, nanoseconds)
    _check(_libc.timerfd_settime(fd, _TFD_TIMER_ABSTIME, ctypes.byref(spec), None), "timerfd_settime")


def inotify_init() -> int:
    """Return the descriptor of an inotify instance, non-blocking and closed on exec.

    Raises:
        OSError: The kernel refuses: EMFILE when the user has too many of them.
    """
    result: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    _check(result, "inotify_init1")
    return result


def inotify_watch(fd: int, folder: str) -> None:
    """Have changes of a folder and of the files in it reported; a folder that is watched already stays so.

    Raises:
        OSError: The kernel refuses: ENOENT without the folder, ENOSPC when the user watches too many.
    """
    _check(_libc.inotify_add_watch(fd, os.fsencode(folder), _IN_CHANGES), f"inotify_add_watch {folder}")
