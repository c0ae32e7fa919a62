"""The plan of a run: which requirement is checked on which part of which service, in which world."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from dualstack.families import Family
from dualstack.manifest import Bind, Connect, Exemption, Known, Listen, Protocol, Reach, Subject, Transport
from dualstack.requirement import Need, Requirement, Role

CASE_ID = re.compile(r"(?P<requirement>[A-Z]+-\d{3}):(?P<subject>[^:@]+):(?P<element>[^:@]+)@(?P<topology>[a-z0-9-]+)")
"""The form of a case's id: ``LISTEN-001:nginx/both:http@dual-stack``."""

START = "START-001"
"""The requirement that a service starts: a case of each service, which blocks all its others if it fails."""

SERVICE = "service"
"""The element of a case that is about the service as a whole."""


@dataclass(frozen=True, slots=True)
class PlannedCase:
    """One requirement on one listener or connector, or on the service as a whole, in one world.

    Attributes:
        requirement: What is checked.
        subject: The service in one configuration.
        element: The listener's or connector's name; `SERVICE` for the service as a whole.
        topology: The world's name.
        not_applicable: Why it does not apply; empty when it does.
        known: The manifest's word that it fails, if any.
    """

    requirement: Requirement
    subject: Subject
    element: str
    topology: str
    not_applicable: str
    known: Known | None

    @property
    def id(self) -> str:
        """The case's id, the same in every run: ``LISTEN-001:nginx/both:http@dual-stack``."""
        return f"{self.requirement.id}:{self.subject.name}:{self.element}@{self.topology}"


@dataclass(frozen=True, slots=True)
class Selection:
    """What a run is restricted to; an empty part restricts nothing.

    Attributes:
        topologies: Names of topologies.
        requirements: Requirement ids, or their groups (``LISTEN``).
        elements: Names of listeners and connectors.
        ignore_known: Whether failings that the manifest knows are judged like any other.
        known_only: Whether only cases that the manifest names as known are run.
    """

    topologies: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    ignore_known: bool = False
    known_only: bool = False

    def takes(self, requirement: Requirement, element: str, topology: str) -> bool:
        """Return whether the requirement is to be checked on the listener or connector, on the topology."""
        wanted = not self.requirements or {requirement.id, requirement.id.split("-")[0]} & set(self.requirements)
        return (
            bool(wanted)
            and (not self.topologies or topology in self.topologies)
            and (not self.elements or element in self.elements)
        )


EVERYTHING = Selection()
"""No restriction."""


def plan_cases(
    requirement: Requirement, subjects: Iterable[Subject], selection: Selection = EVERYTHING
) -> list[PlannedCase]:
    """Return the cases of one requirement: on each fitting part of each subject, in each world it is sensitive to."""
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
                        not_applicable=_why_not(subject, requirement, element, topology),
                        known=None if selection.ignore_known else known,
                    )
                )
    return cases


def _parts(subject: Subject, role: Role) -> Iterator[tuple[str, Listen | Connect]]:
    """Yield the parts of a service that a requirement speaks about, each with the element of its case."""
    if role is Role.SERVICE:
        yield SERVICE, subject.elements[0]
        return
    if role is not Role.CONNECTOR:
        yield from ((item.name, item) for item in subject.listen)
    if role is not Role.LISTENER:
        yield from ((item.name, item) for item in subject.manifest.connect)


def _why_not(subject: Subject, requirement: Requirement, element: Listen | Connect, topology: str) -> str:
    """Return why the requirement does not apply to the element, or nothing."""
    for exemption in subject.manifest.exception:
        if _names(exemption, requirement, topology):
            return exemption.reason
    return next((need.value for need in requirement.needs if not _has(element, need)), "")


def _has(element: Listen | Connect, need: Need) -> bool:
    """Return whether the element has what the requirement needs."""
    return _CONDITIONS[need](element)


def _bind(element: Listen | Connect) -> Bind:
    """Return the spellings of ``{bind}``, or an empty table of them."""
    return (element.bind if isinstance(element, Listen) else None) or Bind()


def ipv6_spellings(element: Listen | Connect) -> list[str]:
    """Return the spellings of ``{bind}`` that are IPv6 literals or have a place for one."""
    bind = _bind(element)
    return [text for text in (*bind.any, *bind.ipv6_any) if text.count(":") > 1] + list(bind.ipv6_address)


def _known(subject: Subject, requirement: Requirement, element: str, topology: str) -> Known | None:
    """Return the manifest's word that this case fails, if it has one."""
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
    """Return whether a manifest's entry is about this requirement on this topology."""
    return requirement.id in entry.requirement and (not entry.topologies or topology in entry.topologies)


_SAID_BACK = frozenset({Protocol.ECHO, Protocol.UPPER})
"""The protocols whose answer is as long as the request."""

_CONDITIONS: Mapping[Need, Callable[[Listen | Connect], bool]] = {
    Need.IPV4: lambda element: Family.IPV4 in element.families,
    Need.IPV6: lambda element: Family.IPV6 in element.families,
    Need.BOTH: lambda element: len(element.families) > 1,
    Need.ONE: lambda element: len(element.families) == 1,
    Need.TCP: lambda element: element.transport is Transport.TCP,
    Need.UDP: lambda element: element.transport is Transport.UDP,
    Need.NO_DUAL_UDP: lambda element: element.transport is Transport.TCP or len(element.families) == 1,
    Need.NO_DUAL_UDP_UNTOLD: lambda element: (
        element.transport is Transport.TCP
        or len(element.families) == 1
        or (bool(_bind(element).ipv6_address) and _CONDITIONS[Need.NETWORK](element))
    ),
    Need.LARGE: lambda element: (
        isinstance(element, Listen) and (element.protocol in _SAID_BACK or element.large_send is not None)
    ),
    Need.ANSWER: lambda element: element.protocol is not Protocol.CONNECT,
    Need.REPLIES: lambda element: element.protocol is not Protocol.ONEWAY,
    Need.REPLY_PORT: lambda element: not (isinstance(element, Listen) and element.reply_port == "any"),
    Need.HTTP: lambda element: element.protocol is Protocol.HTTP,
    Need.MANY: lambda element: not (isinstance(element, Listen) and element.one_connection),
    Need.BIND_IPV6: lambda element: bool(ipv6_spellings(element)),
    Need.BIND_IPV6_ADDRESS: lambda element: bool(_bind(element).ipv6_address),
    Need.BIND_IPV6_ANY: lambda element: element.families == [Family.IPV6] or bool(_bind(element).ipv6_any),
    Need.BIND_PAIR: lambda element: bool(_bind(element).pair),
    Need.BIND_IPV4_MAPPED: lambda element: bool(_bind(element).ipv4_mapped),
    Need.LOOPBACK: lambda element: isinstance(element, Listen) and element.reach is Reach.LOOPBACK,
    Need.NETWORK: lambda element: not (isinstance(element, Listen) and element.reach is Reach.LOOPBACK),
    Need.BIND_LOCALHOST: lambda element: bool(_bind(element).localhost),
    Need.PEER: lambda element: isinstance(element, Listen) and bool(element.peer_reply or element.peer_log),
    Need.ACL: lambda element: isinstance(element, Listen) and element.acl is not None,
    Need.FETCH: lambda element: isinstance(element, Listen) and element.fetch is not None,
    Need.MULTICAST: lambda element: (
        isinstance(element, Listen)
        and element.multicast is not None
        and any(element.multicast.group(family) for family in element.families)
    ),
    Need.LITERALS: lambda element: isinstance(element, Connect) and element.literals,
    Need.NAMES: lambda element: isinstance(element, Connect) and element.names,
}
