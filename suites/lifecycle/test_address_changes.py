"""The addresses of a running service's host change, and IPv6 is switched off and on."""

import time

from dualstack.deadline import Deadline
from dualstack.families import BOTH, WILDCARDS, Family, unmapped
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.prerequisites import require_ordinary, require_start, start_at

ABSENT = 1.0
"""Seconds that a service runs at least before its listen address is added; it is then tentative for 1 to 2 s."""

SLOWER = 2.0
"""The factor by which a start may take longer than the one before: it must try to bind before the address is there."""

SERVED_WITHIN = 10.0
"""Seconds within which a service must serve an address that has become usable, beside what its start takes."""

FOLLOWS = 5.0
"""Seconds within which a service that binds single addresses must have bound one that its host has got."""


@Requirement(
    id="LIFE-003",
    title="Addresses that are added after the start are served",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service that listens on every address also serves the addresses of each family that its host gets "
    "later, even if it had none on any link at the start.",
    stimulus="Remove every IPv4 and IPv6 address from the service's link, start the service, add an address of each "
    "family to the host, and try an exchange with each. A service that binds single addresses has 5 s to bind the new "
    "ones.",
    wire="Each connection attempt is answered from the address that was dialled.",
    cites=("RFC 3493 §3.8", "RFC 4862 §5.5"),
    topologies=("dual-stack",),
    causes=("RC-SNAPSHOT",),
    needs=(Need.NETWORK,),
).attach
def test_addresses_added_after_the_start(world: ListenerWorld) -> None:
    """A service whose host gets its addresses late serves all of them."""
    served = world.served()
    for families in world.rounds(served):
        world.service.stop()
        for address in present(world):
            world.remove_address(address)
        world.service.start(families=families)
        for family in BOTH:
            world.add_address(world.addresses(family)[0])
        for family in families:
            await_bound(world, family)
            world.answers(family, world.addresses(family)[0])
    for family in served:
        world.shows_served(family)


def await_bound(world: ListenerWorld, family: Family) -> None:
    """Wait until a socket takes the service's first address of ``family``, but no longer than `FOLLOWS`."""
    places = {*WILDCARDS, world.addresses(family)[0]}
    deadline = Deadline(FOLLOWS, "a socket on the new address")
    began = time.monotonic()
    deadline.until(
        lambda: any(
            row.port == world.listener.port and family in row.serves and unmapped(row.address) in places
            for row in world.service.sockets.read()
        )
    )
    world.journal.waited += time.monotonic() - began


def present(world: ListenerWorld) -> list[str]:
    """Return the addresses that the host has on the link."""
    return [address for family in BOTH for address in world.addresses(family)]


@Requirement(
    id="LIFE-004",
    title="An IPv6 listen address that is not usable yet",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="Configured to listen on an IPv6 address that its host gets a little later, and that is tentative at "
    "first, the service waits for it, tries again or binds it anyway, and serves it within 10 s of its return; one "
    "that starts slowly has as much longer as its start takes with a usable address.",
    stimulus="Start the service with the IPv6 address of its host as listen address, and stop it. Remove the address, "
    "start the service again, add the address again with duplicate address detection, 1 s and twice the time of the "
    "first start later, and try an exchange once it is usable.",
    wire="Each connection attempt is answered from the address that was dialled.",
    cites=("RFC 4862 §5.4", "ip(7): IP_FREEBIND", "bind(2): EADDRNOTAVAIL"),
    topologies=("dual-stack",),
    causes=("RC-BINDEARLY",),
    needs=(Need.IPV6, Need.BIND_IPV6_ADDRESS, Need.NETWORK),
).attach
def test_listen_address_that_is_not_usable_yet(world: ListenerWorld) -> None:
    """A service that is started before its address exists serves it once it is usable."""
    address = world.addresses(Family.IPV6)[0]
    expected = f"the service does not give up while {address} is missing or tentative"
    require_start(world)
    usual = world.service.launches[-1].seconds
    world.service.stop()
    world.remove_address(address)
    absent = ABSENT + SLOWER * usual
    deadline = Deadline(absent + SERVED_WITHIN + world.subject.manifest.timeouts.ready, "the service to be ready")
    program = world.service.launch(world.bind_value(address))
    ended = world.service.wait_end(program, Deadline(absent, "the service to give up"))
    if ended is not None:
        world.require(Finding(False, expected, f"it {ended}{world.service.last_log_line()}"))
        return
    world.add_address(address, detect=True)
    world.await_usable(address)
    readiness = world.service.wait_ready(program, [Family.IPV6], within=deadline.remaining)
    took = deadline.seconds - deadline.remaining - absent
    if readiness.ready:
        world.answers(Family.IPV6, address)
    slow = readiness.ready and took > SERVED_WITHIN
    world.require(is_in_time(expected, took, usual) if slow else Finding(readiness.ready, expected, readiness.detail))
    if readiness.ready:
        require_ordinary(world, Family.IPV6)
        world.shows_served(Family.IPV6)


