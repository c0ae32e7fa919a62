"""A relay names its client to the server: in a PROXY header, or in a field of an HTTP request."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from dualstack.errors import NothingToJudge
from dualstack.families import BOTH, Family, endpoint, unmapped
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import Accepted, Dialled, Outcome
from dualstack.protocols.application import Trait
from dualstack.protocols.forwarded import Field, read, values_in
from dualstack.protocols.proxy_header import Endpoints, ProxyHeader
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import RelayWorld
from dualstack.world.concurrent_clients import add_client_addresses
from dualstack.world.relayed import arrivals, heads_in

NOT_REACHED = "the server is not reached, as FORWARD-001 and FORWARD-002 report"
CAUSES = ("RC-PROXYHDR",)
STIMULUS = (
    "For each family of the client and each family of the server: dial the relay from two addresses, one after the "
    "other, and read the first bytes of the connections on which something reaches the server: those of one must be "
    "right, because others may be health checks."
)
REQUESTS = 2
"""How many HTTP requests a client sends on its connection, if the relay keeps it."""
WIRE = "No claim: the evidence is what the server receives."


Judge = Callable[[RelayWorld, Family, Family, Dialled, Sequence[Accepted]], Finding]
"""Judges what the server received for one client; the families are those of the client and of the server."""


def names_the_client(world: RelayWorld, judge: Judge, kept: int = 0) -> None:
    """Judge what the server receives for two clients of each family, in all pairs of families.

    Each client sends ``kept`` requests on one connection, if it is not 0.
    """
    there = world.server.plan.configured
    own = {front: world.peer.plan.planned[front][:2] for front in world.families}
    add_client_addresses(world, [second for front, (_, second) in own.items() if second not in world.sources(front)])
    clients = [(front, own[front][number]) for number in (0, 1) for front in own]
    for back in (family for family in BOTH if family in world.relay.families and there[family]):
        with world.serve(back) as server, target_of(world, back) as target:
            world.start_towards(target)
            for front, source in clients:
                before = server.accepted()
                dialled = world.client.carry_out(replace(world.client.exchange(front), source=source, kept=kept))
                arrived = arrivals(before, server.accepted())
                if not arrived:
                    raise NothingToJudge(f"{NOT_REACHED}: {dialled.detail}")
                world.require(judge(world, front, back, dialled, by_exchange(arrived)))


def by_exchange(arrived: Sequence[Accepted]) -> list[Accepted]:
    """Return connections, the one that has most likely carried the exchange first: the last that completed one.

    The others may be health checks of the relay, which name no client.
    """
    last = next((item for item in reversed(arrived) if item.completed), arrived[-1])
    return [last, *(item for item in arrived if item is not last)]


def target_of(world: RelayWorld, family: Family) -> AbstractContextManager[str]:
    """Return the server's address of a family; a name that has it, if the relay takes no addresses."""
    if world.relay.literals:
        return nullcontext(world.server.plan.address(family))
    return world.named({family: "ok"})


def by_header(world: RelayWorld, front: Family, back: Family, dialled: Dialled, arrived: Sequence[Accepted]) -> Finding:
    """Return whether a PROXY header names the client of one connection, and the address that it dialled."""
    wanted = Endpoints(dialled.source, dialled.source_port, world.addresses(front)[0], world.listener.port)
    client = endpoint(wanted.source, wanted.source_port)
    expected = (
        f"the header that the {back.label} server receives for the {front.label} client {client} names it, and "
        f"{endpoint(wanted.destination, wanted.destination_port)}, which it dialled"
    )
    faults = [why_wrong(accepted.proxied, wanted) for accepted in arrived]
    fault = faults[0] if all(faults) else ""
    if not fault and dialled.outcome is not Outcome.ANSWERED:
        return Finding(False, f"{expected}; then the client is answered", f"it does, but then: {dialled.detail}")
    return Finding(not fault, expected, fault or "it does", symptoms=(Symptom.PROXY_HEADER,))


def why_wrong(header: ProxyHeader | None, wanted: Endpoints) -> str:
    """Return what is wrong with a header, as a sentence; empty if nothing is."""
    if header is None:
        return "no complete header came"
    sent = f"it sends {header.text!r}" if header.text else "it sends no header"
    if header.fault:
        return f"{sent}, which is malformed: {header.fault}"
    found = header.endpoints
    if found is None:
        return f"{sent}, which names no client"
    if header.datagrams:
        return f"{sent}, which says DGRAM, and the client uses TCP"
    return "" if found == wanted else f"{sent}, which names {_other_ends(found)}"


def _other_ends(found: Endpoints) -> str:
    """Return ends that are not the right ones, in words."""
    source = endpoint(found.source, found.source_port)
    if unmapped(found.source) != found.source:
        return f"{source}, an IPv4-mapped address"
    return f"{source} and {endpoint(found.destination, found.destination_port)}"


