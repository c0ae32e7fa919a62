"""Impairments: what may go wrong with TCP connections to one address and port of a host."""

import enum
from dataclasses import dataclass

from dualstack.errors import UsageError
from dualstack.families import Family, endpoint


@enum.unique
class Kind(enum.Enum):
    """What goes wrong."""

    DROP = "drop"
    """Every SYN is lost: the client gets no answer."""
    HOLD = "hold"
    """The SYN ACK is sent ``seconds`` after the SYN."""
    LOSE = "lose"
    """The first ``count`` SYNs of each attempt are lost."""
    RESET = "reset"
    """A SYN is answered by a reset."""
    UNREACHABLE = "unreachable"
    """A SYN is answered by ICMP destination unreachable with ``code`` (RFC 792, RFC 4443 §3.1)."""
    STALL = "stall"
    """The connection is established; no segment with data arrives afterwards."""
    NO_ROUTE = "no route"
    """The client's host has no route to the address: connect() fails with ENETUNREACH, and nothing is sent."""


_SENDER_MUST_FRAGMENT = 4
"""The code of ICMP that is about the size of packets, which is not an error of a SYN."""

_CODES = {Family.IPV4: frozenset(range(16)) - {_SENDER_MUST_FRAGMENT}, Family.IPV6: frozenset(range(7))}

_NAMES = {
    (Family.IPV4, 0): "network unreachable",
    (Family.IPV4, 1): "host unreachable",
    (Family.IPV4, 2): "protocol unreachable",
    (Family.IPV4, 3): "port unreachable",
    (Family.IPV4, 5): "source route failed",
    (Family.IPV4, 7): "host unknown",
    (Family.IPV4, 8): "source host isolated",
    (Family.IPV4, 9): "network prohibited",
    (Family.IPV4, 10): "host prohibited",
    (Family.IPV4, 13): "administratively prohibited",
    (Family.IPV6, 0): "no route",
    (Family.IPV6, 1): "administratively prohibited",
    (Family.IPV6, 2): "beyond scope",
    (Family.IPV6, 3): "address unreachable",
    (Family.IPV6, 4): "port unreachable",
    (Family.IPV6, 5): "policy failed",
    (Family.IPV6, 6): "reject route",
}

ERRORS = {
    Family.IPV4: (
        *("ENETUNREACH", "EHOSTUNREACH", "ENOPROTOOPT", "ECONNREFUSED", "", "ENOTSUP", "ENETUNREACH", "EHOSTDOWN"),
        *("ENONET", "ENETUNREACH", "EHOSTUNREACH", "ENETUNREACH", "EHOSTUNREACH", "EHOSTUNREACH", "EHOSTUNREACH"),
        "EHOSTUNREACH",
    ),
    Family.IPV6: ("ENETUNREACH", "EACCES", "EHOSTUNREACH", "EHOSTUNREACH", "ECONNREFUSED", "EACCES", "EACCES"),
}
"""The error with which Linux fails connect() for each code of destination unreachable; empty for packet too big."""


@dataclass(frozen=True, slots=True)
class Impairment:
    """What goes wrong with TCP connections to one address and port of a host.

    Attributes:
        kind: What goes wrong.
        address: The address, one of the host's.
        port: The port.
        seconds: For `Kind.HOLD`: the delay of the SYN ACK.
        count: For `Kind.LOSE`: how many SYNs of each attempt are lost, at least one.
        code: For `Kind.UNREACHABLE`: the code of the ICMP error.

    Raises:
        UsageError: A value is missing, or the family has no such code.
    """

    kind: Kind
    address: str
    port: int
    seconds: float = 0.0
    count: int = 0
    code: int = 0

    def __post_init__(self) -> None:
        """Check the values that the kind needs."""
        if self.kind is Kind.HOLD and self.seconds <= 0:
            raise UsageError(f"{self.target} cannot be held for {self.seconds:g} s")
        if self.kind is Kind.LOSE and self.count < 1:
            raise UsageError(f"of an attempt to reach {self.target} {self.count} SYNs cannot be lost")
        if self.kind is Kind.UNREACHABLE and self.code not in _CODES[self.family]:
            raise UsageError(
                f"ICMP destination unreachable has no code {self.code} about a SYN over {self.family.label}"
            )

    @property
    def family(self) -> Family:
        """The family of the address."""
        return Family.of(self.address)

    @property
    def target(self) -> str:
        """The address and the port, joined."""
        return endpoint(self.address, self.port)

    @property
    def error(self) -> str:
        """The name of the error with which connect() fails at once; empty if it does not."""
        by_kind = {Kind.RESET: "ECONNREFUSED", Kind.NO_ROUTE: "ENETUNREACH"}
        return ERRORS[self.family][self.code] if self.kind is Kind.UNREACHABLE else by_kind.get(self.kind, "")

    def __str__(self) -> str:
        """Return what happens to a connection, as a sentence without its end."""
        target = self.target
        sentences = {
            Kind.DROP: f"SYNs to {target} are lost",
            Kind.HOLD: f"the SYN ACK of {target} is held for {self.seconds * 1000:g} ms",
            Kind.LOSE: f"the first {self.count} SYNs of each attempt to {target} are lost",
            Kind.RESET: f"SYNs to {target} are reset",
            Kind.UNREACHABLE: f"SYNs to {target} are answered by {self.icmp}",
            Kind.STALL: f"data to {target} is lost after the handshake",
            Kind.NO_ROUTE: f"there is no route to {target}",
        }
        return sentences[self.kind]

    @property
    def icmp(self) -> str:
        """The ICMP error of `Kind.UNREACHABLE` as text: ``ICMPv6 no route (code 0)``."""
        protocol = "ICMP" if self.family is Family.IPV4 else "ICMPv6"
        name = _NAMES.get((self.family, self.code), "destination unreachable")
        return f"{protocol} {name} (code {self.code})"


def unreachable_codes(family: Family) -> tuple[int, ...]:
    """Return one code of ICMP destination unreachable for each error that programs get from Linux.

    A program cannot distinguish two codes with the same error.
    """
    first: dict[str, int] = {}
    for code in sorted(_CODES[family]):
        first.setdefault(ERRORS[family][code], code)
    return tuple(first.values())
