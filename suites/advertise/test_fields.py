"""Fields of messages hold every address."""

from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.address_fields import addresses_for, holds
from dualstack.world.prerequisites import require_served, start_or_leave


@Requirement(
    id="META-007",
    title="Fields of messages hold IPv6 addresses",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="Each field that carries an address holds IPv4 and IPv6 addresses: what a client puts in comes back as "
    "the same address, with all bytes in their order, and a link-local address with its zone. IPv4-mapped and "
    "unspecified addresses come back or are refused; no address comes back as another one.",
    stimulus="Send through each field that the manifest declares: an IPv4 address, a global IPv6 address, a link-local "
    "address with its zone, an IPv4-mapped address and the unspecified address. Compare what comes back.",
    wire="The exchanges are answered. The addresses are content: they are compared in the answers.",
    cites=("RFC 4038 §5.4.3, §6.1", "RFC 3493 §3.3", "RFC 4007 §11"),
    topologies=("dual-stack",),
    causes=("RC-U32",),
    needs=(Need.FIELDS, Need.MANY),
).attach
def test_fields_hold_every_address(world: ListenerWorld) -> None:
    """Each address that goes into a field comes back from it."""
    start_or_leave(world)
    family = world.families[0]
    require_served(world, family)
    for field in world.listener.field:
        for sent in addresses_for(field, world.host.interface):
            finding = holds(world, field, sent)
            world.require(finding)
            if not finding.ok and not finding.symptoms:  # without an answer, the others would only wait as long
                break
    world.survives("addresses in the fields of its messages")
    world.shows_served(family)
