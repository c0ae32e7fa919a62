"""How a program is confined on a lab host, in the forked child that is about to become it."""

import contextlib
import os
import stat
from pathlib import Path

from dualstack.prober import libc
from dualstack.prober.messages import Launch
from dualstack.prober.seccomp import forbid_inet6
from dualstack.prober.syslog import SYSTEM_LOG

LAB_FILES = ("etc/resolv.conf", "etc/hosts", "etc/nsswitch.conf", "etc/hostname")
"""What a host has of its own; a foreign root file system gets them too."""

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")

_DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "log": SYSTEM_LOG}

_OWN_DEVICES = "/dev/shm/.dev"  # noqa: S108 - the host's own tmpfs
"""Where the /dev of a program without a root file system is put together, in its own mount namespace."""

_STAGE = "/tmp"  # noqa: S108 - covered by a private tmpfs, only in the child's own mount namespace
_NEW_ROOT = f"{_STAGE}/root"

_OWN_FOLDERS = ("proc", "dev", "sys", "tmp", "run", "etc")
"""The folders that a foreign root gets fresh when it cannot be overlaid."""


def confine(launch: Launch) -> None:
    """Confine the calling process as ``launch`` says; the next step is exec.

    It must be a process without other threads, inside a lab host. Its root, its working directory and its user are
    changed; an ordinary user's service runs as that user and has no power over the lab.

    Raises:
        OSError: A folder of the launch does not exist, or the kernel refuses.
        HostCannot: ``af_inet6`` is false and the machine has no seccomp filters.
    """
    outer_ids = _sole_ids()
    _make_scratch(launch)
    pivoted = True
    if launch.root:
        _build_root(launch)
        pivoted = _pivot()
    else:
        _have_own_devices()
    if outer_ids is not None:
        _drop_to(*outer_ids)
    if not pivoted:
        os.chroot(_NEW_ROOT)
    os.chdir(launch.directory)
    if not launch.af_inet6:
        forbid_inet6()


def _have_own_devices() -> None:
    """Give a program of the machine's own files a private /dev: its system log is the host's, not the machine's."""
    libc.unshare(libc.CLONE_NEWNS)
    libc.mount("none", "/", flags=libc.MS_REC | libc.MS_PRIVATE)
    Path(_OWN_DEVICES).mkdir(exist_ok=True)
    _make_devices(Path(_OWN_DEVICES))
    terminals = Path(_OWN_DEVICES, "pts")
    terminals.mkdir()
    if Path("/dev/pts").is_dir():
        libc.mount("/dev/pts", str(terminals), flags=libc.MS_BIND | libc.MS_REC)
        Path(_OWN_DEVICES, "ptmx").symlink_to("pts/ptmx")
    libc.mount(_OWN_DEVICES, "/dev", flags=libc.MS_BIND | libc.MS_REC)


def _make_scratch(launch: Launch) -> None:
    """Make the program's private folder and its files; a program that gives up root can still use them.

    A folder that exists keeps its permissions: it may be anybody's.
    """
    scratch = Path(launch.scratch)
    if not scratch.is_dir():
        scratch.mkdir(parents=True)
        scratch.chmod(0o777)
    for name, text in launch.files.items():
        path = scratch / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _sole_ids() -> tuple[int, int] | None:
    """Return the outer user and group that this user namespace is limited to; None for root's full range."""
    users, groups = (Path(f"/proc/self/{kind}_map").read_text().split() for kind in ("uid", "gid"))
    outer_user, outer_group = int(users[1]), int(groups[1])
    return (outer_user, outer_group) if users[2:] == ["1"] and outer_user else None


