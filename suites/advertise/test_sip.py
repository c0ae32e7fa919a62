"""SIP: the addresses in responses have their form, and are those of the client's family."""

import ipaddress
from collections.abc import Iterator

from dualstack.errors import NothingToJudge
from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.protocols.advertised import parsed, split_endpoint, why_unusable
from dualstack.protocols.headed import Message, read_all
from dualstack.protocols.sip import contacts_in, received_in, sent_by, top_via
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.handed_out import asked
from dualstack.world.prerequisites import NO_FAMILY, start_or_leave
from dualstack.world.uri_hosts import host_symptoms, wrong_host


@Requirement(
    id="META-006",
    title="The addresses in SIP's responses are those of the client and its family",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="A response has the client's Via as it was sent, an IPv6 address in brackets. The address that the "
    "service adds as received is the client's, never IPv4-mapped; with or without brackets. Contact names an address "
    "that the client can use, in brackets if it is an IPv6 address, or a name.",
    stimulus="Send OPTIONS over each family that the service claims, with the client's address in Via and rport.",
    wire="The response goes to the address and port that the request came from.",
    cites=("RFC 3261 §18.2.1, §18.2.2, §20.42, §25.1", "RFC 3581 §4", "RFC 5118 §4"),
    topologies=("dual-stack", "ipv6-only-strict"),
    causes=("RC-BRACKET", "RC-MAPPED", "RC-ADVERTISED"),
    needs=(Need.SIP, Need.MANY),
).attach
def test_addresses_in_responses(world: ListenerWorld) -> None:
    """Each client gets a response with its own address and usable ones."""
    start_or_leave(world)
    for family in world.families:
        dialled = asked(world, family)
        (request,) = read_all(dialled.sent.encode("latin-1"))
        responses = read_all(dialled.answer.encode("latin-1"))
        if not responses:
            raise NothingToJudge("no answer is complete")
        for finding in judged(request, responses[-1], family, dialled.source, inside=world.clients.inside):
            world.require(finding)
    if not world.findings:
        raise NothingToJudge(NO_FAMILY)
    for family in world.families:
        world.shows_served(family)


def judged(
    request: Message, response: Message, family: Family, source: str, *, inside: bool = False
) -> Iterator[Finding]:
    """Yield whether the addresses in a response are right.

    Args:
        request: What the client sent.
        response: The answer.
        family: The client's family.
        source: The client's address.
        inside: Whether the client is on the service's own host.
    """
    via, expected = top_via(response), sent_by(top_via(request))
    same = sent_by(via).lower() == expected.lower()
    symptoms = () if same else (Symptom.NO_BRACKETS if family is Family.IPV6 else Symptom.UNUSABLE_ADDRESS,)
    yield Finding(
        same, f"Via for an {family.label} client has {expected} as it was sent", f"Via: {via}", symptoms=symptoms
    )
    received = received_in(via)
    if received:
        named = parsed(received.strip("[]"))
        own = named == parsed(source)
        is_mapped = isinstance(named, ipaddress.IPv6Address) and named.ipv4_mapped is not None
        happened = f"it says received={received}"
        symptoms = () if own else (Symptom.MAPPED_ADDRESS if is_mapped else Symptom.UNUSABLE_ADDRESS,)
        yield Finding(own, f"received in Via is the client's address {source}", happened, symptoms=symptoms)
    for contact in contacts_in(response):
        form = wrong_host(contact)
        fault = form or why_unusable(split_endpoint(f"sip://{contact}")[0], family, inside=inside)
        shown = host_symptoms(contact) if form else (Symptom.UNUSABLE_ADDRESS,) if fault else ()
        happened = f"Contact: {contact}" + (f": {fault}" if fault else "")
        yield Finding(not fault, f"an {family.label} client can use Contact", happened, symptoms=shown)
