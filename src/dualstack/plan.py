"""The plan of a run: which requirement is checked on which part of which service, in which topology."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from dualstack.casekey import CaseKey
from dualstack.expression import parse
from dualstack.manifest import Exemption, Known, Subject
from dualstack.need import Element, Need
from dualstack.requirement import Requirement, Role
from dualstack.scenarios import pairs_of

START = "START-001"
"""The requirement that a service starts: a case of each service, which blocks all its others if it fails."""

SERVICE = "service"
"""The element of a case that is about the service as a whole."""


@dataclass(frozen=True, slots=True)
class PlannedCase:
    """One requirement on one listener or connector, or on the service as a whole, in one topology.

    Attributes:
        requirement: What is checked.
        subject: The service in one configuration.
        element: The listener's, connector's or relay's name; `SERVICE` for the service as a whole.
        topology: The topology's name.
        exemption: The entry of the manifest that rules the case out; None without one.
        lacks: The first need of the requirement that the element does not have; None if it has all.
        known: The entry of the manifest or baseline that declares that the case fails; None without one.
        expired: The first such entry that has expired, if there is no other one; the case is judged like any other.
    """

    requirement: Requirement
    subject: Subject
    element: str
    topology: str
    exemption: Exemption | None = None
    lacks: Need | None = None
    known: Known | None = None
    expired: Known | None = None

    @property
    def key(self) -> CaseKey:
        """What names the case, the same in every run."""
        return CaseKey(self.requirement.id, self.subject.name, self.element, self.topology)

    @property
    def id(self) -> str:
        """The key as text: ``LISTEN-001:nginx/both:http@dual-stack``."""
        return str(self.key)

    @property
    def not_applicable(self) -> str:
        """Why the case does not apply; empty if it applies."""
        if self.exemption is not None:
            return self.exemption.reason
        return self.lacks.reason if self.lacks else ""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a run is restricted to; an empty part restricts nothing.

    Attributes:
        topologies: Names of topologies.
        requirements: Requirement ids, or their groups (``LISTEN``).
        elements: Names of listeners, connectors and relays.
        plans: Plans of `scenarios`: only the cases that fill their rows, and that of `START`.
        ignore_known: Whether known issues of manifests and baselines are judged like any other case.
        known_only: Whether only cases that the manifest names as known are run.
        keyword: An expression on the texts of case keys: see `dualstack.expression`.
        cases: The texts of case keys: only these cases.
    """

    topologies: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    ignore_known: bool = False
    known_only: bool = False
    keyword: str = ""
    cases: frozenset[str] = frozenset()

    def takes(self, requirement: Requirement, element: str, topology: str) -> bool:
        """Return whether the requirement is to be checked on the listener or connector, in the topology."""
        return (
            (not self.requirements or not {requirement.id, requirement.group}.isdisjoint(self.requirements))
            and (not self.topologies or topology in self.topologies)
            and (not self.elements or element in self.elements)
            and (not self.plans or requirement.id == START or (requirement.id, topology) in pairs_of(self.plans))
        )

    def names(self, case: str) -> bool:
        """Return whether the case is to be checked, as far as its key says so.

        Raises:
            UsageError: The expression is wrong.
        """
        return (not self.cases or case in self.cases) and (not self.keyword or _meaning(self.keyword)(case))


_meaning = cache(parse)

EVERYTHING = Selection()
"""No restriction."""


def plan_cases(
    requirement: Requirement, subjects: Iterable[Subject], selection: Selection = EVERYTHING
) -> list[PlannedCase]:
    """Return the cases of one requirement: on each fitting part of each subject, in each of its topologies."""
    cases = []
    for subject in subjects:
        for name, element in _parts(subject, requirement.role):
            for topology in requirement.topologies:
                if not selection.takes(requirement, name, topology):
                    continue
                entries = [*_entries(subject, requirement.id, name, topology)]
                key = CaseKey(requirement.id, subject.name, name, topology)
                if (selection.known_only and not entries) or not selection.names(str(key)):
                    continue
                if selection.ignore_known:
                    entries = []
                cases.append(
                    PlannedCase(
                        requirement=requirement,
                        subject=subject,
                        element=name,
                        topology=topology,
                        exemption=_exemption(subject, requirement, topology),
                        lacks=next((need for need in requirement.needs if not need.holds(element)), None),
                        known=(known := next((entry for entry in entries if not entry.has_expired), None)),
                        expired=entries[0] if entries and known is None else None,
                    )
                )
    return cases


def _parts(subject: Subject, role: Role) -> Iterator[tuple[str, Element]]:
    """Yield the parts of a service that a requirement is about: the name and the declaration of each."""
    if role is Role.SERVICE:
        yield SERVICE, subject.elements[0]
    if role in {Role.LISTENER, Role.BOTH}:
        yield from ((item.name, item) for item in subject.listen)
    if role in {Role.CONNECTOR, Role.BOTH}:
        yield from ((item.name, item) for item in subject.manifest.connect)
    if role is Role.RELAY:
        yield from ((item.name, item) for item in subject.relaying)


def _exemption(subject: Subject, requirement: Requirement, topology: str) -> Exemption | None:
    """Return the first entry of the manifest that rules the requirement out in the topology."""
    return next((item for item in subject.manifest.exemption if _names(item, requirement.id, topology)), None)


def known_entries(case: PlannedCase) -> Iterator[Known]:
    """Yield the entries of the manifest and the baseline that declare that a case fails, also expired ones."""
    return _entries(case.subject, case.requirement.id, case.element, case.topology)


def _entries(subject: Subject, requirement: str, element: str, topology: str) -> Iterator[Known]:
    """Yield the entries that declare that this case fails, also those that are expired."""
    for known in subject.manifest.known:
        if (
            _names(known, requirement, topology)
            and (not known.configurations or subject.configuration in known.configurations)
            and (not known.elements or element in known.elements)
        ):
            yield known


def _names(entry: Exemption | Known, requirement: str, topology: str) -> bool:
    """Return whether an entry of the manifest is about this requirement in this topology."""
    return requirement in entry.requirement and (not entry.topologies or topology in entry.topologies)
