"""Clients that are not on the service's link: behind a router, and behind a hop with a smaller MTU."""

from functools import partial

from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.families import Family, endpoint
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import Dialled, Outcome
from dualstack.protocols.application import Trait
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import leaves_through_router, too_large_is_sent_again
from dualstack.world import ListenerWorld
from dualstack.world.client import ERROR
from dualstack.world.clients import router_clients

LARGE = 4000
"""How many bytes are sent if the answer is as long as the request: three segments that fit the link."""

ONE_SEGMENT = 1280 - 40 - 20
"""The largest payload of a TCP segment that fits the narrow hop over IPv6."""

NOT_ON_LINK = "a large answer does not arrive on the link either"
"""Why a family is not judged whose large answers the path does not lose."""


@Requirement(
    id="LISTEN-016",
    title="Clients behind a router are served",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service serves clients that are not on its own link: its packets go to the router, with a hop limit "
    "that is large enough for them to arrive. A protocol that is for neighbours only, and checks for a hop limit of "
    "255 (RFC 5082), is exempted by its manifest.",
    stimulus="Start the service on a dual-stack host whose clients are behind a router. Their addresses have the "
    "host's prefixes (routed) or others (two-links). Try an exchange over each family. If one fails, "
    "or its answer is an error, try it from the router itself: a family that is not served there either is left to the "
    "requirements on reachability.",
    wire="Each packet of the service is sent to the router's hardware address, with a hop limit (IPv4: time to live) "
    "of at least 32.",
    cites=("RFC 8200 §3: hop limit", "RFC 1122 §3.2.1.7", "ip(7): IP_TTL", "ipv6(7): IPV6_UNICAST_HOPS"),
    topologies=("routed", "two-links"),
    causes=("RC-HOPLIMIT", "RC-DONTROUTE"),
    needs=(Need.NETWORK,),
    baseline=True,
).attach
def test_clients_behind_a_router(world: ListenerWorld) -> None:
    """Each family that is served on the link is served behind the router."""
    world.service.start()
    served = [family for family in world.families if is_served_behind(world, family)]
    if not served:
        raise NothingToJudge("no family is served on the link either")
    (name,) = world.lab.topology.routers
    router, listener = world.lab.plan.hosts[name].mac, world.listener
    for family in served:
        if Trait.ONE_WAY in listener.traits:  # nothing leaves it
            world.shows_served(family)
            continue
        world.shows(
            partial(
                leaves_through_router, port=listener.port, family=family, router=router, transport=listener.transport
            )
        )


def is_served_behind(world: ListenerWorld, family: Family) -> bool:
    """Require that a client behind the router is answered like one on the router; return False if neither is."""
    address = world.addresses(family)[0]
    dialled = world.client.dial(family, address)
    ok = is_welcome(dialled)
    happened = dialled.detail
    symptoms: tuple[Symptom, ...] = ()
    if not ok:
        near = world.client.dial(family, address, clients=router_clients(world.lab))
        error = dialled.outcome is Outcome.ANSWERED
        if not (is_welcome(near) if error else near.outcome is Outcome.ANSWERED):
            return False
        # Earlier clients may be the reason, not the route: this client comes directly after one on the router.
        ok = world.client.is_served(world.client.dial(family, address))
        happened += "; a client on the router itself is answered" + " without an error" * error
        happened += ", and the next one behind it" * ok
        symptoms = () if error else (Symptom.ROUTER_SERVED,)
    world.works[family.value] = ok
    where = endpoint(address, world.listener.port)
    expected = f"an {family.label} client behind a router is answered at {where}"
    world.require(Finding(ok, expected, happened, symptoms=symptoms))
    return True


def is_welcome(dialled: Dialled) -> bool:
    """Return whether a client was answered, and not with the status of an error."""
    return dialled.outcome is Outcome.ANSWERED and dialled.status < ERROR


@Requirement(
    id="LISTEN-017",
    title="Large answers cross a path with a smaller MTU (TCP)",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="An answer of several segments arrives over both families where a hop on the path has a smaller MTU "
    "than the link: what was too large for that hop is sent again in smaller segments, as soon as a router reports it.",
    stimulus="Start the service on a dual-stack host; the path to its clients crosses a router that forwards packets "
    "of at most 1280 bytes. Over each family try an exchange whose answer has 4000 bytes, or that the manifest names "
    "as large_send. If it fails, try a small one, and a large one from the router itself: the path is to blame only "
    "if both succeed.",
    wire="Over IPv6, every byte that left in a packet of more than 1280 bytes leaves again in a packet that fits.",
    cites=("RFC 8201 §4, §5.4", "RFC 1191 §3", "RFC 9293 §3.7.5", "ipv6(7): IPV6_MTU_DISCOVER"),
    topologies=("pmtu-1280",),
    causes=("RC-MTU",),
    needs=(Need.TCP, Need.LARGE, Need.NETWORK),
).attach
def test_large_answers_over_a_narrow_path(world: ListenerWorld) -> None:
    """An answer of several segments arrives through the narrow hop."""
    world.service.start()
    reasons = {family: why_not_judged(world, family) for family in world.families}
    judged = [family for family, reason in reasons.items() if not reason]
    if not judged:
        raise unjudged(world, set(reasons.values()))
    if Family.IPV6 in judged:
        mtu = world.lab.topology.path_mtu()
        world.shows(partial(too_large_is_sent_again, port=world.listener.port, mtu=mtu))


def unjudged(world: ListenerWorld, reasons: set[str]) -> NothingToJudge | Inconclusive:
    """Return why nothing is judged: no family gets the answer to the manifest's large_send, or another reason."""
    if world.listener.large_send is not None and reasons == {NOT_ON_LINK}:
        return Inconclusive("the answer to large_send arrives over no family, on the link either")
    return NothingToJudge("no large answer arrives on the link either, or no small one over the whole path")


def why_not_judged(world: ListenerWorld, family: Family) -> str:
    """Require that a large answer crosses the path; return why not, if it fails for another reason than the path.

    Raises:
        Inconclusive: The answer to the manifest's large_send fits one segment.
    """
    dialled = large(world, family, near=False)
    ok = dialled.outcome is Outcome.ANSWERED
    if ok and len(dialled.answer) <= ONE_SEGMENT:
        raise Inconclusive(f"the answer to large_send has only {len(dialled.answer)} bytes, which fit one segment")
    if not ok and (reason := other_reason(world, family)):
        world.note(f"{family.label} is not judged: {reason}")
        return reason
    world.works[family.value] = ok
    expected = f"a large answer over {family.label} crosses a hop with an MTU of {world.lab.topology.path_mtu()} bytes"
    world.require(Finding(ok, expected, dialled.detail))
    return ""


def large(world: ListenerWorld, family: Family, *, near: bool) -> Dialled:
    """Try an exchange with a large answer: over the whole path, or with ``near`` from the router itself."""
    clients = router_clients(world.lab) if near else None
    address, send = world.addresses(family)[0], world.listener.large_send
    return world.client.dial(family, address, size=LARGE, send=send, clients=clients)


def other_reason(world: ListenerWorld, family: Family) -> str:
    """Return why the path is not to blame: a small answer fails too, or a large one fails without the path."""
    if world.client.dial(family, world.addresses(family)[0]).outcome is not Outcome.ANSWERED:
        return "a small answer does not arrive either"
    if large(world, family, near=True).outcome is not Outcome.ANSWERED:
        return NOT_ON_LINK
    return ""
