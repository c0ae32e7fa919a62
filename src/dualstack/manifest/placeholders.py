"""All placeholders: the name, the texts in which it may stand, the meaning, and the source of its value.

To add one, add an entry to `PLACEHOLDERS`. A value that is not known before the exchange (an address, a target) is
supplied by the code that makes the exchange: ``fill(text, {"address": …})``.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dualstack.errors import HarnessError
from dualstack.manifest.component import Component
from dualstack.manifest.listen import Listen
from dualstack.manifest.texts import Place, fill
from dualstack.manifest.tls import CA_FILE, certificate_file, key_file


class Startable(Protocol):
    """The part of a `Subject` that placeholders need."""

    @property
    def listen(self) -> tuple[Listen, ...]:
        """The listeners."""

    @property
    def components(self) -> tuple[Component, ...]:
        """The programs that the service needs."""

    @property
    def directory(self) -> Path:
        """The working directory on this machine."""

    @property
    def image_directory(self) -> str:
        """The working directory in the image; empty for the image's own."""

    def binds(self, listener: Listen) -> list[str]:
        """Return the listen addresses that cover what the listener claims, the closest first."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a service or connector.

    Attributes:
        subject: What is started.
        scratch: Its private folder.
        contained: Whether it runs in its container image.
    """

    subject: Startable
    scratch: str
    contained: bool


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder.

    Attributes:
        name: Its name, without braces.
        places: The texts in which it may stand.
        meaning: What it stands for, for the documentation.
        of_start: Returns its value for a start.
        of_listener: Returns its value for a listener: ``{name}`` is the first one's, ``{LISTENER.name}`` that one's.
        of_component: Returns its value for a component: ``{name}`` is its own, ``{COMPONENT.name}`` that one's, also in
            the texts of the service.
        inner: The kind of text that its value is; the placeholders of listeners in it are filled.
        table: The table in ``[[listen]]`` that gives it a value; empty if it needs none.
        given: Returns whether that table is there and gives a value.
        lacks: Returns why a listener has no value, or nothing.
    """

    name: str
    places: tuple[Place, ...]
    meaning: str
    of_start: Callable[[Start], str] | None = None
    of_listener: Callable[[Start, Listen], str] | None = None
    of_component: Callable[[Component], str] | None = None
    inner: Place | None = None
    table: str = ""
    given: Callable[[Listen], bool] = bool
    lacks: Callable[[Startable, Listen], str] = lambda _, __: ""


def _lacks_bind(subject: Startable, listener: Listen) -> str:
    """Return why a listener has no listen address; empty if it has one."""
    if subject.binds(listener):
        return ""
    claim = " and ".join(family.label for family in listener.families)
    return f"[listen.bind] has no address for what it claims, {claim}; add the key {listener.bind_keys}"


def _lacks_acl(_: Startable, listener: Listen) -> str:
    """Return why a listener has no access list; empty if it has one."""
    return "" if listener.acl else "[listen.acl] is missing"


def _has_certificate(listener: Listen) -> bool:
    """Return whether the lab issues a certificate for a listener."""
    return listener.tls is not None and listener.tls.is_from_lab


def _file(start: Start, listener: Listen, name: Callable[[str], str]) -> str:
    """Return the path of a file of a listener's certificate; empty if the lab issues none."""
    return f"{start.scratch}/{name(listener.name)}" if _has_certificate(listener) else ""


def _lacks_certificate(_: Startable, listener: Listen) -> str:
    """Return why the lab issues no certificate for a listener; empty if it issues one."""
    if _has_certificate(listener):
        return ""
    return "[listen.tls] is missing" if listener.tls is None else f"[listen.tls] has verify = {listener.tls.verify!r}"


_SERVICE = (Place.SERVICE,)
_PROGRAMS = (Place.SERVICE, Place.COMPONENT, Place.CONNECTOR)


def _of_certificate(name: str, file: Callable[[str], str], meaning: str) -> Placeholder:
    """Return the placeholder for a file of a listener's certificate."""
    return Placeholder(
        name,
        _SERVICE,
        meaning,
        of_listener=lambda start, listener: _file(start, listener, file),
        table="tls",
        given=_has_certificate,
        lacks=_lacks_certificate,
    )


