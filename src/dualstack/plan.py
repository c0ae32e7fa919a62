"""The plan of a run: which requirement is checked on which part of which service, in which topology."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dualstack.casekey import CaseKey
from dualstack.manifest import Connect, Exemption, Known, Listen, Subject
from dualstack.need import Need
from dualstack.requirement import Requirement, Role

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
        element: The listener's or connector's name; `SERVICE` for the service as a whole.
        topology: The topology's name.
        exemption: The entry of the manifest that rules the case out; None without one.
        lacks: The first need of the requirement that the listener or connector does not have; None if it has all.
        known: The entry of the manifest that declares that the case fails; None without one.
    """

    requirement: Requirement
    subject: Subject
    element: str
    topology: str
    exemption: Exemption | None = None
    lacks: Need | None = None
    known: Known | None = None

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
        elements: Names of listeners and connectors.
        ignore_known: Whether known issues of the manifest are judged like any other case.
        known_only: Whether only cases that the manifest names as known are run.
    """

    topologies: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    ignore_known: bool = False
    known_only: bool = False

    def takes(self, requirement: Requirement, element: str, topology: str) -> bool:
        """Return whether the requirement is to be checked on the listener or connector, in the topology."""
        return (
            (not self.requirements or not {requirement.id, requirement.group}.isdisjoint(self.requirements))
            and (not self.topologies or topology in self.topologies)
            and (not self.elements or element in self.elements)
        )


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
                known = _known(subject, requirement, name, topology)
                if selection.known_only and known is None:
                    continue
                cases.append(
                    PlannedCase(
                        requirement=requirement,
                        subject=subject,
                        element=name,
                        topology=topology,
                        exemption=_exemption(subject, requirement, topology),
                        lacks=next((need for need in requirement.needs if not need.holds(element)), None),
                        known=None if selection.ignore_known else known,
                    )
                )
    return cases


def _parts(subject: Subject, role: Role) -> Iterator[tuple[str, Listen | Connect]]:
    """Yield the parts of a service that a requirement is about: the name and the declaration of each."""
    if role is Role.SERVICE:
        yield SERVICE, subject.elements[0]
        return
    if role is not Role.CONNECTOR:
        yield from ((item.name, item) for item in subject.listen)
    if role is not Role.LISTENER:
        yield from ((item.name, item) for item in subject.manifest.connect)


def _exemption(subject: Subject, requirement: Requirement, topology: str) -> Exemption | None:
    """Return the first entry of the manifest that rules the requirement out in the topology."""
    return next((item for item in subject.manifest.exemption if _names(item, requirement, topology)), None)


def _known(subject: Subject, requirement: Requirement, element: str, topology: str) -> Known | None:
    """Return the first entry of the manifest that declares that this case fails."""
    return next(
        (
            known
            for known in subject.manifest.known
            if _names(known, requirement, topology)
            and (not known.configurations or subject.configuration in known.configurations)
            and (not known.subjects or element in known.subjects)
        ),
        None,
    )


def _names(entry: Exemption | Known, requirement: Requirement, topology: str) -> bool:
    """Return whether an entry of the manifest is about this requirement in this topology."""
    return requirement.id in entry.requirement and (not entry.topologies or topology in entry.topologies)
