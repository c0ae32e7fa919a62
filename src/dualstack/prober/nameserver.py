"""The lab's authoritative name server: DNS over UDP and TCP (RFC 1035, RFC 7766)."""

import asyncio
import socket
import struct
from contextlib import suppress
from functools import partial
from time import monotonic, time

from dnslib import QTYPE, RCODE, DNSHeader, DNSRecord

from dualstack.families import Family
from dualstack.prober.dns64 import Dns64
from dualstack.prober.messages import Names, Query
from dualstack.prober.messages.naming import ReadQueries
from dualstack.prober.messages.requests import Handle
from dualstack.prober.sockets import bound_socket
from dualstack.prober.timer import Timer
from dualstack.prober.verbs import Agent, verb
from dualstack.prober.zone import EDNS_UDP, Zone
from dualstack.transport import Transport

_PLAIN_UDP = 512  # RFC 1035 §4.2.1
_LENGTH = struct.Struct("!H")
_MOST_QUERIES = 10_000  # that are recorded
_MOST_OPEN = 64  # connections at a time
_MOST_WAITING = 256  # answers of one connection at a time
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python has no name for it
_TIMESPEC = struct.Struct("qq")
_CONTROL = socket.CMSG_SPACE(_TIMESPEC.size)
_OLDEST = 10.0  # seconds: a datagram that seems older arrived before the clock was set
_BATCH = 64  # datagrams or connections before the event loop serves other sockets


