"""Tables and settings of a host's kernel, and text files of a host."""

from dataclasses import dataclass, field

from dualstack.families import Family
from dualstack.prober.messages.requests import Request
from dualstack.transport import Transport


@dataclass(frozen=True, slots=True)
class SocketRow:
    """One row of a host's socket table.

    Attributes:
        family: ``ipv4`` or ``ipv6``: the family of the socket.
        transport: ``tcp`` or ``udp``.
        state: ``LISTEN``, ``ESTABLISHED`` …; ``UNCONN`` for an unconnected UDP socket.
        address: The local address.
        port: The local port.
        peer: The remote address and port, empty for a listener.
        v6only: IPV6_V6ONLY; None for an IPv4 socket and for a connected one (the kernel does not report it). It is
            relevant for ``::`` only: a socket on another IPv6 address always has true.
        owner: Process name and number, ``nginx(12)``, the lowest number of several; empty if it is unknown.
        component: The name of the service's component that has it; empty if it belongs to another program.
        backlog: How many connections a TCP listener's queue holds until they are accepted; None for other sockets.
        waiting: How many connections a TCP listener has not accepted yet; None for other sockets. Tables that differ in
            it are equal.
    """

    family: str
    transport: str
    state: str
    address: str
    port: int
    peer: str
    v6only: bool | None
    owner: str
    component: str = ""
    backlog: int | None = None
    waiting: int | None = field(default=None, compare=False)

    @property
    def is_of_harness(self) -> bool:
        """Whether it belongs to the prober, which is process 1 of its host."""
        return self.owner.endswith("(1)")

    @property
    def is_local(self) -> bool:
        """Whether only clients on its own host reach it."""
        return self.address.startswith(("127.", "::ffff:127.")) or self.address == "::1"

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
        interface: Its interface.
        tentative: Whether duplicate address detection is still running (RFC 4862 §5.4).
        duplicate: Whether duplicate address detection failed.
        temporary: Whether it is a temporary address (RFC 8981).
        deprecated: Whether its preferred lifetime has expired (RFC 4862 §5.5.4).
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
class ListSockets(Request[tuple[SocketRow, ...]]):
    """Return the host's socket table.

    Attributes:
        transport: The transport of the sockets; None for both.
        components: The inodes of the sockets of each component whose processes the agent cannot see.
    """

    transport: Transport | None = None
    components: dict[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadTcpStates(Request[tuple[str, ...]]):
    """Return the states of TCP sockets in the host's socket table; ``CLOSE`` for those that it does not list.

    Attributes:
        inodes: The inodes of the sockets.
    """

    inodes: tuple[int, ...]


class CountFailedAttempts(Request[int]):
    """Return how many TCP connection attempts of the host have failed (``AttemptFails`` of RFC 4022), of both families.

    An attempt that is reset counts at once.
    """

    __slots__ = ()


class ListAddresses(Request[tuple[AddressRow, ...]]):
    """Return the host's addresses, including loopback and link-local ones."""

    __slots__ = ()


class ListRoutes(Request[tuple[RouteRow, ...]]):
    """Return the routes of the host's main table."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class AwaitGroup(Request[bool]):
    """Return whether a multicast group is joined on the host: as soon as it is, and at the latest after the timeout.

    Attributes:
        group: The group's address.
        timeout: Seconds.
    """

    group: str
    timeout: float

    @property
    def time_limit(self) -> float:
        """Seconds until the answer."""
        return self.timeout


@dataclass(frozen=True, slots=True)
class ReadSysctl(Request[str]):
    """Return a kernel setting of the host.

    Attributes:
        name: Its name: ``net.ipv6.bindv6only``.
    """

    name: str


@dataclass(frozen=True, slots=True)
class ReadTexts(Request[tuple[str, ...]]):
    """Return the ends of the text files below a folder of the host.

    Attributes:
        folder: The folder.
    """

    folder: str
