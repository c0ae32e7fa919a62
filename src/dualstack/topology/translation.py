"""The faults of a topology with translators between IPv4 and IPv6."""

import ipaddress
from collections.abc import Iterator

from dualstack.families import Family
from dualstack.manifest.faults import Fault
from dualstack.rfc6052 import LENGTHS, WELL_KNOWN
from dualstack.topology.model import Topology

_KINDS = ("nat64", "dns64", "clat")


def translation_faults(topology: Topology) -> Iterator[Fault]:
    """Yield the faults of hosts with the functions nat64, dns64 and clat."""
    owners = {kind: [name for name, spec in topology.host.items() if kind in spec.functions] for kind in _KINDS}
    if "pref64" in topology.model_fields_set and not owners["nat64"]:
        yield Fault(("pref64",), 'only for a topology that has a host with functions = ["nat64"]')
    if not any(owners.values()):
        return
    if len(owners["nat64"]) != 1:
        text = f"found {len(owners['nat64'])} hosts with 'nat64'; a topology with nat64, dns64 or clat has one"
        yield Fault(("host", next(name for names in owners.values() for name in names), "functions"), text)
        return
    yield from _nat64_faults(topology, owners["nat64"][0])
    for name in owners["dns64"]:
        if name != topology.roles.resolver:
            yield Fault(("host", name, "functions"), f"found 'dns64', which needs roles.resolver = {name!r}")
    for name in owners["clat"]:
        yield from _clat_faults(topology, name, owners["nat64"][0])


def _nat64_faults(topology: Topology, name: str) -> Iterator[Fault]:
    """Yield the faults of the host that translates."""
    spec = topology.host[name]
    key = ("host", name, "functions")
    if "forward" in spec.functions:
        yield Fault(key, "found 'forward' and 'nat64': the kernel must not forward what the translator translates")
    if not all(any(one.addresses(family) for one in spec.on.values()) for family in Family):
        yield Fault(key, "found 'nat64', which needs a link with IPv6 and one with IPv4 addresses of the host")
    yield from _prefix_faults(("pref64",), topology.pref64)


def _prefix_faults(key: tuple[str, ...], text: str) -> Iterator[Fault]:
    """Yield the faults of a prefix."""
    lengths = ", ".join(map(str, LENGTHS))
    try:
        prefix = ipaddress.IPv6Network(text)
    except ValueError as error:
        yield Fault(key, f"found {text!r}: {error}; write an IPv6 prefix, as 2001:db8:64::/96")
        return
    if prefix.prefixlen not in LENGTHS:
        yield Fault(key, f"found {text!r}; allowed lengths: {lengths} (RFC 6052 §2.2)")
    elif prefix == WELL_KNOWN:
        text = "stands for global IPv4 addresses only, and those of labs are not (RFC 6052 §3.1)"
        yield Fault(key, f"found {str(prefix)!r}, which {text}")


def _clat_faults(topology: Topology, name: str, translator: str) -> Iterator[Fault]:
    """Yield the faults of a host with a CLAT."""
    key = ("host", name, "functions")
    spec = topology.host[name]
    if spec.addresses(Family.IPV4):
        yield Fault(key, "found 'clat', which is for a host without IPv4 addresses: write ipv4 = 0")
    ends = (spec, topology.host[translator])
    links = [{link for link, one in end.on.items() if one.addresses(Family.IPV6)} for end in ends]
    if not links[0] & links[1]:
        yield Fault(key, f"found 'clat', which needs a link on which {translator!r} (nat64) has IPv6 too")
