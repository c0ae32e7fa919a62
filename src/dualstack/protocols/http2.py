"""``http2``: one ``GET /`` over HTTP/2 with prior knowledge (RFC 9113 §3.3); a server of one page."""

from dualstack.protocols.application import Application, Ask, Offer, Trait
from dualstack.protocols.conversation import Conversation
from dualstack.protocols.response import Response
from dualstack.transport import Transport


class Http2(Application):
    """The client sends ``GET /``. The server answers each request with its client's address."""

    name = "http2"
    traits = frozenset({Trait.ANSWERS, Trait.HTTP, Trait.KEEPS})
    transports = frozenset({Transport.TCP})
    serves = frozenset({Transport.TCP})
    alpn = ("h2",)

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """See `Application`."""
        from dualstack.protocols.http2_ends import Http2Client  # noqa: PLC0415 - the library is loaded if it is used

        host = ask.host or ask.address
        return Http2Client(host, ask.port, ask.status, ask.send or "/", secure=ask.tls is not None, kept=ask.kept)

    @classmethod
    def response(cls, received: bytes) -> Response | None:
        """See `Application`."""
        from dualstack.protocols.http2_responses import response_in  # noqa: PLC0415 - the library is loaded if it is used

        return response_in(received)

    @classmethod
    def server(cls, offer: Offer, peer: str) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """See `Application`."""
        from dualstack.protocols.http2_ends import Http2Server  # noqa: PLC0415 - the library is loaded if it is used

        return Http2Server(f"{peer}\n".encode())
