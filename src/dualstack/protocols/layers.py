"""The layers between a conversation and its connection."""

from dualstack.protocols.application import Ask, Offer, Trait
from dualstack.protocols.certificates import ServerTls
from dualstack.protocols.conversation import Conversation
from dualstack.protocols.registry import traits_of
from dualstack.protocols.tls import Secured, TlsClient, TlsServer


def layered(conversation: Conversation, request: Ask | Offer) -> Conversation:
    """Return a conversation inside the layers that a `Dial` or `Serve` asks for; the same one if it asks for none.

    Raises:
        UsageError: A server's certificate and key cannot be used.
    """
    if request.tls is None:
        return conversation
    if isinstance(request.tls, ServerTls):
        return TlsServer(request.tls).wrap(conversation)
    return TlsClient(request.tls, handshake_only=Trait.SILENT in traits_of(request.protocol)).wrap(conversation)


def closing(conversation: Conversation) -> bytes:
    """Return the bytes with which the layers of a conversation announce that it ends; empty if there are none."""
    return conversation.close() if isinstance(conversation, Secured) else b""
