"""The folders of the machine that a service sees although homes, /tmp and /run are hidden from it."""

import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

_HIDDEN = ("/home", "/root", "/run", "/tmp", "/var/run", "/var/tmp")  # noqa: S108 - names
_PROGRAMS = ("bin", "sbin", "shims")
_BETWEEN_PATHS = re.compile("[:=,]")


def visible_folders(directory: Path, manifest: Path, texts: Iterable[str]) -> tuple[str, ...]:
    """Return the hidden folders that a program may read.

    They are the repository of its working directory (without one, the manifest's folder and its parent), and the
    folders of the files that ``texts`` name. For a program in a ``bin`` folder it is the parent of ``bin``, unless that
    is a home or a dot folder of a home (``~/.local``). A whole home is never shown.

    Args:
        directory: The program's working directory.
        manifest: The service's manifest.
        texts: The command and the values of its environment.
    """
    home = Path(os.environ.get("HOME", "/root"))
    repository = _repository(directory)
    folders = {repository} if repository else {manifest.parent, manifest.parent.parent}
    for text in texts:
        folders.update(_named(directory, text))
    return tuple(sorted(str(item) for item in folders if _is_hidden(item, home) and not _holds_homes(item, home)))


@lru_cache
def _repository(directory: Path) -> Path | None:
    """Return the folder of the repository that contains ``directory``; None if there is none."""
    return next((item for item in (directory, *directory.parents) if (item / ".git").exists()), None)


def _holds_homes(folder: Path, home: Path) -> bool:
    """Return whether a folder is or contains a home, or has files of other users."""
    return home.is_relative_to(folder) or str(folder) in _HIDDEN or str(folder.parent) == "/home"


def _is_hidden(folder: Path, home: Path) -> bool:
    """Return whether a folder of the machine is hidden from programs."""
    return any(folder.is_relative_to(place) for place in (*_HIDDEN, home))


@lru_cache(1024)
def _named(directory: Path, text: str) -> tuple[Path, ...]:
    """Return the folders of the files that a text names, and the folders that it names."""
    paths = (directory / part for part in _BETWEEN_PATHS.split(text) if "/" in part)
    return tuple(folder for path in paths if _exists(path) for folder in _folders_of(path))


def _exists(path: Path) -> bool:
    """Return whether the file exists; False if the text cannot be a path."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _folders_of(path: Path) -> Iterator[Path]:
    """Yield the folder of a file and of its link target; for a program in ``bin`` the parent of ``bin``."""
    home = Path(os.environ.get("HOME", "/root"))
    for item in {path, path.resolve()}:
        folder = Path(os.path.normpath(item if item.is_dir() else item.parent))
        above = folder.parent
        private = above.parent == home and above.name.startswith(".") and folder.name != "shims"
        yield above if folder.name in _PROGRAMS and not private and above != home else folder
