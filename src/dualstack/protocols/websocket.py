"""``websocket``: an opening handshake, and messages that are echoed (RFC 6455)."""

from dualstack.protocols.application import Application, Ask, Offer, Trait
from dualstack.protocols.conversation import Conversation
from dualstack.protocols.http import response_in
from dualstack.protocols.response import Response
from dualstack.transport import Transport


class WebSocket(Application):
    """The client sends one text message. The server echoes all messages."""

    name = "websocket"
    traits = frozenset({Trait.ANSWERS, Trait.TURNS, Trait.NAMES_SERVER, Trait.WEBSOCKET})
    transports = frozenset({Transport.TCP})
    serves = frozenset({Transport.TCP})

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """See `Application`."""
        from dualstack.protocols.websocket_client import WebSocketClient  # noqa: PLC0415 - loads wsproto

        return WebSocketClient(ask)

    @classmethod
    def response(cls, received: bytes) -> Response | None:
        """See `Application`: one that does not accept the opening handshake, such as a redirect."""
        return response_in(received)

    @classmethod
    def server(cls, offer: Offer, peer: str) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """See `Application`."""
        from dualstack.protocols.websocket_server import WebSocketServer  # noqa: PLC0415 - loads wsproto

        return WebSocketServer()