@Requirement(
    id="FORWARD-005",
    title="A PROXY header of version 1 names the client in its family",
    level=Level.MUST,
    role=Role.RELAY,
    statement="For an IPv4 client the line says TCP4, for an IPv6 client TCP6, whatever the family of the server is. "
    "It has the address and port of the client, and those that the client dialled: an IPv4 address is never mapped, an "
    "IPv6 address has no brackets and no zone. It ends with CRLF within 107 bytes.",
    stimulus=STIMULUS,
    wire=WIRE,
    cites=("PROXY protocol §2.1",),
    topologies=("relay",),
    causes=CAUSES,
    needs=(Need.SENDS_V1, Need.NETWORK, Need.ANSWER),
).attach
def test_line_names_the_client(world: RelayWorld) -> None:
    """The line names the client and what it dialled."""
    names_the_client(world, by_header)


@Requirement(
    id="FORWARD-006",
    title="A PROXY header of version 2 names the client in its family",
    level=Level.MUST,
    role=Role.RELAY,
    statement="For an IPv4 client the header says AF_INET and has 12 bytes of addresses and ports, for an IPv6 client "
    "AF_INET6 and 36 bytes, whatever the family of the server is. They are those of the client, and those that the "
    "client dialled; an IPv4 address is never an IPv4-mapped one. The transport is STREAM. The length of the header "
    "ends with the addresses, or with the last of the fields (type, length, value) that follow them.",
    stimulus=STIMULUS,
    wire=WIRE,
    cites=("PROXY protocol §2.2, §2.2.7",),
    topologies=("relay",),
    causes=CAUSES,
    needs=(Need.SENDS_V2, Need.NETWORK, Need.ANSWER),
).attach
def test_binary_header_names_the_client(world: RelayWorld) -> None:
    """The header names the client and what it dialled."""
    names_the_client(world, by_header)


def by_field(world: RelayWorld, front: Family, back: Family, dialled: Dialled, arrived: Sequence[Accepted]) -> Finding:
    """Return whether a field of each request of the client names it."""
    field = world.relay.forwarded
    assert field is not None  # Need.SENDS_FORWARDED
    wanted = max(dialled.answers, 1)
    which = f", in each of its {wanted} requests" if wanted > 1 else ""
    expected = (
        f"{field}, as the {back.label} server receives it, names the {front.label} client {dialled.source}{which}"
    )
    faults = [why_not_named(field, head, dialled.source) for head in heads_in(arrived) or [""]]
    right = faults.count("")
    ok = right >= wanted or not any(faults)  # a request may be answered by the relay itself
    happened = "it does" if ok else next(filter(None, faults))
    if right and not ok:
        happened = f"it does so in {right} of them; in another one {happened}"
    return Finding(ok, expected, happened, symptoms=(Symptom.FORWARDED,))


def why_not_named(field: Field, head: str, client: str) -> str:
    """Return why the last node of a field is not the client, as a sentence; empty if it is."""
    values = values_in(head, field)
    if not values:
        return f"the request has no {field}"
    sent = f"it sends {field}: {', '.join(values)}"
    chain = read(field, values)
    if chain.fault:
        end = values[-1].rpartition(",")[2].strip()
        cut = f"it is the client's address {client}, cut at a colon" if client.startswith(f"{end}:") else ""
        return f"{sent}, which is malformed: {cut or chain.fault}"
    last = chain.nodes[-1] if chain.nodes else ""
    if last == client:
        return ""
    return f"{sent}, an IPv4-mapped address" if unmapped(last) == client else f"{sent}, which does not name it"


@Requirement(
    id="FORWARD-015",
    title="An HTTP relay names its client in Forwarded or X-Forwarded-For",
    level=Level.MUST,
    role=Role.RELAY,
    statement="The last node in the field that the manifest names is the address of the client, in its family: an IPv4 "
    "address is not mapped. In Forwarded an IPv6 address has brackets and is quoted; in X-Forwarded-For it is the "
    "address alone, without brackets and port. This holds for each request of a connection.",
    stimulus="For each family of the client and each family of the server: send a request to the relay, and a "
    "second one on the same connection, unless the relay ends it. Read the requests that the server receives: as many "
    "must be right as were answered; others may be health checks.",
    wire=WIRE,
    cites=("RFC 7239 §4, §6", "RFC 4291 §2.5.5.2"),
    topologies=("relay",),
    causes=("RC-FORWARDED",),
    needs=(Need.SENDS_FORWARDED, Need.NETWORK),
).attach
def test_field_names_the_client(world: RelayWorld) -> None:
    """The field names the client in each of its requests."""
    names_the_client(world, by_field, kept=REQUESTS if Trait.KEEPS in world.listener.traits else 0)
