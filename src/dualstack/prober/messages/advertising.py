"""Router advertisements, also rogue ones."""

from dataclasses import dataclass

from dualstack.prober.messages.requests import Request


@dataclass(frozen=True, slots=True)
class Advertise(Request[None]):
    """One router advertisement (RFC 4861 §4.2) with one prefix of 64 bits, to all nodes of the link.

    Lifetimes of 0 withdraw what was advertised before (RFC 4861 §6.3.4, RFC 4862 §5.5.3).

    Attributes:
        prefix: The prefix, as an address whose last 64 bits are zero.
        interface: The outgoing interface.
        lifetime: The valid lifetime of the prefix (and of addresses from it) and the router lifetime, in seconds.
        preferred: The preferred lifetime of addresses from it, in seconds.
    """

    prefix: str
    interface: str
    lifetime: int
    preferred: int
