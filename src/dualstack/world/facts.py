"""The facts of a case, gathered once from its world when it is over."""

import contextlib
import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from dualstack.errors import HarnessError
from dualstack.facts import Facts, Host, Start, signs_of
from dualstack.families import BOTH, Family
from dualstack.manifest import Connect, Listen, Scope
from dualstack.manifest.texts import gives_apart
from dualstack.topology import HostSpec, Topology
from dualstack.wire.dns import DNS_PORT, dns_queries
from dualstack.wire.evidence import CaptureData
from dualstack.world.base import World
from dualstack.world.connecting import ConnectorWorld
from dualstack.world.listening import ListenerWorld
from dualstack.world.observed import runs_of
from dualstack.world.relaying import RelayWorld
from dualstack.world.service import Service
from dualstack.world.serving import ServingWorld
from dualstack.world.starting import StartWorld
from dualstack.world.traced import family_facts, strangers

_OF_RELAYS = ("target", "target_host", "target_port")
"""The placeholders of a relay's server: both together, and each apart."""


def facts_of(world: World) -> Facts:
    """Return the facts of a world; without those of the capture if it cannot be read."""
    try:
        return _gathered(world, world.captured)
    except (HarnessError, OSError):
        return _gathered(world, None)


def _gathered(world: World, wire: CaptureData | None) -> Facts:
    """Return the facts of a world with this capture."""
    element = world.element
    service = _service(world)
    client = world.client if isinstance(world, ListenerWorld) else None
    exchanges = tuple(client.exchanges) if client else ()
    families = family_facts(wire, element, exchanges, world.works, service.sockets.late if service else frozenset())
    output = world.journal.output
    return replace(
        _declared(world),
        ipv4=families[Family.IPV4],
        ipv6=families[Family.IPV6],
        starts=_starts(service) if service else (),
        sockets=service.sockets.seen if service else (),
        table=tuple(row for row in world.journal.sockets if not row.component),
        connected=service.sockets.connected if service else (),
        exchanges=exchanges,
        clients=_peers(world),
        runs=runs_of(world.connector_runs, wire) if isinstance(world, ConnectorWorld) else (),
        asked=_asked(world) if isinstance(world, RelayWorld) else (),
        signs=signs_of(output),
        silent=not output.strip(),
        proxies=_proxies(world),
        foreign=world.journal.foreign,
        strangers=_strangers(world, wire),
        reverse=wire is not None and _reverse(wire),
        shown=tuple(client.shown) if client else (),
        misjudged=tuple(client.misjudged) if client else (),
        component=service.components.fault if service else "",
        broken=tuple(item for item in world.findings if not item.ok),
        fulfilled=tuple(item for item in world.findings if item.ok),
    )


def _service(world: World) -> Service | None:
    """Return the service of a world; None if it starts none."""
    if isinstance(world, ServingWorld):
        return world.service
    return world.service if isinstance(world, StartWorld) and world.subject.listen else None


def _declared(world: World) -> Facts:
    """Return what the requirement, the manifest and the topology say."""
    element = world.element
    return Facts(
        requirement=world.case.requirement.id,
        listens=isinstance(element, Listen) and not isinstance(world, RelayWorld),
        transport=element.transport.value,
        port=element.port,
        protocol=element.protocol,
        claimed=frozenset(element.families),
        declared=frozenset(item.port for item in world.subject.listen),
        inside=isinstance(element, Listen) and element.scope is Scope.LOOPBACK,
        relays=any(item.listener.name == element.name for item in world.subject.relaying),
        introduces=_introduces(world),
        introduced=isinstance(element, Listen) and element.proxy is not None and bool(element.proxy.versions),
        host=host_of(world.lab.topology),
        apart=_apart(world),
    )


def _asked(world: RelayWorld) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return each name that the relay queried at the lab's name server, with the types of addresses."""
    own = {item for family in BOTH for item in world.host.plan.configured[family]}
    found: dict[str, dict[str, None]] = {}
    for item in world.journal.queries:
        if item.client in own and item.record in {family.record for family in BOTH}:
            found.setdefault(item.name.lower(), {})[item.record] = None
    return tuple((name, tuple(types)) for name, types in found.items())


def _proxies(world: World) -> tuple[tuple[str, int], ...]:
    """Return the proxies of a connector's environment."""
    own = world.element.environment if isinstance(world.element, Connect) else None
    return () if own is None else tuple(proxies_of({**world.subject.environment, **own}))


def proxies_of(environment: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Yield the proxies that environment variables name; not those with a placeholder, which is another host."""
    for name, value in environment.items():
        lower = name.lower()
        if lower.endswith("_proxy") and lower != "no_proxy" and "{" not in value:
            with contextlib.suppress(ValueError):
                url = urlsplit(value if "//" in value else f"//{value}")
                if url.hostname and url.port:
                    yield url.hostname, url.port


def _apart(world: World) -> bool:
    """Return whether the program is given the address of its target or server and the port in two texts."""
    if isinstance(world, RelayWorld):
        own = ("", f"{world.relay.name}.")
        return gives_apart(world.subject.texts, *([f"{way}{key}" for way in own] for key in _OF_RELAYS))
    return isinstance(world.element, Connect) and gives_apart(world.element.texts, ["target"], ["host"], ["port"])


def _introduces(world: World) -> bool:
    """Return whether the case is about the listener of a relay that writes PROXY headers."""
    found = (item.relay.sends_proxy for item in world.subject.relaying if item.listener.name == world.element.name)
    return isinstance(world.element, Listen) and any(found)


def _starts(service: Service) -> tuple[Start, ...]:
    """Return the starts of a service, each with its sockets."""
    starts = enumerate(service.launches, 1)
    return tuple(replace(start, sockets=service.sockets.of_start(number)) for number, start in starts)


def _peers(world: World) -> frozenset[str]:
    """Return the addresses of clients and servers."""
    hosts = (world.peer, world.lab.hosts["server"])
    return frozenset(item for host in hosts for family in BOTH for item in host.plan.configured[family])


def host_of(topology: Topology) -> Host:
    """Return the properties of the service's host in a topology."""
    spec: HostSpec = topology.host[topology.roles.service]
    return Host(
        families=frozenset(topology.families()) | ({Family.IPV4} if "clat" in spec.functions else frozenset()),
        loopbacks=frozenset(topology.loopbacks()),
        ipv6_sockets=spec.af_inet6,
        v6only=spec.bindv6only,
        ipv6_disabled=spec.disable_ipv6,
        routed=bool(topology.routers),
        link_local=Family.IPV6 not in topology.families()
        and spec.link_local
        and spec.af_inet6
        and not spec.disable_ipv6,
    )


def _strangers(world: World, wire: CaptureData | None) -> tuple[str, ...]:
    """Return the on-link addresses that the service's host tried to resolve and that no host has."""
    if wire is None:
        return ()
    plans = [host.plan for host in world.lab.hosts.values()]
    planned = {address for plan in plans for family in BOTH for address in plan.planned[family]}
    networks = (world.lab.plan.ipv4, world.lab.plan.ipv6)
    found = strangers(wire, planned, [plan.mac for plan in plans])
    return tuple(item for item in found if any(ipaddress.ip_address(item) in network for network in networks))


def _reverse(wire: CaptureData) -> bool:
    """Return whether the captured host sent a reverse DNS query (PTR)."""
    if not any(frame.dport == DNS_PORT and frame.outgoing_mac == wire.mac for frame in wire.frames):
        return False
    return any(item.type == "PTR" for item in dns_queries(wire))
