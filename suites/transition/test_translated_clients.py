"""Clients that a translator or a NAT stands between, and what answers hand out to them."""

from collections.abc import Sequence
from dataclasses import replace

from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.families import Family, endpoint
from dualstack.finding import Finding, Symptom
from dualstack.prober.handles import ConnectionsHandle
from dualstack.prober.messages import Dialled, Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.client import ERROR
from dualstack.world.handed_out import asked, handed_out, require_usable
from dualstack.world.prerequisites import start_or_leave
from dualstack.world.servers import serve_names
from dualstack.world.translated import is_translated, near_clients


@Requirement(
    id="TRANS-008",
    title="Serves clients behind a NAT or a translator",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service serves clients that reach it through a NAT (NAT44, carrier-grade NAT) or a translator between "
    "IPv4 and IPv6 (NAT64, SIIT-DC), as it serves those on its own link. It does not take all clients with one IPv4 "
    "address for one client: many share it.",
    stimulus="Start the service on a dual-stack host whose clients are behind one NAT or two, on an IPv4-only host "
    "whose clients have IPv6 alone, or on an IPv6-only one whose clients have IPv4 alone. Two clients dial, over each "
    "family whose packets are translated, the second one while the connection of the first is open. If one is not "
    "answered, or with an error, or the second unlike the first, a client on the service's own link dials, or one on "
    "its host if a NAT has the only other address there: a service that does not serve that one is not judged, and the "
    "others must get a status of the same class. If the second one fails beside the first, it dials again once that "
    "one has left: only if it is served then, the two are taken for one client.",
    wire="On the service's link each attempt is answered, over the service's own family.",
    cites=("RFC 3022 §2.2", "RFC 6888 §3", "RFC 7755 §1", "RFC 6269 §13", "RFC 6540 §2"),
    topologies=("nat44-clients", "nat444-clients", "nat64-clients", "nat64-dns64"),
    causes=("RC-V4SOCK", "RC-NOINET6", "RC-ACLTEXT", "RC-CLIENTKEY", "RC-SHAREDADDRESS"),
    needs=(Need.NETWORK, Need.REPLY_PORT),  # a NAT lets only answers from the port that was asked pass
).attach
def test_clients_behind_a_translator(world: ListenerWorld) -> None:
    """Two clients that share an address, or stand behind a translator, are served at the same time."""
    translated = [family for family in world.families if is_translated(world.lab, family)]
    if not translated:
        raise NothingToJudge("none of the families that it serves is translated here")
    world.service.start()
    judged = [family for family in translated if both_served(world, family)]
    if not judged:
        raise NothingToJudge("no client is served without a translator either")
    for family in judged:
        world.shows_served(family)


def both_served(world: ListenerWorld, family: Family) -> bool:
    """Require that two clients behind the translator are served; return False if no client on the link is either."""
    address, port = world.addresses(family)[0], world.listener.port
    sources = world.sources(family)
    held = world.client.hold(family, 1) if world.is_tcp and Need.MANY.holds(world.listener) else None
    made = [held.clients[-1] if held is not None else world.client.dial(family, address)]
    if made[0].outcome is Outcome.ANSWERED and Need.MANY.holds(world.listener):
        made.append(world.client.dial(family, address, source=sources[-1]))
    near, where = None, ""
    if not all(is_plainly_served(item, made[0]) for item in made):
        clients = near_clients(world.lab, family)
        dial = world.client.exchange(family, clients.addresses[family][0], clients)
        near = world.client.carry_out(replace(dial, host=address), clients)
        if near.outcome is not Outcome.ANSWERED:
            return False
        where = f"; a client on the service's own {'host' if clients.inside else 'link'} is answered: {near.detail}"
    ok, number = judged(made, near)
    happened = f"{'beside' if held else 'after'} another client: " * (number > 0 and not ok) + made[number].detail
    world.count(family, served=ok)
    expected = f"two {family.label} clients behind a translator are answered at {endpoint(address, port)}"
    symptoms: tuple[Symptom, ...] = ()
    if not ok and held is not None and number > 0:
        shares = is_served_alone(world, held, family, sources[-1])
        symptoms = (Symptom.SHARED_ADDRESS if shares else Symptom.FAILS_ALONE,)
        happened += "; once that one has left, it is " + ("answered" if shares else "not answered either")
    world.require(Finding(ok, expected, happened + where, symptoms=symptoms))
    return True


def is_served_alone(world: ListenerWorld, held: ConnectionsHandle, family: Family, source: str) -> bool:
    """Return whether the second client is answered once the connection of the first one is closed."""
    held.close()
    return is_plainly_served(world.client.dial(family, world.addresses(family)[0], source=source), held.clients[-1])


def is_plainly_served(dialled: Dialled, first: Dialled) -> bool:
    """Return whether a client was answered without an error, with a status of the same class as the first client."""
    return dialled.outcome is Outcome.ANSWERED and dialled.status < ERROR and is_alike(dialled, first)


def is_alike(one: Dialled, other: Dialled) -> bool:
    """Return whether two answers have statuses of the same class, or none."""
    return one.status // 100 == other.status // 100


def judged(made: Sequence[Dialled], near: Dialled | None) -> tuple[bool, int]:
    """Return whether the clients behind the translator are served, and the number of the one that shows it.

    Args:
        made: Their exchanges, one after the other.
        near: The exchange of a client on this side of the translator; None if they are certainly served.
    """
    control = near or made[0]
    for number, item in enumerate(made):
        if item.outcome is not Outcome.ANSWERED or not is_alike(item, control):
            return False, number
    return True, len(made) - 1


@Requirement(
    id="TRANS-009",
    title="What an answer hands out leads clients behind a translator back",
    level=Level.OBSERVE,
    role=Role.LISTENER,
    statement="Each address that a service hands out is usable by a client that reaches it through NAT64 or SIIT-DC: "
    "the client's family is not the one that the service sees, and an address literal of the service's own cannot be "
    "reached. A name, or a reference without an address, can. It must be so if its manifest says translated = true.",
    stimulus="The service is on an IPv4-only host whose client has IPv6 alone, or the other way round. The client asks "
    "for the answer that holds the addresses, resolves each name, and connects to each address, as in META-001. Names "
    "of the lab's zone mean the address at which the client reaches the service.",
    wire="No claim: the evidence is what the client gets and reaches.",
    cites=("RFC 6586 §6", "RFC 7269 §3.4", "RFC 6384 §1", "RFC 4085 §2"),
    topologies=("nat64-clients", "nat64-dns64"),
    causes=("RC-ADVERTISED", "RC-LITERAL"),
    needs=(Need.ADVERTISES, Need.MANY, Need.NETWORK),
).attach
def test_addresses_lead_back(world: ListenerWorld) -> None:
    """A client behind a translator can use every address that it is given."""
    start_or_leave(world)
    for family in world.families:
        dialled = {Family.of(address): (address,) for address in world.addresses(family)[:1]}
        with serve_names(world.resolver, dialled):
            items = handed_out(world.listener, asked(world, family))
            for item in items:
                require_usable(world, next(iter(dialled)), item)
        if not items and world.listener.advertises is not None:
            raise Inconclusive("no answer holds an address where [listen.advertises] says that one is")
    if not world.findings:
        raise NothingToJudge("no answer holds an address")
    if world.listener.advertises is not None and world.listener.advertises.translated:
        world.findings[:] = [replace(finding, level=Level.MUST.value) for finding in world.findings]
