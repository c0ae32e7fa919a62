"""What a router says, or who takes itself for one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advertise:
    """One router advertisement (RFC 4861 §4.2) with one prefix of 64 bits, for whoever is on the link.

    Lifetimes of 0 withdraw what an earlier one has announced (RFC 4861 §6.3.4, RFC 4862 §5.5.3).

    Attributes:
        prefix: The prefix, as an address whose last 64 bits are zero.
        interface: The interface by which it leaves.
        lifetime: Seconds for which the prefix is valid, for hosts to make themselves addresses of, and for which its
            sender wants to be their default router.
        preferred: Seconds for which such an address is preferred.
    """

    prefix: str
    interface: str
    lifetime: int
    preferred: int
