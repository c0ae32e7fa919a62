"""What the keys of a manifest must be to each other: every check runs, and names each fault that it finds."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from dualstack.manifest.faults import Fault, written
from dualstack.manifest.fetch import PATH, PLACES, Fetch
from dualstack.manifest.lines import Key
from dualstack.manifest.models import Acl, Bind, Connect, Image, Listen, Manifest, Protocol, Transport
from dualstack.manifest.multicast import Multicast
from dualstack.manifest.placeholders import did_you_mean, unknown_placeholders
from dualstack.manifest.salvage import as_far_as_known
from dualstack.manifest.speaking import (
    exchange_is_given,
    keys_fit_the_protocol,
    oneway_has_no_answer,
    oneway_leaves_a_trace,
    readiness_can_be_shown,
)

_DNS = 53


def faults_of(manifest: Manifest) -> Iterator[Fault]:
    """Yield every fault that a check finds; one whose keys are themselves wrong finds none."""
    for check in CHECKS:
        yield from as_far_as_known(check(manifest))


def _each(*path: str, check: Callable[[Any], Iterator[Fault]]) -> Callable[[Manifest], Iterator[Fault]]:
    """Return a check of the whole manifest that applies ``check`` to each table at ``path``."""

    def check_all(manifest: Manifest) -> Iterator[Fault]:
        """Yield the faults of each table, with the table's place before their keys."""
        for place, table in _tables(manifest, path):
            for fault in as_far_as_known(check(table)):
                yield Fault((*place, *fault.key), fault.text)

    return check_all


def _tables(table: Any, path: tuple[str, ...]) -> Iterator[tuple[Key, Any]]:
    """Yield the tables at a path, and the key of each."""
    if not path:
        yield (), table
        return
    found = table.__dict__.get(path[0])  # it lacks where it is no table
    several = isinstance(found, list)
    for position, item in enumerate(found if several else [] if found is None else [found]):
        for key, inner in _tables(item, path[1:]):
            yield ((path[0], position, *key) if several else (path[0], *key)), inner


def _addresses_have_their_place(bind: Bind) -> Iterator[Fault]:
    """Refuse an address spelling that has no place for the address."""
    for key in ("ipv4_address", "ipv6_address", "ipv4_mapped"):
        for spelling in getattr(bind, key):
            if "{address}" not in spelling:
                yield Fault((key,), f'{spelling!r} lacks the placeholder "{{address}}"')


_RULES = {"deny": "{address}", "allow": "{address}", "deny_network": "{network}", "allow_network": "{network}"}
"""The keys of access rules, and what stands in each for whom it is about."""


def _acl_has_rules(acl: Acl) -> Iterator[Fault]:
    """Refuse an access list without a rule."""
    if all(getattr(acl, key) is None for key in _RULES):
        yield Fault((), 'neither "deny" nor "allow": at least one of them, or of their networks, is needed')


def _rules_have_their_place(acl: Acl) -> Iterator[Fault]:
    """Refuse a rule without a place for the address or network that it is about."""
    for key, place in _RULES.items():
        rule = getattr(acl, key)
        if rule is not None and place not in rule:
            yield Fault((key,), f'{rule!r} lacks the placeholder "{place}"')


def _protocol_fits_transport(listen: Listen) -> Iterator[Fault]:
    """Refuse protocols that cannot be spoken, or not be seen, over UDP."""
    if listen.transport is not Transport.UDP:
        return
    if listen.protocol is Protocol.CONNECT:
        yield Fault(("protocol",), 'protocol = "connect" cannot be seen over UDP: name a protocol that answers')
    if listen.protocol is Protocol.HTTP:
        yield Fault(("protocol",), 'protocol = "http" runs over TCP')


def _fetch_fits_transport(listen: Listen) -> Iterator[Fault]:
    """Refuse a UDP listener that fetches."""
    if listen.fetch is not None and listen.transport is Transport.UDP:
        yield Fault(("fetch",), '"fetch" belongs to transport = "tcp"')


def _multicast_fits_transport(listen: Listen) -> Iterator[Fault]:
    """Refuse multicast groups of a TCP listener."""
    if listen.multicast is not None and listen.transport is Transport.TCP:
        yield Fault(("multicast",), '"multicast" belongs to transport = "udp"')


def _multicast_has_a_group(multicast: Multicast) -> Iterator[Fault]:
    """Refuse a table of multicast groups without one."""
    if multicast.ipv4 is None and multicast.ipv6 is None:
        yield Fault((), 'neither "ipv4" nor "ipv6": at least one of them is needed')


def _no_family_twice(table: Listen | Connect | Fetch) -> Iterator[Fault]:
    """Refuse a list of families that names one twice."""
    if len(set(table.families)) != len(table.families):
        yield Fault(("families",), "it names a family twice")


def _peers_have_a_group(listen: Listen) -> Iterator[Fault]:
    """Refuse an expression for the client's address that does not say which part is the address."""
    for key in ("peer_reply", "peer_log"):
        pattern = listen.__dict__.get(key)
        if pattern is not None and re.compile(pattern).groups < 1:
            yield Fault((key,), 'it needs a group, e.g. "client ip: (\\S+)"')


