"""Names: a name server of the prober's, and what a host's own resolver says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """An authoritative name server for ``lab.test``; `dualstack.prober.names` builds the names that it knows.

    Attributes:
        addresses: Where it listens, over UDP and TCP (IPv6 sockets with IPV6_V6ONLY).
        a: The A records of a name with behaviour ``ok``.
        aaaa: The AAAA records of a name with behaviour ``ok``.
        port: The port.
        silent: Domains whose questions it never answers, ``ip6.arpa``; other reverse names (arpa) do not exist.
    """

    addresses: tuple[str, ...]
    a: tuple[str, ...] = ()
    aaaa: tuple[str, ...] = ()
    port: int = 53
    silent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """One question that a name server was asked.

    Attributes:
        at: Seconds since the server was started.
        client: The address that asked.
        client_port: Its port.
        family: ``ipv4`` or ``ipv6``: what carried the question.
        transport: ``udp`` or ``tcp``.
        name: The name in question, without the final dot, as it was spelt.
        record: ``A``, ``AAAA``, ``HTTPS`` …
        rcode: How it is answered: ``NOERROR``, ``NXDOMAIN``, ``SERVFAIL`` …; empty when it is dropped.
        answers: How many records the answer holds.
    """

    at: float
    client: str
    client_port: int
    family: str
    transport: str
    name: str
    record: str
    rcode: str
    answers: int


@dataclass(frozen=True, slots=True)
class Resolved:
    """What getaddrinfo said on a host.

    Attributes:
        addresses: The addresses, in its order; empty when it failed.
        error: The name of its error (``EAI_NONAME``), ``timeout`` when it did not return in time; empty if all is well.
        seconds: How long it took.
    """

    addresses: tuple[str, ...]
    error: str
    seconds: float
