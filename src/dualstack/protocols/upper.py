"""``upper``: what is sent comes back in upper case."""

from dualstack.protocols.application import Application, Ask, Offer, Trait
from dualstack.protocols.conversation import Conversation
from dualstack.protocols.exact import Exact, Replying
from dualstack.protocols.texts import make_tokens
from dualstack.transport import Transport


class Upper(Application):
    """The client sends tokens, and the server sends them back in upper case (ASCII letters)."""

    name = "upper"
    traits = frozenset({Trait.ANSWERS, Trait.ECHOES, Trait.PIPELINES})
    serves = frozenset(Transport)

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """See `Application`."""
        token = make_tokens(ask.token_size, ask.requests)
        return Exact(token, token.upper(), "came back in upper case")

    @classmethod
    def server(cls, offer: Offer, peer: str) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """See `Application`."""
        return Replying(bytes.upper)
