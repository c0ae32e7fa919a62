"""The addresses that answers hand out are usable by the clients that get them."""

from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import answered
from dualstack.world import ListenerWorld
from dualstack.world.handed_out import asked, handed_out, require_usable
from dualstack.world.prerequisites import start_or_leave
from dualstack.world.servers import serve_names


@Requirement(
    id="META-001",
    title="Every address that an answer hands out is usable by its client",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="Each address that a service hands out is usable by a client of the family that asked: an address of "
    "that family, or a name that has one, at which the client is served. It is never a wildcard address, a loopback "
    "address for a client on another host, an IPv4-mapped address, or an address in brackets where no port can follow.",
    stimulus="A client of each family that the service claims asks for the answer that holds the addresses. Then it "
    "resolves each name, and connects to each address, over the same family.",
    wire="The connections to the addresses are of the family that asked, and are answered.",
    cites=("RFC 4291 §2.5.2, §2.5.3, §2.5.5.2", "RFC 4038 §5.1", "RFC 6540 §2"),
    topologies=("dual-stack", "ipv4-only", "ipv6-only-strict"),
    causes=("RC-ADVERTISED", "RC-LITERAL"),
    needs=(Need.ADVERTISES, Need.MANY),
).attach
def test_addresses_are_usable(world: ListenerWorld) -> None:
    """Clients of each family can use every address that they are given."""
    start_or_leave(world)
    with serve_names(world.peer, world.host.plan.configured):
        hands_out_usable(world)
    if world.clients.inside:
        world.shows_inside()


def hands_out_usable(world: ListenerWorld) -> None:
    """Require that clients can use what they are given; names of the lab's zone mean the service's addresses."""
    found = {family: handed_out(world.listener, asked(world, family)) for family in world.families}
    if not any(found.values()):
        if world.listener.advertises is not None:
            raise Inconclusive("no answer holds an address where [listen.advertises] says that one is")
        raise NothingToJudge("no answer holds an address")
    reached: set[tuple[Family, int]] = set()
    for family, items in found.items():
        what = f"the answer to an {family.label} client hands out an address"
        symptoms = () if items else (Symptom.UNUSABLE_ADDRESS,)
        world.require(Finding(bool(items), what, f"it hands out {len(items)}", symptoms=symptoms))
        reached |= {(family, require_usable(world, family, item)) for item in items}
    for family, port in sorted(reached, key=lambda item: (item[0].number, item[1])):
        if port and not world.clients.inside:
            world.shows(lambda wire, family=family, port=port: answered(wire, port, family))  # type: ignore[misc]  # mypy: default
