"""What is said between a prober's client (in the test's process) and its agent (inside a lab host).

One JSON object a line, over a stream. A request is ``{"id": n, "do": "<verb>", ...fields}``; its answer is
``{"id": n, "ok": {...}}`` or ``{"id": n, "error": "<message>", "kind": "<name of an exception of dualstack.errors>"}``.
Answers come in any order. Bytes travel as Latin-1 text. The stream's end ends the agent and, with it, its host.
"""

import enum
from dataclasses import dataclass, field

from dualstack.families import Family
from dualstack.manifest.models import Protocol, Transport


@enum.unique
class Outcome(enum.Enum):
    """How an attempt to talk to a service ended."""

    ANSWERED = "answered"
    """The exchange completed: the answer is what the protocol demands."""
    REFUSED = "refused"
    """TCP reset or ICMP port unreachable: ECONNREFUSED."""
    UNREACHABLE = "unreachable"
    """No route, no address of the family, or another ICMP error: the errno says which."""
    SILENT = "silent"
    """Nothing came back in time, or the connection closed without an answer."""
    WRONG = "wrong"
    """Something came back, but not what the protocol demands."""


@dataclass(frozen=True, slots=True)
class Dial:
    """One exchange with a service.

    Attributes:
        family: The family to dial over.
        address: The address to dial.
        port: The port.
        transport: TCP or UDP (a connected UDP socket, so that an ICMP error is seen).
        protocol: What is said.
        source: The local address; empty for the kernel's choice.
        send: What is sent with ``Protocol.EXCHANGE``; for the others the agent makes it up (a fresh token each time).
        expect: The regular expression, over bytes read as Latin-1, that the answer must contain (``EXCHANGE``).
        timeout: Seconds for the whole exchange.
        v6only: IPV6_V6ONLY of an IPv6 socket; None for the kernel's own choice.
        half_close: Whether to shut down the sending side once everything is sent.
        chunks: Sizes in which to send (TCP_NODELAY), the rest in one piece; empty for all at once.
        requests: How many requests are sent at once, without waiting for an answer in between (``ECHO`` and ``UPPER``).
        token_size: How many bytes the made-up text of ``ECHO`` and ``UPPER`` has.
    """

    family: Family
    address: str
    port: int
    transport: Transport = Transport.TCP
    protocol: Protocol = Protocol.CONNECT
    source: str = ""
    send: str | None = None
    expect: str | None = None
    timeout: float = 5.0
    v6only: bool | None = None
    half_close: bool = False
    chunks: tuple[int, ...] = ()
    requests: int = 1
    token_size: int = 250


@dataclass(frozen=True, slots=True)
class Dialled:
    """How a `Dial` ended.

    Attributes:
        outcome: See `Outcome`.
        errno: The errno's name (``ECONNREFUSED``), empty without one.
        connected: Whether a TCP connection was established.
        source: The local address that was used, and its port; empty and 0 if there was none.
        source_port: See ``source``.
        answer: What came back, as Latin-1 text, at most 64 KiB.
        sent: What was sent, as Latin-1 text, at most 64 KiB.
        seconds: How long it took.
        detail: One sentence for a report.
    """

    outcome: Outcome
    errno: str
    connected: bool
    source: str
    source_port: int
    answer: str
    sent: str
    seconds: float
    detail: str


MOST_CLIENTS = 400
"""How many clients a `Linger` or a `Load` may have."""


@enum.unique
class Stage(enum.Enum):
    """How far an exchange over TCP goes before its client falls silent."""

    CONNECTED = "connected"
    """The connection is there, and nothing was sent."""
    HALF_SENT = "half sent"
    """The first half of the request was sent."""
    SENT = "sent"
    """The request was sent (with ``half_close``: and its end), and nothing was read."""
    ANSWERED = "answered"
    """The exchange is over, however it ended."""


