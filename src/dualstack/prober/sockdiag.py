"""The kernel's socket table: TCP and UDP, IPv4 and IPv6, over netlink sock_diag(7)."""

import socket
import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from dualstack.families import BOTH, Family, bracketed
from dualstack.prober.messages import SocketRow
from dualstack.prober.messages.tables import CountFailedAttempts, ListSockets, ReadTcpStates
from dualstack.prober.netlink import NETLINK_SOCK_DIAG, Dumper, attributes
from dualstack.prober.processes import process_name, socket_owners
from dualstack.prober.programs import RunningProgram
from dualstack.prober.verbs import Agent, verb
from dualstack.transport import Transport

_BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY
_ALL = 0xFFFFFFFF
_SKV6ONLY = 11  # INET_DIAG_SKV6ONLY

_REQUEST = struct.Struct("=BBBBI48x")  # family, protocol, extensions, -, states, socket id
_MESSAGE = struct.Struct(
    "=BBBB2s2s16s16s12x20s"
)  # family, state, -, -, ports, addresses, interface and cookie, counters
_COUNTERS = struct.Struct("=IIIII")  # expires, receive queue, send queue, user, inode

_PROTOCOLS = {Transport.TCP: socket.IPPROTO_TCP, Transport.UDP: socket.IPPROTO_UDP}
_STATES = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSE",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
    12: "NEW_SYN_RECV",
}
_LISTEN, _CLOSE = 10, 7

_SNMP = Path("/proc/self/net/snmp")

