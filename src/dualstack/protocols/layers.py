"""The layers between a conversation and its connection."""

from dualstack.protocols.application import Ask, Offer, Trait
from dualstack.protocols.certificates import ServerTls
from dualstack.protocols.conversation import Closing, Conversation
from dualstack.protocols.http_connect import HttpConnect
from dualstack.protocols.proxy_layer import ProxyServer
from dualstack.protocols.registry import protocol_named
from dualstack.protocols.socks5 import Socks5
from dualstack.protocols.tls import TlsClient, TlsServer
from dualstack.protocols.tunnel import Tunnel, Tunnelled


def layered(conversation: Conversation, request: Ask | Offer) -> Conversation:
    """Return a conversation inside the layers that a `Dial` or `Serve` asks for; the same one if it asks for none.

    Raises:
        UsageError: A server's certificate and key cannot be used.
    """
    if request.tls is None:
        return conversation
    protocol = protocol_named(request.protocol)
    if isinstance(request.tls, ServerTls):
        return TlsServer(request.tls, protocol.alpn).wrap(conversation)
    silent = Trait.SILENT in protocol.traits
    return TlsClient(request.tls, protocol.alpn, handshake_only=silent).wrap(conversation)


def through_tunnel(conversation: Conversation, tunnel: Tunnel) -> Tunnelled:
    """Return a client's conversation with the target of a tunnel, which a relay opens first.

    Raises:
        UsageError: The target is none that the relay can be asked for.
    """
    handshake = Socks5 if tunnel.protocol == "socks5" else HttpConnect
    return Tunnelled(conversation, handshake(tunnel.host, tunnel.port))


def behind_relay(conversation: Conversation, offer: Offer) -> Conversation:
    """Return a server's conversation, with its other layers, behind the PROXY header that an `Offer` expects."""
    return ProxyServer(offer.proxy).wrap(conversation) if offer.proxy else conversation


def closing(conversation: Conversation) -> bytes:
    """Return the bytes with which a conversation and its layers announce that it ends; empty if there are none."""
    return conversation.close() if isinstance(conversation, Closing) else b""
