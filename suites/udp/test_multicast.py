"""A datagram service hears what is sent to its multicast groups of both families."""

from functools import partial

from dualstack.deadline import Deadline
from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import group_answered
from dualstack.world import ListenerWorld
from dualstack.world.clients import link_local
from dualstack.world.volleys import Ask, Told, volley

LOGGED = 1.0
"""Seconds within which the log must show a client that got no answer."""


@Requirement(
    id="UDP-009",
    title="Multicast groups of both families are joined",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service whose manifest names multicast groups hears what is sent to each of them on its port, over "
    "each family that it claims, and answers from one of its own addresses.",
    stimulus="Give both hosts a route to the groups, as a default route is. Start the service. Over each family send a "
    "request from a client to its group, and listen for an answer from anywhere; or look for the client in the log.",
    wire="The request to the group reaches the service's host, and an answer leaves it from a unicast address.",
    cites=("RFC 1112 §7.1", "RFC 3493 §5.2", "ip(7): IP_ADD_MEMBERSHIP", "ipv6(7): IPV6_ADD_MEMBERSHIP"),
    topologies=("dual-stack",),
    causes=("RC-MULTICAST",),
    needs=(Need.UDP, Need.MULTICAST, Need.MANY, Need.NETWORK),
).attach
def test_multicast_groups_are_joined(world: ListenerWorld) -> None:
    """A request to each group is answered."""
    multicast = world.listener.multicast
    assert multicast is not None  # Need.MULTICAST
    groups = {family: group for family in world.families if (group := multicast.group(family))}
    if Family.IPV4 in groups:
        for host in (world.host, world.peer):
            host.route_group(groups[Family.IPV4])
    world.start()
    answered = []
    for family, group in groups.items():
        since = world.log.size
        address = f"{group}%{world.peer.interface}" if family is Family.IPV6 else group
        (told,) = volley(world, [Ask(address, world.peer.plan.configured[family][0])], 1)
        shown = not told.heard and is_logged(world, told, since)
        world.works[family.value] = shown or not told.unanswered
        world.require(heard(world, told, f"{family.label} group {endpoint(group, world.listener.port)}", shown=shown))
        answered += [group] if not shown else []
    for group in answered:
        world.shows(partial(group_answered, group=group, port=world.listener.port))


def heard(world: ListenerWorld, told: Told, what: str, *, shown: bool) -> Finding:
    """Return whether a client of a group was answered from the service's own address, or is ``shown`` in its log."""
    own = {*world.addresses(Family.of(told.ask.address)), *link_local(world.lab, world.clients)}
    own = {address.partition("%")[0] for address in own}
    sources = {answer.address.partition("%")[0] for answer in told.heard}
    happened = f"it is answered from {' and '.join(sorted(sources))}" if sources else "no answer comes"
    ok = shown or (not told.unanswered and sources <= own)
    expected = f"a request to the {what} is answered from one of the service's addresses, or logged"
    return Finding(ok, expected, "the log shows its client" if shown else happened + ("" if ok else world.last_words()))


def is_logged(world: ListenerWorld, told: Told, since: int) -> bool:
    """Return whether the log shows a client of a service that says there whom it hears."""
    pattern = world.listener.peer_log
    if pattern is None:
        return False
    line = world.program.wait_log(pattern, Deadline(LOGGED, "the client in the log"), since)
    return line is not None and told.ask.source in line
