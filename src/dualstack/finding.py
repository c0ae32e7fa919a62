"""A finding: what was expected, and what happened."""

import enum
from dataclasses import dataclass


@enum.unique
class Symptom(enum.StrEnum):
    """What a finding that is not as expected shows about the cause."""

    BAD_CHECKSUM = "bad checksum"
    BYPASSED_ROUTER = "bypassed router"
    """Packets for clients behind a router were not sent to the router."""
    GROWTH = "growth"
    """The service keeps descriptors, processes or connections of clients that have gone."""
    LARGE_PACKET = "large packet"
    """A packet is larger than the path can carry."""
    LISTENS_ELSEWHERE = "listens elsewhere"
    """The service listens on another address instead of its one IPv6 address."""
    MALFORMED_ADDRESS = "malformed address"
    """The service does not refuse a malformed listen address with an error."""
    OTHERS_ANSWERS = "others' answers"
    """Clients get answers to the requests of other clients, or share a port and are not all answered."""
    REDIRECT = "redirect"
    """The service follows a redirect to a refused target."""
    ROUTER_SERVED = "router served"
    """A client behind a router is not answered, and a client on the router is."""
    SOCKET_LEFT = "socket left"
    """A socket is open after the service was stopped."""
    STILL_RUNS = "still runs"
    """The service does not end after its stop signal."""
    UNCLEAN_END = "unclean end"
    """The service ends with an error after its stop signal."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation, and what happened.

    Attributes:
        ok: Whether it happened as expected.
        expected: What was expected, one sentence.
        happened: What happened, one sentence.
        packets: The packets that show it, one line each.
        level: ``MUST`` or ``SHOULD``, if it differs from the level of the requirement; else empty.
        symptoms: What it shows about the cause, if it is not as expected.
    """

    ok: bool
    expected: str
    happened: str
    packets: tuple[str, ...] = ()
    level: str = ""
    symptoms: tuple[Symptom, ...] = ()
