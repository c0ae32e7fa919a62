"""RTSP: the session description has addresses of the client's family, and its medium can be pulled over IPv6."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from dualstack.errors import NothingToJudge
from dualstack.families import Family, unmapped
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import Outcome
from dualstack.protocols.advertised import parsed, why_unusable
from dualstack.protocols.headed import Message
from dualstack.protocols.rtsp_addresses import description_in, responses_in, sources_in, uris_in
from dualstack.protocols.sdp import SdpAddress, SdpError
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.transport import Transport
from dualstack.world import ListenerWorld
from dualstack.world.handed_out import asked
from dualstack.world.own_ports import shows_arrival
from dualstack.world.prerequisites import NO_FAMILY, start_or_leave
from dualstack.world.uri_hosts import host_symptoms, wrong_host

PULL = "rtsp-pull"
"""The protocol of a client that also sets the medium up and waits for its first packet."""

PULL_UDP = "rtsp-pull-udp"
"""The same, and the medium comes in datagrams."""

NOT_OFFERED = frozenset({405, 461, 501})
"""Method not allowed, unsupported transport, not implemented: SETUP fails alike for every client."""

_ERROR = 400

_OWN_PORT = re.compile(r"client_port=(\d+)")

_AUTHORITY = re.compile(r"[A-Za-z]+://(?:[^/?#@]*@)?([^/?#]*)")


@Requirement(
    id="META-003",
    title="A session description has addresses of the client's family",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="In the session description (SDP) that a client gets, each line o= and c= has the type of the client's "
    "family, IP4 or IP6, and an address of that type without brackets. The origin is an address of the service, or a "
    "name. A connection address is one that the client can use, or the unspecified address: SETUP says where the "
    "medium is.",
    stimulus="Ask for the description of the medium over each family that the service claims.",
    wire="The exchanges are answered over the family of their client.",
    cites=("RFC 8866 §5.2, §5.7, §9", "RFC 7826 appendix D.1.8", "RFC 4291 §2.5.5.2"),
    topologies=("dual-stack", "ipv6-only-strict"),
    causes=("RC-ADVERTISED", "RC-SDPTYPE"),
    needs=(Need.RTSP, Need.MANY),
).attach
def test_session_descriptions(world: ListenerWorld) -> None:
    """Each client gets a session description of its own family."""
    start_or_leave(world)
    for family in world.families:
        dialled = asked(world, family)
        own = world.addresses(family)
        for response in responses_in(dialled.answer.encode("latin-1")):
            for item in addresses_of(response):
                world.require(judged(item, family, own, inside=world.clients.inside))
    if not world.findings:
        raise NothingToJudge("no answer holds a session description")
    for family in world.families:
        world.shows_served(family)


def addresses_of(response: Message) -> Sequence[SdpAddress]:
    """Return the addresses of the session description in a response; none if it has none."""
    try:
        description = description_in(response)
    except SdpError:
        return ()
    return description.addresses if description is not None else ()


def judged(item: SdpAddress, family: Family, own: Sequence[str], *, inside: bool = False) -> Finding:
    """Return whether a line of a description is right for a client of a family.

    Args:
        item: The address of the line.
        family: The client's family.
        own: The service's addresses of that family.
        inside: Whether the client is on the service's own host.
    """
    fault = _fault(item, family, own, inside=inside)
    expected = f"in the description for an {family.label} client the line {item.where} has an address that it can use"
    happened = f'the line {item.where} has "{item.written}"' + (f": {fault}" if fault else "")
    symptom = Symptom.ADDRESS_TYPE if _is_only_type(item, family, own, inside=inside) else Symptom.UNUSABLE_ADDRESS
    return Finding(not fault, expected, happened, symptoms=(symptom,) if fault else ())


def _is_only_type(item: SdpAddress, family: Family, own: Sequence[str], *, inside: bool) -> bool:
    """Return whether a line is right but for the type of its address, which is that of the other family."""
    address, right = parsed(item.host), replace(item, kind=f"IP{family.number}")
    same_family = address is not None and Family.of(address) is family
    return item.kind == f"IP{family.other.number}" and same_family and not _fault(right, family, own, inside=inside)


def _fault(item: SdpAddress, family: Family, own: Sequence[str], *, inside: bool) -> str:
    """Return what is wrong with a line of a description; empty if nothing is."""
    kind = f"IP{family.number}"
    if item.network != "IN" or item.kind not in {"IP4", "IP6"}:
        return f"expected IN {kind} (RFC 8866 §8.2.7)"
    address = parsed(item.host)
    if item.kind != kind:
        own_type = address is not None and Family.of(address) is family
        return f"the type of this address is {kind} (RFC 8866 §5.7)" if own_type else _of_other_type(family)
    if item.where != "o=" and item.host == family.wildcard:
        return ""
    if address is not None and address.is_multicast and Family.of(address) is family:
        return ""
    fault = why_unusable(item.host, family, inside=inside)
    if not fault and item.where == "o=" and address is not None and str(address) not in map(unmapped, own):
        return "it is not an address of the service"
    return fault


def _of_other_type(family: Family) -> str:
    """Return that an address has the type of the other family."""
    return f"the client has {family.label}, whose type is IP{family.number}"


@Requirement(
    id="META-004",
    title="A medium of RTSP can be pulled over IPv6 as over IPv4",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="The service takes URIs with an IPv6 address in brackets, and writes such URIs into Content-Base and "
    "RTP-Info. The addresses in its Transport header are valid and of the client's family. After SETUP and PLAY the "
    "medium arrives.",
    stimulus="Over IPv6, and over IPv4 if the service claims it: OPTIONS, DESCRIBE, SETUP of the first medium inside "
    "the connection (RTP/AVP/TCP), PLAY; wait for the first packet of RTP.",
    wire="The exchanges are answered over the family of their client.",
    cites=("RFC 7826 §4.2, §13.3, §18.54", "RFC 2326 §3.2, §10.12, §12.39", "RFC 3986 §3.2.2"),
    topologies=("dual-stack", "ipv6-only-strict"),
    causes=("RC-BRACKET", "RC-ADVERTISED"),
    needs=(Need.RTSP, Need.IPV6, Need.MANY),
).attach
def test_media_over_ipv6(world: ListenerWorld) -> None:
    """The medium arrives over IPv6, and the URIs and addresses on the way are right."""
    start_or_leave(world)
    for family in sorted(world.families, key=lambda item: item.number):
        dialled = world.client.carry_out(world.client.exchange(family, protocol=PULL))
        pulled = dialled.outcome is Outcome.ANSWERED
        if family is Family.IPV4:
            if not pulled:
                raise NothingToJudge(f"the medium cannot be pulled over IPv4 either: {dialled.detail}")
            continue
        if not pulled and len(world.families) == 1 and dialled.status in NOT_OFFERED:
            raise NothingToJudge(f"no client can pull the medium: {dialled.detail}")
        world.require(Finding(pulled, "a client pulls the medium over IPv6", dialled.detail))
        for response in responses_in(dialled.answer.encode("latin-1")):
            for finding in on_the_way(response, family, inside=world.clients.inside):
                world.require(finding)
    world.shows_served(Family.IPV6)


def on_the_way(response: Message, family: Family, *, inside: bool = False) -> Iterator[Finding]:
    """Yield whether the URIs and the sources of the medium in a response are right for a client of a family."""
    for name, uri in uris_in(response):
        found = _AUTHORITY.match(uri)
        fault = wrong_host(found[1]) if found else "it is not a URI"
        symptoms = host_symptoms(found[1]) if found else ()
        happened = f"{name}: {uri}" + (f": {fault}" if fault else "")
        yield Finding(not fault, f"the URI in {name} names its host correctly", happened, symptoms=symptoms)
    yield from of_sources(response, family, inside=inside)


def of_sources(response: Message, family: Family, *, inside: bool) -> Iterator[Finding]:
    """Yield whether the sources of the medium in a response are addresses of the client's family."""
    for host in sources_in(response):
        fault = why_unusable(host.strip("[]"), family, inside=inside)
        symptoms = (Symptom.UNUSABLE_ADDRESS,) if fault else ()
        what = f"the source in the Transport header for an {family.label} client is an address of its family"
        yield Finding(not fault, what, f"it is {host}" + (f": {fault}" if fault else ""), symptoms=symptoms)


