"""Addresses that are meaningful only inside programs do not appear in packets."""

from dualstack.families import BOTH, Family
from dualstack.requirement import Level, Requirement, Role
from dualstack.wire.expect import no_mapped_on_wire
from dualstack.world import ConnectorWorld, ListenerWorld, World
from dualstack.world.prerequisites import start_or_leave


@Requirement(
    id="SEC-005",
    title="No mapped, compatible or unspecified address on the wire",
    level=Level.MUST,
    role=Role.BOTH,
    statement="No IPv6 packet of the service has an address that stands for something else or for nothing: "
    "::ffff:0:0/96 (IPv4-mapped), ::/96 (IPv4-compatible, ::1) or ::. The address :: may only be the source of "
    "packets that a kernel sends before it has an address.",
    stimulus="Try an exchange with the service over each family that it claims, or have it connect over each one; the "
    "outcome is not judged here.",
    wire="No IPv6 header, outer or inner, has such an address as source or destination.",
    cites=("RFC 4291 §2.5.2, §2.5.3, §2.5.5", "RFC 4942 §2.2", "RFC 6890 §2.2.3"),
    topologies=("dual-stack", "ipv6-only"),
    causes=("RC-MAPPED",),
).attach
def test_no_mapped_address_on_the_wire(world: World) -> None:
    """All packets of the service have addresses that can be answered."""
    if isinstance(world, ListenerWorld):
        start_or_leave(world)
        for family in world.families:
            world.client.dial(family, world.addresses(family)[0])
    if isinstance(world, ConnectorWorld):
        for family in world.families:
            connect_over(world, family)
    world.shows(no_mapped_on_wire)


def connect_over(world: ConnectorWorld, family: Family) -> None:
    """Run the connector towards the server over one family: by address if it takes one, else by a name."""
    with world.serve(family) as serving:
        if world.connector.literals:
            world.connector_runs.run(world.peer.plan.address(family), serving)
            return
        has = {item: "ok" if item is family else "none" for item in BOTH}
        with world.names(a=has[Family.IPV4], aaaa=has[Family.IPV6]) as name:
            world.connector_runs.run(name, serving)
