"""Which folders a service sees of those that it does not see by itself: homes, /tmp and /run are its own, and empty."""

import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

_HIDDEN = ("/home", "/root", "/run", "/tmp", "/var/run", "/var/tmp")  # noqa: S108 - names
_PROGRAMS = ("bin", "sbin", "shims")
_BETWEEN_PATHS = re.compile("[:=,]")


def shown_folders(directory: Path, manifest: Path, texts: Iterable[str]) -> tuple[str, ...]:
    """Return the folders that a program is to be shown, to be read.

    They are the repository that its working directory is in (or, without one, the manifest's folder and the one above
    it), and the folders of the files that ``texts`` name, such as a program in the user's home with what stands beside
    its ``bin``. No home is shown, and no folder right in a home whose name begins with a dot, because of its ``bin``.

    Args:
        directory: Its working directory.
        manifest: Its manifest.
        texts: Its command, and the values of its environment.
    """
    home = Path(os.environ.get("HOME", "/root"))
    repository = _repository(directory)
    folders = {repository} if repository else {manifest.parent, manifest.parent.parent}
    for text in texts:
        folders.update(_named(directory, text))
    return tuple(sorted(str(item) for item in folders if _is_hidden(item, home) and not _holds_homes(item, home)))


@lru_cache
def _repository(directory: Path) -> Path | None:
    """Return the folder of the repository that ``directory`` is in."""
    return next((item for item in (directory, *directory.parents) if (item / ".git").exists()), None)


def _holds_homes(folder: Path, home: Path) -> bool:
    """Return whether a folder is a home, or has one or other people's files in it."""
    return home.is_relative_to(folder) or str(folder) in _HIDDEN or str(folder.parent) == "/home"


def _is_hidden(folder: Path, home: Path) -> bool:
    """Return whether a program does not see a folder of the machine by itself."""
    return any(folder.is_relative_to(place) for place in (*_HIDDEN, home))


@lru_cache(1024)
def _named(directory: Path, text: str) -> tuple[Path, ...]:
    """Return the folders of the files and folders that a text names."""
    paths = (directory / part for part in _BETWEEN_PATHS.split(text) if "/" in part)
    return tuple(folder for path in paths if _exists(path) for folder in _folders_of(path))


def _exists(path: Path) -> bool:
    """Return whether there is such a file; what cannot be a path is none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _folders_of(path: Path) -> Iterator[Path]:
    """Yield the folder of a file, and that of what it links to; of programs what is beside their ``bin``."""
    home = Path(os.environ.get("HOME", "/root"))
    for item in {path, path.resolve()}:
        folder = Path(os.path.normpath(item if item.is_dir() else item.parent))
        above = folder.parent
        private = above.parent == home and above.name.startswith(".") and folder.name != "shims"
        yield above if folder.name in _PROGRAMS and not private and above != home else folder
