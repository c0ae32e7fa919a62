"""The folders of the machine that a program sees: opened before anything covers them, shown at their own paths."""

import enum
import os
import sys
from contextlib import suppress
from dataclasses import dataclass

from dualstack.prober import libc, mounts
from dualstack.prober.identity import Identity, mapped, ranged_identity, sole_identity
from dualstack.prober.messages import Launch

STAGE = "/tmp"  # noqa: S108 - covered by a private tmpfs, only in the child's own mount namespace
"""Where the program's view of the machine is built."""


@enum.unique
class Access(enum.Enum):
    """What a program may do in a folder."""

    READ = 1
    LAYER = 2
    """It may write; the changes end with it."""
    WRITE = 3


@dataclass(slots=True)
class Folder:
    """A folder of the machine.

    Attributes:
        path: Where it is, on the machine and for the program.
        access: What the program may do there.
        mount: The descriptor of a mount of it that is not attached yet.
    """

    path: str
    access: Access
    mount: int

    def show(self, target: str) -> None:
        """Mount it at ``target``, which exists.

        Raises:
            OSError: The kernel refuses.
        """
        mounts.attach(self.mount, target)
        os.close(self.mount)
        if self.access is Access.READ:
            mounts.make_read_only(target, recursive=True)
            history = f"{target}/.git"
            if os.path.isdir(history):  # its configuration may hold the credentials of a CI's checkout
                libc.mount("tmpfs", history, "tmpfs", libc.MS_RDONLY)


def open_folders(launch: Launch) -> tuple[Identity, list[Folder], int | None]:
    """Return the program's identity, its folders (parents first), and the mount of its root if it has its own.

    If the ids of a folder cannot be mapped, the program has no range of ids.

    Raises:
        OSError: A folder does not exist, or the kernel refuses.
    """
    wanted = _wanted(launch)
    who = ranged_identity()
    if who is not None:
        try:
            return who, *_opened(launch, wanted, ranged=True)
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                raise
    return sole_identity(), *_opened(launch, wanted, ranged=False)


def _opened(launch: Launch, wanted: dict[str, Access], *, ranged: bool) -> tuple[list[Folder], int | None]:
    """Open the folders and the root."""
    paths = sorted(wanted)
    every = [*paths, *([launch.root] if launch.root else [])]
    opened = mapped(every) if ranged else [mounts.detached(path, recursive=True) for path in every]
    folders = [Folder(path, wanted[path], mount) for path, mount in zip(paths, opened, strict=False)]
    return folders, opened[-1] if launch.root else None


def _wanted(launch: Launch) -> dict[str, Access]:
    """Return the program's access to its folders.

    Folders below /dev are in the host's own /dev/shm. With a root file system the program sees only the folders of the
    start.
    """
    wanted: dict[str, Access] = {}
    if not launch.root:
        own = {sys.base_prefix, sys.prefix, *launch.folders}
        wanted = dict.fromkeys((os.path.normpath(folder) for folder in own if os.path.isdir(folder)), Access.READ)
    wanted[os.path.normpath(launch.directory)] = Access.WRITE if launch.writable else Access.LAYER
    wanted[os.path.normpath(launch.scratch)] = Access.WRITE
    return {path: access for path, access in wanted.items() if not _is_the_hosts(path)}


def _is_the_hosts(path: str) -> bool:
    """Return whether the program sees a folder anyway."""
    return path == "/" or path.startswith(("/dev/", "/usr/")) or path == "/usr"


def lay_over(folders: list[Folder]) -> None:
    """Mount a writable overlay on each folder with `Access.LAYER`; the stage is a tmpfs.

    If the kernel refuses (in a user namespace, before Linux 5.11) such a folder is read-only.

    Raises:
        OSError: The kernel refuses something else.
    """
    for number, folder in enumerate(folders):
        if folder.access is not Access.LAYER:
            continue
        place = f"{STAGE}/layer{number}"
        for name in ("", "/lower", "/upper", "/work", "/merged"):
            os.mkdir(place + name)
        kind = os.stat(folder.mount)
        os.chmod(f"{place}/upper", kind.st_mode & 0o7777)
        with suppress(OSError):  # a user or group for which an ordinary user's lab has no id
            os.chown(f"{place}/upper", kind.st_uid, kind.st_gid)
        mounts.attach(folder.mount, f"{place}/lower")
        os.close(folder.mount)
        try:
            overlay(f"{place}/lower", place, f"{place}/merged")
        except OSError:
            folder.access, shown = Access.READ, f"{place}/lower"
        else:
            shown = f"{place}/merged"
        folder.mount = mounts.detached(shown, recursive=True)


def overlay(lower: str, place: str, target: str) -> None:
    """Mount ``lower`` on ``target`` with a writable layer, in the folders ``upper`` and ``work`` of ``place``.

    Raises:
        OSError: The kernel refuses.
    """
    options = f"lowerdir={lower},upperdir={place}/upper,workdir={place}/work"
    try:
        libc.mount("overlay", target, "overlay", data=f"{options},userxattr")
    except OSError:
        libc.mount("overlay", target, "overlay", data=options)  # before 5.11, for root
