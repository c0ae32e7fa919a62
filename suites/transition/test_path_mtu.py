"""Bulk answers on paths that carry smaller packets than the link: reported by a router, or not."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.families import Family
from dualstack.prober.messages import Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import keeps_whole, path_mtu_learned
from dualstack.world import ListenerWorld
from dualstack.world.bulk import BULK, OtherReason, crosses, report_short_on_link
from dualstack.world.stalled import ends_stalled


@Requirement(
    id="TRANS-006",
    title="Bulk answers cross a path with a smaller MTU (TCP)",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A bulk answer arrives over both families where a hop on the path has a smaller MTU than the link. What "
    "was too large leaves again in smaller segments as soon as a router reports it, and nothing larger follows. Over "
    "IPv4 the service should not leave it to routers to fragment its segments.",
    stimulus="Start the service on a dual-stack host; the path to its clients crosses a router that forwards packets "
    "of at most 1280 bytes. Neither the MTU of an interface nor the MSS shows that. Over each family try an exchange "
    "whose answer has at least 200 kB: with echo a request of that size, else the request that the manifest names as "
    "bulk_send. If it fails, try a small one, one of 4000 bytes, and a bulk one from the router itself: the path is to "
    "blame only if all succeed. A bulk answer of one family alone that the router itself does not get is a failure.",
    wire="After the first ICMPv6 Packet Too Big, or ICMP fragmentation needed, with an MTU of 1280, the segments leave "
    "again in packets that fit, and no larger packet follows. IPv4 packets of more than 1280 bytes have DF (SHOULD).",
    cites=("RFC 8201 §4, §5.4", "RFC 4443 §3.2", "RFC 1191 §3", "RFC 9293 §3.7.2", "RFC 8900 §6.1"),
    topologies=("pmtu-1280",),
    causes=("RC-MTU",),
    needs=(Need.TCP, Need.BULK, Need.NETWORK),
).attach
def test_bulk_answers_over_a_narrow_path(world: ListenerWorld) -> None:
    """A bulk answer arrives through the narrow hop, in packets that it carries."""
    world.service.start()
    mtu = world.lab.topology.path_mtu()
    reasons = {family: crosses(world, family, f"a hop with an MTU of {mtu} bytes") for family in world.families}
    judged = [family for family, reason in reasons.items() if reason is None]
    if not judged:
        raise unjudged(world, [reason for reason in reasons.values() if reason is not None])
    for family, reason in reasons.items():
        if reason is not None and reason.on_link is not None:
            report_short_on_link(world, family, reason.on_link)
    port = world.listener.port
    for family in judged:
        world.shows(partial(path_mtu_learned, port=port, mtu=mtu, family=family, least=BULK))
    if Family.IPV4 in judged:
        world.shows(lambda wire: replace(keeps_whole(wire, port, mtu), level=Level.SHOULD.value))


def unjudged(world: ListenerWorld, reasons: Sequence[OtherReason]) -> NothingToJudge | Inconclusive:
    """Return why nothing is judged: no family gets the answer to the manifest's bulk_send, or another reason."""
    on_link = [reason.on_link for reason in reasons if reason.on_link is not None]
    if world.listener.bulk_send is not None and len(on_link) == len(reasons):
        return Inconclusive(f"the answer to bulk_send arrives over no family, on the link either: {on_link[0].detail}")
    return NothingToJudge("no bulk answer arrives on the link either, or nothing smaller over the whole path")


@Requirement(
    id="TRANS-007",
    title="A path MTU black hole does not block a connection forever (TCP)",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="Where a router drops packets that are too large and reports nothing, a bulk answer arrives in the end "
    "(the service limits its segments, or the host probes the path MTU, RFC 4821), or the service ends the connection "
    "within the time that its manifest names (send_timeout). A service without such a limit need not have one (MAY).",
    stimulus="Start the service on a dual-stack host; the path to its clients crosses a router that drops packets of "
    "more than 1280 bytes silently. Over each family try a small exchange, which must succeed, and one whose answer "
    "has at least 200 kB. Watch the service's sockets until the answer has arrived, or send_timeout has passed.",
    wire="No claim: the evidence is the service's socket table.",
    cites=("RFC 4821 §3", "RFC 2923 §2.1", "RFC 9293 §3.8.3", "RFC 5482 §3.1"),
    topologies=("pmtu-blackhole",),
    causes=("RC-NOSENDLIMIT",),
    needs=(Need.TCP, Need.SEND_TIMEOUT, Need.BULK, Need.NETWORK),
).attach
def test_path_mtu_black_hole(world: ListenerWorld) -> None:
    """A bulk answer that the path loses arrives in the end, or its connection is ended in time."""
    world.service.start()
    limit = world.listener.send_timeout
    assert limit is not None  # Need.SEND_TIMEOUT
    unseen = []
    for family in world.families:
        if world.client.dial(family, world.addresses(family)[0]).outcome is not Outcome.ANSWERED:
            world.note(f"{family.label} is not judged: a small answer does not arrive either")
            continue
        world.ensure([family])
        finding = ends_stalled(world, family, limit)
        if finding is None:
            unseen.append(family.label)
            continue
        world.require(finding)
        if not world.listener.single_shot:
            world.survives(f"a bulk answer over {family.label} that was lost")
    if unseen and not world.findings:
        raise Inconclusive(f"the service was not seen to have a connection over {' or '.join(unseen)}")
    if not world.findings:
        raise NothingToJudge("no small answer arrives over the path")
