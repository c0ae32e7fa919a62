"""The lab's authoritative name server: DNS over UDP and TCP (RFC 1035, RFC 7766)."""

import asyncio
import socket
import struct
from collections import Counter
from contextlib import suppress
from time import monotonic

from dnslib import AAAA, EDNS0, OPCODE, QTYPE, RCODE, RR, SOA, A, DNSHeader, DNSRecord

from dualstack.families import Family
from dualstack.prober.messages import Names, Query
from dualstack.prober.messages.naming import ReadQueries
from dualstack.prober.messages.requests import Handle
from dualstack.prober.names import ZONE, Action, Behaviour, behaviours, in_zone
from dualstack.prober.sockets import bound_socket
from dualstack.prober.verbs import Agent, verb
from dualstack.transport import Transport

_TTL = 60  # seconds; no effect, because each name is asked for once only
_MAPPED = "::ffff:7f00:1"  # of 127.0.0.1; dnslib does not parse dotted quads in it
_PLAIN_UDP = 512  # RFC 1035 §4.2.1
_EDNS_UDP = 1232
_LENGTH = struct.Struct("!H")
_MOST_QUERIES = 10_000  # that are recorded
_MOST_OPEN = 64  # connections at a time
_BATCH = 64  # datagrams or connections before the event loop serves other sockets
_ARPA = "arpa"
_ADDRESS_TYPES = {QTYPE.A: Family.IPV4, QTYPE.AAAA: Family.IPV6}
_ERROR_CODES = {
    Action.SERVFAIL: RCODE.SERVFAIL,
    Action.NXDOMAIN: RCODE.NXDOMAIN,
    Action.NOTIMP: RCODE.NOTIMP,
    Action.REFUSED: RCODE.REFUSED,
}
_SOA = SOA(f"ns.{ZONE}", f"hostmaster.{ZONE}", (1, 3600, 600, 86400, _TTL))


class Zone:
    """The answers of the server; no sockets here."""

    def __init__(self, a: tuple[str, ...], aaaa: tuple[str, ...], silent: tuple[str, ...] = ()) -> None:
        """Take the addresses of names with behaviour ``ok``, and the domains whose questions are not answered."""
        self._silent = silent
        self._records = {Family.IPV4: [A(address) for address in a], Family.IPV6: [AAAA(address) for address in aaaa]}
        self._asked: Counter[tuple[str, Family]] = Counter()

    def answer(self, query: DNSRecord) -> tuple[DNSRecord | None, float]:
        """Return the answer (None: the question is dropped) and the delay of it in seconds."""
        reply = query.reply(ra=0, aa=1)
        if query.ar and any(record.rtype == QTYPE.OPT for record in query.ar):
            reply.add_ar(EDNS0(udp_len=_EDNS_UDP))
        name = str(query.q.qname)
        if query.header.opcode != OPCODE.QUERY:
            return _refuse(reply, RCODE.NOTIMP), 0
        if any(in_zone(name, domain) for domain in self._silent):
            return None, 0
        if in_zone(name, _ARPA):
            return _refuse(reply, RCODE.NXDOMAIN), 0
        if not in_zone(name):
            return _refuse(reply, RCODE.REFUSED), 0
        found = behaviours(name)
        if found is None:
            return self._about_zone(reply, query, name), 0
        family = _ADDRESS_TYPES.get(query.q.qtype)
        behaviour = found[family] if family is not None else Behaviour(Action.NONE)
        return self._behave(reply, family, behaviour), behaviour.milliseconds / 1000

    def _behave(self, reply: DNSRecord, family: Family | None, behaviour: Behaviour) -> DNSRecord | None:
        """Return the answer that a behaviour describes."""
        if behaviour.action is Action.DROP:
            return None
        if behaviour.action in _ERROR_CODES:
            code = _ERROR_CODES[behaviour.action]
            return _without_answer(reply, code) if code == RCODE.NXDOMAIN else _refuse(reply, code)
        records = self._data(str(reply.q.qname).lower(), family, behaviour) if family is not None else []
        ttl = 0 if behaviour.action is Action.REBIND else _TTL
        for data in records:
            reply.add_answer(RR(reply.q.qname, reply.q.qtype, rdata=data, ttl=ttl))
        return reply if records else _without_answer(reply, RCODE.NOERROR)

    def _data(self, name: str, family: Family, behaviour: Behaviour) -> list[A | AAAA]:
        """Return the addresses that a name has for one question."""
        known, make = self._records[family], A if family is Family.IPV4 else AAAA
        match behaviour.action:
            case Action.NONE:
                return []
            case Action.FIRST:
                return known[:1]
            case Action.LOOPBACK:
                return [make(family.loopback)]
            case Action.MAPPED:
                return [AAAA(_MAPPED)]
            case Action.REBIND:
                self._asked[name, family] += 1
                return known[:1] if self._asked[name, family] <= behaviour.times else [make(family.loopback)]
        return known

    @staticmethod
    def _about_zone(reply: DNSRecord, query: DNSRecord, name: str) -> DNSRecord:
        """Answer for the zone's apex, and for names that do not exist."""
        apex = name.lower().rstrip(".") == ZONE
        if apex and query.q.qtype == QTYPE.SOA:
            reply.add_answer(RR(ZONE, QTYPE.SOA, rdata=_SOA, ttl=_TTL))
            return reply
        return _without_answer(reply, RCODE.NOERROR if apex else RCODE.NXDOMAIN)


