"""Validation of a manifest beyond single values: every check runs, and every fault is reported.

The rules of one table are in its `CHECKS`; the rules between tables are here.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from dualstack.manifest.base import Table
from dualstack.manifest.component import start_order
from dualstack.manifest.faults import Fault, written
from dualstack.manifest.lines import Key
from dualstack.manifest.models import Manifest
from dualstack.manifest.placeholders import names
from dualstack.manifest.relays import relays_fit
from dualstack.manifest.salvage import as_far_as_known
from dualstack.manifest.texts import Place, unknown_placeholders
from dualstack.protocols.application import Trait
from dualstack.suggestion import did_you_mean
from dualstack.transport import Transport


def faults_of(manifest: Manifest) -> Iterator[Fault]:
    """Yield the faults that all checks find. A check whose keys have wrong values finds nothing."""
    for check in CHECKS:
        yield from as_far_as_known(check(manifest))
    for place, table in _tables(manifest):
        for rule in table.CHECKS:
            for fault in as_far_as_known(rule(table)):
                yield Fault((*place, *fault.key), fault.text)


def _tables(table: Table, place: Key = ()) -> Iterator[tuple[Key, Table]]:
    """Yield a table and all tables in it, each with its key."""
    yield place, table
    for name in table.__dict__:
        for key, item in _items(table, name):
            yield from _tables(item, (*place, *key))


def _items(table: Table, name: str) -> Iterator[tuple[Key, Table]]:
    """Yield the tables at a key of a table, each with its own key."""
    found = table.__dict__.get(name)  # absent if its value was wrong
    if isinstance(found, Table):
        yield (name,), found
    for position, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, Table):
            yield (name, position), item


def _has_something_to_verify(manifest: Manifest) -> Iterator[Fault]:
    """Refuse a manifest without a listener and without a connector."""
    if not manifest.listen and not manifest.connect:
        yield Fault((), "nothing to verify: add a [[listen]] or a [[connect]] table")


def _no_name_twice(manifest: Manifest) -> Iterator[Fault]:
    """Refuse two configurations of the same name, and two listeners, connectors, relays or components of one name."""
    for tables in (("configuration",), ("listen", "connect", "relay", "component")):
        seen: dict[str, Key] = {}
        for place, item in (found for table in tables for found in _items(manifest, table)):
            name = item.__dict__.get("name")
            if name is not None and seen.setdefault(name, place) != place:
                yield Fault((*place, "name"), f"found {name!r}, which is already the name of {written(seen[name])}")


def _no_port_twice(manifest: Manifest) -> Iterator[Fault]:
    """Refuse listeners with the same port, and targets on a port of the service."""
    taken: dict[tuple[Transport, int], int] = {}
    for position, item in enumerate(manifest.listen):
        other = taken.setdefault((item.transport, item.port), position)
        if other != position:
            yield Fault(
                ("listen", position, "port"),
                f"found {item.port}, which is already the {item.transport.value} port of listen[{other}]; "
                "one [[listen]] table covers both families",
            )
    for position, item in enumerate(manifest.listen):
        if item.fetch is not None and (Transport.TCP, item.fetch.port) in taken:
            yield Fault(
                ("listen", position, "fetch", "port"),
                f"found {item.fetch.port}, which is a port of the service; the lab's targets need another one",
            )


def _no_port_of_a_component_twice(manifest: Manifest) -> Iterator[Fault]:
    """Refuse a component on a TCP port of the service, of the targets that it fetches, or of another component."""
    taken: dict[int, Key] = {}
    for position, item in enumerate(manifest.listen):
        if item.transport is Transport.TCP:
            taken.setdefault(item.port, ("listen", position))
        if item.fetch is not None:
            taken.setdefault(item.fetch.port, ("listen", position, "fetch"))
    for position, component in enumerate(manifest.component):
        if component.port is None:
            continue
        place: Key = ("component", position)
        other = taken.setdefault(component.port, place)
        if other != place:
            yield Fault((*place, "port"), f"found {component.port}, which is already the TCP port of {written(other)}")


def _components_can_start(manifest: Manifest) -> Iterator[Fault]:
    """Refuse components without a service, and those that name no other component or wait for each other."""
    if manifest.component and not manifest.listen:
        yield Fault(
            ("component", 0), "the manifest has no [[listen]] table; components start before a listening service"
        )
    names = [item.__dict__.get("name") for item in manifest.component]
    for position, component in enumerate(manifest.component):
        others = [name for name in names if name is not None and name != names[position]]
        yield from _unknown(("component", position, "after"), component.__dict__.get("after", ()), others)
    if all(set(item.after) <= set(names) for item in manifest.component):
        started = start_order(manifest.component)
        waiting = [item.name for item in manifest.component if item not in started]
        for position, component in enumerate(manifest.component):
            if component not in started and component.name not in component.after:
                text = f"{' and '.join(waiting)} wait for each other; remove a name from after"
                yield Fault(("component", position, "after"), text)


def _listeners_have_a_command(manifest: Manifest) -> Iterator[Fault]:
    """Refuse listeners without a command that starts them."""
    commands = [manifest.service.command, *(item.command for item in manifest.configuration)]
    own = manifest.image is not None and (not manifest.image.is_assembled or manifest.image.command)
    if manifest.listen and not any(commands) and not own:
        yield Fault(
            ("service", "command"), "missing, but the manifest has a [[listen]] table; add the command that starts it"
        )


def _files_have_a_service(manifest: Manifest) -> Iterator[Fault]:
    """Refuse files of a service that never starts."""
    if manifest.service.files and not manifest.listen:
        text = "files of a service that listens, but there is no [[listen]] table; move them to [connect.files]"
        yield Fault(("service", "files"), text)


def _readiness_can_be_shown(manifest: Manifest) -> Iterator[Fault]:
    """Refuse readiness by an exchange if the first listener cannot answer one before its clients come."""
    if not manifest.ready.exchange:
        return
    first, place = manifest.listen[0] if manifest.listen else None, ("ready", "exchange")
    if first is None:
        yield Fault(place, "there is no [[listen]] table for the exchange")
    elif first.single_shot:
        yield Fault(place, f"the first listener, {first.name!r}, ends after one connection")
    elif Trait.ONE_WAY in first.traits:
        yield Fault(place, f"the first listener, {first.name!r}, never answers")


def _known_issues_name_configurations(manifest: Manifest) -> Iterator[Fault]:
    """Refuse a known issue of a configuration that does not exist."""
    allowed = [item.name for item in manifest.configuration]
    for position, known in enumerate(manifest.known):
        yield from _unknown(("known", position, "configurations"), known.__dict__.get("configurations", ()), allowed)


def _known_issues_name_subjects(manifest: Manifest) -> Iterator[Fault]:
    """Refuse a known issue of a listener, connector or relay that does not exist."""
    allowed = [item.name for table in (manifest.listen, manifest.connect, manifest.relay) for item in table]
    for position, known in enumerate(manifest.known):
        yield from _unknown(("known", position, "elements"), known.__dict__.get("elements", ()), allowed)


def _unknown(place: Key, names: Iterable[str], allowed: list[str]) -> Iterator[Fault]:
    """Yield a fault for each name that does not exist."""
    for position, name in enumerate(names):
        if name not in allowed:
            hint = did_you_mean(name, allowed)
            yield Fault(
                (*place, position), f"found {name!r}; allowed: {', '.join(dict.fromkeys(allowed)) or 'none'}{hint}"
            )


def _placeholders_exist(place: Place, manifest: Manifest) -> Iterator[Fault]:
    """Refuse a placeholder that does not exist in this kind of text."""
    with_port = [item.name for item in manifest.component if item.port is not None]
    relays = [item.name for item in manifest.relay]
    known = names(place, [item.name for item in manifest.listen], with_port, relays)
    for key, table in _tables(manifest):
        for name in (name for name, its_place in table.TEXTS.items() if its_place is place):
            for inner, text in _texts(table.__dict__.get(name)):
                yield from (Fault((*key, name, *inner), fault) for fault in unknown_placeholders([text], known))


def _texts(value: object) -> Iterator[tuple[Key, str]]:
    """Yield each text in a value, with its key inside the value."""
    if isinstance(value, str):
        yield (), value
    items = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for part, item in items:
        for key, text in _texts(item):
            yield (part, *key), text


CHECKS: tuple[Callable[[Manifest], Iterator[Fault]], ...] = (
    _has_something_to_verify,
    _no_name_twice,
    _no_port_twice,
    _no_port_of_a_component_twice,
    _components_can_start,
    _listeners_have_a_command,
    _files_have_a_service,
    _readiness_can_be_shown,
    relays_fit,
    _known_issues_name_configurations,
    _known_issues_name_subjects,
    *(partial(_placeholders_exist, place) for place in Place),
)
"""The checks between tables."""
