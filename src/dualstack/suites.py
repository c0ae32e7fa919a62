"""The suites and the requirements that they declare, each beside the one test that checks it."""

import importlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import MappingProxyType

from dualstack.content import ROOT
from dualstack.errors import HarnessError, UsageError
from dualstack.manifest import Exemption, Known, Subject
from dualstack.manifest.placeholders import did_you_mean
from dualstack.requirement import Requirement

SUITES = ROOT / "suites"


@cache
def suites() -> Mapping[str, Mapping[str, Requirement]]:
    """Return the suites by name, which is that of their folder: the requirements of each by id, in the ids' order.

    Raises:
        HarnessError: Two tests claim to check the same requirement.
    """
    found: dict[str, dict[str, Requirement]] = {}
    for path in sorted(SUITES.rglob("test_*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        module = importlib.import_module(f"dualstack.content.{name}")
        for test in vars(module).values():
            requirement = Requirement.of(test)
            if requirement is None:
                continue
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
    faults: dict[str, None] = {}
    for subject in subjects:
        for table in ("exception", "known"):
            for position, entry in enumerate(getattr(subject.manifest, table)):
                faults |= {f"{subject.path}:\n  {table}[{position}].{fault}": None for fault in _unknown_in(entry)}
    if faults:
        raise UsageError("\n".join(faults))


def _unknown_in(entry: Exemption | Known) -> Iterator[str]:
    """Yield what a manifest's entry names and does not exist."""
    known = requirements()
    for wanted in entry.requirement:
        if wanted not in known:
            hint = did_you_mean(wanted, list(known))
            yield f"requirement: found {wanted!r}, which does not exist{hint} (dualstack list shows them all)"
            continue
        allowed = known[wanted].topologies
        for name in entry.topologies:
            if name not in allowed:
                hint = did_you_mean(name, allowed)
                yield f"topologies: found {name!r}; {wanted} runs on: {', '.join(allowed)}{hint}"
