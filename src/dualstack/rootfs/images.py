"""Base images made of Debian packages: named like the public ones, for an engine behind a closed registry."""

import hashlib
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dualstack.errors import HostCannot
from dualstack.lab.docker.engine import Engine, connect
from dualstack.lab.docker.images import image_id, import_root
from dualstack.rootfs.build import build_root, stderr_progress
from dualstack.rootfs.store import MARKER, cache_folder, find_root

_PACKAGES = ("adduser", "apt", "ca-certificates", "passwd", "python3")
"""What the images hold beyond Debian's essential packages; both are made of one root file system.

Ordinary Dockerfiles expect useradd, groupadd, adduser and apt-get.
"""

_LINKS = {f"usr/local/bin/{name}": "/usr/bin/python3" for name in ("python", "python3")}
"""Where the public image of Python has it."""


def build_bases(progress: Callable[[str], None] = stderr_progress) -> list[str]:
    """Make ``debian:<release>-slim`` and ``python:<version>-slim`` of Debian packages, unless the engine has them.

    Returns:
        The references.

    Raises:
        HostCannot: There is no engine, or no Debian mirror.
    """
    engine = connect()
    try:
        root = build_root(_PACKAGES, progress)
        wanted = {f"debian:{_release(root)}-slim": ["/bin/sh"], f"python:{_python(root)}-slim": ["python3"]}
        missing = {name: command for name, command in wanted.items() if image_id(engine, name) is None}
        for name, command in missing.items():
            progress(f"importing {name}")
            _import(engine, root, name, command, _LINKS if name.startswith("python:") else {})
        return list(wanted)
    finally:
        engine.close()


def packages_image(engine: Engine, packages: Sequence[str], manifest: Path) -> str:
    """Return an image of the private root file system that has these packages; import it unless the engine has it.

    Args:
        engine: Where to.
        packages: Their names.
        manifest: Whose they are.

    Raises:
        HostCannot: The root file system has not been built yet.
    """
    root = find_root(packages)
    if root is None:
        raise HostCannot(
            f"{manifest} needs a private Debian root file system with {', '.join(packages)}; "
            f"build it once: dualstack rootfs build {manifest}"
        )
    # What was installed, and when, is what the file system holds: nothing writes to it later.
    digest = hashlib.sha256((root.parent / MARKER).read_bytes()).hexdigest()[:16]
    reference = f"dualstack-packages:{digest}"
    if image_id(engine, reference) is None:
        _import(engine, root, reference, ["/bin/sh"], {})
    return reference


def _import(engine: Engine, root: Path, reference: str, command: Sequence[str], links: Mapping[str, str]) -> None:
    """Make an image of a root file system, with some symbolic links besides."""
    with tempfile.NamedTemporaryFile(dir=cache_folder(), suffix=".tar") as file:
        _pack(root, Path(file.name), links)
        import_root(engine, Path(file.name), reference, command)


def _pack(root: Path, archive: Path, links: Mapping[str, str]) -> None:
    """Pack a root file system whose files all belong to root."""

    def owned(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        return entry

    with tarfile.open(archive, "w") as packed:
        for path in sorted(root.iterdir()):
            packed.add(path, arcname=path.name, filter=owned)
        for name, target in links.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
            packed.addfile(entry)


def _release(root: Path) -> str:
    """Return the code name of the release that a root file system is of."""
    lines = (root / "etc" / "os-release").read_text(encoding="utf-8").splitlines()
    for line in lines:
        key, _, value = line.partition("=")
        if key == "VERSION_CODENAME":
            return value.strip('"')
    raise HostCannot(f"{root}: its os-release names no release")


def _python(root: Path) -> str:
    """Return the version of the Python in a root file system: ``3.11``."""
    return (root / "usr" / "bin" / "python3").readlink().name.removeprefix("python")
