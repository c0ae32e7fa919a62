"""The identity of a program: its user namespace, and its ids outside of it.

If root runs the lab, a program is user 0 of a range of ids that belong to no user of the machine: it may change its
user, but has no rights outside. Its folders are mounted with their owners mapped into that range (mount_setattr(2),
MOUNT_ATTR_IDMAP), which needs a process outside of the lab's namespaces, the mapper. If that is not possible, and for
an ordinary user, a program has the one id of the user who runs it, without any capability over the lab.
"""

import array  # noqa: F401 - `socket.recv_fds` imports it; imported here, forks have it already
import errno
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dualstack.prober import libc, mounts
from dualstack.prober.descriptors import close_all_but
from dualstack.prober.helper import start_helper

FIRST, COUNT = 0x70000000, 0x10000
"""The ids outside of a program that root started. https://systemd.io/UIDS-GIDS lists them as unused."""

_MOST_BYTES = 1 << 16

_mapper: socket.socket | None = None
"""The socket to the mapper of this process; forks inherit it, programs do not."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The ids of a program.

    Attributes:
        user: Its user inside; 0 with a range.
        group: Its group inside; 0 with a range.
        ranged: Whether it has a range of ids, and may change its user.
        outer_user: Its user in the parent namespace.
        outer_group: Its group in the parent namespace.
    """

    user: int
    group: int
    outer_user: int
    outer_group: int
    ranged: bool

    def give(self, path: str | Path | int) -> None:
        """Make the program the owner of a file or folder that the lab has made."""
        if self.ranged:
            os.chown(path, self.outer_user, self.outer_group)

    def enter(self, helper: socket.socket) -> None:
        """Give the calling process, which has one thread, this identity in a new user namespace.

        Args:
            helper: The socket to a process that runs `write_maps` for this one.

        Raises:
            OSError: The kernel refuses.
        """
        libc.unshare(libc.CLONE_NEWUSER)
        if not self.ranged:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{self.user} {self.outer_user} 1")
            Path("/proc/self/gid_map").write_text(f"{self.group} {self.outer_group} 1")
            return
        helper.send(b"!")
        if helper.recv(1) != b"!":
            raise OSError(errno.EPERM, "no range of users for the program")
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)


def write_maps(pid: int, child: socket.socket) -> None:
    """Write the id maps of a child that is in `Identity.enter`: only a process outside may map more than one id.

    It returns when the child has its range, needs none, or has ended.

    Raises:
        OSError: The kernel refuses.
    """
    if child.recv(1) == b"!":
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{pid}/{name}").write_text(f"0 {FIRST} {COUNT}")
        with suppress(BrokenPipeError):
            child.send(b"!")


def ranged_identity() -> Identity | None:
    """Return the identity of a program with a range of ids; None if it cannot have one."""
    return None if _mapper is None else Identity(0, 0, FIRST, FIRST, ranged=True)


def sole_identity() -> Identity:
    """Return the identity of a program without a range of ids: the user who runs the lab."""
    users, groups = (Path(f"/proc/self/{kind}_map").read_text().split() for kind in ("uid", "gid"))
    if users[2:] == ["1"]:
        # An ordinary user is user 0 of the lab; inside of the program the user has the original id again.
        return Identity(int(users[1]), int(groups[1]), os.getuid(), os.getgid(), ranged=False)
    return Identity(os.getuid(), os.getgid(), os.getuid(), os.getgid(), ranged=False)


def mapped(folders: Sequence[str]) -> list[int]:
    """Return the descriptors of detached mounts of some folders, with their owners mapped into the range.

    Raises:
        OSError: There is no such folder, or its file system cannot map ids.
    """
    assert _mapper is not None  # noqa: S101 - `ranged_identity` has checked it
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            socket.send_fds(_mapper, [os.fsencode("\0".join(folders))], [theirs.fileno()])
        data, descriptors, _, _ = socket.recv_fds(ours, _MOST_BYTES, len(folders))
    if len(descriptors) == len(folders):
        return descriptors
    number = int(data or str(errno.EPIPE))
    raise OSError(number, f"the owners of {', '.join(folders)} cannot be mapped: {os.strerror(number)}")


def mapper_descriptors() -> tuple[int, ...]:
    """Return the descriptors that a fork must keep for `mapped`."""
    return () if _mapper is None else (_mapper.fileno(),)


def user_of_programs() -> int | None:
    """Return the user as which a host's programs start, if it differs from that of this process; else None."""
    return None if _mapper is None else FIRST


def start_mapper() -> None:
    """Start the mapper for this process and its forks, if it is root on the machine and the kernel can map ids.

    It must be called before namespaces are entered, in a process with one thread. The mapper ends with the last process
    that may use it, at the latest with this one.
    """
    global _mapper  # noqa: PLW0603 - forks inherit it
    if os.geteuid() != 0 or not _has_all_ids():
        return
    ours = start_helper(_serve)
    if ours.recv(1) == b"!":
        _mapper = ours
    else:
        ours.close()


def _has_all_ids() -> bool:
    """Return whether the user namespace of this process contains the range, as the machine's own does."""
    for name in ("uid_map", "gid_map"):
        lines = [[int(word) for word in line.split()] for line in Path("/proc/self", name).read_text().splitlines()]
        if not any(first <= FIRST and first + count >= FIRST + COUNT for first, _, count in lines):
            return False
    return True


def _serve(connection: socket.socket) -> None:
    """Report whether ids can be mapped here, then map folders as long as a process may ask for it (in the mapper)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):
        namespace = _namespace_of_range()
        os.close(_mapped_by(namespace, "/usr"))
        connection.send(b"!")
        close_all_but(connection.fileno(), namespace)
        while True:
            data, descriptors, _, _ = socket.recv_fds(connection, _MOST_BYTES, 1)
            if not descriptors:
                return
            with socket.socket(fileno=descriptors[0]) as reply, suppress(BrokenPipeError):
                _answer(reply, namespace, os.fsdecode(data).split("\0"))


def _answer(reply: socket.socket, namespace: int, folders: Sequence[str]) -> None:
    """Send mapped mounts of all folders, or the errno of the first that cannot be mapped."""
    made: list[int] = []
    try:
        made.extend(_mapped_by(namespace, folder) for folder in folders)
        socket.send_fds(reply, [b"0"], made)
    except OSError as error:
        reply.send(str(error.errno).encode())
    finally:
        for mount in made:
            os.close(mount)


def _mapped_by(namespace: int, folder: str) -> int:
    """Return a detached mount of ``folder`` with its owners mapped as in the user namespace."""
    mount = mounts.detached(folder)
    try:
        mounts.map_ids(mount, namespace)
    except BaseException:
        os.close(mount)
        raise
    return mount


def _namespace_of_range() -> int:
    """Return the descriptor of a user namespace in which the range begins at 0."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            ours.close()
            libc.unshare(libc.CLONE_NEWUSER)
            theirs.send(b"!")
            theirs.recv(1)
        finally:
            os._exit(0)
    theirs.close()
    try:
        with ours:
            if ours.recv(1) != b"!":
                raise OSError(errno.EPERM, "no user namespace")
            for name in ("uid_map", "gid_map"):
                Path(f"/proc/{child}/{name}").write_text(f"0 {FIRST} {COUNT}")
            return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.waitpid(child, 0)
