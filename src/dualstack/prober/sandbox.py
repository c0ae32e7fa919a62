"""How a program is confined on a lab host, in the forked child before exec.

It sees the machine's files, or those of a root file system, read-only. /tmp, /run and home are empty folders in memory.
It has no rights over other processes: see `identity`, `view` and `seccomp`.
"""

import contextlib
import os
import socket
import stat
from pathlib import Path

from dualstack.prober import libc, mounts
from dualstack.prober.bounds import limit_processes, prefer_for_killing
from dualstack.prober.folders import STAGE, Folder, lay_over, open_folders, overlay
from dualstack.prober.identity import Identity
from dualstack.prober.messages import Launch
from dualstack.prober.seccomp import restrict
from dualstack.prober.view import freeze, narrow, protect_settings

LAB_FILES = ("etc/resolv.conf", "etc/hosts", "etc/nsswitch.conf", "etc/hostname")
"""The host's own files; they are also copied into a root file system."""

_NEW_ROOT = f"{STAGE}/root"

_LOWER = f"{STAGE}/lower"

_OWN_FOLDERS = ("proc", "dev", "sys", "tmp", "run", "etc")
"""The folders that are made anew in a root file system that cannot be overlaid."""

_UMASK = 0o022
_STREAM = 0o666


def confine(launch: Launch, helper: socket.socket) -> None:
    """Confine the calling process as ``launch`` says; the next step is exec.

    It must be a process without other threads, inside a lab host. Its root, working directory and ids change.

    Args:
        launch: The program.
        helper: The socket to a process that runs `identity.write_maps` for this one.

    Raises:
        OSError: A folder of the launch does not exist, or the kernel refuses.
        HostCannot: ``af_inet6`` is false and the machine has no seccomp filters.
    """
    os.umask(_UMASK)
    prefer_for_killing()
    if not launch.scratch.startswith("/dev/"):
        _make_scratch(launch)
    libc.unshare(libc.CLONE_NEWNS)
    libc.mount("none", "/", flags=libc.MS_REC | libc.MS_PRIVATE)
    who, folders, root = open_folders(launch)
    if root is None:
        freeze()
    size = f",size={launch.limits.memory}m" if launch.limits.memory else ""
    libc.mount("tmpfs", STAGE, "tmpfs", libc.MS_NOSUID, f"mode=0755{size}")
    lay_over(folders)
    pivoted = True
    if root is None:
        narrow(folders, who, ipv6=launch.af_inet6)
    else:
        _build_root(root, folders, who, ipv6=launch.af_inet6)
        pivoted = _pivot()
    for stream in (0, 1):  # servers open /dev/stdout and /dev/stderr, even after a change of their user
        who.give(stream)
        os.chmod(stream, _STREAM)  # noqa: PTH101 - a descriptor
    limit_processes(launch.limits, who, helper)
    if not pivoted:
        os.chroot(_NEW_ROOT)
    _make_scratch(launch)
    _write_files(launch)
    os.chdir(launch.directory)
    restrict(af_inet6=launch.af_inet6)


def _make_scratch(launch: Launch) -> None:
    """Make the program's private folder; a program that changes its user can still use it.

    An existing folder keeps its permissions: the lab may not own it.
    """
    scratch = Path(launch.scratch)
    if not scratch.is_dir():
        scratch.mkdir(parents=True)
        scratch.chmod(0o777)