def is_in_time(expected: str, took: float, usual: float) -> Finding:
    """Return whether a service that was ready after more than `SERVED_WITHIN` seconds starts as slowly otherwise.

    Args:
        expected: What was expected.
        took: How many seconds after the return of the address it was ready.
        usual: How many seconds an ordinary start takes.
    """
    happened = f"it was ready {took:.1f} s after the address was back; an ordinary start takes {usual:.1f} s"
    return Finding(took <= SERVED_WITHIN + usual, expected, happened)


@Requirement(
    id="LIFE-005",
    title="IPv6 is switched off and on at run time",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="A service that listens on every address keeps serving IPv4 while IPv6 is switched off on its host, and "
    "serves IPv6 again, without a restart, once IPv6 is on and its address is back.",
    stimulus="Start the service, set disable_ipv6 to 1, try an exchange over IPv4, set it to 0, add the IPv6 address "
    "again, and try an exchange over each family.",
    wire="Each connection attempt is answered from the address that was dialled.",
    cites=("RFC 4038 §4.4", "Linux ip-sysctl: disable_ipv6"),
    topologies=("dual-stack",),
    causes=("RC-SNAPSHOT", "RC-NOINET6"),
    needs=(Need.IPV6, Need.NETWORK),
).attach
def test_ipv6_switched_off_and_on(world: ListenerWorld) -> None:
    """IPv4 is served without IPv6, and IPv6 is served again afterwards."""
    served = world.served()
    for families in world.rounds(served):
        world.ensure(families)
        world.set_ipv6(enabled=False)
        if Family.IPV4 in families:
            world.answers(Family.IPV4, world.addresses(Family.IPV4)[0])
        world.set_ipv6(enabled=True)
        for address in world.addresses(Family.IPV6):
            world.add_address(address)
        for family in families:
            await_bound(world, family)
            world.answers(family, world.addresses(family)[0])
    for family in served:
        world.shows_served(family)


@Requirement(
    id="LIFE-006",
    title="Its only IPv6 listen address is removed and added again",
    level=Level.OBSERVE,
    role=Role.LISTENER,
    statement="A service that is bound to one IPv6 address serves it again, without a restart, after the address was "
    "removed from the host and added again.",
    stimulus="Start the service with its own IPv6 address as listen address, remove the address from the host, add it "
    "again, and try an exchange.",
    wire="The connection attempt is answered from the address that was dialled.",
    cites=("RFC 4862 §5.5.4",),
    topologies=("dual-stack",),
    causes=("RC-SNAPSHOT",),
    needs=(Need.IPV6, Need.BIND_IPV6_ADDRESS, Need.NETWORK),
).attach
def test_listen_address_goes_and_comes_back(world: ListenerWorld) -> None:
    """A listener on one address serves it again after it was removed for a while."""
    address = world.addresses(Family.IPV6)[0]
    start_at(world, address)
    world.remove_address(address)
    world.add_address(address)
    world.answers(Family.IPV6, address)
    world.shows_served(Family.IPV6)