def _request_names_a_target(fetch: Fetch) -> Iterator[Fault]:
    """Refuse a request that names no target or cannot be made."""
    known = {"url", "target", "host", "port"}
    yield from (Fault(("request",), text) for text in unknown_placeholders([fetch.request], known))
    if not any(place in fetch.request for place in PLACES):
        yield Fault(("request",), f"{fetch.request!r} has no place for the target; allowed: {', '.join(PLACES)}")
    if fetch.is_path and not PATH.fullmatch(fetch.request):
        yield Fault(("request",), f"{fetch.request!r} is no path: percent-encode what is not printable ASCII")


def _targets_leave_the_name_server_its_port(fetch: Fetch) -> Iterator[Fault]:
    """Refuse the port of the lab's name server for targets."""
    if fetch.port == _DNS:
        yield Fault(("port",), "found 53, where the lab's name server listens; allowed: any other one")


def _refuses_nothing_twice(fetch: Fetch) -> Iterator[Fault]:
    """Refuse a list of refused targets that names one twice."""
    if len(set(fetch.also_refuses)) != len(fetch.also_refuses):
        yield Fault(("also_refuses",), "it names something twice")


def _knows_where_to_connect(connect: Connect) -> Iterator[Fault]:
    """Refuse a command that is not told where to connect."""
    if not any("{host}" in part or "{target}" in part for part in (*connect.command, *connect.environment.values())):
        yield Fault(("command",), "it contains neither {host} nor {target}: the connector is not told where to go")


def _peer_speaks(connect: Connect) -> Iterator[Fault]:
    """Refuse a protocol that the lab's peer does not speak."""
    if connect.protocol in {Protocol.EXCHANGE, Protocol.ONEWAY}:
        text = f'protocol = "{connect.protocol.value}" is for listeners'
        yield Fault(("protocol",), f"{text}; the lab's peer speaks connect, echo, upper, http")


def _connect_placeholders(connect: Connect) -> Iterator[Fault]:
    """Refuse a placeholder that does not exist."""
    known = {"host", "port", "target", "scratch", "directory", "python"}
    yield from _placeholders(("command",), enumerate(connect.command), known)
    yield from _placeholders(("environment",), connect.environment.items(), known)


def _is_one_image(image: Image) -> Iterator[Fault]:
    """Refuse a table that names no image, or several."""
    named = [key for key in ("name", "build", "base", "packages") if getattr(image, key)]
    if len(named) != 1:
        found = " and ".join(named) or "none"
        yield Fault((), f"one of name, build, base and packages is needed; found {found}")


def _binary_belongs_to_a_base(image: Image) -> Iterator[Fault]:
    """Refuse files to place in an image that is complete, and a base without files."""
    if image.is_assembled != bool(image.binary):
        text = '"binary" belongs to "base" or "packages": it is placed in the image that these name'
        yield Fault(("binary",), text)


def _tmpfs_belongs_to_read_only(image: Image) -> Iterator[Fault]:
    """Refuse folders in memory where everything can be written to."""
    if image.tmpfs and not image.read_only:
        yield Fault(("tmpfs",), '"tmpfs" belongs to read_only = true: every other image can be written to')


def _has_something_to_verify(manifest: Manifest) -> Iterator[Fault]:
    """Refuse a manifest without a listener and without a connector."""
    if not manifest.listen and not manifest.connect:
        yield Fault((), "nothing to verify: it has neither a [[listen]] nor a [[connect]] table")


def _no_name_twice(manifest: Manifest) -> Iterator[Fault]:
    """Refuse names that appear twice: of configurations, and of listeners and connectors together."""
    for tables in (("configuration",), ("listen", "connect")):
        seen: dict[str, Key] = {}
        for place, item in (found for table in tables for found in _tables(manifest, (table,))):
            name = item.__dict__.get("name")
            if name is not None and seen.setdefault(name, place) != place:
                yield Fault((*place, "name"), f"found {name!r}, which is the name of {written(seen[name])} already")


def _no_port_twice(manifest: Manifest) -> Iterator[Fault]:
    """Refuse listeners that want the same port, and targets on a port of the service."""
    taken: dict[tuple[Transport, int], int] = {}
    for position, item in enumerate(manifest.listen):
        other = taken.setdefault((item.transport, item.port), position)
        if other != position:
            yield Fault(
                ("listen", position, "port"),
                f"found {item.port}, the {item.transport.value} port of listen[{other}] already; "
                "one [[listen]] table covers both families of a port",
            )
    for position, item in enumerate(manifest.listen):
        if item.fetch is not None and (Transport.TCP, item.fetch.port) in taken:
            yield Fault(
                ("listen", position, "fetch", "port"),
                f"the targets of {item.name!r} are to listen on port {item.fetch.port}, which the service "
                "has itself; give [listen.fetch] another port",
            )


