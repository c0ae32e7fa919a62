"""The function ``nat44``: the host routes, and hides the IPv4 addresses of the hosts on the links behind it (RFC 3022).

A link says who hides it: ``behind``. Packets from there leave with the host's own address on the other link; the
kernel's masquerading keeps ports, connections and ICMP errors apart. No host outside has a route to the hidden
addresses, and what is sent to the host's own outer address ends at the host. IPv6 is routed as by any router.
"""

import socket
from collections.abc import Iterator

from dualstack.families import Family
from dualstack.lab import nftables
from dualstack.lab.functions.function import Function, Passage, Site
from dualstack.lab.observation import HostObservation, ProofFailure

NAME = "nat44"

HIDDEN, REFUSED = "ENETUNREACH", "ECONNREFUSED"
"""What connect() returns outside: to a hidden address, and to the host's outer address."""


def _outside(site: Site) -> list[str]:
    """Return the interfaces of the host by which hidden hosts reach others."""
    links = site.topology.links
    return [name for link, (name, _) in site.interfaces(Family.IPV4).items() if links[link].behind != site.host]


def _passages(site: Site) -> Iterator[Passage]:
    """Yield the paths from the hosts on the hidden links to those on the other links, and the ways back."""
    links, own = site.topology.links, site.interfaces(Family.IPV4)
    hidden = {link for link in own if links[link].behind == site.host}
    for outer, (_, outer_address) in ((link, own[link]) for link in own if link not in hidden):
        for outsider in _on(site, outer):
            target = site.interfaces(Family.IPV4, outsider)[outer][1]
            for link in hidden:
                for insider in _on(site, link):
                    source, router = site.interfaces(Family.IPV4, insider)[link][1], own[link][1]
                    yield Passage(NAME, insider, target, target, frozenset({router}), hops=2, seen=outer_address)
                    yield Passage(NAME, outsider, source, source, outcome=HIDDEN)
                    yield Passage(NAME, outsider, outer_address, source, outcome=REFUSED)


def _on(site: Site, link: str) -> list[str]:
    """Return the other hosts with IPv4 on a link."""
    return [name for name in site.plan.hosts if name != site.host and link in site.interfaces(Family.IPV4, name)]


def _hides(host: HostObservation) -> ProofFailure | None:
    """Hidden hosts reach the others, who see the host's outer address; no host outside reaches them."""
    return host.passages_failed(NAME)


NAT44 = Function(
    proofs={NAME: _hides},
    passages=lambda site: tuple(_passages(site)),
    outside=_outside,
    filters=lambda outside: nftables.add_masquerade(NAME, [socket.if_nametoindex(one) for one in outside]),
)