PLACEHOLDERS = (
    Placeholder(
        "bind",
        _SERVICE,
        "the listen address, as `[listen.bind]` writes it",
        of_listener=lambda start, listener: next(iter(start.subject.binds(listener)), ""),
        inner=Place.BIND,
        table="bind",
        given=lambda listener: listener.bind is not None,
        lacks=_lacks_bind,
    ),
    Placeholder(
        "port",
        (Place.SERVICE, Place.BIND),
        "the port of the listener",
        of_listener=lambda _, listener: str(listener.port),
    ),
    Placeholder(
        "acl",
        _SERVICE,
        "the access list, as `[listen.acl]` writes it",
        of_listener=lambda _, listener: listener.acl.allow_all if listener.acl else "",
        table="acl",
        given=lambda listener: listener.acl is not None,
        lacks=_lacks_acl,
    ),
    _of_certificate(
        "certificate", certificate_file, "the file with the certificate of the listener, which the lab issues (PEM)"
    ),
    _of_certificate("key", key_file, "the file with the private key of that certificate (PEM)"),
    Placeholder(
        "ca",
        _PROGRAMS,
        "the file with the certificate of the lab's certificate authority (PEM)",
        of_start=lambda start: f"{start.scratch}/{CA_FILE}",
    ),
    Placeholder(
        "port",
        (Place.COMPONENT,),
        "the port of the component; `NAME` is its name, also in texts of the service",
        of_component=lambda component: str(component.port),
    ),
    Placeholder("host", (Place.CONNECTOR,), "the name or address to connect to"),
    Placeholder("port", (Place.CONNECTOR,), "the port to connect to"),
    Placeholder("target", (Place.CONNECTOR,), "both, as in a URL: an IPv6 address is in brackets"),
    Placeholder(
        "scratch", _PROGRAMS, "a private, writable folder, new for each start", of_start=lambda start: start.scratch
    ),
    Placeholder(
        "directory",
        _PROGRAMS,
        "the working directory; in an image `/service`, or `.` if the image has its own",
        of_start=lambda start: (
            start.subject.image_directory or "." if start.contained else str(start.subject.directory)
        ),
    ),
    Placeholder(
        "python",
        _PROGRAMS,
        "the Python interpreter that runs dualstack; in an image `python3`",
        of_start=lambda start: "python3" if start.contained else sys.executable,
    ),
    Placeholder("address", (Place.BIND, Place.ACL), "the address to listen on, or that the rule is about"),
    Placeholder("network", (Place.ACL,), "the network that the rule is about: `2001:db8::/64`, `192.0.2.0/28`"),
    Placeholder("url", (Place.FETCH,), "the URL to fetch"),
    Placeholder("target", (Place.FETCH,), "its host and port, an IPv6 address in brackets"),
    Placeholder("host", (Place.FETCH,), "its host, without brackets"),
    Placeholder("port", (Place.FETCH,), "its port"),
    Placeholder("token", (Place.ONEWAY,), "a text that is new in each datagram"),
)


def declared(place: Place) -> Iterator[Placeholder]:
    """Yield the placeholders that may stand in a kind of text."""
    return (item for item in PLACEHOLDERS if place in item.places)


def names(place: Place, listeners: Iterable[str] = (), components: Iterable[str] = ()) -> set[str]:
    """Return the names of the placeholders that may stand in a kind of text.

    Args:
        place: The kind of text.
        listeners: The names of the listeners: those of services may name one, ``{LISTENER.port}``.
        components: The names of the components that have a port: services and other components may name one.
    """
    items = [*declared(place)]
    several = [item.name for item in items if item.of_listener and place is Place.SERVICE]
    found = {item.name for item in items} | {f"{listener}.{name}" for listener in listeners for name in several}
    if place in (Place.SERVICE, Place.COMPONENT):
        found |= {f"{component}.{item.name}" for component in components for item in _of_components()}
    return found


def _of_components() -> Iterator[Placeholder]:
    """Yield the placeholders that each component has a value for."""
    return (item for item in declared(Place.COMPONENT) if item.of_component)


def values_of_component(component: Component, start: Start) -> dict[str, str]:
    """Return the value of each placeholder in the texts of a component, for one start of it."""
    values = _general(Place.COMPONENT, start)
    own = {item.name: f"{component.name}.{item.name}" for item in _of_components()}
    return values | {name: values[key] for name, key in own.items() if key in values}


def _general(place: Place, start: Start) -> dict[str, str]:
    """Return the values of the placeholders that are neither a listener's nor the component's own."""
    values = {item.name: item.of_start(start) for item in declared(place) if item.of_start}
    for component in start.subject.components:
        for item in _of_components():
            if item.of_component and component.port is not None:
                values[f"{component.name}.{item.name}"] = item.of_component(component)
    return values


def values_of(start: Start, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the value of each placeholder in one start.

    Args:
        start: The start.
        settings: Values that replace the manifest's defaults, by listener and placeholder: ``web.bind``.

    Raises:
        HarnessError: A setting names no listener, or no placeholder of one.
    """
    values = _general(Place.SERVICE, start)
    for listener in reversed(start.subject.listen):  # the first listener comes last and keeps the short names
        own = {
            item.name: settings.get(f"{listener.name}.{item.name}", item.of_listener(start, listener))
            for item in declared(Place.SERVICE)
            if item.of_listener
        }
        for item in declared(Place.SERVICE):
            if item.inner:
                known = {inner.name: own[inner.name] for inner in declared(item.inner) if inner.name in own}
                own[item.name] = fill(own[item.name], known)
        values |= own | {f"{listener.name}.{name}": text for name, text in own.items()}
    if unknown := [name for name in settings if "." not in name or name not in values]:
        raise HarnessError(f"no placeholder of a listener: {', '.join(unknown)}")
    return values
