"""A service behind a relay takes the client's address from the PROXY header that the relay sends first."""

from dataclasses import replace
from ipaddress import ip_address

from dualstack.families import BOTH, Family, unmapped
from dualstack.finding import Finding, Symptom
from dualstack.manifest.texts import fill
from dualstack.prober.messages import Dial, Dialled, Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.proxy_headers import CLIENTS, Shape, malformed, shapes


@Requirement(
    id="FORWARD-007",
    title="A service takes each form of the PROXY header",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="Over a connection of either family, the service takes the client's address from a PROXY header: of "
    "version 1 with TCP4 and TCP6, its address compressed, of full length or with leading zeros; of version 2 for TCP "
    "over IPv4 and IPv6, with or without type-length-value fields. With LOCAL it uses the address of the connection, "
    "and with UNKNOWN it should. After a malformed header it closes the connection, and it serves no client without a "
    "header. A client is served if its status or reply code is no error, or the one that ordinary clients get.",
    stimulus="Over each family, and for each version that the manifest declares, connect with each form of the header, "
    "alone and in one segment with the request; read the client's address from the answer or from the service's log. "
    "Then connect with malformed headers, and without a header.",
    wire="No claim: the evidence is what the service answers and shows.",
    cites=("PROXY protocol §2", "PROXY protocol §2.1", "PROXY protocol §2.2"),
    topologies=("dual-stack",),
    causes=("RC-PROXYHDR",),
    needs=(Need.PROXY, Need.ANSWER),
).attach
def test_takes_each_form_of_the_header(world: ListenerWorld) -> None:
    """The service uses each form of the header, and serves nothing after a malformed one."""
    proxy = world.listener.proxy
    assert proxy is not None  # Need.PROXY
    servers = {family: world.addresses(family)[0] for family in BOTH}
    served = world.served()
    for family in served:
        for version in proxy.versions:
            for shape in shapes(version, servers, world.listener.port):
                takes(world, family, shape)
    for family in served:
        for version in proxy.versions:
            for name, data in malformed(version, servers, world.listener.port):
                closes(world, family, name, data)
        closes(world, family, "no header", b"", may_wait=True)


def takes(world: ListenerWorld, family: Family, shape: Shape) -> None:
    """Require that a connection over ``family`` with a header is served, and shows the client that it names."""
    dialled = relayed(world, world.client.exchange(family), shape)
    where = f"over {family.label}, with {shape.name},"
    ok = is_served(world, family, dialled)
    world.require(finding(shape, f"{where} a client is served", dialled.detail, ok=ok))
    if not ok or not shows_peers(world):
        return
    client = shape.client or dialled.source
    shown = world.client.shown_address(dialled, client)
    happened = f'{where} it shows "{shown}"' if shown else f"{where} it shows no address"
    world.require(finding(shape, f"{where} the service shows {client}", happened, ok=is_same(shown, client)))


def finding(shape: Shape, expected: str, happened: str, *, ok: bool) -> Finding:
    """Return a finding about a header."""
    return Finding(ok, expected, happened, level="SHOULD" * shape.should, symptoms=(Symptom.PROXY_HEADER,))


def closes(world: ListenerWorld, family: Family, name: str, data: bytes, *, may_wait: bool = False) -> None:
    """Require that the service closes a connection with a malformed header, and answers nothing of use.

    Args:
        world: The world.
        family: The family to dial over.
        name: What is sent, for the finding.
        data: What is sent in place of a header; empty for the request alone.
        may_wait: Whether the service may also wait for more.
    """
    dial = world.client.exchange(family)
    dialled = relayed(world, dial, Shape(name, data))
    closed = may_wait or dialled.seconds < dial.timeout
    served = is_served(world, family, dialled) or (bool(dialled.answer) and world.client.is_usual(family, dialled))
    happened = dialled.detail if closed or served else f"it is still open after {dial.timeout:g} s"
    where = f"over {family.label}, after {name},"
    world.require(
        Finding(
            closed and not served,
            f"{where} the service closes the connection and serves nothing",
            f"{where} {happened}",
            symptoms=(Symptom.PROXY_HEADER,),
        )
    )


def relayed(world: ListenerWorld, dial: Dial, shape: Shape) -> Dialled:
    """Carry out an exchange that begins with a header."""
    world.note(f"the next client sends {shape.name}")
    proxy, preface = dial.proxy if shape.data else "", shape.data.decode("latin-1")
    return world.client.carry_out(replace(dial, proxy=proxy, preface=preface, joined=shape.joined))


