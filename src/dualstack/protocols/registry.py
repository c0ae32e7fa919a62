"""The registry of application protocols: one entry each."""

from dualstack.errors import UsageError
from dualstack.protocols.application import Application, Ask, Offer, Trait
from dualstack.protocols.connect import ConnectOnly
from dualstack.protocols.conversation import Conversation
from dualstack.protocols.echo import Echo
from dualstack.protocols.exchange import Exchange
from dualstack.protocols.http import Http
from dualstack.protocols.oneway import Oneway
from dualstack.protocols.redis import Redis
from dualstack.protocols.upper import Upper
from dualstack.transport import AppProtocol

PROTOCOLS: dict[AppProtocol, type[Application]] = {
    item.name: item for item in (ConnectOnly, Echo, Upper, Http, Redis, Exchange, Oneway)
}


def traits_of(protocol: AppProtocol) -> frozenset[Trait]:
    """Return the traits of a protocol."""
    return PROTOCOLS[protocol].traits


def client_for(ask: Ask) -> Conversation:
    """Return the client's end of an exchange, with new tokens, without layers.

    Raises:
        UsageError: The protocol does not work over the transport, or a text is not Latin-1.
    """
    protocol = PROTOCOLS[ask.protocol]
    if ask.transport not in protocol.transports:
        raise UsageError(f"protocol {protocol.name.value!r} does not work over {ask.transport.name}")
    if ask.requests > 1 and Trait.PIPELINES not in protocol.traits:
        raise UsageError(f"protocol {protocol.name.value!r} takes one request at a time")
    return protocol.client(ask)


def server_for(offer: Offer, peer: str) -> Conversation:
    """Return the server's end of a connection from the address ``peer``, without layers."""
    return PROTOCOLS[offer.protocol].server(offer, peer)


def check_offer(offer: Offer) -> None:
    """Check that there is a server for a protocol and transport, and that it can be made.

    Raises:
        UsageError: There is none, a text is not Latin-1, or an expression is not a regular expression.
    """
    if offer.transport not in PROTOCOLS[offer.protocol].serves:
        raise UsageError(f"the prober serves no {offer.protocol.value!r} over {offer.transport.value}")
    server_for(offer, "")
