"""The faults of tunnels in a topology: of ``over``, and of the hosts that are their ends."""

from collections.abc import Iterator

from dualstack.families import Family
from dualstack.manifest.faults import Fault, written
from dualstack.suggestion import did_you_mean
from dualstack.topology.model import Topology

FUNCTION = "tunnel-6in4"

_OUTER_HEADER = 20
"""Bytes of the IPv4 header around each packet."""

_ENDS = 2


def tunnel_faults(topology: Topology) -> Iterator[Fault]:
    """Yield the faults of a topology's tunnels."""
    tunnels = [name for name, link in topology.link.items() if link.over]
    for name in tunnels:
        yield from _link_faults(topology, name)
    for host in topology.host:
        yield from _host_faults(topology, host, [link for link in topology.host[host].on if link in tunnels])


def _host_faults(topology: Topology, host: str, own: list[str]) -> Iterator[Fault]:
    """Yield the faults of a host that is on these tunnels, or has the function of an end."""
    spec = topology.host[host]
    if bool(own) != (FUNCTION in spec.functions):
        text = f"add {FUNCTION!r}: it is on {own[0]!r}" if own else f"found {FUNCTION!r}, but it is on no tunnel"
        yield Fault(("host", host, "functions"), text)
    for link in own:
        over = topology.link[link].over
        if over in topology.link and over not in spec.on:
            yield Fault(("host", host, "on", link), f"it needs an interface on {over!r}, which carries the tunnel")
        if list(spec.on).index(link) < len(spec.on) - len(own):
            yield Fault(("host", host, "on", link), "write tunnels after all other links")


def _link_faults(topology: Topology, name: str) -> Iterator[Fault]:
    """Yield the faults of one tunnel."""
    link, key, ends = topology.link[name], ("link", name), topology.ends(name)
    under = topology.link.get(link.over)
    if under is None:
        hint = did_you_mean(link.over, list(topology.link))
        yield Fault((*key, "over"), f"found {link.over!r}; allowed: {', '.join(topology.link)}{hint}")
        return
    if under.over or Family.IPV4 not in under.families:
        yield Fault((*key, "over"), f"found {link.over!r}; allowed: an Ethernet that carries IPv4")
    if link.families != (Family.IPV6,):
        yield Fault(key, "a tunnel carries IPv6 alone; write ipv4 = false")
    if link.mtu > under.mtu - _OUTER_HEADER:
        most = under.mtu - _OUTER_HEADER
        yield Fault((*key, "mtu"), f"found {link.mtu}; allowed: {most} or less, because of the outer IPv4 header")
    if len(ends) != _ENDS:
        yield Fault(key, f"a tunnel has two ends, found {len(ends)}: {', '.join(ends) or 'none'}")
    elif all(link.over in topology.host[end].on for end in ends) and set(topology.lacking(name)) == set(ends):
        where = written(("host", ends[0], "on", link.over, "ipv4"))
        yield Fault(key, f"none of its ends has an IPv4 address; write {where} = 1")
