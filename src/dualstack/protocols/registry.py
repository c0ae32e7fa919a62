"""The registry of application protocols: ours, and those from outside (see `outside`)."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from types import ModuleType

from dualstack.errors import UsageError
from dualstack.protocols.application import Application, Ask, Offer, Trait
from dualstack.protocols.conversation import Conversation

_BUILT_IN = (
    "connect",
    "echo",
    "upper",
    "http",
    "http2",
    "grpc",
    "redis",
    "redis_cluster",
    "kafka",
    "rtsp",
    "rtsp_udp",
    "mqtt",
    "ftp",
    "ftp_active",
    "sip",
    "websocket",
    "exchange",
    "oneway",
)
"""The modules of our protocols in this package, in the order of the documentation."""


def protocols_in(module: ModuleType) -> Iterator[type[Application]]:
    """Yield the protocols that a module defines: its subclasses of `Application` that have a name."""
    for item in vars(module).values():
        is_protocol = isinstance(item, type) and issubclass(item, Application) and "name" in vars(item)
        if is_protocol and item.__module__ == module.__name__:
            yield item


PROTOCOLS: dict[str, type[Application]] = {
    item.name: item for module in _BUILT_IN for item in protocols_in(import_module(f"{__package__}.{module}"))
}
"""The protocols by their names."""


def protocol_named(name: str) -> type[Application]:
    """Return the protocol of that name.

    Raises:
        UsageError: There is none in this process.
    """
    if name not in PROTOCOLS:
        raise UsageError(f"no protocol {str(name)!r} (there are: {', '.join(PROTOCOLS)})")
    return PROTOCOLS[name]


def traits_of(protocol: str) -> frozenset[Trait]:
    """Return the traits of the protocol of that name."""
    return protocol_named(protocol).traits


def served() -> list[type[Application]]:
    """Return the protocols that the lab's server speaks."""
    return [item for item in PROTOCOLS.values() if item.serves]


def one_of(protocols: Iterable[type[Application]]) -> str:
    """Return the names of protocols as a phrase: ``echo, upper or http``."""
    *names, last = [item.name for item in protocols]
    return f"{', '.join(names)} or {last}"


def client_for(ask: Ask) -> Conversation:
    """Return the client's end of an exchange, with new tokens, without layers.

    Raises:
        UsageError: The protocol does not work over the transport, or a text is not Latin-1.
    """
    protocol = protocol_named(ask.protocol)
    if ask.transport not in protocol.transports:
        raise UsageError(f"protocol {protocol.name!r} does not work over {ask.transport.name}")
    if ask.requests > 1 and Trait.PIPELINES not in protocol.traits:
        raise UsageError(f"protocol {protocol.name!r} takes one request at a time")
    if ask.kept and Trait.KEEPS not in protocol.traits:
        raise UsageError(f"protocol {protocol.name!r} keeps no connection for a second request")
    return protocol.client(ask)


def server_for(offer: Offer, peer: str) -> Conversation:
    """Return the server's end of a connection from the address ``peer``, without layers."""
    return protocol_named(offer.protocol).server(offer, peer)


def check_offer(offer: Offer) -> None:
    """Check that there is a server for a protocol and transport, and that it can be made.

    Raises:
        UsageError: There is none, a text is not Latin-1, or an expression is not a regular expression.
    """
    protocol = protocol_named(offer.protocol)
    if offer.transport not in protocol.serves:
        raise UsageError(f"the prober serves no {protocol.name!r} over {offer.transport.value}")
    server_for(offer, "::1")
