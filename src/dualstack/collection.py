"""Hooks by which pytest collects suites: each file is imported once, by the name that the engine uses, too."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from dualstack.extensions import outside_folders
from dualstack.suites import SUITES, files, module_of


class _SuiteFile(pytest.Module):
    """A file of the suites: its module may be imported already."""

    def _getobj(self) -> ModuleType:
        """Return the module."""
        return module_of(self.path)


class _SuiteFolder(pytest.Directory):
    """A folder on the way to files of suites: nothing else in it is collected, and no folder is searched."""

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Yield the folders and files in it that lead to files of suites."""
        depth = len(self.path.parts)
        inside = [path for path in files() if path.is_relative_to(self.path)]
        for name in dict.fromkeys(path.parts[depth] for path in inside):
            child = self.path / name
            if child in inside:
                yield _SuiteFile.from_parent(self, path=child)
            else:
                yield _SuiteFolder.from_parent(self, path=child)


def _is_command(config: pytest.Config) -> bool:
    """Return whether ``dualstack run`` started this pytest: it names files of suites and nothing else."""
    return config.option.dualstack_events is not None


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Lead ``dualstack run`` to the files of suites, wherever they are: folders above them may be unreadable."""
    return _SuiteFolder.from_parent(parent, path=path) if _is_command(parent.config) else None


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Collect the files of our suites, and in a run those from outside."""
    folders = [SUITES]
    if parent.config.option.dualstack_service:
        folders += [folder.path for folder in outside_folders()]
    if any(module_path.is_relative_to(folder) for folder in folders):
        return _SuiteFile.from_parent(parent, path=module_path)
    return None