def is_served(world: ListenerWorld, family: Family, dialled: Dialled) -> bool:
    """Return whether an exchange was completed, and not with an error that ordinary clients do not get."""
    return dialled.outcome is Outcome.ANSWERED and world.client.is_usual(family, dialled)


def shows_peers(world: ListenerWorld) -> bool:
    """Return whether the service shows its clients' addresses."""
    return bool(world.listener.peer_reply or world.listener.peer_log)


def is_same(shown: str, client: str) -> bool:
    """Return whether a text is the client's address, in any notation; an IPv4 address may be mapped."""
    try:
        return ip_address(unmapped(shown.strip("[]"))) == ip_address(client)
    except ValueError:
        return False


@Requirement(
    id="FORWARD-016",
    title="A service uses the PROXY headers of the relays that it trusts, and of no others",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service that is configured to trust one relay uses the PROXY headers of this relay, also if it is an "
    "IPv4 host whose address appears as ::ffff:a.b.c.d on a dual-stack socket. A header of any other host is refused, "
    "or its address is not used.",
    stimulus="For each family: start the service with one trusted relay. Connect from this relay, from another host of "
    "its family and from one of the other family, each time with a header that names a client elsewhere; read the "
    "client's address from the answer or from the service's log.",
    wire="No claim: the evidence is what the service answers and shows.",
    cites=("PROXY protocol §2", "RFC 4942 §2.2", "RFC 3493 §3.7"),
    topologies=("dual-stack",),
    causes=("RC-ACLTEXT", "RC-PROXYTRUST"),
    needs=(Need.PROXY_TRUST, Need.PEER, Need.ANSWER, Need.NETWORK),
).attach
def test_uses_headers_of_trusted_relays_only(world: ListenerWorld) -> None:
    """The service uses the headers of the one relay that it trusts."""
    proxy = world.listener.proxy
    assert proxy is not None  # Need.PROXY_TRUST
    assert proxy.trust is not None  # Need.PROXY_TRUST
    served = world.served()
    for family in served:
        relay, *strangers = world.sources(family)[:2]
        text = fill(proxy.trust, {"address": relay})
        world.service.start(trusted=text)
        trusts(world, family, relay, text)
        for source in (*strangers, *(world.sources(other)[0] for other in served if other is not family)):
            ignores(world, source, text)


def header(world: ListenerWorld, source: str) -> tuple[Dial, Shape]:
    """Return an exchange from a relay at ``source``, and its header, which names a client elsewhere."""
    proxy, family = world.listener.proxy, Family.of(source)
    assert proxy is not None  # Need.PROXY_TRUST
    servers = {item: world.addresses(item)[0] for item in BOTH}
    shape = next(
        item for item in shapes(proxy.versions[0], servers, world.listener.port) if item.client == CLIENTS[family]
    )
    return replace(world.client.exchange(family), source=source), shape


def trusts(world: ListenerWorld, family: Family, relay: str, text: str) -> None:
    """Require that the header of the trusted relay is used."""
    dial, shape = header(world, relay)
    dialled = relayed(world, dial, shape)
    shown = world.client.shown_address(dialled, shape.client)
    who = f'the header of the relay {relay}, which "{text}" trusts,'
    happened = f'{who} names {shape.client}, and the service shows "{shown}"' if shown else f"{who} is not used"
    world.require(
        Finding(
            is_same(shown, shape.client),
            f"the service uses the PROXY header of the {family.label} relay {relay}, which it trusts",
            f"{happened}: {dialled.detail}",
            symptoms=(Symptom.RELAY_DISTRUSTED,),
        )
    )


def ignores(world: ListenerWorld, source: str, text: str) -> None:
    """Require that the header of another host is not used."""
    dial, shape = header(world, source)
    dialled = relayed(world, dial, shape)
    shown = world.client.shown_address(dialled, source)
    world.require(
        Finding(
            not is_same(shown, shape.client),
            f"the service does not use the PROXY header of {source}, which it does not trust",
            f'with "{text}" it shows "{shown}" for a client at {source}' if shown else dialled.detail,
            symptoms=(Symptom.STRANGER_TRUSTED,),
        )
    )