def _write_files(launch: Launch) -> None:
    """Write the files of the start; the program owns them."""
    for name, text in launch.files.items():
        path = Path(launch.scratch, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if name in launch.modes:
            path.chmod(int(launch.modes[name], 8))


def _build_root(mount: int, folders: list[Folder], who: Identity, *, ipv6: bool) -> None:
    """Build the program's root at `_NEW_ROOT`: its own file system, the lab's files, the machine's folders."""
    for place in (_NEW_ROOT, _LOWER):
        Path(place).mkdir()
    mounts.attach(mount, _LOWER)
    os.close(mount)
    try:
        _overlay(folders, who)
    except OSError:
        # Kernels before 5.11 refuse an overlay in a user namespace: a root of bind mounts, writable in /tmp and /run.
        _mirror(folders, who)
    for folder in folders:
        folder.show(_NEW_ROOT + folder.path)
    for place in ("/proc", "/sys", "/dev"):
        libc.mount(place, _NEW_ROOT + place, flags=libc.MS_BIND | libc.MS_REC)
    protect_settings(_NEW_ROOT, ipv6=ipv6)


def _overlay(folders: list[Folder], who: Identity) -> None:
    """Mount a writable overlay on the root; its upper layer already contains the lab's files and the mount points.

    They are written there first, because files of another user cannot be copied up in a user namespace.
    """
    upper = Path(STAGE, "upper")
    upper.mkdir()
    who.give(upper)
    Path(STAGE, "work").mkdir()
    places = [folder.path for folder in folders]
    for folder in [*places, "/proc", "/dev", "/sys", "/etc", "/tmp"]:  # noqa: S108 - names inside the new root
        _make_folder(upper, folder, who)
    _write_lab_files(upper, who)
    overlay(_LOWER, STAGE, _NEW_ROOT)


def _make_folder(upper: Path, folder: str, who: Identity) -> None:
    """Make a folder in the upper layer; it and its parents have the permissions of the lower layer."""
    here = Path()
    for part in Path(folder.lstrip("/")).parts:
        here /= part
        made = upper / here
        if made.is_dir():
            continue
        made.mkdir()
        who.give(made)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            made.chmod(stat.S_IMODE(Path(_LOWER, here).stat().st_mode))


def _write_lab_files(root: Path, who: Identity) -> None:
    """Copy the host's own files into a root."""
    for name in LAB_FILES:
        source = Path("/", name)
        if source.exists():
            (root / name).write_bytes(source.read_bytes())
            who.give(root / name)


def _mirror(folders: list[Folder], who: Identity) -> None:
    """Build the root of bind mounts of all entries of the lower one, with real folders for mount points."""
    libc.mount("tmpfs", _NEW_ROOT, "tmpfs", data="mode=0755")
    root = Path(_NEW_ROOT)
    for folder in _OWN_FOLDERS:
        (root / folder).mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    points = [Path(folder.path.lstrip("/")) for folder in folders]
    _graft(Path(_LOWER), root, Path(), points)
    for point in points:
        (root / point).mkdir(parents=True, exist_ok=True)
    for file in LAB_FILES:
        (root / file).unlink(missing_ok=True)
    _write_lab_files(root, who)


def _graft(lower: Path, root: Path, here: Path, points: list[Path]) -> None:
    """Show the entries of one folder of ``lower``: links copied, the rest bound, parents of ``points`` created."""
    for entry in (lower / here).iterdir():
        name = here / entry.name
        target = root / name
        if entry.is_symlink():
            target.symlink_to(entry.readlink())
        elif entry.is_dir() and (name == Path("etc") or any(point.is_relative_to(name) for point in points)):
            target.mkdir(exist_ok=True)
            _graft(lower, root, name, points)
        elif entry.is_dir() and not target.exists():
            target.mkdir()
            _bind_read_only(entry, target)
        elif entry.is_file() and str(name) not in LAB_FILES:
            target.touch()
            _bind_read_only(entry, target)


def _bind_read_only(source: Path, target: Path) -> None:
    """Bind ``source`` on ``target``, read-only."""
    libc.mount(str(source), str(target), flags=libc.MS_BIND | libc.MS_REC)
    mounts.make_read_only(str(target))


def _pivot() -> bool:
    """Make `_NEW_ROOT` the root and unmount the old one; return False if the kernel cannot."""
    os.chdir(_NEW_ROOT)
    try:
        libc.pivot_root(".", ".")
    except OSError:
        # The machine runs from its initial ramfs, which pivot_root does not support: chroot is used.
        return False
    libc.umount(".", libc.MNT_DETACH)
    os.chdir("/")
    return True
