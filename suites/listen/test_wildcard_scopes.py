"""A listener on the wildcard takes clients of every scope: on its own host, and with link-local addresses."""

from collections.abc import Sequence

from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.prober.messages import SocketRow
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import Template, absent
from dualstack.world import ListenerWorld
from dualstack.world.clients import link_local, on_the_host

TWICE = 2
"""How many link-local clients come: what a service keeps of the first one may matter to the second."""


@Requirement(
    id="LISTEN-014",
    title="A wildcard listener is reachable on ::1 and 127.0.0.1",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service that listens on every address of a family is reachable at the loopback address of that family "
    "too: health checks, proxies and administrators on the same host connect there.",
    stimulus="Start the service on a dual-stack host; hold an exchange over each family from the link. For each family "
    "that is served there, hold one at its loopback address from the service's own host. A family whose sockets are "
    "bound to single addresses only is left out.",
    wire="The exchanges over the link are answered; no packet on the link has a loopback address.",
    cites=("RFC 4291 §2.5.3", "RFC 1122 §3.2.1.3", "RFC 3493 §3.8", "socket(7): SO_BINDTODEVICE"),
    topologies=("dual-stack",),
    causes=("RC-BINDTODEVICE", "RC-ACLTEXT"),
    needs=(Need.NETWORK, Need.ANY),
).attach
def test_wildcard_listener_on_loopback(world: ListenerWorld) -> None:
    """Each family that the link is served over answers at its loopback address."""
    world.start()
    inside = on_the_host(world.lab)
    served = world.served()
    for family in served:
        if is_wide(world, family):
            world.answers(family, family.loopback, clients=inside)
    for family in served:
        world.shows_served(family)
        world.shows(lambda wire, family=family: absent(wire, Template(family=family, dst=family.loopback)))  # type: ignore[misc]  # bound in each round


@Requirement(
    id="LISTEN-015",
    title="Link-local clients are served",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service that listens on every IPv6 address serves clients that dial its link-local address from "
    "theirs: on a network without a router neighbours have no other address, and their addresses have a zone.",
    stimulus="Start the service on a dual-stack host; hold an exchange over IPv6 between global addresses. If it is "
    "answered, hold two between link-local addresses, with the interface as the zone.",
    wire="Each attempt is answered over IPv6 from the address that was dialled, the link-local one too.",
    cites=("RFC 4007 §6, §11.2", "RFC 4291 §2.5.6, §2.8", "RFC 3493 §3.3: sin6_scope_id", "RFC 9844 §1"),
    topologies=("dual-stack",),
    causes=("RC-SCOPEDPEER", "RC-SOCKADDR"),
    needs=(Need.IPV6, Need.NETWORK, Need.ANY),
).attach
def test_link_local_clients(world: ListenerWorld) -> None:
    """Clients with link-local addresses are answered where others are."""
    world.start()
    if Family.IPV6 not in world.served():
        expected = "link-local clients are served where clients with global IPv6 addresses are"
        world.require(Finding(True, expected, "no IPv6 client is, which other requirements are about"))
    elif is_wide(world, Family.IPV6):
        for address in link_local(world.lab, world.clients):
            world.answers(Family.IPV6, address, times=TWICE)
        world.shows_served(Family.IPV6)


def is_wide(world: ListenerWorld, family: Family) -> bool:
    """Return whether the service listens on every address of a family; note it if it does not.

    It does if its manifest says that it is given a wildcard, or if its sockets show one.
    """
    listener = world.listener
    rows = [
        row for row in world.own_sockets() if (row.port, row.transport) == (listener.port, listener.transport.value)
    ]
    own = [row for row in rows if family in row.serves]
    wide = listener.bind is not None or not own or any(is_wildcard(row) for row in own)
    if not wide:
        world.require(left_out(family, own))
    return wide


def is_wildcard(row: SocketRow) -> bool:
    """Return whether a socket is bound to every address of its family."""
    return row.address in {family.wildcard for family in Family}


def left_out(family: Family, rows: Sequence[SocketRow]) -> Finding:
    """Return that a family is left out, and why."""
    where = " and ".join(sorted({endpoint(row.address, row.port) for row in rows}))
    return Finding(True, f"{family.label} is judged where a socket takes every address", f"its sockets are on {where}")