def _refuse(reply: DNSRecord, code: int) -> DNSRecord:
    """Make the answer a non-authoritative error."""
    reply.header.rcode = code
    reply.header.aa = 0
    return reply


def _without_answer(reply: DNSRecord, code: int) -> DNSRecord:
    """Make the answer a negative one, with the zone's SOA (RFC 2308 §2)."""
    reply.header.rcode = code
    reply.add_auth(RR(ZONE, QTYPE.SOA, rdata=_SOA, ttl=_TTL))
    return reply


class DnsServer:
    """The name server of one `Names`, with a UDP and a TCP socket for each address."""

    def __init__(self, names: Names) -> None:
        """Bind and start to answer.

        Raises:
            HarnessError: An address cannot be bound.
        """
        self._zone = Zone(names.a, names.aaaa, names.silent)
        self._start = monotonic()
        self._queries: list[Query] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets: list[socket.socket] = []
        self._loop = asyncio.get_running_loop()
        try:
            for address in names.addresses:
                for transport, ready in ((Transport.UDP, self._datagrams), (Transport.TCP, self._accept)):
                    made = bound_socket(address, names.port, transport)
                    self._sockets.append(made)
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
        reply, delay = self._zone.answer(query)
        if len(self._queries) < _MOST_QUERIES:
            self._queries.append(self._log_line(query, reply, peer, transport))
        if reply is None:
            return None, 0
        packed = reply.pack()
        if transport is Transport.UDP and len(packed) > _room(query):
            packed = reply.truncate().pack()
        return packed, delay

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
                data, peer = made.recvfrom(_EDNS_UDP)
            except BlockingIOError:
                return
            answer, delay = self._reply(data, peer[:2], Transport.UDP)
            if answer is not None:
                self._loop.call_later(delay, self._send, made, answer, peer)

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
        """Answer the questions of one connection in order."""
        # A client may disconnect at any time.
        with connection, suppress(ConnectionError, TimeoutError):
            waiting = bytearray()
            while data := await self._loop.sock_recv(connection, 1 << 16):
                waiting += data
                while (question := _take(waiting)) is not None:
                    answer, delay = self._reply(question, peer, Transport.TCP)
                    await asyncio.sleep(delay)
                    if answer is not None:
                        await self._loop.sock_sendall(connection, _LENGTH.pack(len(answer)) + answer)


@verb(Names)
async def start_server(agent: Agent, request: Names) -> Handle:
    """Start a name server."""
    return agent.keep(DnsServer(request))


@verb(ReadQueries)
async def read_queries(agent: Agent, request: ReadQueries) -> tuple[Query, ...]:
    """Return the questions of a name server."""
    return tuple(await agent.kept(DnsServer, request.handle).queries())


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
    return min(max(offered[0], _PLAIN_UDP), _EDNS_UDP) if offered else _PLAIN_UDP


def _format_error(data: bytes) -> bytes | None:
    """Return FORMERR for data that contains at least a message id; else None."""
    if len(data) < _LENGTH.size:
        return None
    header = DNSHeader(id=_LENGTH.unpack_from(data)[0], bitmap=0, qr=1, rcode=RCODE.FORMERR)
    return bytes(DNSRecord(header).pack())
