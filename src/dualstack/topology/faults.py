"""The faults of a topology that no single key has: of roles, links and routers."""

from collections.abc import Iterator

from dualstack.families import BOTH, Family
from dualstack.manifest.faults import Fault, written
from dualstack.suggestion import did_you_mean
from dualstack.topology.hiding import hiding_faults
from dualstack.topology.model import LINK_MTU, Roles, Topology
from dualstack.topology.paths import next_hops
from dualstack.topology.translation import translation_faults
from dualstack.topology.tunnels import tunnel_faults


def faults_of(topology: Topology) -> list[Fault]:
    """Return the faults of a topology; empty if it is consistent."""
    faults = list(_role_faults(topology))
    empty = "it carries no family; remove ipv4 = false, or ipv6 = false"
    faults += [Fault(("link", name), empty) for name, link in topology.link.items() if not link.families]
    for host in () if faults else topology.host:
        faults += _link_faults(topology, host) if topology.link else _routing_faults(topology, host)
    for check in (translation_faults, tunnel_faults, hiding_faults, _path_faults):
        faults = faults or list(check(topology))
    return faults


def _role_faults(topology: Topology) -> Iterator[Fault]:
    """Yield the faults of roles: each belongs to a host that exists, and no other host has a role's usual name."""
    for role, field in Roles.model_fields.items():
        name = getattr(topology.roles, role)
        if name in topology.host or not name:
            continue
        if name == field.default:
            yield Fault(("host", name), "missing")
        else:
            hint = did_you_mean(name, list(topology.host))
            yield Fault(("roles", role), f"found {name!r}; allowed: {', '.join(topology.host)}{hint}")
    for role, usual in (("service", "service"), ("client", "peer")):
        name = getattr(topology.roles, role)
        if usual in topology.host and name in topology.host and name != usual:
            yield Fault(
                ("roles", role), f"found {name!r}, but there is a host {usual!r}: rename it, or give it the role"
            )
    if "server" in topology.host and topology.roles.server != "server":
        yield Fault(("roles", "server"), "missing, but there is a host 'server': rename it, or give it the role")


def _link_faults(topology: Topology, host: str) -> Iterator[Fault]:
    """Yield the faults of a host of a topology with tables of links."""
    spec, key = topology.host[host], ("host", host)
    for name in ("ipv4", "ipv6", "via", "mtu"):
        if name in spec.model_fields_set:
            where = "the routes follow from the links" if name == "via" else f"write it in {written((*key, 'on'))}"
            where = "write link.NAME.mtu" if name == "mtu" else where
            yield Fault((*key, name), f"only for a topology without [link.NAME]: {where}")
    if not spec.on:
        yield Fault(
            (*key, "on"), f"missing; write which links it is on: on = {{ {next(iter(topology.link))} = {{ … }} }}"
        )
    yield from _attachment_faults(topology, host)
    own = next(iter(topology.host[topology.roles.service].on), "")
    if own in list(spec.on)[1:]:
        yield Fault((*key, "on"), f"write {own!r}, the link of the service, first: eth0 is on it")
    if "forward" in spec.functions and len(spec.on) == 1:
        yield Fault((*key, "functions"), "found 'forward', which needs two links")
    if spec.twin:
        yield from _twin_faults(topology, host)


def _attachment_faults(topology: Topology, host: str) -> Iterator[Fault]:
    """Yield the faults of a host's interfaces: each is on a link, and has addresses that the link carries."""
    spec, key = topology.host[host], ("host", host)
    for link, one in spec.on.items():
        if link not in topology.link:
            hint = did_you_mean(link, list(topology.link))
            yield Fault((*key, "on", link), f"unknown link; allowed: {', '.join(topology.link)}{hint}")
            continue
        for family in BOTH:
            if one.addresses(family) and family not in topology.link[link].families:
                text = f"found {one.addresses(family)}, but the link carries no {family.label}; write 0"
                yield Fault((*key, "on", link, family.value), f"{text}, or remove link.{link}.{family.value}")


def _twin_faults(topology: Topology, host: str) -> Iterator[Fault]:
    """Yield the faults of the host whose hardware addresses a host has too."""
    twin, key = topology.host[host].twin, ("host", host, "twin")
    if twin not in topology.host or topology.host[twin].twin:
        hint = did_you_mean(twin, list(topology.host))
        allowed = (name for name, spec in topology.host.items() if not spec.twin)
        yield Fault(key, f"found {twin!r}; allowed: {', '.join(allowed)}{hint}")
    elif common := [link for link in topology.host[host].on if link in topology.host[twin].on]:
        yield Fault(key, f"found {twin!r}, which is on link {common[0]!r} too: there it would be a duplicate")


def _path_faults(topology: Topology) -> Iterator[Fault]:
    """Yield a fault for each host that does not reach a link over a family that both have."""
    for host in topology.host if topology.link else ():
        for family in topology.families(host):
            own = {link for link, one in topology.host[host].on.items() if one.addresses(family)}
            reached = {*own, *next_hops(topology, host, family, broken=True)}
            for other, spec in topology.host.items():
                shown = {link for link in topology.link if family is Family.IPV6 or not topology.link[link].behind}
                for link in (
                    link for link, one in spec.on.items() if one.addresses(family) and link in shown - reached
                ):
                    text = f"no path over {family.label} to {other!r} on link {link!r}; connect the links by a host"
                    yield Fault(
                        ("host", host, "on"), f'{text} with functions = ["forward"] that has {family.label} on both'
                    )


def _routing_faults(topology: Topology, host: str) -> Iterator[Fault]:
    """Yield the faults of a host's router and MTU."""
    spec, key = topology.host[host], ("host", host, "via")
    name = spec.via
    yield from _keys_of_links(topology, host)
    if not name:
        if spec.mtu != LINK_MTU:
            yield Fault(("host", host, "mtu"), f"found {spec.mtu}, which needs {written(key)}, its router")
    elif name not in topology.host:
        hint = did_you_mean(name, list(topology.host))
        yield Fault(key, f"found {name!r}; allowed: {', '.join(topology.host)}{hint}")
    elif name in (host, "service", "peer"):
        yield Fault(key, f"found {name!r}; a router is a separate host, not the service's and not the peer's")
    elif len(topology.routers) > 1:
        yield Fault(key, f"found {name!r}, but a topology has one router: {', '.join(sorted(topology.routers))}")
    else:
        for family in topology.families(host):
            if family not in topology.families(name):
                yield Fault(key, f"host {name!r} has no {family.label} address to route packets of {host!r}")


def _keys_of_links(topology: Topology, host: str) -> Iterator[Fault]:
    """Yield a fault for each key of a host that needs several links, or a router."""
    spec = topology.host[host]
    for needs, used in (
        ("on", bool(spec.on)),
        ("functions", bool({*spec.functions} - {"silent"})),
        ("twin", bool(spec.twin)),
    ):
        if used:
            yield Fault(("host", host, needs), "only for a topology with links: write a table [link.NAME] for each")
    if "silent" in spec.functions and host not in topology.routers:
        yield Fault(("host", host, "functions"), "found 'silent', but no host names it in via")
