"""A datagram service receives what is sent to its multicast groups of both families."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from dualstack.errors import HostCannot
from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.lab.changes import RouteOverLink
from dualstack.prober.messages import Outcome
from dualstack.prober.messages.tables import AwaitGroup
from dualstack.protocols.application import Trait
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import group_answered
from dualstack.world import ListenerWorld
from dualstack.world.clients import link_local
from dualstack.world.datagrams import DatagramClient, DatagramResult, exchange_datagrams

JOIN_TIMEOUT = 2.0
"""Seconds that a service has to join a group after it has opened its port."""


@Requirement(
    id="UDP-009",
    title="Multicast groups of both families are joined",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service whose manifest names multicast groups receives what is sent to each of them on its port, "
    "over each family that it claims, and answers from one of its own addresses.",
    stimulus="Give both hosts a route to the groups, like a default route. Start the service, and give it 2 s to join "
    "the groups. Over each family send a request from a client to its group, and accept an answer from anywhere; the "
    "output of a one-way service must show the request.",
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
            host.apply(RouteOverLink(groups[Family.IPV4]))
    world.service.start()
    for family, group in groups.items():
        world.host.prober.call(AwaitGroup(group, JOIN_TIMEOUT))
        address = f"{group}%{world.peer.interface}" if family is Family.IPV6 else group
        source = world.peer.plan.configured[family][0]
        what = f"{family.label} group {endpoint(group, world.listener.port)}"
        if Trait.ONE_WAY in world.listener.traits:
            dialled = world.client.carry_out(replace(world.client.exchange(family), address=address, source=source))
            finding = Finding(dialled.outcome is Outcome.ANSWERED, f"a datagram to the {what} arrives", dialled.detail)
        else:
            (client,) = exchange_datagrams(world, [DatagramClient(address, source)], 1)
            finding = is_answered(world, client, what)
        world.works[family.value] = finding.ok
        world.require(finding)
    require_arrival(world, [group for family, group in groups.items() if not world.works[family.value]])
    if Trait.ONE_WAY not in world.listener.traits:
        for group in groups.values():
            world.shows(partial(group_answered, group=group, port=world.listener.port))


def require_arrival(world: ListenerWorld, lost: Sequence[str]) -> None:
    """Check that datagrams to at least one of the groups without an answer reached the service's host.

    Internal networks of container engines drop IPv4 multicast.

    Raises:
        HostCannot: None did, so the service is not to blame.
    """
    if not lost:
        return
    wire = world.wire()
    wire.require_whole()
    if not any(frame.kind == "udp" and frame.dst in lost for frame in wire.frames):
        raise HostCannot(
            f"no datagram to {' or '.join(lost)} reached the service's host; container engines drop IPv4 multicast on "
            "internal networks: run it with --lab netns"
        )


def is_answered(world: ListenerWorld, result: DatagramResult, what: str) -> Finding:
    """Return whether a client of a group was answered, and from an address of the service."""
    own = {*world.addresses(Family.of(result.client.address)), *link_local(world.lab, world.clients)}
    own = {address.partition("%")[0] for address in own}
    sources = {answer.address.partition("%")[0] for answer in result.received}
    happened = f"it is answered from {' and '.join(sorted(sources))}" if sources else "no answer arrives"
    ok = not result.unanswered and sources <= own
    expected = f"a request to the {what} is answered from one of the service's addresses"
    return Finding(ok, expected, happened + ("" if ok else world.service.last_log_line()))
