"""``grpc``: one unary call (gRPC over HTTP/2), and a server that returns the messages that it is sent."""

from dualstack.protocols.application import Application, Ask, Offer, Trait
from dualstack.protocols.conversation import Conversation
from dualstack.protocols.response import Response
from dualstack.transport import Transport


class Grpc(Application):
    """The client makes one call, by default of the standard health check. The server echoes the messages of a call."""

    name = "grpc"
    traits = frozenset({Trait.ANSWERS, Trait.CALLS})
    transports = frozenset({Transport.TCP})
    serves = frozenset({Transport.TCP})
    alpn = ("h2",)

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """See `Application`."""
        from dualstack.protocols.grpc_ends import GrpcClient, Wanted  # noqa: PLC0415 - the library is loaded if it is used

        wanted = Wanted(ask.call, (ask.send or "") if ask.call else "", ask.expect if ask.call else None)
        return GrpcClient(ask.address, ask.port, wanted, secure=ask.tls is not None)

    @classmethod
    def response(cls, received: bytes) -> Response | None:
        """See `Application`; its body is the first message of the reply."""
        from dualstack.protocols.http2_responses import replies_in  # noqa: PLC0415 - the library is loaded if it is used

        return replies_in(received)

    @classmethod
    def server(cls, offer: Offer, peer: str) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """See `Application`."""
        from dualstack.protocols.grpc_ends import GrpcServer  # noqa: PLC0415 - the library is loaded if it is used

        return GrpcServer()
