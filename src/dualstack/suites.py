"""The suites and the requirements that they declare, each beside the one test that checks it."""

import importlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType

from dualstack.content import ROOT
from dualstack.errors import HarnessError, UsageError
from dualstack.manifest import Exemption, Known, Subject
from dualstack.manifest.faults import Fault, refusal
from dualstack.manifest.placeholders import did_you_mean
from dualstack.manifest.salvage import as_far_as_known
from dualstack.requirement import Requirement

SUITES = ROOT / "suites"


@cache
def _declared(folder: Path) -> Mapping[Path, tuple[Requirement, ...]]:
    """Return the requirements that each file of the suites in a folder declares."""
    found = {}
    for path in sorted(folder.rglob("test_*.py")):
        declared = map(Requirement.of, vars(module_of(path)).values())
        found[path] = tuple(item for item in declared if item is not None)
    return MappingProxyType(found)


def module_of(path: Path) -> ModuleType:
    """Return the module of a file of the suites; it is imported once."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return importlib.import_module(f"dualstack.content.{name}")


def file_of(wanted: Requirement) -> Path:
    """Return the file that declares a requirement."""
    return next(path for path, declared in _declared(SUITES).items() if wanted in declared)


@cache
def suites() -> Mapping[str, Mapping[str, Requirement]]:
    """Return the suites by name, which is that of their folder: the requirements of each by id, in the ids' order.

    Raises:
        HarnessError: Two tests claim to check the same requirement.
    """
    found: dict[str, dict[str, Requirement]] = {}
    for path, declared in _declared(SUITES).items():
        for requirement in declared:
            if any(requirement.id in suite for suite in found.values()):
                raise HarnessError(f"{path}: {requirement.id} is declared twice")
            found.setdefault(path.parent.name, {})[requirement.id] = requirement
    return MappingProxyType({name: MappingProxyType(dict(sorted(suite.items()))) for name, suite in found.items()})


def requirements(wanted: Iterable[str] = ()) -> Mapping[str, Requirement]:
    """Return every requirement by its id, in the order of the ids; or those of some suites alone.

    Raises:
        UsageError: There is no suite of that name; the nearest is named.
    """
    known = suites()
    for name in wanted:
        if name not in known:
            hint = did_you_mean(name, list(known))
            raise UsageError(f"no suite {name!r} (there are: {', '.join(known)}){hint}")
    chosen = [known[name] for name in wanted] or known.values()
    return dict(sorted(item for suite in chosen for item in suite.items()))


def requirement(wanted: str) -> Requirement:
    """Return the requirement of that id (in any case).

    Raises:
        UsageError: There is none; the nearest is named.
    """
    known = requirements()
    if wanted.upper() in known:
        return known[wanted.upper()]
    hint = did_you_mean(wanted.upper(), list(known))
    raise UsageError(f"no requirement {wanted!r}{hint} (dualstack list shows them all)")


def check_entries(subjects: Iterable[Subject]) -> None:
    """Refuse exceptions and known failings that name a requirement or topology which does not exist for them.

    Raises:
        UsageError: Every such entry of every manifest is named.
    """
    wrong = {subject.path: faults for subject in subjects if (faults := [*entry_faults(subject)])}
    if wrong:
        raise UsageError("\n".join(str(refusal(path, faults)) for path, faults in wrong.items()))


def entry_faults(subject: Subject) -> Iterator[Fault]:
    """Yield what a manifest's exceptions and known failings name and does not exist."""
    known = requirements()
    for table in ("exception", "known"):
        for position, entry in enumerate(getattr(subject.manifest, table)):
            for fault in as_far_as_known(_unknown_in(entry, known)):
                yield Fault((table, position, *fault.key), fault.text)


def _unknown_in(entry: Exemption | Known, known: Mapping[str, Requirement]) -> Iterator[Fault]:
    """Yield what one entry names and does not exist."""
    for place, wanted in enumerate(entry.requirement):
        if wanted not in known:
            hint = did_you_mean(wanted, list(known))
            text = f"found {wanted!r}, which does not exist{hint} (dualstack list shows them all)"
            yield Fault(("requirement", place), text)
    for place, name in enumerate(entry.topologies):
        for wanted in entry.requirement:
            names = known[wanted].topologies if wanted in known else [name]
            if name not in names:
                hint = did_you_mean(name, names)
                yield Fault(("topologies", place), f"found {name!r}; {wanted} runs on: {', '.join(names)}{hint}")
