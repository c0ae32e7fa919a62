"""The checks of ``[[relay]]`` against the other tables of a manifest."""

from collections.abc import Iterator, Mapping

from dualstack.manifest.faults import Fault, written
from dualstack.manifest.lines import Key
from dualstack.manifest.listen import Listen
from dualstack.manifest.models import Manifest
from dualstack.manifest.protocol import runs_over
from dualstack.manifest.relay import Relay
from dualstack.manifest.salvage import as_far_as_known
from dualstack.protocols.application import Trait
from dualstack.protocols.registry import PROTOCOLS, served
from dualstack.suggestion import did_you_mean
from dualstack.transport import Transport


def relays_fit(manifest: Manifest) -> Iterator[Fault]:
    """Refuse relays without a listener of their own, with a taken port, or whose server the lab cannot be."""
    listeners = {item.name: item for item in manifest.listen}
    seen: dict[str, Key] = {}
    for position, relay in enumerate(manifest.relay):
        place: Key = ("relay", position)
        for fault in as_far_as_known(_fits_its_listener(relay, listeners)):
            yield Fault((*place, *fault.key), fault.text)
        for fault in as_far_as_known(_port_is_free(relay, listeners, manifest)):
            yield Fault((*place, *fault.key), fault.text)
        if seen.setdefault(relay.listen, place) != place:
            text = f"found {relay.listen!r}, which is already the listener of {written(seen[relay.listen])}"
            yield Fault((*place, "listen"), text)


def _fits_its_listener(relay: Relay, listeners: Mapping[str, Listen]) -> Iterator[Fault]:
    """Refuse a listener that does not exist, and a server that cannot speak with its clients."""
    listener = listeners.get(relay.listen)
    if listener is None:
        hint = did_you_mean(relay.listen, list(listeners))
        yield Fault(("listen",), f"found {relay.listen!r}; allowed: {', '.join(listeners) or 'none'}{hint}")
        return
    key = "protocol" if relay.protocol else "listen"
    name = relay.protocol or listener.protocol
    protocol = PROTOCOLS[name]
    if not protocol.serves:
        text = f'the lab has no server for protocol = "{name}"; set "protocol" to what the server speaks: '
        yield Fault((key,), text + ", ".join(item.name for item in served()))
    elif listener.transport not in protocol.serves:
        yield Fault((key,), f'protocol = "{name}" {runs_over(listener.transport)}')
    if Trait.DECLARED in protocol.traits and not relay.turns:
        yield Fault(("turns",), 'missing; with protocol = "exchange" they declare what the server expects and answers')
    if relay.udp_idle is not None and listener.transport is not Transport.UDP:
        yield Fault(("udp_idle",), f'it belongs to a listener with transport = "udp"; {relay.listen!r} is TCP')
    yield from _tunnel_fits(relay, listener)
    if relay.sends_proxy and listener.transport is not Transport.TCP:
        yield Fault(("sends_proxy",), f'it belongs to a listener with transport = "tcp"; {relay.listen!r} is UDP')
    if relay.forwarded is not None and Trait.HTTP not in protocol.traits:
        text = f'it belongs to a server with protocol = "http" or "http2"; the server speaks "{name}"'
        yield Fault(("forwarded",), text)
    if listener.fetch is not None:
        yield Fault(("listen",), f"found {relay.listen!r}, whose clients name the target ([listen.fetch])")


def _tunnel_fits(relay: Relay, listener: Listen) -> Iterator[Fault]:
    """Refuse a listener whose clients cannot ask for the server in plain text over TCP."""
    if relay.tunnel and listener.transport is not Transport.TCP:
        yield Fault(("tunnel",), f'it belongs to a listener with transport = "tcp"; {relay.listen!r} is UDP')
    if relay.tunnel and listener.tls is not None:
        yield Fault(("tunnel",), f"found {relay.listen!r}, which speaks TLS: the lab's clients ask in plain text")


def _port_is_free(relay: Relay, listeners: Mapping[str, Listen], manifest: Manifest) -> Iterator[Fault]:
    """Refuse a server on a port of the service or of a component: it may run on the same host."""
    transport = _transport(relay, listeners)
    taken: list[tuple[Key, int]] = [
        (("listen", at), item.port) for at, item in enumerate(manifest.listen) if item.transport is transport
    ]
    others = [(at, item) for at, item in enumerate(manifest.relay) if item.name != relay.name]
    taken += [(("relay", at), item.port) for at, item in others if _transport(item, listeners) is transport]
    if transport is Transport.TCP:
        taken += [(("component", at), item.port) for at, item in enumerate(manifest.component) if item.port]
    for other, port in taken:
        if port == relay.port:
            yield Fault(("port",), f"found {port}, which is already the port of {written(other)}")


def _transport(relay: Relay, listeners: Mapping[str, Listen]) -> Transport | None:
    """Return the transport of a relay; None if its listener does not exist."""
    return listeners[relay.listen].transport if relay.listen in listeners else None
