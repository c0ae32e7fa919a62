"""Base images made of Debian packages, with the names of public images, for an engine without a registry."""

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
"""The packages of both images besides Debian's essential ones.

Common Dockerfiles use useradd, groupadd, adduser and apt-get.
"""

_LINKS = {f"usr/local/bin/{name}": "/usr/bin/python3" for name in ("python", "python3")}
"""The paths of Python in the public image."""


def build_bases(progress: Callable[[str], None] = stderr_progress) -> list[str]:
    """Make ``debian:<release>-slim`` and ``python:<version>-slim`` of Debian packages if the engine lacks them.

    Returns:
        Both image references.

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
    """Return an image of the private root file system with these packages; import it if the engine lacks it.

    Args:
        engine: The container engine.
        packages: The Debian packages.
        manifest: The manifest that needs them, for messages.

    Raises:
        HostCannot: The root file system has not been built yet.
    """
    root = find_root(packages)
    if root is None:
        raise HostCannot(
            f"{manifest} needs a private Debian root file system with {', '.join(packages)}; "
            f"build it once: dualstack rootfs build {manifest}"
        )
    # The marker identifies the contents, because nothing writes to a root file system after its build.
    digest = hashlib.sha256((root.parent / MARKER).read_bytes()).hexdigest()[:16]
    reference = f"dualstack-packages:{digest}"
    if image_id(engine, reference) is None:
        _import(engine, root, reference, ["/bin/sh"], {})
    return reference


def _import(engine: Engine, root: Path, reference: str, command: Sequence[str], links: Mapping[str, str]) -> None:
    """Make an image of a root file system with additional symbolic links."""
    with tempfile.NamedTemporaryFile(dir=cache_folder(), suffix=".tar") as file:
        _pack(root, Path(file.name), links)
        import_root(engine, Path(file.name), reference, command)


def _pack(root: Path, archive: Path, links: Mapping[str, str]) -> None:
    """Pack a root file system into a tar archive; root owns all files."""

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
    """Return the release code name of a root file system: ``bookworm``."""
    lines = (root / "etc" / "os-release").read_text(encoding="utf-8").splitlines()
    for line in lines:
        key, _, value = line.partition("=")
        if key == "VERSION_CODENAME":
            return value.strip('"')
    raise HostCannot(f"{root}: its os-release has no VERSION_CODENAME")


def _python(root: Path) -> str:
    """Return the version of Python in a root file system: ``3.11``."""
    return (root / "usr" / "bin" / "python3").readlink().name.removeprefix("python")
