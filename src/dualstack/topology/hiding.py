"""The faults of links whose IPv4 addresses a host hides, and of these hosts (NAT44)."""

import ipaddress
from collections.abc import Iterator

from dualstack.families import Family
from dualstack.manifest.faults import Fault
from dualstack.suggestion import did_you_mean
from dualstack.topology.model import Topology

FUNCTION = "nat44"

_LENGTH = 24


def hiding_faults(topology: Topology) -> Iterator[Fault]:
    """Yield the faults of ``behind`` and ``prefix`` of links, and of hosts with the function nat44."""
    for name, link in topology.link.items():
        if link.behind:
            yield from _behind_faults(topology, name)
        if link.prefix:
            yield from _prefix_faults(topology, name)
    for host, spec in topology.host.items():
        if FUNCTION in spec.functions:
            yield from _host_faults(topology, host)


def _behind_faults(topology: Topology, name: str) -> Iterator[Fault]:
    """Yield the faults of the host that a link names."""
    key, host = ("link", name, "behind"), topology.link[name].behind
    if host not in topology.host:
        hint = did_you_mean(host, list(topology.host))
        yield Fault(key, f"found {host!r}; allowed: {', '.join(topology.host)}{hint}")
    elif FUNCTION not in topology.host[host].functions:
        yield Fault(key, f"found {host!r}, which does not hide anything: add {FUNCTION!r} to its functions")
    elif name not in topology.host[host].on:
        yield Fault(key, f"found {host!r}, which is not on the link")


def _prefix_faults(topology: Topology, name: str) -> Iterator[Fault]:
    """Yield the faults of a link's own prefix."""
    key, text = ("link", name, "prefix"), topology.link[name].prefix
    if not topology.link[name].behind:
        yield Fault(key, "only for a link that is hidden: write behind, the host that hides it")
        return
    try:
        prefix = ipaddress.IPv4Network(text)
    except ValueError as error:
        yield Fault(key, f"found {text!r}: {error}; write an IPv4 prefix, as 192.168.51.0/24")
        return
    shared = [other for other, link in topology.link.items() if link.prefix == text and other != name]
    if prefix.prefixlen != _LENGTH or (not prefix.is_private and not prefix.overlaps(_SHARED)):
        yield Fault(key, f"found {text!r}; allowed: a /24 of private addresses (RFC 1918) or shared ones (RFC 6598)")
    elif shared:
        yield Fault(key, f"found {text!r}, which is already the prefix of link {shared[0]!r}")


_SHARED = ipaddress.IPv4Network("100.64.0.0/10")
"""The addresses between a customer's NAT and that of the provider (RFC 6598)."""


def _host_faults(topology: Topology, host: str) -> Iterator[Fault]:
    """Yield the faults of a host that hides links."""
    spec, key = topology.host[host], ("host", host, "functions")
    own = [link for link, one in spec.on.items() if one.addresses(Family.IPV4)]
    hidden = [link for link in own if topology.link[link].behind == host]
    if "forward" not in spec.functions:
        yield Fault(key, f"found {FUNCTION!r}, which needs 'forward' too")
    if not hidden:
        yield Fault(key, f"found {FUNCTION!r}, but no link with its IPv4 addresses has behind = {host!r}")
    elif len(hidden) == len(own):
        yield Fault(
            key, f"found {FUNCTION!r}, but no link with its IPv4 addresses is outside: all have behind = {host!r}"
        )
