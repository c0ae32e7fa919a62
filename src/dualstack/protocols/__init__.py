"""Application protocols and layers, one file each: bytes in, bytes out (sans-IO). No sockets, files or clocks.

A protocol from outside imports from this package and from nothing else of dualstack. The names in `__all__` are public:
they stay, or the changelog says how they changed.
"""

from dualstack.protocols.advertised import Advertised
from dualstack.protocols.application import Application, Ask, Offer, Trait
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.exact import Exact
from dualstack.protocols.judgement import Judgement, Outcome, show
from dualstack.protocols.texts import make_tokens
from dualstack.transport import Transport

__all__ = [
    "Advertised",
    "Application",
    "Ask",
    "Conversation",
    "Exact",
    "Judgement",
    "Offer",
    "Outcome",
    "Trait",
    "Transport",
    "Turn",
    "make_tokens",
    "show",
]
