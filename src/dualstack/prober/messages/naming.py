"""Names: a name server of the prober, and the results of a host's own resolver."""

from dataclasses import dataclass

from dualstack.families import Family
from dualstack.prober.messages.requests import Handle, ObjectRequest, Request


@dataclass(frozen=True, slots=True)
class Names(Request[Handle]):
    """Start an authoritative name server for ``lab.test``; `dualstack.prober.names` builds its names.

    Attributes:
        addresses: Where it listens, over UDP and TCP (IPv6 sockets with IPV6_V6ONLY).
        a: The A records of a name with behaviour ``ok``, in order; any number, duplicates too.
        aaaa: The AAAA records of a name with behaviour ``ok``, likewise.
        port: The port.
        silent: Domains whose questions it does not answer (``ip6.arpa``); other reverse names (arpa) do not exist.
        pref64: The prefix with which it synthesizes AAAA records from A records (DNS64); empty for none.
    """

    addresses: tuple[str, ...]
    a: tuple[str, ...] = ()
    aaaa: tuple[str, ...] = ()
    port: int = 53
    silent: tuple[str, ...] = ()
    pref64: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """One question to a name server.

    Attributes:
        at: Seconds since the server was started.
        client: The client's address.
        client_port: The client's port.
        family: ``ipv4`` or ``ipv6``: the family of the packet.
        transport: ``udp`` or ``tcp``.
        name: The name in question, without the final dot, with its upper and lower case.
        record: ``A``, ``AAAA``, ``HTTPS`` …
        rcode: The RCODE of the answer: ``NOERROR``, ``NXDOMAIN``, ``SERVFAIL`` …; empty if there is no answer.
        answers: How many records the answer has.
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


class ReadQueries(ObjectRequest[tuple[Query, ...]]):
    """Return the questions to a name server until now, in order."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """The result of getaddrinfo(3) on a host.

    Attributes:
        addresses: The addresses, in its order; empty when it failed.
        error: The name of its error (``EAI_NONAME``), or ``timeout``; empty if it succeeded.
        seconds: How long it took.
    """

    addresses: tuple[str, ...]
    error: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Resolve(Request[Resolved]):
    """Resolve a name with the host's own getaddrinfo(3).

    Attributes:
        name: The name.
        family: The family of the addresses; None for AF_UNSPEC.
        addrconfig: Whether AI_ADDRCONFIG is set.
        timeout: Seconds.
    """

    name: str
    family: Family | None = None
    addrconfig: bool = False
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class WriteResolvers(Request[str]):
    """Write the host's /etc/resolv.conf, for programs that read it from now on; return its former text.

    Attributes:
        text: The new text.
    """

    text: str


@dataclass(frozen=True, slots=True)
class WriteHosts(Request[str]):
    """Write the host's /etc/hosts, for programs that read it from now on; return its former text.

    Attributes:
        text: The new text.
    """

    text: str