@dataclass(frozen=True, slots=True)
class Linger:
    """Clients over TCP that begin at the same time, fall silent, and keep their connections until they are closed.

    Attributes:
        dials: One for each client, at most `MOST_CLIENTS`.
        stage: How far each of them goes.
    """

    dials: tuple[Dial, ...]
    stage: Stage = Stage.CONNECTED


@dataclass(frozen=True, slots=True)
class Load:
    """Clients that begin at the same time and hold one exchange after the other, each on a new connection or socket.

    Attributes:
        dials: One for each client, at most `MOST_CLIENTS`.
        rounds: How many exchanges each client holds; 0 for as many as it can until the load is ended.
        pause: Seconds that a client waits between two exchanges.
    """

    dials: tuple[Dial, ...]
    rounds: int = 1
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a `Load`.

    Attributes:
        exchanges: How many exchanges each client has finished, in the order of the dials.
        longest: The seconds that the longest exchange of each client took, in that order; 0.0 if it finished none.
        failed: How many of all exchanges did not end with the right answer.
        failures: The first few of those.
    """

    exchanges: tuple[int, ...]
    longest: tuple[float, ...]
    failed: int
    failures: tuple[Dialled, ...]


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a program, with all that it forked, holds of its host.

    Attributes:
        processes: How many processes it has, those too that have ended and that nobody waited for.
        descriptors: How many descriptors its processes have open.
        zombies: How many of its processes have ended and were not waited for.
    """

    processes: int
    descriptors: int
    zombies: int


@dataclass(frozen=True, slots=True)
class Sender:
    """One UDP client of a `Volley`: it hears whoever answers, not only whom it asked.

    Attributes:
        address: Whom it asks.
        source: Its own address.
        source_port: Its own port; 0 for any.
        texts: Its datagrams, as Latin-1 text; one leaves in each round.
        deaf: Whether no answer can reach it: each meets ICMP port unreachable, as if the client had gone.
    """

    address: str
    source: str
    source_port: int
    texts: tuple[str, ...]
    deaf: bool = False


