"""What is from outside: the folders that a command names with ``--suites``, and those of installed packages."""

import importlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from dualstack.errors import UsageError

GROUP = f"{__package__}.suites"
"""``dualstack.suites``: the group of entry points by which an installed package offers the suites in its folder."""


@dataclass(frozen=True, slots=True)
class SuiteFolder:
    """A folder with suites, and maybe folders ``topologies`` and ``protocols``.

    Attributes:
        path: The folder.
        package: The package whose modules its files are: they may import each other relatively.
    """

    path: Path
    package: str


_NAMED: dict[Path, SuiteFolder] = {}


def add_folders(paths: Iterable[Path]) -> None:
    """Add the suites of these folders, for the rest of the process; a folder that was added before is kept.

    Raises:
        UsageError: One of the paths is no folder.
    """
    for path in paths:
        folder = path.resolve()
        if not folder.is_dir():
            raise UsageError(f"{path}: no such folder; --suites names a folder of suites")
        if folder not in _NAMED:
            package = ModuleType(f"dualstack_suites_{len(_NAMED)}")
            package.__path__ = [str(folder)]
            sys.modules[package.__name__] = package
            _NAMED[folder] = SuiteFolder(folder, package.__name__)
    importlib.invalidate_caches()


def named_folders() -> tuple[Path, ...]:
    """Return the folders that were added with `add_folders`, in that order."""
    return tuple(_NAMED)


def outside_folders() -> tuple[SuiteFolder, ...]:
    """Return the folders of installed packages, and those that were added.

    Raises:
        UsageError: An entry point names something that is no package.
    """
    return (*_installed(), *_NAMED.values())


def load_protocols() -> None:
    """Add the protocols in all folders from outside to the registry of this process; each folder is read once.

    Raises:
        UsageError: A file is wrong, or has a protocol whose name exists already.
    """
    for folder in outside_folders():
        _load_protocols(folder.path / "protocols")


@cache
def _load_protocols(folder: Path) -> None:
    """Add the protocols in the files ``*.py`` of a folder; names that begin with ``_`` or ``.`` are left out."""
    from dualstack.protocols.outside import Source, add  # noqa: PLC0415 - most commands need no protocol

    for path in sorted(folder.glob("[!_.]*.py")):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: cannot be read: {error}") from None
        add(Source(str(path), text))


@cache
def _installed() -> tuple[SuiteFolder, ...]:
    """Return the folders of the packages that entry points name, in the order of the packages' names."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow, and most commands need no suites

    return tuple(_folder_of(module) for module in sorted({item.module for item in entry_points(group=GROUP)}))


def _folder_of(package: str) -> SuiteFolder:
    """Return the folder of an installed package."""
    try:
        spec = find_spec(package)
    except ImportError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(f"the entry point {package!r} of the group {GROUP!r} names no package with a folder")
    return SuiteFolder(Path(next(iter(spec.submodule_search_locations))), package)
