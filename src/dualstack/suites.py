"""The suites and their requirements: each requirement is declared beside its one test."""

import importlib
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType

from dualstack.casekey import REQUIREMENT_ID
from dualstack.causes import load_causes
from dualstack.content import ROOT
from dualstack.errors import HarnessError, UsageError
from dualstack.extensions import SuiteFolder, load_protocols, outside_folders
from dualstack.manifest import Accepted, Exemption, Known, Subject
from dualstack.manifest.faults import Fault, refusal
from dualstack.manifest.salvage import as_far_as_known
from dualstack.requirement import Requirement
from dualstack.suggestion import did_you_mean
from dualstack.topology import topology_names

SUITES = ROOT / "suites"


def _folders() -> tuple[SuiteFolder, ...]:
    """Return our folder of suites, and those from outside."""
    return (SuiteFolder(SUITES, "dualstack.content.suites"), *outside_folders())


def _declared(folder: Path) -> dict[Path, tuple[Requirement, ...]]:
    """Return the requirements that each file of the suites in a folder declares; hidden folders are left out."""
    found = {}
    for path in sorted(folder.rglob("test_*.py")):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            declared = map(Requirement.of, vars(module_of(path)).values())
            found[path] = tuple(item for item in declared if item is not None)
    return found


@cache
def _read(folders: tuple[SuiteFolder, ...]) -> Mapping[Path, tuple[Requirement, ...]]:
    """Return the requirements that each file of the suites in these folders declares.

    Raises:
        UsageError: A folder from outside declares none and has no protocols, or one of its files is wrong.
    """
    load_protocols()
    found: dict[Path, tuple[Requirement, ...]] = {}
    for folder in folders:
        declared = _declared(folder.path)
        if folder.path != SUITES:
            if not any(declared.values()) and not (folder.path / "protocols").is_dir():
                raise UsageError(f"{folder.path}: no file test_*.py in this folder declares a requirement")
            for path, items in declared.items():
                for item in items:
                    _check_names(path, item)
        found |= declared
    return MappingProxyType(found)


def _check_names(path: Path, item: Requirement) -> None:
    """Refuse a requirement from outside that names a topology or cause which does not exist."""
    for kind, names, known in (
        ("topology", item.topologies, topology_names()),
        ("cause", item.causes, list(load_causes())),
    ):
        for name in names:
            if name not in known:
                raise UsageError(f"{path}: {item.id}: no {kind} {name!r}{did_you_mean(name, known)}")


def files() -> tuple[Path, ...]:
    """Return every file of the suites."""
    return tuple(_read(_folders()))


def module_of(path: Path) -> ModuleType:
    """Return the module of a file of the suites; it is imported once.

    Raises:
        UsageError: A file from outside cannot be imported; the line is named.
    """
    folder = next(item for item in _folders() if path.is_relative_to(item.path))
    name = ".".join([folder.package, *path.relative_to(folder.path).with_suffix("").parts])
    try:
        return importlib.import_module(name)
    except Exception as error:
        if folder.path == SUITES:
            raise
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f"{path}:{lines[-1]}" if lines else str(path)
        raise UsageError(f"{where}: cannot be imported: {type(error).__name__}: {error}") from error


def file_of(wanted: Requirement) -> Path:
    """Return the file that declares a requirement."""
    return next(path for path, declared in _read(_folders()).items() if wanted in declared)


def suites() -> Mapping[str, Mapping[str, Requirement]]:
    """Return the requirements of each suite by id, in the order of the ids; a suite is named after its folder.

    Raises:
        HarnessError: Two of our tests claim to check the same requirement.
        UsageError: The same, of a test from outside; or its file is wrong.
    """
    return _suites(_folders())


@cache
def _suites(folders: tuple[SuiteFolder, ...]) -> Mapping[str, Mapping[str, Requirement]]:
    """Return the suites of these folders."""
    found: dict[str, dict[str, Requirement]] = {}
    first: dict[str, Path] = {}
    for path, declared in _read(folders).items():
        for requirement in declared:
            other = first.setdefault(requirement.id, path)
            if requirement.id in found.get(other.parent.name, {}):
                kind = HarnessError if path.is_relative_to(SUITES) else UsageError
                text = f"{path}: {requirement.id} is declared twice, first in {other}; give one of them another id"
                raise kind(text)
            found.setdefault(path.parent.name, {})[requirement.id] = requirement
    return MappingProxyType({name: MappingProxyType(dict(sorted(suite.items()))) for name, suite in found.items()})


def requirements(wanted: Iterable[str] = ()) -> Mapping[str, Requirement]:
    """Return every requirement, or those of the suites in ``wanted``, by id, in the order of the ids.

    Raises:
        UsageError: There is no suite of that name; the message suggests the nearest.
    """
    known = suites()
    for name in wanted:
        if name not in known:
            hint = did_you_mean(name, list(known))
            raise UsageError(f"no suite {name!r} (there are: {', '.join(known)}){hint}")
    chosen = [known[name] for name in wanted] or known.values()
    return dict(sorted(item for suite in chosen for item in suite.items()))


def requirement(wanted: str) -> Requirement:
    """Return the requirement with this id, in upper or lower case.

    Raises:
        UsageError: There is none; the message suggests the nearest.
    """
    known = requirements()
    if wanted.upper() in known:
        return known[wanted.upper()]
    group = [item.id for item in known.values() if item.group == wanted.upper()]
    if group:
        raise UsageError(f"{wanted!r} is a group of requirements: {', '.join(group)}; name one of them")
    hint = did_you_mean(wanted.upper(), list(known))
    raise UsageError(f"no requirement {wanted!r}{hint} (dualstack list shows them all)")


def check_entries(subjects: Iterable[Subject]) -> None:
    """Check that the requirements and topologies in ``[[exemption]]`` and ``[[known]]`` entries exist.

    Raises:
        UsageError: One does not; the message names every such entry of every manifest.
    """
    wrong = {subject.path: faults for subject in subjects if (faults := [*entry_faults(subject)])}
    if wrong:
        raise UsageError("\n".join(str(refusal(path, faults)) for path, faults in wrong.items()))


def entry_faults(subject: Subject) -> Iterator[Fault]:
    """Yield a fault for each requirement or topology that a manifest's entries name and that does not exist."""
    known = requirements()
    for table in ("exemption", "known"):
        for position, entry in enumerate(getattr(subject.manifest, table)):
            if isinstance(entry, Accepted):
                continue  # a baseline may outlive a requirement or topology: the report names such an entry
            for fault in as_far_as_known(_unknown_in(entry, known)):
                yield Fault((table, position, *fault.key), fault.text)


def _unknown_in(entry: Exemption | Known, known: Mapping[str, Requirement]) -> Iterator[Fault]:
    """Yield a fault for each requirement or topology that one entry names and that does not exist."""
    for place, wanted in enumerate(entry.requirement):
        if wanted not in known and re.fullmatch(REQUIREMENT_ID, wanted):  # other texts are a fault of the file
            hint = did_you_mean(wanted, list(known))
            text = f"found {wanted!r}, which does not exist{hint} (dualstack list shows them all)"
            yield Fault(("requirement", place), text)
    for place, name in enumerate(entry.topologies):
        for wanted in entry.requirement:
            names = known[wanted].topologies if wanted in known else [name]
            if name not in names:
                hint = did_you_mean(name, names)
                yield Fault(("topologies", place), f"found {name!r}; {wanted} runs on: {', '.join(names)}{hint}")
