"""All placeholders: the name, the texts in which it may stand, the meaning, and the source of its value.

To add one, add an entry to `PLACEHOLDERS`. A value that is not known before the exchange (an address, a target) is
supplied by the code that makes the exchange: ``fill(text, {"address": …})``.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping

from dualstack.errors import HarnessError
from dualstack.families import endpoint
from dualstack.manifest.component import Component
from dualstack.manifest.listen import Listen
from dualstack.manifest.placeholder import Placeholder, Start, Startable
from dualstack.manifest.texts import Place, fill
from dualstack.manifest.tls import CA_FILE, certificate_file, key_file


def _lacks_bind(subject: Startable, listener: Listen) -> str:
    """Return why a listener has no listen address; empty if it has one."""
    if subject.binds(listener):
        return ""
    claim = " and ".join(family.label for family in listener.families)
    return f"[listen.bind] has no address for what it claims, {claim}; add the key {listener.bind_keys}"


def _lacks_acl(_: Startable, listener: Listen) -> str:
    """Return why a listener has no access list; empty if it has one."""
    return "" if listener.acl else "[listen.acl] is missing"


def _lacks_trust(_: Startable, listener: Listen) -> str:
    """Return why the relays that a listener trusts cannot be configured; empty if they can."""
    if _trusts(listener):
        return ""
    return "[listen.proxy] is missing" if listener.proxy is None else "[listen.proxy] has no trust"


def _trusts(listener: Listen) -> bool:
    """Return whether the relays that a listener trusts can be configured."""
    return listener.proxy is not None and listener.proxy.trust is not None


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
    Placeholder(
        "trusted",
        _SERVICE,
        "the relays whose PROXY headers are trusted, as `[listen.proxy]` writes them",
        of_listener=lambda _, listener: listener.proxy.trust_all if listener.proxy else "",
        table="proxy",
        given=_trusts,
        lacks=_lacks_trust,
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
    Placeholder(
        "target",
        _SERVICE,
        "with `[[relay]]`: the address or name and the port of the server to which it passes clients on; an IPv6 "
        "address is in brackets; `NAME` is the relay's name",
        of_relay=lambda start, relay: endpoint(start.target(relay), relay.port),
    ),
    Placeholder(
        "target_host",
        _SERVICE,
        "with `[[relay]]`: that address or name alone, without brackets",
        of_relay=lambda start, relay: start.target(relay),
    ),
    Placeholder(
        "target_port",
        _SERVICE,
        "with `[[relay]]`: that port alone",
        of_relay=lambda _, relay: str(relay.port),
    ),
    Placeholder("host", (Place.CONNECTOR,), "the name or address to connect to"),
    Placeholder("port", (Place.CONNECTOR,), "the port to connect to"),
    Placeholder("target", (Place.CONNECTOR,), "both, as in a URL: an IPv6 address is in brackets"),
    Placeholder("source", (Place.CONNECTOR,), "in `source_command`: the local address, IPv4 or IPv6"),
    Placeholder(
        "listen",
        (Place.CONNECTOR,),
        "with `trigger.port`: where a daemon listens for the request, `127.0.0.1:8080`, or `[::1]:8080` where the host "
        "has no 127.0.0.1",
    ),
    Placeholder(
        "nameserver",
        (Place.CONNECTOR,),
        "the address of the lab's name server, which is also in /etc/resolv.conf; an IPv6 address is in brackets",
    ),
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
    Placeholder(
        "address",
        (Place.BIND, Place.ACL, Place.PROXY, Place.FIELD),
        "the address to listen on, that the rule is about, of the trusted relay, or that the field carries",
    ),
    Placeholder("network", (Place.ACL,), "the network that the rule is about: `2001:db8::/64`, `192.0.2.0/28`"),
    Placeholder("url", (Place.FETCH,), "the URL to fetch"),
    Placeholder("target", (Place.FETCH,), "its host and port, an IPv6 address in brackets"),
    Placeholder("host", (Place.FETCH,), "its host, without brackets"),
    Placeholder("port", (Place.FETCH,), "its port"),
    Placeholder(
        "target", (Place.WEBSOCKET,), "the address that the client dials and the port, an IPv6 address in brackets"
    ),
    Placeholder("token", (Place.ONEWAY,), "a text that is new in each datagram"),
    Placeholder("id", (Place.EXCHANGE,), "one letter or digit of an ID that differs in each request"),
)


def declared(place: Place) -> Iterator[Placeholder]:
    """Yield the placeholders that may stand in a kind of text."""
    return (item for item in PLACEHOLDERS if place in item.places)


def names(
    place: Place, listeners: Iterable[str] = (), components: Iterable[str] = (), relays: Iterable[str] = ()
) -> set[str]:
    """Return the names of the placeholders that may stand in a kind of text.

    Args:
        place: The kind of text.
        listeners: The names of the listeners: those of services may name one, ``{LISTENER.port}``.
        components: The names of the components that have a port: services and other components may name one.
        relays: The names of the relays: those of services may name one, ``{RELAY.target}``.
    """
    items = [item for item in declared(place) if not item.of_relay]
    several = [item.name for item in items if item.of_listener and place is Place.SERVICE]
    found = {item.name for item in items} | {f"{listener}.{name}" for listener in listeners for name in several}
    for relay in relays if place is Place.SERVICE else ():
        found |= {name for item in of_relays() for name in (item.name, f"{relay}.{item.name}")}
    if place in (Place.SERVICE, Place.COMPONENT):
        found |= {f"{component}.{item.name}" for component in components for item in _of_components()}
    return found


def _of_components() -> Iterator[Placeholder]:
    """Yield the placeholders that each component has a value for."""
    return (item for item in declared(Place.COMPONENT) if item.of_component)


def of_relays() -> Iterator[Placeholder]:
    """Yield the placeholders that each relay has a value for."""
    return (item for item in declared(Place.SERVICE) if item.of_relay)


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


def _of_each_relay(start: Start) -> dict[str, str]:
    """Return the values of the placeholders of relays; the first relay also has the short names."""
    values: dict[str, str] = {}
    for relay in reversed(start.subject.relays):
        own = {item.name: item.of_relay(start, relay) for item in of_relays() if item.of_relay}
        values |= own | {f"{relay.name}.{name}": text for name, text in own.items()}
    return values


def values_of(start: Start, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the value of each placeholder in one start.

    Args:
        start: The start.
        settings: Values that replace the manifest's defaults, by listener and placeholder: ``web.bind``.

    Raises:
        HarnessError: A setting names no listener, or no placeholder of one.
    """
    values = _general(Place.SERVICE, start) | _of_each_relay(start)
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
