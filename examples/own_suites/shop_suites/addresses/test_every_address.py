"""Every address of a host with many is served."""

from dualstack.testing import Level, ListenerWorld, Need, Requirement, Role


@Requirement(
    id="SHOP-002",
    title="Every address of a host with five per family is served",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="A shop can be reached at every address of its host.",
    stimulus="Start the service on a host with five addresses per family and dial each of them.",
    wire="Each connection is answered from the address that was dialled.",
    cites=("Shop handbook §4",),
    topologies=("five-addresses",),
    causes=("RC-SNAPSHOT",),
    needs=(Need.TCP, Need.NETWORK),
).attach
def test_every_address(world: ListenerWorld) -> None:
    """An exchange succeeds at each address."""
    world.service.start()
    for family in world.families:
        for address in world.addresses(family):
            world.answers(family, address)
    for family in world.families:  # the capture ends here, and with it the service
        world.shows_served(family)
