"""The addresses of itself that an HTTP service writes into its responses."""

from dualstack.errors import NothingToJudge
from dualstack.families import Family, endpoint
from dualstack.finding import Finding, Symptom
from dualstack.protocols.registry import protocol_named
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.handed_out import asked, require_usable
from dualstack.world.prerequisites import start_or_leave
from dualstack.world.self_references import Reference, references_in
from dualstack.world.servers import serve_names

REFUSED_HOST = frozenset({400, 421})
"""Bad Request and Misdirected Request: the statuses for a Host field that a server does not take."""


@Requirement(
    id="META-008",
    title="A service of HTTP writes its own address in a form that its client can use",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="The service takes a Host field with an IPv6 address in brackets, if it takes addresses there. Each "
    "absolute URL in Location and similar header fields or in the body of a redirect, and each host in Alt-Svc, has an "
    "IPv6 address in brackets, and the client that gets it can connect to it. This holds for HTTP/1.1, HTTP/2 and the "
    "opening handshake of a WebSocket.",
    stimulus="Send the request of [listen.advertises], or GET /, over each family, with the service's address as the "
    "Host field or :authority; if that is refused, also with its address of the other family. Connect to each host "
    "that the response names, over the same family.",
    wire="The exchanges are answered over the family of their client.",
    cites=("RFC 9110 §4.2.1, §7.2, §10.2.2", "RFC 3986 §3.2.2", "RFC 7838 §3", "RFC 9113 §8.3.1", "RFC 6455 §4.1"),
    topologies=("dual-stack", "ipv6-only"),
    causes=("RC-BRACKET", "RC-ADVERTISED"),
    needs=(Need.SELF_REFERENCES, Need.MANY),
).attach
def test_self_references_can_be_used(world: ListenerWorld) -> None:
    """Each client can use the addresses of the service that its response names."""
    start_or_leave(world)
    with serve_names(world.peer, world.host.plan.configured):
        found = sum(refers_to_itself(world, family) for family in world.families)
    for family in world.families:
        world.shows_served(family)
    if not found and all(finding.ok for finding in world.findings):
        raise NothingToJudge("no header field and no redirect names a server: META-001 is about other answers")


def refers_to_itself(world: ListenerWorld, family: Family) -> int:
    """Require that the client of a family can use what its response names; return how many servers it names."""
    dialled = asked(world, family)
    host = endpoint(world.addresses(family)[0], world.listener.port)
    happened = f"it has status {dialled.status}"
    if dialled.status in REFUSED_HOST:
        happened += f", one with Host: {takes_other_host(world, family)} is accepted"
    world.require(
        Finding(
            dialled.status not in REFUSED_HOST,
            f"a request with Host: {host} is accepted",
            happened,
            symptoms=(Symptom.LITERAL_REFUSED,),
        )
    )
    response = protocol_named(world.listener.protocol).response(dialled.answer.encode("latin-1"))
    references = [*references_in(response)] if response is not None else []
    for reference in dict.fromkeys(references):
        if has_its_form(world, family, reference):
            require_usable(world, family, reference.advertised)
    return len(references)


def takes_other_host(world: ListenerWorld, family: Family) -> str:
    """Return another host, the service's address of the other family, that it takes in Host over a family.

    Raises:
        NothingToJudge: It refuses that one too: it takes only hosts that it knows, whatever their form is.
    """
    other = world.host.plan.planned[family.other][0]
    world.note(f"control: the next request has the host {other}")
    dialled = asked(world, family, other)
    if dialled.status in REFUSED_HOST:
        raise NothingToJudge(
            f"it refuses IPv4 and IPv6 addresses in Host alike, with status {dialled.status}: it takes other hosts only"
        )
    return endpoint(other, world.listener.port)


def has_its_form(world: ListenerWorld, family: Family, reference: Reference) -> bool:
    """Require that the form of a reference is right; return whether it is."""
    expected = f"{reference.where} for an {family.label} client names a host in the form of a URL"
    fault = f"{reference.authority!r}: {reference.fault}" if reference.fault else f"it names {reference.authority}"
    world.require(Finding(not reference.fault, expected, fault, symptoms=reference.symptoms))
    return not reference.fault
