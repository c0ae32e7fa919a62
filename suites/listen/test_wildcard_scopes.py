"""A listener on the wildcard serves clients of every scope: on its own host, and with link-local addresses."""

from collections.abc import Callable, Collection

from dualstack.errors import NothingToJudge, ServiceError
from dualstack.families import BOTH, WILDCARDS, Family
from dualstack.prober.messages import Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import Template, absent
from dualstack.world import ListenerWorld
from dualstack.world.clients import link_local, loopback_clients
from dualstack.world.neighbours import clients_on, neighbours, recorded

TWICE = 2
"""How many link-local clients come: state that a service keeps from the first may affect the second."""


@Requirement(
    id="LISTEN-014",
    title="A wildcard listener is reachable on ::1 and 127.0.0.1",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service that listens on every address of a family is also reachable at the loopback address of that "
    "family: health checks, proxies and administrators on the same host connect there.",
    stimulus="Start the service on a dual-stack host; try an exchange over each family from the link. For each family "
    "that is served there, try one at its loopback address from the service's own host. A service whose sockets are "
    "all bound to other addresses, and whose manifest names no wildcard, is not judged.",
    wire="The exchanges over the link are answered; no packet on the link has a loopback address.",
    cites=("RFC 4291 §2.5.3", "RFC 1122 §3.2.1.3", "RFC 3493 §3.8", "socket(7): SO_BINDTODEVICE"),
    topologies=("dual-stack",),
    causes=("RC-BINDTODEVICE", "RC-SNAPSHOT", "RC-ACLTEXT"),
    needs=(Need.NETWORK,),
).attach
def test_wildcard_listener_on_loopback(world: ListenerWorld) -> None:
    """Each family that is served on the link also answers at its loopback address."""
    world.service.start()
    inside = loopback_clients(world.lab)
    served = world.served()
    require_wide(world, BOTH, LOOPBACKS.__contains__)
    for family in served:
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
    "theirs: on a network without a router, neighbours have no other address, and their addresses have a zone. So does "
    "one that looks for its host's addresses and binds each, where the host has no others on its links.",
    stimulus="Start the service on a dual-stack host; try an exchange over IPv6 between global addresses. If it is "
    "answered, try two between link-local addresses, with the interface as the zone. On a host with two links and no "
    "other addresses, try one at ::1 first, and then two from each link; both clients have the same address. If all "
    "its sockets are bound to ::1 there, and its manifest names no listen address, give the host a global address and "
    "start it again: a service that binds this too, or the wildcard, is judged.",
    wire="Each attempt is answered over IPv6 from the address that was dialled, including the link-local one.",
    cites=("RFC 4007 §6, §11.2", "RFC 4291 §2.5.6, §2.8", "RFC 3493 §3.3: sin6_scope_id", "RFC 9844 §1"),
    topologies=("dual-stack", "link-local"),
    causes=("RC-SCOPEDPEER", "RC-SOCKADDR"),
    needs=(Need.IPV6, Need.NETWORK),
).attach
def test_link_local_clients(world: ListenerWorld) -> None:
    """Clients with link-local addresses are answered on each link, if others are."""
    if not serves_others(world):
        raise NothingToJudge("no IPv6 client is served, with any address")
    if not binds_what_it_finds(world):
        require_wide(world, [Family.IPV6], lambda address: address.startswith("fe80:"))
    for host in neighbours(world.lab):
        clients = clients_on(host)
        with recorded(world, host):
            for address in link_local(world.lab, clients):
                world.answers(Family.IPV6, address, times=TWICE, clients=clients)
    world.shows_served(Family.IPV6)


def serves_others(world: ListenerWorld) -> bool:
    """Start the service; return whether an IPv6 client is served at a global address, or at ::1 if there is none."""
    if world.lab.topology.families():
        world.service.start()
        return Family.IPV6 in world.served()
    world.service.start(families=[Family.IPV6])
    inside = loopback_clients(world.lab)
    dialled = world.client.dial(Family.IPV6, Family.IPV6.loopback, clients=inside)
    return world.revive(dialled).outcome is Outcome.ANSWERED


EVERYWHERE = {*WILDCARDS, "::ffff:0.0.0.0"}
"""The addresses of sockets that are bound to every address."""

GLOBAL = "2001:db8:51:9::101"
"""An address that a host with link-local addresses alone gets for a moment."""

LOOPBACKS = {family.loopback for family in Family}


def require_wide(world: ListenerWorld, families: Collection[Family], is_in_scope: Callable[[str], bool]) -> None:
    """Check that the service is meant for clients of every scope.

    It is, if its manifest names the wildcard as its listen address, or if a socket on its port that takes one of the
    families is bound to a wildcard or to an address of the scope. Other sockets may be bound so on purpose.

    Raises:
        NothingToJudge: All sockets are bound to other addresses.
    """
    own = addresses_of(world, families)
    if world.listener.bind is None and own and not any(one in EVERYWHERE or is_in_scope(one) for one in own):
        raise NothingToJudge(f"it listens on single addresses: its sockets are bound to {' and '.join(sorted(own))}")


def addresses_of(world: ListenerWorld, families: Collection[Family]) -> set[str]:
    """Return the addresses of the service's sockets on its port that take one of the families."""
    port = (world.listener.port, world.listener.transport.value)
    rows = [row for row in world.service.sockets.read() if (row.port, row.transport) == port]
    return {row.address for row in rows if row.serves & set(families)}


def binds_what_it_finds(world: ListenerWorld) -> bool:
    """Return whether a service on a host with link-local addresses alone has left them out of those that it looks for.

    It has, if nobody has told it which address to use, all its sockets are bound to ::1, and it also binds a global
    address, or every address, once its host has one. It then runs again as before.
    """
    only = [Family.IPV6]
    told = world.listener.bind is not None or world.lab.topology.families()
    if told or addresses_of(world, only) != {Family.IPV6.loopback}:
        return False
    world.service.stop()
    world.add_address(GLOBAL)
    try:
        world.service.start(families=only)
        return not {GLOBAL, *EVERYWHERE}.isdisjoint(addresses_of(world, only))
    except ServiceError as error:
        world.note(f"it does not start with this address: {error}")
        return False
    finally:
        world.service.stop()
        world.remove_address(GLOBAL)
        world.service.start(families=only)