@dataclass(frozen=True, slots=True)
class Volley:
    """Datagrams of several clients in turn. In each round everybody sends one, and has to hear one more than before.

    The first round in which somebody waits in vain is the last. For the deaf nobody waits.

    Attributes:
        senders: The clients, in the order in which they send.
        port: The port that they ask.
        timeout: Seconds for the answers of each round.
    """

    senders: tuple[Sender, ...]
    port: int
    timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A datagram that came for a client of a `Volley`.

    Attributes:
        address: Its source address.
        port: Its source port.
        text: What it says, as Latin-1 text.
    """

    address: str
    port: int
    text: str


@dataclass(frozen=True, slots=True)
class Volleyed:
    """What one client of a `Volley` saw.

    Attributes:
        source_port: Its port.
        sent: How many datagrams it sent.
        heard: What came for it, in order.
    """

    source_port: int
    sent: int
    heard: tuple[Heard, ...]


@dataclass(frozen=True, slots=True)
class Forge:
    """One UDP datagram over IPv6 with a source address that its sender does not have.

    Attributes:
        source: The source address in its header.
        source_port: The source port.
        address: The destination.
        port: The destination port.
        text: What it says, as Latin-1 text.
    """

    source: str
    source_port: int
    address: str
    port: int
    text: str


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


@dataclass(frozen=True, slots=True)
class Stay:
    """Connections to a service that stay open, each after an exchange.

    Attributes:
        dial: The exchange; over TCP.
        count: How many connections there shall be. They are opened one after the other, until one is not answered.
    """

    dial: Dial
    count: int


@dataclass(frozen=True, slots=True)
class Ends:
    """What has become of connections that were to stay open.

    Attributes:
        open: How many are open.
        closed: How many the service has closed.
        reset: How many it has reset, or lost in another way.
    """

    open: int
    closed: int
    reset: int


@dataclass(frozen=True, slots=True)
class Serve:
    """A server on the prober's side, for connectors.

    Attributes:
        addresses: Where it listens: one socket per address.
        port: The port.
        transport: TCP or UDP.
        protocol: ``CONNECT`` accepts and reads to the end; ``ECHO``, ``UPPER`` and ``HTTP`` answer.
        v6only: IPV6_V6ONLY of IPv6 sockets; None for the kernel's own choice.
        reuse_address: SO_REUSEADDR; None for what servers do: TCP sockets have it, UDP sockets have not.
        reuse_port: SO_REUSEPORT.
        listening: Whether TCP sockets listen at once; if not, they are bound, and listen when they are told to.
    """

    addresses: tuple[str, ...]
    port: int
    transport: Transport = Transport.TCP
    protocol: Protocol = Protocol.ECHO
    v6only: bool | None = True
    reuse_address: bool | None = None
    reuse_port: bool = False
    listening: bool = True


@dataclass(frozen=True, slots=True)
class Accepted:
    """One client that a prober's server saw.

    Attributes:
        address: The local address that the client dialled.
        peer: The client's address.
        peer_port: The client's port.
        received: How many bytes came from it.
        answered: How many bytes were sent to it.
        at: Seconds since the server was started.
    """

    address: str
    peer: str
    peer_port: int
    received: int
    answered: int
    at: float


@dataclass(frozen=True, slots=True)
class Hold:
    """A port to be occupied by a foreign socket.

    Attributes:
        family: The socket's family.
        address: The address to bind.
        port: The port.
        transport: TCP or UDP.
        v6only: IPV6_V6ONLY of an IPv6 socket; None for the kernel's own choice.
        listening: Whether a TCP socket also listens.
        reuse_address: SO_REUSEADDR; None to have it on a TCP socket that listens, and on no other: it would let others
            share a port that does not listen.
        reuse_port: SO_REUSEPORT.
    """

    family: Family
    address: str
    port: int
    transport: Transport = Transport.TCP
    v6only: bool | None = True
    listening: bool = True
    reuse_address: bool | None = None
    reuse_port: bool = False


@dataclass(frozen=True, slots=True)
class Launch:
    """A program to be started on a host.

    Attributes:
        command: The program and its arguments.
        directory: The working directory, an absolute path of this machine; it has the same path for the program.
        environment: All of its variables.
        scratch: The private, writable folder of this start, an absolute path on the host; it is made there if it does
            not exist, below /dev/shm, which is a tmpfs of the host's own and ends with the host.
        files: Texts that are written to the scratch folder before the start, by their names in it.
        root: The folder that is to be the program's root file system; empty for the machine's own.
        af_inet6: Whether socket(AF_INET6) exists for it; if not it fails with EAFNOSUPPORT (seccomp).
        input: What it reads on its standard input; then end of file.
        image: The container image that it runs in, for the labs that run images; the command, where there is one, is
            executed in place of the image's own, and an empty directory stands for the image's own.
        read_only: Whether the image's root file system is read-only.
        tmpfs: Folders in memory that the image may write to then.
    """

    command: tuple[str, ...]
    directory: str
    environment: dict[str, str]
    scratch: str
    root: str = ""
    af_inet6: bool = True
    input: str = ""
    files: dict[str, str] = field(default_factory=dict)
    image: str = ""
    read_only: bool = False
    tmpfs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exit:
    """How a program ended.

    Attributes:
        code: The exit code; None when a signal ended it.
        signal: The signal's name, empty when it exited.
    """

    code: int | None
    signal: str = ""

    def __str__(self) -> str:
        """Say it in words."""
        return f"exited with code {self.code}" if self.code is not None else f"was ended by {self.signal}"


@dataclass(frozen=True, slots=True)
class Log:
    """A program's output, standard output and error as one stream.

    Attributes:
        text: Its head and tail, with a line between them that says how much was left out, if any was.
        size: How many bytes it wrote in all.
    """

    text: str
    size: int

    @property
    def last_line(self) -> str:
        """Its last line that is not blank, at most 200 characters of it; empty if there is none."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        return lines[-1][:200] if lines else ""