def _drop_to(user: int, group: int) -> None:
    """Become the ordinary user that owns the lab, in a user namespace without power over the lab."""
    own_user, own_group = os.getuid(), os.getgid()
    libc.unshare(libc.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {own_user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {own_group} 1")


def _build_root(launch: Launch) -> None:
    """Build the program's root at `_NEW_ROOT`: its own file system, the lab's files, the machine's folders."""
    libc.unshare(libc.CLONE_NEWNS)
    libc.mount("none", "/", flags=libc.MS_REC | libc.MS_PRIVATE)
    folders = _folders(launch)
    # Opened before the stage covers them: from here on they are reached through their descriptors.
    opened = {folder: os.open(folder, os.O_PATH | os.O_DIRECTORY) for folder in (launch.root, *folders)}
    libc.mount("tmpfs", _STAGE, "tmpfs", libc.MS_NOSUID, "mode=0755")
    Path(_NEW_ROOT).mkdir()
    lower = f"/proc/self/fd/{opened[launch.root]}"
    try:
        _overlay(lower, folders)
    except OSError:
        # Kernels before 5.11 refuse an overlay in a user namespace: the same, read-only but for /tmp and /run.
        _mirror(lower, folders)
    for folder in folders:
        libc.mount(f"/proc/self/fd/{opened[folder]}", _NEW_ROOT + folder, flags=libc.MS_BIND | libc.MS_REC)
    _mount_kernel_folders()


def _folders(launch: Launch) -> list[str]:
    """Return the machine's folders that the program shall see, none of them inside another.

    What is below /dev comes with the host's own /dev/shm.
    """
    folders = {os.path.normpath(launch.directory), os.path.normpath(launch.scratch)} - {"/"}
    wanted = sorted(folder for folder in folders if not folder.startswith("/dev/"))
    return [folder for folder in wanted if not any(Path(folder).is_relative_to(o) for o in wanted if o != folder)]


def _overlay(lower: str, folders: list[str]) -> None:
    """Lay a writable, ephemeral layer over ``lower``; it already holds the lab's files and the mount points.

    They are put there beforehand, because files of another user cannot be copied up in a user namespace.
    """
    upper = Path(_STAGE, "upper")
    upper.mkdir()
    Path(_STAGE, "work").mkdir()
    for folder in [*folders, "/proc", "/dev", "/sys", "/etc", "/tmp"]:  # noqa: S108 - names inside the new root
        _make_folder(Path(lower), upper, folder)
    _write_lab_files(upper)
    options = f"lowerdir={lower},upperdir={upper},workdir={_STAGE}/work"
    try:
        libc.mount("overlay", _NEW_ROOT, "overlay", data=f"{options},userxattr")
    except OSError:
        libc.mount("overlay", _NEW_ROOT, "overlay", data=options)  # before 5.11, for root


def _make_folder(lower: Path, upper: Path, folder: str) -> None:
    """Make a folder in the upper layer; it and those above it have the permissions that they have below."""
    here = Path()
    for part in Path(folder.lstrip("/")).parts:
        here /= part
        made = upper / here
        if made.is_dir():
            continue
        made.mkdir()
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            made.chmod(stat.S_IMODE((lower / here).stat().st_mode))


def _write_lab_files(root: Path) -> None:
    """Copy the host's own files into a root."""
    for name in LAB_FILES:
        source = Path("/", name)
        if source.exists():
            (root / name).write_bytes(source.read_bytes())


def _mirror(lower: str, folders: list[str]) -> None:
    """Build the root of bind mounts: every entry of ``lower``, but real folders where something must be mounted."""
    libc.mount("tmpfs", _NEW_ROOT, "tmpfs", data="mode=0755")
    root = Path(_NEW_ROOT)
    for folder in _OWN_FOLDERS:
        (root / folder).mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    points = [Path(folder.lstrip("/")) for folder in folders]
    _graft(Path(lower), root, Path(), points)
    for point in points:
        (root / point).mkdir(parents=True, exist_ok=True)
    for file in LAB_FILES:
        (root / file).unlink(missing_ok=True)
    _write_lab_files(root)


def _graft(lower: Path, root: Path, here: Path, points: list[Path]) -> None:
    """Show the entries of one folder of ``lower``: links copied, files and folders bound, ways to ``points`` real."""
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
    """Bind ``source`` on ``target`` and take the right to write away, where the kernel lets it."""
    libc.mount(str(source), str(target), flags=libc.MS_BIND | libc.MS_REC)
    kept = os.statvfs(target).f_flag & (libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)
    libc.mount("none", str(target), flags=libc.MS_REMOUNT | libc.MS_BIND | libc.MS_RDONLY | kept)


def _mount_kernel_folders() -> None:
    """Give the new root the host's /proc and /sys and a /dev with the devices that every program may expect."""
    for folder in ("/proc", "/sys"):
        libc.mount(folder, _NEW_ROOT + folder, flags=libc.MS_BIND | libc.MS_REC)
    _make_devices(Path(_NEW_ROOT, "dev"))


def _make_devices(device_root: Path) -> None:
    """Make a /dev with the devices that every program may expect, the host's /dev/shm and its system log."""
    libc.mount("tmpfs", str(device_root), "tmpfs", libc.MS_NOSUID, "mode=0755")
    for name in _DEVICES:
        (device_root / name).touch()
        libc.mount(f"/dev/{name}", str(device_root / name), flags=libc.MS_BIND)
    for name, target in _DEVICE_LINKS.items():
        (device_root / name).symlink_to(target)
    (device_root / "shm").mkdir()
    libc.mount("/dev/shm", str(device_root / "shm"), flags=libc.MS_BIND)  # noqa: S108 - the host's own tmpfs


def _pivot() -> bool:
    """Make `_NEW_ROOT` the root and let go of the old one; return False when the kernel cannot."""
    os.chdir(_NEW_ROOT)
    try:
        libc.pivot_root(".", ".")
    except OSError:
        # The machine runs from its initial ramfs, which cannot be pivoted away: chroot must do.
        return False
    libc.umount(".", libc.MNT_DETACH)
    os.chdir("/")
    return True
