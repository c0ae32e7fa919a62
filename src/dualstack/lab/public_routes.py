"""Routes to two public addresses, and their lab proofs: clients look for them to learn which families a host has.

connect() on a UDP socket looks a route up and sends nothing. Chromium connects to these addresses before it asks for
AAAA records, and many programs to learn their own address. A lab has no default route, so the service's host gets a
route to each of the two over its link. No host of a lab has them: packets to them stay in the host, which looks for a
neighbour with the address and finds none. TCP then fails with EHOSTUNREACH after 3 s.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dualstack.families import BOTH, Family
from dualstack.lab.observation import Check, HostObservation, ProofFailure, same

if TYPE_CHECKING:
    from dualstack.addressing import Plan

PUBLIC = {Family.IPV4: "8.8.8.8", Family.IPV6: "2001:4860:4860::8888"}
"""The addresses: those of a public name server, which most such programs use."""


def public_routes(plan: "Plan", host: str) -> tuple[tuple[str, str, str, int], ...]:
    """Return the routes of a host: see `rtnl.add_route`. The service's host has one for each family of its links."""
    found: dict[Family, tuple[str, str, str, int]] = {}
    for place, own in enumerate(plan.hosts[host].interfaces if host == plan.service else ()):
        for family in BOTH:
            if own.configured[family]:
                found.setdefault(family, (f"eth{place}", PUBLIC[family], "", 0))
    return tuple(found.values())


def _public_route(family: Family, host: HostObservation) -> ProofFailure | None:
    """The kernel has a route to the public address of the family."""
    return same("", host.routes.get(PUBLIC[family], "nothing was asked"))


PUBLIC_ROUTE_PROOFS: Mapping[str, Check] = {
    "ipv4-public-route": lambda host: _public_route(Family.IPV4, host),
    "ipv6-public-route": lambda host: _public_route(Family.IPV6, host),
}
"""The proofs of a host that has the routes, by name."""
