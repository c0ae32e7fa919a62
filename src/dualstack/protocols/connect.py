"""``connect``: nothing is said. An accepted TCP connection is the answer."""

from dualstack.protocols.application import Application, Ask, Offer, Trait
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.judgement import Judgement, Outcome, show
from dualstack.transport import Transport

_KEPT = 100  # bytes of what a client sends


class ConnectOnly(Application):
    """The client sends nothing. The server reads and never answers, also over UDP."""

    name = "connect"
    traits = frozenset({Trait.SILENT})
    transports = frozenset({Transport.TCP})
    serves = frozenset(Transport)

    @classmethod
    def client(cls, ask: Ask) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """See `Application`."""
        return Accepting()

    @classmethod
    def server(cls, offer: Offer, peer: str) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """See `Application`."""
        return Reading()


class Reading:
    """A server that reads and never answers."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._begun = b""

    def start(self) -> bytes:
        """See `Conversation`."""
        return b""

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        self._begun = self._begun or data[:_KEPT]
        return Turn()

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`: what the client sends is not understood."""
        if not self._begun:
            return Judgement(Outcome.SILENT, "the client sent nothing")
        return Judgement(Outcome.WRONG, f"the client sent {show(self._begun)}, which is not answered")


class Accepting:
    """A client that sends nothing: a connection that is not reset at once is the answer."""

    def start(self) -> bytes:
        """See `Conversation`."""
        return b""

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`: the first byte ends it."""
        detail = f"the connection was accepted and {show(data)} came at once"
        return Turn(judgement=Judgement(Outcome.ANSWERED, detail))

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        return Judgement(Outcome.SILENT, f"the connection was accepted, but {why}")