_NONE: Mapping[str, Collection[int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class KernelSocket:
    """One socket, as the kernel describes it; for the other fields see `SocketRow`.

    Attributes:
        inode: Its inode, which identifies its owner; 0 if it belongs to no process any more.
        user: The id of the user that created it.
        queue: Its send queue in bytes; of a TCP listener the maximum of its queue of connections.
        waiting: Its receive queue in bytes; of a TCP listener how many connections are in its queue.
    """

    family: Family
    transport: Transport
    state: int
    address: str
    port: int
    peer_address: str
    peer_port: int
    v6only: bool | None
    inode: int
    user: int = 0
    queue: int = 0
    waiting: int = 0

    @property
    def serving(self) -> bool:
        """Whether it receives from any client: a listening TCP socket, or an unconnected UDP one."""
        return self.state == (_LISTEN if self.transport is Transport.TCP else _CLOSE) and self.port > 0

    @property
    def serves(self) -> frozenset[Family]:
        """The families whose packets reach it: an IPv6 socket may take IPv4 too, or nothing else (RFC 3493 §3.7)."""
        if self.family is Family.IPV4 or self.address.startswith("::ffff:"):
            return frozenset({Family.IPV4})
        both = self.address == Family.IPV6.wildcard and not self.v6only
        return frozenset(BOTH) if both else frozenset({Family.IPV6})


class SocketTable:
    """The socket table of the network namespace in which it was opened."""

    def __init__(self) -> None:
        """Open the netlink socket."""
        self._dumper = Dumper(NETLINK_SOCK_DIAG)

    def sockets(self, transports: Iterable[Transport] = tuple(Transport), states: int = _ALL) -> list[KernelSocket]:
        """Return the sockets of both families that are in one of the states (a bit for each)."""
        return [
            _parse(transport, body)
            for transport in transports
            for family in BOTH
            for body in self._dumper.dump(_BY_FAMILY, _REQUEST.pack(family.af, _PROTOCOLS[transport], 0, 0, states))
        ]

    def serving(self, transport: Transport, port: int) -> list[KernelSocket]:
        """Return the sockets on ``port`` that receive from any client: listening TCP, or unconnected UDP ones."""
        # For one state only, the kernel does not walk its table of connections, which takes 0.2 ms per family.
        state = _LISTEN if transport is Transport.TCP else _CLOSE
        return [item for item in self.sockets((transport,), 1 << state) if item.port == port]

    def rows(
        self,
        transports: Iterable[Transport] = tuple(Transport),
        members: Mapping[str, Collection[int]] = _NONE,
        inodes: Mapping[str, Collection[int]] = _NONE,
    ) -> list[SocketRow]:
        """Return the table with the owners' names, and the names of components.

        Args:
            transports: The transports of the sockets.
            members: The processes of each component.
            inodes: The inodes of the sockets of each component whose processes cannot be seen.
        """
        owners = socket_owners()
        components = {inode: name for name, numbers in inodes.items() for inode in numbers}
        for name, processes in members.items():
            components |= {inode: name for inode, pids in owners.items() if pids & set(processes)}
        return [
            _row(item, owners.get(item.inode, set()), components.get(item.inode, ""))
            for item in self.sockets(transports)
        ]

    def close(self) -> None:
        """Close the netlink socket."""
        self._dumper.close()


@verb(ListSockets)
async def sockets(agent: Agent, request: ListSockets) -> tuple[SocketRow, ...]:
    """Return the host's socket table."""
    transports = [request.transport] if request.transport is not None else list(Transport)
    members = {program.component: program.members() for program in agent.all(RunningProgram) if program.component}
    return tuple(agent.shared(SocketTable).rows(transports, members, request.components))


@verb(ReadTcpStates)
async def tcp_states(agent: Agent, request: ReadTcpStates) -> tuple[str, ...]:
    """Return the states of TCP sockets; one that is not connected, or not any more, is not in the table."""
    found = {item.inode: item.state for item in agent.shared(SocketTable).sockets((Transport.TCP,))}
    return tuple(_STATES.get(found.get(inode, _CLOSE), "CLOSE") for inode in request.inodes)


@verb(CountFailedAttempts)
async def failed_attempts(agent: Agent, request: CountFailedAttempts) -> int:  # noqa: ARG001 - as every verb has them
    """Return the kernel's count for this network namespace."""
    return _count("AttemptFails")


def _count(name: str) -> int:
    """Return one of the kernel's counts of TCP, of both families."""
    names, values = (line.split() for line in _SNMP.read_text().splitlines() if line.startswith("Tcp:"))
    return int(values[names.index(name)])


def _parse(transport: Transport, body: bytes) -> KernelSocket:
    """Return what one answer of the kernel says."""
    af, state, _, _, sport, dport, source, destination, counters = _MESSAGE.unpack_from(body)
    size = 4 if af == socket.AF_INET else 16
    v6only = attributes(body, _MESSAGE.size).get(_SKV6ONLY)
    return KernelSocket(
        family=Family.IPV4 if af == socket.AF_INET else Family.IPV6,
        transport=transport,
        state=state,
        address=socket.inet_ntop(af, source[:size]),
        port=int.from_bytes(sport, "big"),
        peer_address=socket.inet_ntop(af, destination[:size]),
        peer_port=int.from_bytes(dport, "big"),
        v6only=bool(v6only[0]) if v6only else None,
        inode=_COUNTERS.unpack(counters)[4],
        user=_COUNTERS.unpack(counters)[3],
        queue=_COUNTERS.unpack(counters)[2],
        waiting=_COUNTERS.unpack(counters)[1],
    )


def _row(item: KernelSocket, owners: set[int], component: str = "") -> SocketRow:
    """Return a socket for a reader."""
    peer = bracketed(item.peer_address)
    unconnected = item.transport is Transport.UDP and item.state == _CLOSE
    listens = item.transport is Transport.TCP and item.state == _LISTEN
    return SocketRow(
        family=item.family.value,
        transport=item.transport.value,
        state="UNCONN" if unconnected else _STATES.get(item.state, str(item.state)),
        address=item.address,
        port=item.port,
        peer=f"{peer}:{item.peer_port}" if item.peer_port else "",
        v6only=item.v6only,
        owner=process_name(min(owners)) if owners else "",
        component=component,
        backlog=item.queue if listens else None,
        waiting=item.waiting if listens else None,
    )