def _listeners_have_a_command(manifest: Manifest) -> Iterator[Fault]:
    """Refuse listeners that no command starts."""
    commands = [manifest.service.command, *(item.command for item in manifest.configuration)]
    own = manifest.image is not None and (not manifest.image.is_assembled or manifest.image.command)
    if manifest.listen and not any(commands) and not own:
        yield Fault(("service", "command"), "missing, but the manifest has a [[listen]] table")


def _files_stay_in_the_scratch_folder(manifest: Manifest) -> Iterator[Fault]:
    """Refuse files outside of the scratch folder."""
    for place, table in (*_tables(manifest, ("service",)), *_tables(manifest, ("configuration",))):
        for path in table.__dict__.get("files", ()):
            if Path(path).is_absolute() or ".." in Path(path).parts or not Path(path).parts:
                yield Fault((*place, "files", path), f"{path!r} is no file inside the scratch folder")


def _service_placeholders(manifest: Manifest) -> Iterator[Fault]:
    """Refuse a placeholder that does not exist."""
    known = {"bind", "port", "acl", "scratch", "directory", "python"}
    known |= {f"{item.name}.{what}" for item in manifest.listen for what in ("bind", "port", "acl")}
    for position, command in enumerate(manifest.service.__dict__.get("build", ())):
        yield from _placeholders(("service", "build", position), enumerate(command), known)
    reload = manifest.service.__dict__.get("reload")
    yield from _placeholders(("service", "reload"), enumerate(reload if isinstance(reload, list) else ()), known)
    for table in ("service", "configuration", "image"):
        for place, item in _tables(manifest, (table,)):
            yield from _placeholders((*place, "command"), enumerate(item.__dict__.get("command") or ()), known)
            environment = item.__dict__.get("environment") or {}
            yield from _placeholders((*place, "environment"), environment.items(), known)


def _placeholders(place: Key, texts: Iterable[tuple[str | int, str]], known: set[str]) -> Iterator[Fault]:
    """Yield the unknown placeholders of the texts at a place."""
    for part, text in texts:
        yield from (Fault((*place, part), fault) for fault in unknown_placeholders([text], known))


def _known_failings_name_configurations(manifest: Manifest) -> Iterator[Fault]:
    """Refuse a known failing of a configuration that does not exist."""
    allowed = [item.name for item in manifest.configuration]
    for position, known in enumerate(manifest.known):
        yield from _unknown(("known", position, "configurations"), known.__dict__.get("configurations", ()), allowed)


def _known_failings_name_subjects(manifest: Manifest) -> Iterator[Fault]:
    """Refuse a known failing of a listener or connector that does not exist."""
    allowed = [*(item.name for item in manifest.listen), *(item.name for item in manifest.connect)]
    for position, known in enumerate(manifest.known):
        yield from _unknown(("known", position, "subjects"), known.__dict__.get("subjects", ()), allowed)


def _unknown(place: Key, names: Iterable[str], allowed: list[str]) -> Iterator[Fault]:
    """Yield each name that is none of those that exist."""
    for position, name in enumerate(names):
        if name not in allowed:
            hint = did_you_mean(name, allowed)
            yield Fault(
                (*place, position), f"found {name!r}; allowed: {', '.join(dict.fromkeys(allowed)) or 'none'}{hint}"
            )


CHECKS: tuple[Callable[[Manifest], Iterator[Fault]], ...] = (
    _has_something_to_verify,
    _no_name_twice,
    _no_port_twice,
    _listeners_have_a_command,
    _files_stay_in_the_scratch_folder,
    _service_placeholders,
    readiness_can_be_shown,
    _each("listen", check=exchange_is_given),
    _each("listen", check=keys_fit_the_protocol),
    _each("listen", check=oneway_leaves_a_trace),
    _each("listen", check=oneway_has_no_answer),
    _each("listen", check=_protocol_fits_transport),
    _each("listen", check=_fetch_fits_transport),
    _each("listen", check=_multicast_fits_transport),
    _each("listen", check=_no_family_twice),
    _each("listen", check=_peers_have_a_group),
    _each("listen", "bind", check=_addresses_have_their_place),
    _each("listen", "acl", check=_acl_has_rules),
    _each("listen", "acl", check=_rules_have_their_place),
    _each("listen", "multicast", check=_multicast_has_a_group),
    _each("listen", "fetch", check=_request_names_a_target),
    _each("listen", "fetch", check=_targets_leave_the_name_server_its_port),
    _each("listen", "fetch", check=_refuses_nothing_twice),
    _each("listen", "fetch", check=_no_family_twice),
    _each("connect", check=_knows_where_to_connect),
    _each("connect", check=_peer_speaks),
    _each("connect", check=_connect_placeholders),
    _each("connect", check=_no_family_twice),
    _each("image", check=_is_one_image),
    _each("image", check=_binary_belongs_to_a_base),
    _each("image", check=_tmpfs_belongs_to_read_only),
    _known_failings_name_configurations,
    _known_failings_name_subjects,
)
"""All of them; a new one goes here."""
