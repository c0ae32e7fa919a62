"""The addresses that a service hands out in its answers: what they are, and whether its clients can use them."""

from dataclasses import replace

from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.families import Family, endpoint
from dualstack.finding import Finding, Symptom
from dualstack.manifest import Listen
from dualstack.prober.messages import Dial, Dialled, Outcome
from dualstack.prober.messages.naming import Resolve
from dualstack.protocols.advertised import NOT_CLOSED, Advertised, parsed, why_unusable
from dualstack.protocols.application import Trait
from dualstack.protocols.registry import protocol_named
from dualstack.service import dial_to
from dualstack.transport import AppProtocol, Transport
from dualstack.world.listening import ListenerWorld
from dualstack.world.prerequisites import UNSERVED
from dualstack.world.uri_hosts import host_symptoms

_LAST_PORT = 65535


def asked(world: ListenerWorld, family: Family, host: str = "") -> Dialled:
    """Ask for the answer that holds the addresses, over a family; return the exchange.

    Args:
        world: The world.
        family: The family to dial over.
        host: The host in the request's Host field; empty for the address that is dialled.

    Raises:
        NothingToJudge: The client is not served: the requirements on reachability report that.
    """
    dial, table = replace(world.client.exchange(family), host=host), world.listener.advertises
    own = table is not None and table.request is not None
    if table is not None and table.request is not None:
        world.note(f"the next client requests {table.request.strip()!r}")
        is_handshake = Trait.WEBSOCKET in world.listener.traits
        dial = replace(dial, path=table.request) if is_handshake else replace(dial, send=table.request)
        if Trait.DECLARED in world.listener.traits:  # `expect` is about another answer
            dial = replace(dial, expect=table.expect)
    dialled = world.client.carry_out(dial)
    other = world.listener.traits & {Trait.DECLARED, Trait.WEBSOCKET}
    is_other = own and bool(other) and bool(dialled.answer)
    if dialled.outcome is not Outcome.ANSWERED and not is_other:
        raise NothingToJudge(f"{family.label} {UNSERVED}: {dialled.detail}")
    return dialled


def handed_out(listener: Listen, dialled: Dialled) -> tuple[Advertised, ...]:
    """Return the addresses in an answer: those that its protocol reads, and those that the manifest describes.

    Raises:
        Inconclusive: The answer does not have the form that the manifest describes.
    """
    received = dialled.answer.encode("latin-1")
    found = protocol_named(listener.protocol).advertised(received)
    if listener.advertises is None:
        return found
    response = protocol_named(listener.protocol).response(received)
    text = received if response is None or response.is_text else response.text
    try:
        return found + listener.advertises.read(text, response.body if response else received)
    except ValueError as error:
        raise Inconclusive(f"listen {listener.name!r}, advertises: in the answer {error}") from None


def require_usable(world: ListenerWorld, family: Family, item: Advertised) -> int:
    """Require that a client of a family can use an address that it was given; return the TCP port that was reached.

    A name must have an address of the family on the client's host. Then the client connects over the family; if the
    port is one of the service's listeners, it must be served there. The port is 0 if nothing on the link shows it.
    """
    port = item.port or world.listener.port
    lacks_brackets = item.port is None and item.host in {f"{own}:{port}" for own in world.addresses(Family.IPV6)}
    unread = item.port is None and ":" in item.host and parsed(item.host) is None
    shown = f'"{item.host}"' if lacks_brackets or unread else endpoint(item.host, port)
    expected = f"an {family.label} client can use {shown}, which the answer hands out ({item.where})"
    addresses, fault = _addresses(world, family, item.host)
    symptom = Symptom.UNUSABLE_ADDRESS
    if port > _LAST_PORT:
        fault = f"there is no port {port}"
    if fault == NOT_CLOSED:
        expected = f"an {family.label} client can use the host that the answer hands out ({item.where})"
        fault, symptom = f'"{item.host}": {fault}', (*host_symptoms(item.host), symptom)[0]
    if lacks_brackets:
        fault, symptom = f"{item.host}: the IPv6 address lacks brackets (RFC 3986 §3.2.2)", Symptom.NO_BRACKETS
    if fault:
        world.require(Finding(False, expected, fault, symptoms=(symptom,)))
        return 0
    dial = _dial(world, addresses[0], port)
    if not item.connects or dial is None:
        world.require(Finding(True, expected, "its form is right; nothing is sent there"))
        return 0
    dialled = world.client.carry_out(dial)
    ok = dialled.outcome is Outcome.ANSWERED
    world.require(Finding(ok, expected, dialled.detail, symptoms=() if ok else (Symptom.UNUSABLE_ADDRESS,)))
    return port if dial.transport is Transport.TCP else 0


def _addresses(world: ListenerWorld, family: Family, host: str) -> tuple[tuple[str, ...], str]:
    """Return the addresses that a host means to a client of a family, or why it can use none."""
    inside = world.clients.inside
    fault = why_unusable(host, family, inside=inside)
    if fault or parsed(host) is not None:
        return (host,), fault
    resolved = world.clients.host.prober.call(Resolve(host, family))
    world.note(f"the client resolves {host}: {' '.join(resolved.addresses) or resolved.error}")
    faults = [why_unusable(address, family, inside=inside) for address in resolved.addresses]
    usable = tuple(address for address, wrong in zip(resolved.addresses, faults, strict=True) if not wrong)
    if usable:
        return usable, ""
    if not resolved.addresses:
        return (), f"the client's host finds no {family.label} address of the name ({resolved.error})"
    return (), f"the name means {' and '.join(dict.fromkeys(resolved.addresses))} to the client: {faults[0]}"


def _dial(world: ListenerWorld, address: str, port: int) -> Dial | None:
    """Return the exchange with an address and port; None over UDP if the port is not one of the service's."""
    timeout = world.subject.manifest.timeouts.exchange
    own = next((item for item in world.subject.listen if item.port == port), None)
    if own is not None:
        return dial_to(own, address, timeout)
    if not world.is_tcp:
        return None
    return Dial(Family.of(address), address, port, protocol=AppProtocol.CONNECT, timeout=timeout)
