"""``oneway``: a datagram that has no answer, as in syslog, statsd and NetFlow."""

import secrets

from dualstack.protocols.application import Application, Ask, Trait
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.judgement import Judgement, Outcome, show
from dualstack.protocols.texts import latin1

_TOKEN_BYTES = 6


class Oneway(Application):
    """The client sends the manifest's datagram. There is no server."""

    name = "oneway"
    traits = frozenset({Trait.ONE_WAY})

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """See `Application`."""
        return Sending(latin1(with_token(ask.send or "", secrets.token_hex(_TOKEN_BYTES))))


def with_token(text: str, token: str) -> str:
    """Return a text of a one-way manifest with its {token} replaced."""
    return text.replace("{token}", token)


class Sending:
    """A client without an answer: it notices only a refusal."""

    def __init__(self, datagram: bytes) -> None:
        """Send ``datagram``."""
        self._datagram = datagram

    def start(self) -> bytes:
        """See `Conversation`."""
        return self._datagram

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`: any datagram shows that the service is there."""
        detail = f"it was sent, and {show(data)} came back, although no answer was expected"
        return Turn(judgement=Judgement(Outcome.ANSWERED, detail))

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        return Judgement(Outcome.ANSWERED, f"it was sent: {why}")
