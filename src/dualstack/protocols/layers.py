"""The layers between a conversation and its connection."""

from dualstack.protocols.application import Ask, Offer
from dualstack.protocols.conversation import Conversation


def layered(conversation: Conversation, request: Ask | Offer) -> Conversation:  # noqa: ARG001 - no layer exists yet
    """Return a conversation inside the layers that a `Dial` or `Serve` asks for; the same one if it asks for none."""
    return conversation