class DnsServer:
    """The name server of one `Names`, with a UDP and a TCP socket for each address."""

    def __init__(self, names: Names) -> None:
        """Bind and start to answer.

        Raises:
            HarnessError: An address cannot be bound.
        """
        zone = Zone(names.a, names.aaaa, names.silent)
        self._zone = Dns64(names.pref64, zone.answer) if names.pref64 else zone
        self._start = monotonic()
        self._timer = Timer()
        self._queries: list[Query] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets: list[socket.socket] = []
        self._loop = asyncio.get_running_loop()
        try:
            for address in names.addresses:
                for transport, ready in ((Transport.UDP, self._datagrams), (Transport.TCP, self._accept)):
                    made = bound_socket(address, names.port, transport)
                    self._sockets.append(made)
                    if transport is Transport.UDP:
                        made.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                    self._loop.add_reader(made, ready, made)
        except BaseException:
            self.close()
            raise

    async def queries(self) -> list[Query]:
        """Return the questions until now."""
        await asyncio.sleep(0)  # so that the datagrams are read that came before this request
        return list(self._queries)

    def close(self) -> None:
        """Close all sockets and connections; delayed answers are not sent."""
        for made in self._sockets:
            self._loop.remove_reader(made)
            made.close()
        self._sockets.clear()
        self._timer.close()
        for task in self._tasks:
            task.cancel()

    def _reply(self, data: bytes, peer: tuple[str, int], transport: Transport) -> tuple[bytes | None, float]:
        """Record a question; return the bytes of its answer (None: no answer) and their delay in seconds.

        A message that cannot be parsed or answered is answered with FORMERR (RFC 1035 §4.1.1).
        """
        try:
            return self._answer(DNSRecord.parse(data), peer, transport)
        except Exception:  # noqa: BLE001 - dnslib documents no exception for bytes that are not DNS
            return _format_error(data), 0

    def _answer(self, query: DNSRecord, peer: tuple[str, int], transport: Transport) -> tuple[bytes | None, float]:
        """Record a parsed question; return the same as `_reply`."""
        if query.header.qr or not query.questions:
            return None, 0
        answer = self._zone.answer(query)
        if len(self._queries) < _MOST_QUERIES:
            self._queries.append(self._log_line(query, answer.reply, peer, transport))
        return answer.packed(_room(query) if transport is Transport.UDP else None), answer.delay

    def _log_line(
        self, query: DNSRecord, reply: DNSRecord | None, peer: tuple[str, int], transport: Transport
    ) -> Query:
        """Return the record of one question."""
        return Query(
            at=monotonic() - self._start,
            client=peer[0],
            client_port=peer[1],
            family=Family.of(peer[0]).value,
            transport=transport.value,
            name=str(query.q.qname).rstrip("."),
            record=str(QTYPE.get(query.q.qtype)),
            rcode=str(RCODE.get(reply.header.rcode)) if reply is not None else "",
            answers=len(reply.rr) if reply is not None else 0,
        )

    def _datagrams(self, made: socket.socket) -> None:
        """Answer the datagrams that have arrived."""
        for _ in range(_BATCH):
            try:
                data, ancillary, _, peer = made.recvmsg(EDNS_UDP, _CONTROL)
            except BlockingIOError:
                return
            arrived = monotonic() - _age(ancillary)
            answer, delay = self._reply(data, peer[:2], Transport.UDP)
            if answer is not None:
                self._timer.at(arrived + delay, partial(self._send, made, answer, peer))

    @staticmethod
    def _send(made: socket.socket, answer: bytes, peer: tuple[str, int]) -> None:
        """Send an answer; errors of a closed client port or a closed server are ignored."""
        with suppress(OSError):
            made.sendto(answer, peer)

    def _accept(self, listener: socket.socket) -> None:
        """Accept the connections that wait."""
        for _ in range(_BATCH):
            try:
                connection, peer = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            if len(self._tasks) >= _MOST_OPEN:
                connection.close()
                continue
            connection.setblocking(False)
            task = self._loop.create_task(self._serve(connection, peer[:2]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        """Answer the questions of one connection, each when it is due (RFC 7766 §6.2.1.1)."""
        room, turn = asyncio.Semaphore(_MOST_WAITING), asyncio.Lock()
        # A client may disconnect at any time.
        with connection, suppress(ConnectionError, TimeoutError):
            waiting = bytearray()
            async with asyncio.TaskGroup() as answers:
                while data := await self._loop.sock_recv(connection, 1 << 16):
                    arrived = monotonic()
                    waiting += data
                    while (question := _take(waiting)) is not None:
                        answer, delay = self._reply(question, peer, Transport.TCP)
                        if answer is not None:
                            await room.acquire()
                            task = answers.create_task(self._send_later(connection, answer, arrived + delay, turn))
                            task.add_done_callback(lambda _: room.release())

    async def _send_later(self, connection: socket.socket, answer: bytes, due: float, turn: asyncio.Lock) -> None:
        """Send an answer over TCP when it is due; errors of a client that has disconnected are ignored."""
        await self._timer.until(due)
        async with turn:
            with suppress(ConnectionError, TimeoutError):
                await self._loop.sock_sendall(connection, _LENGTH.pack(len(answer)) + answer)


@verb(Names)
async def start_server(agent: Agent, request: Names) -> Handle:
    """Start a name server."""
    return agent.keep(DnsServer(request))


@verb(ReadQueries)
async def read_queries(agent: Agent, request: ReadQueries) -> tuple[Query, ...]:
    """Return the questions of a name server."""
    return tuple(await agent.kept(DnsServer, request.handle).queries())


def _age(ancillary: list[tuple[int, int, bytes]]) -> float:
    """Return how many seconds ago the kernel received a datagram; 0 if it does not say, or its clock was set."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(data) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            age = time() - (seconds + nanoseconds / 1e9)
            return age if 0 < age < _OLDEST else 0.0
    return 0.0


def _take(waiting: bytearray) -> bytes | None:
    """Remove and return one message with a length prefix (RFC 1035 §4.2.2); None if it is not complete."""
    if len(waiting) < _LENGTH.size:
        return None
    end = _LENGTH.size + _LENGTH.unpack_from(waiting)[0]
    if len(waiting) < end:
        return None
    message = bytes(waiting[_LENGTH.size : end])
    del waiting[:end]
    return message


def _room(query: DNSRecord) -> int:
    """Return the maximum size of a UDP answer in bytes."""
    offered = [record.edns_len for record in query.ar if record.rtype == QTYPE.OPT]
    return min(max(offered[0], _PLAIN_UDP), EDNS_UDP) if offered else _PLAIN_UDP


def _format_error(data: bytes) -> bytes | None:
    """Return FORMERR for data that contains at least a message id; else None."""
    if len(data) < _LENGTH.size:
        return None
    header = DNSHeader(id=_LENGTH.unpack_from(data)[0], bitmap=0, qr=1, rcode=RCODE.FORMERR)
    return bytes(DNSRecord(header).pack())
