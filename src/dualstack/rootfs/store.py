"""The cache folder: the root file systems in it, and the one that has certain packages."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dualstack.errors import HostCannot

MARKER = "packages.json"
"""The file that is written last, before the folder gets its final name: a folder with it is complete."""

_FORMAT = 1
_UNFINISHED = ".building-"


@dataclass(frozen=True, slots=True)
class Root:
    """A built root file system.

    Attributes:
        path: Its folder; it has no device nodes, and /etc/hosts and /etc/resolv.conf are empty.
        requested: The packages for which it was built.
        installed: The version of every package in it, by name.
        built: The time of the build, in UTC (ISO 8601).
    """

    path: Path
    requested: tuple[str, ...]
    installed: Mapping[str, str]
    built: str

    def has(self, packages: Iterable[str]) -> bool:
        """Return whether it has all of ``packages``."""
        return set(packages) <= self.installed.keys() | set(self.requested)


def cache_folder() -> Path:
    """Return the cache folder: ``DUALSTACK_CACHE``, or ``dualstack`` in ``XDG_CACHE_HOME`` or in ``~/.cache``.

    Raises:
        HostCannot: The user has no home folder.
    """
    own = os.environ.get("DUALSTACK_CACHE")
    if own:
        return Path(own).absolute()
    shared = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification: a relative path in this variable is to be ignored.
    if Path(shared).is_absolute():
        return Path(shared, "dualstack")
    try:
        return Path.home() / ".cache" / "dualstack"
    except RuntimeError:
        raise HostCannot("this user has no home folder for the cache: set DUALSTACK_CACHE to a folder") from None


def roots_folder() -> Path:
    """Return the folder of all roots; each has its own folder in it."""
    return cache_folder() / "roots"


def find_root(packages: Iterable[str]) -> Path | None:
    """Return the smallest root file system that has all of ``packages``; None if there is none."""
    wanted = set(packages)
    fitting = [root for root in list_roots() if root.has(wanted)]
    return min(fitting, key=lambda root: len(root.installed)).path if fitting else None


def list_roots() -> list[Root]:
    """Return all built roots, ordered by path."""
    found = (_read(folder) for folder in sorted(roots_folder().glob("[!.]*")))
    return [root for root in found if root is not None]


def _read(folder: Path) -> Root | None:
    """Return the root in ``folder``; None if there is none, or if its format is of another version."""
    try:
        data = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    path = folder / "fs"
    if not isinstance(data, dict) or data.get("format") != _FORMAT or not path.is_dir():
        return None
    return Root(path=path, requested=tuple(data["requested"]), installed=data["installed"], built=data["built"])


def folder_for(packages: Iterable[str]) -> Path:
    """Return the folder for a root with these packages."""
    names = ",".join(sorted(set(packages)))
    return roots_folder() / hashlib.sha256(names.encode()).hexdigest()[:12]


def write_marker(folder: Path, packages: Iterable[str], installed: Mapping[str, str], built: str) -> None:
    """Write the marker of the root in ``folder``."""
    data = {"format": _FORMAT, "built": built, "requested": sorted(set(packages)), "installed": installed}
    (folder / MARKER).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


@contextlib.contextmanager
def building(progress: Callable[[str], None]) -> Iterator[Path]:
    """Hold the lock against parallel builds, and yield a temporary folder to build in.

    Remains of killed builds are removed first. The kernel releases the lock when the process ends.

    Raises:
        HostCannot: The cache folder is not writable.
    """
    roots = roots_folder()
    try:
        roots.mkdir(parents=True, exist_ok=True)
        lock = (roots / ".lock").open("a")
    except OSError as error:
        raise HostCannot(f"{roots}: cannot be written: {error.strerror}; set DUALSTACK_CACHE to a folder") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another build is running; waiting until it ends")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in roots.glob(f"{_UNFINISHED}*"):
            progress("removing the remains of a killed build")
            remove_tree(left)
        folder = roots / f"{_UNFINISHED}{os.getpid()}"
        folder.mkdir()
        try:
            yield folder
        finally:
            remove_tree(folder)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all its contents, also read-only ones; do nothing if it does not exist.

    Raises:
        OSError: Something cannot be removed.
    """
    if not folder.exists():
        return
    for path, folders, _ in os.walk(folder):
        # Packages contain read-only folders, which only root can change as they are.
        for name in folders:
            item = Path(path, name)
            if not item.is_symlink():
                item.chmod(stat.S_IMODE(item.stat().st_mode) | stat.S_IRWXU)
    shutil.rmtree(folder)