@Requirement(
    id="META-009",
    title="A medium of RTSP arrives in datagrams over the family of its connection",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="After SETUP with UDP ports of the client (RTP/AVP;unicast;client_port) and PLAY, the medium arrives at "
    "the client's port over the family of the RTSP connection. It comes from the address that the client connected to, "
    "or from the source that the Transport header names, which is of that family. A service without UDP refuses it "
    "over both families (461); a SETUP that is refused alike over both is not judged.",
    stimulus="Over each family that the service claims: OPTIONS, DESCRIBE, SETUP of the first medium with two UDP "
    "ports at the client's address, PLAY; wait for the first packet of RTP.",
    wire="The service sends datagrams to the client's port over the family of the connection.",
    cites=("RFC 2326 §10.4, §12.39", "RFC 7826 §18.54", "RFC 3550 §11"),
    topologies=("dual-stack", "ipv6-only-strict"),
    causes=("RC-ADVERTISED", "RC-SIDECHANNEL"),
    needs=(Need.RTSP, Need.PLAIN, Need.MANY),
).attach
def test_media_in_datagrams(world: ListenerWorld) -> None:
    """Each client gets the medium at its UDP port."""
    start_or_leave(world)
    for family in world.families:
        asked(world, family)
    done = {
        family: world.client.carry_out(world.client.exchange(family, protocol=PULL_UDP)) for family in world.families
    }
    if not done or refused_alike([dialled.status for dialled in done.values()]):
        details = dict.fromkeys(dialled.detail for dialled in done.values())
        raise NothingToJudge(f"it sends no medium in datagrams: {'; '.join(details)}" if done else NO_FAMILY)
    for family, dialled in done.items():
        pulled = dialled.outcome is Outcome.ANSWERED
        world.require(Finding(pulled, f"an {family.label} client gets the medium in datagrams", dialled.detail))
        for response in responses_in(dialled.answer.encode("latin-1")):
            for finding in of_sources(response, family, inside=world.clients.inside):
                world.require(finding)
    for family, dialled in done.items():
        if dialled.outcome is Outcome.ANSWERED:
            shows_arrival(world, family, dialled, _OWN_PORT, Transport.UDP)
        world.shows_served(family)


def refused_alike(statuses: Sequence[int]) -> bool:
    """Return whether clients of both families got the same error, or one that is no matter of families.

    Args:
        statuses: The status that a client of each family got last; 0 without one.
    """
    both = len(statuses) > 1 and len({*statuses}) == 1 and statuses[0] >= _ERROR
    return both or (bool(statuses) and {*statuses} <= NOT_OFFERED)
