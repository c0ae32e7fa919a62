"""A requirement: what a service must do, declared beside the one test that checks it."""

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., object])


@enum.unique
class Level(enum.Enum):
    """How binding a requirement is; it decides the verdict on a service that falls short."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    OBSERVE = "OBSERVE"


@enum.unique
class Role(enum.Enum):
    """Which part of a service a requirement speaks about."""

    LISTENER = "listener"
    CONNECTOR = "connector"
    BOTH = "listener and connector"
    SERVICE = "service"


@enum.unique
class Need(enum.Enum):
    """What a listener or connector must have for the requirement to apply; the value is the reason if it has not."""

    IPV4 = "it does not claim IPv4"
    IPV6 = "it does not claim IPv6"
    BOTH = "it does not claim both families"
    ONE = "it claims both families"
    TCP = "it is not TCP"
    UDP = "it is not UDP"
    NO_DUAL_UDP = "it is a datagram service of both families, which LISTEN-012 is about"
    NO_DUAL_UDP_UNTOLD = (
        "it is a datagram service of both families, which LISTEN-012 is about, and cannot be told one IPv6 address"
    )
    LARGE = "its manifest declares no large_send, a request with a large answer"
    ANSWER = 'its protocol is "connect": nothing is said there, and nothing answered'
    REPLIES = 'its protocol is "oneway": no answer leaves it'
    REPLY_PORT = 'it answers from another port, as its manifest says: reply_port = "any"'
    HTTP = "its protocol is not http"
    MANY = "it ends after one connection: its manifest says one_connection"
    BIND_IPV6 = "its manifest declares no IPv6 spelling for {bind}"
    BIND_IPV6_ADDRESS = "its manifest declares no spelling of one IPv6 address for {bind}"
    BIND_IPV6_ANY = "its manifest neither claims IPv6 alone nor declares a spelling of every IPv6 address for {bind}"
    BIND_PAIR = "its manifest declares no spelling of both wildcards as two entries for {bind}"
    BIND_IPV4_MAPPED = "its manifest declares no spelling of an IPv4-mapped address for {bind}"
    LOOPBACK = "it is not for loopback clients only"
    NETWORK = "it is for loopback clients only"
    BIND_LOCALHOST = "its manifest declares no spelling of localhost for {bind}"
    PEER = "its manifest does not say where it shows the client's address (peer_reply or peer_log)"
    ACL = "its manifest does not say how it is told whom to serve (listen.acl)"
    FETCH = "its manifest does not say how clients name what it fetches (listen.fetch)"
    MULTICAST = "its manifest declares no multicast group of a family that it claims (listen.multicast)"
    LITERALS = "its manifest says that it takes no address literals"
    NAMES = "its manifest says that it takes no host names"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What is required, why, and how it is checked.

    Attributes:
        id: Stable and short: ``LISTEN-001``.
        title: A line.
        level: MUST, SHOULD or OBSERVE.
        role: Whether it speaks about listeners, connectors, both, or the service as a whole.
        statement: The obligation.
        stimulus: What the harness does.
        wire: What the packets must show.
        cites: Where the obligation comes from, each with its section.
        topologies: The worlds that it is sensitive to; it runs on no other.
        needs: What the service must have for it to apply.
        causes: Codes of the likely root causes, most likely first; none for the service as a whole.
        plain: Whether the service runs as it is configured and nothing is in its way: what its clients see then is what
            a report says of it on such a host.
    """

    id: str
    title: str
    level: Level
    role: Role
    statement: str
    stimulus: str
    wire: str
    cites: tuple[str, ...]
    topologies: tuple[str, ...]
    causes: tuple[str, ...]
    needs: tuple[Need, ...] = ()
    plain: bool = False

    def __post_init__(self) -> None:
        """Refuse a requirement that could not be shown or run."""
        if not re.fullmatch(r"[A-Z]+-\d{3}", self.id):
            raise ValueError(f"{self.id!r} is no requirement id such as LISTEN-001")
        for name in ("title", "statement", "stimulus", "wire", "cites", "topologies", "causes"):
            if not getattr(self, name) and not (name == "causes" and self.role is Role.SERVICE):
                raise ValueError(f"{self.id}: {name} is empty")

    def attach(self, test: Test) -> Test:
        """Make ``test`` the check of this requirement (used as a decorator)."""
        test.requirement = self  # type: ignore[attr-defined]  # the attribute is what `of` reads
        return test

    @staticmethod
    def of(test: object) -> "Requirement | None":
        """Return the requirement that ``test`` checks, if any."""
        found = getattr(test, "requirement", None)
        return found if isinstance(found, Requirement) else None