@dataclass(frozen=True, slots=True)
class Await:
    """What makes a program ready.

    Attributes:
        port: The port on which it must own a socket (listening, for TCP); 0 for no such condition.
        transport: The transport of that socket.
        log: The regular expression that a line of its output must match; None for no such condition.
        timeout: Seconds.
        families: The families that sockets on the port are to serve. A service opens them one after the other, so the
            first socket alone proves little: the others are waited for, but no longer than ``grace``.
        grace: Seconds from the first socket on.
    """

    port: int
    transport: Transport
    log: str | None
    timeout: float
    families: tuple[Family, ...] = ()
    grace: float = 1.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a program became ready.

    Attributes:
        ready: Whether it did.
        exit: How it ended, if it did.
        seconds: How long it took.
        detail: What was still missing, one sentence.
    """

    ready: bool
    exit: Exit | None
    seconds: float
    detail: str


@dataclass(frozen=True, slots=True)
class SocketRow:
    """One row of a host's socket table.

    Attributes:
        family: ``ipv4`` or ``ipv6``: the family of the socket.
        transport: ``tcp`` or ``udp``.
        state: ``LISTEN``, ``ESTABLISHED`` … as the kernel calls it; ``UNCONN`` for an unconnected UDP socket.
        address: The local address.
        port: The local port.
        peer: The remote address and port, empty for a listener.
        v6only: IPV6_V6ONLY; None for an IPv4 socket and for a connected one (the kernel does not tell). It means
            something only for ``::``: a socket on one IPv6 address always says true.
        owner: Process name and number, ``nginx(12)``, the lowest number of several; empty when it is not known.
    """

    family: str
    transport: str
    state: str
    address: str
    port: int
    peer: str
    v6only: bool | None
    owner: str

    @property
    def serves(self) -> frozenset[Family]:
        """The families whose packets reach it: an IPv6 socket may take IPv4 too, or nothing else (RFC 3493 §3.7)."""
        if self.family == Family.IPV4.value or self.address.startswith("::ffff:"):
            return frozenset({Family.IPV4})
        both = self.address == Family.IPV6.wildcard and not self.v6only
        return frozenset(Family) if both else frozenset({Family.IPV6})


@dataclass(frozen=True, slots=True)
class AddressRow:
    """One address of a host.

    Attributes:
        family: ``ipv4`` or ``ipv6``.
        address: The address.
        prefix_length: The length of its prefix.
        interface: The interface that has it.
        tentative: Whether duplicate address detection is still running (RFC 4862 §5.4).
        duplicate: Whether duplicate address detection failed.
        temporary: Whether it is one of those that are made for a while, for privacy (RFC 8981).
        deprecated: Whether its preferred lifetime is over (RFC 4862 §5.5.4).
    """

    family: str
    address: str
    prefix_length: int
    interface: str
    tentative: bool
    duplicate: bool
    temporary: bool = False
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class RouteRow:
    """One route of a host's main table.

    Attributes:
        family: ``ipv4`` or ``ipv6``.
        destination: The destination prefix, ``default`` for the default route.
        gateway: The next hop, empty for a network on the link.
        interface: The outgoing interface, empty without one.
        kind: ``unicast``, ``unreachable``, ``blackhole`` or ``prohibit``.
    """

    family: str
    destination: str
    gateway: str
    interface: str
    kind: str


@dataclass(frozen=True, slots=True)
class Names:
    """An authoritative name server for ``lab.test``; `dualstack.prober.names` builds the names that it knows.

    Attributes:
        addresses: Where it listens, over UDP and TCP (IPv6 sockets with IPV6_V6ONLY).
        a: The A records of a name with behaviour ``ok``.
        aaaa: The AAAA records of a name with behaviour ``ok``.
        port: The port.
    """

    addresses: tuple[str, ...]
    a: tuple[str, ...] = ()
    aaaa: tuple[str, ...] = ()
    port: int = 53


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
