"""The namespaces that hold namespace labs, and the process that keeps them alive."""

import contextlib
import os
import select
import signal
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from dualstack.lab.process import run_and_exit
from dualstack.prober import libc

_ALL = (
    libc.CLONE_NEWUSER
    | libc.CLONE_NEWNS
    | libc.CLONE_NEWPID
    | libc.CLONE_NEWNET
    | libc.CLONE_NEWIPC
    | libc.CLONE_NEWUTS
)

_UNSEEN = ("/run/", "/var/run/", "/tmp/", "/var/tmp/", "/dev/")  # noqa: S108 - names
"""Folders of the machine of which every program sees a private version: see `dualstack.prober.view`."""

KINDS = ("user", "mnt", "pid", "net", "ipc", "uts")


def enter_namespaces() -> None:
    """Put this process into new namespaces of every kind; its next child will be process 1.

    An ordinary user becomes user 0 of a user namespace without other users. Root gets one with all users that root
    has, so that services may change their user.

    Raises:
        OSError: The kernel refuses; see ``dualstack doctor``.
    """
    user, group = os.geteuid(), os.getegid()
    maps = _full_maps() if user == 0 else {"uid_map": f"0 {user} 1", "gid_map": f"0 {group} 1"}
    if user == 0:
        _unshare_with_maps(maps)
        return
    libc.unshare(_ALL)
    Path("/proc/self/setgroups").write_text("deny")
    for name, text in maps.items():
        Path("/proc/self", name).write_text(text)


def _full_maps() -> dict[str, str]:
    """Return maps of every user and group that this user namespace has, each to itself."""
    maps = {}
    for name in ("uid_map", "gid_map"):
        ranges = [line.split() for line in Path("/proc/self", name).read_text().splitlines()]
        maps[name] = "\n".join(f"{inside} {inside} {count}" for inside, _, count in ranges)
    return maps


def _unshare_with_maps(maps: dict[str, str]) -> None:
    """Unshare; a child outside the new user namespace writes the maps, because only that may map more than one user."""
    parent = os.getpid()
    turn_read, turn_write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(turn_write)
            if os.read(turn_read, 1):
                for name, text in maps.items():
                    Path(f"/proc/{parent}", name).write_text(text)
            code = 0
        except OSError as error:
            code = error.errno or 1
        finally:
            os._exit(code)
    os.close(turn_read)
    try:
        libc.unshare(_ALL)
        os.write(turn_write, b"!")
    finally:
        os.close(turn_write)
        _, status = os.waitpid(child, 0)
    failure = os.waitstatus_to_exitcode(status)
    if failure:
        raise OSError(failure, f"writing the user map: {os.strerror(failure)}")


def run_as_first_process(serve: Callable[[int], None], parent: int) -> None:
    """Run ``serve`` as process 1 of the new namespaces and return when it has ended.

    It is called with its process number on the machine. It is killed, with every process in its namespaces, when the
    process ``parent`` or this process ends, by any means.
    """
    lifeline_read, lifeline_write = os.pipe()
    child = os.fork()
    if child == 0:

        def work() -> None:
            os.close(lifeline_write)
            libc.die_with_parent(signal.SIGKILL)
            serve(_own_number(lifeline_read))

        run_and_exit(work)
    os.close(lifeline_read)
    os.write(lifeline_write, str(child).encode())
    _guard(child, parent)


def _own_number(lifeline: int) -> int:
    """Return the number of this process as the parent sees it; exit if the parent has ended already."""
    number = os.read(lifeline, 32)
    poller = select.poll()
    poller.register(lifeline, select.POLLIN)
    if not number or poller.poll(0):
        os._exit(1)
    os.close(lifeline)
    return int(number)


def own_mounts() -> None:
    """Make the mount namespace private, and mount the /proc of its own processes.

    Raises:
        OSError: The kernel refuses, as it does inside most containers.
    """
    libc.mount("none", "/", flags=libc.MS_REC | libc.MS_PRIVATE)
    libc.mount("proc", "/proc", "proc", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)


def machine_sockets() -> list[str]:
    """Return the paths of this network namespace's Unix sockets, without those in folders that no program sees."""
    found = set()
    for line in Path("/proc/net/unix").read_text(errors="surrogateescape").splitlines()[1:]:
        path = line.split(maxsplit=7)[7:]
        if path and path[0].startswith("/") and not path[0].startswith(_UNSEEN):
            found.add(path[0])
    return sorted(found)


def hide_sockets(paths: Iterable[str]) -> None:
    """Mount /dev/null over the machine's Unix sockets: a read-only mount does not prevent connections to them.

    Raises:
        OSError: The kernel refuses.
    """
    for path in paths:
        with contextlib.suppress(FileNotFoundError, PermissionError):  # it is gone, or hidden from this user
            if stat.S_ISSOCK(os.stat(path).st_mode):  # noqa: PTH116 - it follows links, as connect does
                libc.mount("/dev/null", path, flags=libc.MS_BIND)


def _guard(child: int, parent: int) -> None:
    """Wait for the end of ``child``; kill it if ``parent`` ends first."""
    watched = os.pidfd_open(child)
    poller = select.poll()
    poller.register(watched, select.POLLIN)
    try:
        parent_fd = os.pidfd_open(parent)
    except ProcessLookupError:
        parent_fd = -1
    if parent_fd < 0 or os.getppid() != parent:
        os.kill(child, signal.SIGKILL)
    else:
        poller.register(parent_fd, select.POLLIN)
        if any(fd == parent_fd for fd, _ in poller.poll()):
            os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
