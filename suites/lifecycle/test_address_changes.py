"""Addresses come and go under a running service, and IPv6 itself may."""

from dualstack.deadline import Deadline
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld

ABSENT = 1.0
"""Seconds that a service runs before the address that it was given appears; another 1 to 2 s it is tentative."""

SERVED_WITHIN = 10.0
"""Seconds after its start within which a service must serve an address that has become usable."""


@Requirement(
    id="LIFE-003",
    title="Addresses that are added after the start are served",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service that listens on every address serves the addresses of each family that its host gets later, "
    "also when it had none on any link at the start.",
    stimulus="Take every IPv4 and IPv6 address from the service's link, start the service, give the host an address of "
    "each family, and hold an exchange with each.",
    wire="Each connection attempt is answered from the address that was dialled.",
    cites=("RFC 3493 §3.8", "RFC 4862 §5.5"),
    topologies=("dual-stack",),
    causes=("RC-SNAPSHOT",),
    needs=(Need.NETWORK,),
).attach
def test_addresses_added_after_the_start(world: ListenerWorld) -> None:
    """A host that gets its addresses late is served on all of them."""
    served = world.served()
    for families in world.rounds(served):
        world.stop()
        for address in present(world):
            world.remove_address(address)
        world.start(families=families)
        for family in BOTH:
            world.add_address(world.addresses(family)[0])
        for family in families:
            world.answers(family, world.addresses(family)[0])
    for family in served:
        world.shows_served(family)


def present(world: ListenerWorld) -> list[str]:
    """Return the addresses that the host has on the link."""
    return [address for family in BOTH for address in world.addresses(family)]


@Requirement(
    id="LIFE-004",
    title="An IPv6 listen address that is not usable yet",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="Told to listen on an IPv6 address that its host gets a little later, tentative at first, the "
    "service waits for it, tries again or binds it all the same, and serves it within 10 s of its start.",
    stimulus="Take the IPv6 address from the service's host, start the service with it as listen address, give it back "
    "after 1 s with duplicate address detection, and hold an exchange once it is usable.",
    wire="Each connection attempt is answered from the address that was dialled.",
    cites=("RFC 4862 §5.4", "ip(7): IP_FREEBIND", "bind(2): EADDRNOTAVAIL"),
    topologies=("dual-stack",),
    causes=("RC-BINDEARLY",),
    needs=(Need.IPV6, Need.BIND_IPV6_ADDRESS, Need.NETWORK),
).attach
def test_listen_address_that_is_not_usable_yet(world: ListenerWorld) -> None:
    """A service that is started before its address exists serves it as soon as it does."""
    address = world.addresses(Family.IPV6)[0]
    expected = f"the service does not give up while {address} is missing or tentative"
    world.remove_address(address)
    deadline = Deadline(SERVED_WITHIN, "the service to be ready")
    program = world.launch(world.bind_to(address))
    ended = world.ended(program, Deadline(ABSENT, "the service to give up"))
    if ended is not None:
        world.require(Finding(False, expected, f"it {ended}{world.last_words()}"))
        return
    world.add_address(address, detect=True)
    world.await_usable(address)
    readiness = world.ready(program, [Family.IPV6], within=deadline.remaining)
    world.require(Finding(readiness.ready, expected, readiness.detail))
    if readiness.ready:
        world.answers(Family.IPV6, address)
        world.shows_served(Family.IPV6)


@Requirement(
    id="LIFE-005",
    title="IPv6 is switched off and on at run time",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="A service that listens on every address goes on with IPv4 while IPv6 is switched off on its host, and "
    "serves IPv6 again, without a restart, once IPv6 is on and its address is back.",
    stimulus="Start the service, set disable_ipv6 to 1, hold an exchange over IPv4, set it to 0, add the IPv6 "
    "address again, and hold an exchange over each family.",
    wire="Each connection attempt is answered from the address that was dialled.",
    cites=("RFC 4038 §4.4", "Linux ip-sysctl: disable_ipv6"),
    topologies=("dual-stack",),
    causes=("RC-SNAPSHOT", "RC-NOINET6"),
    needs=(Need.IPV6, Need.NETWORK),
).attach
def test_ipv6_switched_off_and_on(world: ListenerWorld) -> None:
    """IPv4 does not depend on IPv6, and IPv6 comes back."""
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
            world.answers(family, world.addresses(family)[0])
    for family in served:
        world.shows_served(family)


@Requirement(
    id="LIFE-006",
    title="Its one IPv6 listen address goes and comes back",
    level=Level.OBSERVE,
    role=Role.LISTENER,
    statement="Bound to one IPv6 address, the service serves it again, without a restart, after it was taken from the "
    "host and given back.",
    stimulus="Start the service with its own IPv6 address as listen address, take that from the host, give it back, "
    "and hold an exchange.",
    wire="The connection attempt is answered from the address that was dialled.",
    cites=("RFC 4862 §5.5.4",),
    topologies=("dual-stack",),
    causes=("RC-SNAPSHOT",),
    needs=(Need.IPV6, Need.BIND_IPV6_ADDRESS, Need.NETWORK),
).attach
def test_listen_address_goes_and_comes_back(world: ListenerWorld) -> None:
    """What a listener on one address does when that address is gone for a while."""
    address = world.addresses(Family.IPV6)[0]
    world.start(bind=world.bind_to(address), families=[Family.IPV6])
    world.remove_address(address)
    world.add_address(address)
    world.answers(Family.IPV6, address)
    world.shows_served(Family.IPV6)
