"""The lab's authoritative name server: DNS over UDP and TCP (RFC 1035, RFC 7766), stateless but for what it notes."""

import asyncio
import socket
import struct
from collections import Counter
from contextlib import suppress
from time import monotonic

from dnslib import AAAA, EDNS0, OPCODE, QTYPE, RCODE, RR, SOA, A, DNSHeader, DNSRecord

from dualstack.families import Family
from dualstack.manifest.models import Transport
from dualstack.prober.messages import Names, Query
from dualstack.prober.names import ZONE, Action, Behaviour, behaviours, in_zone
from dualstack.prober.sockets import bound_socket

_TTL = 60  # a name is asked for once only, so this is never waited for
_MAPPED = "::ffff:7f00:1"  # that of 127.0.0.1: dnslib reads no dotted quads
_PLAIN_UDP = 512  # RFC 1035 §4.2.1
_EDNS_UDP = 1232
_LENGTH = struct.Struct("!H")
_MOST_QUERIES = 10_000  # that are noted
_MOST_OPEN = 64  # connections at a time
_A_TURN = 64
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
    """What the server answers; no sockets here."""

    def __init__(self, a: tuple[str, ...], aaaa: tuple[str, ...], silent: tuple[str, ...] = ()) -> None:
        """Take the addresses of names with behaviour ``ok``, and the domains that are never answered for."""
        self._silent = silent
        self._records = {Family.IPV4: [A(address) for address in a], Family.IPV6: [AAAA(address) for address in aaaa]}
        self._asked: Counter[tuple[str, Family]] = Counter()

    def answer(self, query: DNSRecord) -> tuple[DNSRecord | None, float]:
        """Return the answer, None for a question that is to be dropped, and after how many seconds it is due."""
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
        said = behaviours(name)
        if said is None:
            return self._about_zone(reply, query, name), 0
        family = _ADDRESS_TYPES.get(query.q.qtype)
        behaviour = said[family] if family is not None else Behaviour(Action.NONE)
        return self._behave(reply, family, behaviour), behaviour.milliseconds / 1000

    def _behave(self, reply: DNSRecord, family: Family | None, behaviour: Behaviour) -> DNSRecord | None:
        """Fill in the answer that a name asks for."""
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
        """Answer for the zone's own name, and for names that it does not have."""
        apex = name.lower().rstrip(".") == ZONE
        if apex and query.q.qtype == QTYPE.SOA:
            reply.add_answer(RR(ZONE, QTYPE.SOA, rdata=_SOA, ttl=_TTL))
            return reply
        return _without_answer(reply, RCODE.NOERROR if apex else RCODE.NXDOMAIN)


def _refuse(reply: DNSRecord, code: int) -> DNSRecord:
    """Make the answer an error without authority."""
    reply.header.rcode = code
    reply.header.aa = 0
    return reply


def _without_answer(reply: DNSRecord, code: int) -> DNSRecord:
    """Make the answer a negative one, with the zone's SOA (RFC 2308 §2)."""
    reply.header.rcode = code
    reply.add_auth(RR(ZONE, QTYPE.SOA, rdata=_SOA, ttl=_TTL))
    return reply


class NameServer:
    """One `Names`: a UDP and a TCP socket for each address."""

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
        """Return what was asked until now."""
        await asyncio.sleep(0)  # the datagrams that came before this request
        return list(self._queries)

    def close(self) -> None:
        """Close every socket and connection; what is delayed is never answered."""
        for made in self._sockets:
            self._loop.remove_reader(made)
            made.close()
        self._sockets.clear()
        for task in self._tasks:
            task.cancel()

    def _consider(self, data: bytes, peer: tuple[str, int], transport: Transport) -> tuple[bytes | None, float]:
        """Note a question and return the answer's bytes, None for none, and after how many seconds they are due.

        What cannot be read, or not be answered, is answered with FORMERR (RFC 1035 §4.1.1).
        """
        try:
            return self._answer(DNSRecord.parse(data), peer, transport)
        except Exception:  # noqa: BLE001 - dnslib promises no type of error for bytes that are no DNS message
            return _format_error(data), 0

    def _answer(self, query: DNSRecord, peer: tuple[str, int], transport: Transport) -> tuple[bytes | None, float]:
        """Note a question that can be read; return as `_consider`."""
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
        """Return the log's line about one question."""
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
        """Answer the datagrams that wait."""
        for _ in range(_A_TURN):
            try:
                data, peer = made.recvfrom(_EDNS_UDP)
            except BlockingIOError:
                return
            answer, delay = self._consider(data, peer[:2], Transport.UDP)
            if answer is not None:
                self._loop.call_later(delay, self._send, made, answer, peer)

    @staticmethod
    def _send(made: socket.socket, answer: bytes, peer: tuple[str, int]) -> None:
        """Send an answer; a client that is gone, or a server that was closed meanwhile, gets none."""
        with suppress(OSError):
            made.sendto(answer, peer)

    def _accept(self, listener: socket.socket) -> None:
        """Take the connections that wait."""
        for _ in range(_A_TURN):
            try:
                connection, peer = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            if len(self._tasks) >= _MOST_OPEN:
                connection.close()
                continue
            connection.setblocking(False)
            task = self._loop.create_task(self._converse(connection, peer[:2]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _converse(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        """Answer the questions of one connection, each in its turn."""
        # A client may go away at any moment.
        with connection, suppress(ConnectionError, TimeoutError):
            waiting = bytearray()
            while data := await self._loop.sock_recv(connection, 1 << 16):
                waiting += data
                while (question := _take(waiting)) is not None:
                    answer, delay = self._consider(question, peer, Transport.TCP)
                    await asyncio.sleep(delay)
                    if answer is not None:
                        await self._loop.sock_sendall(connection, _LENGTH.pack(len(answer)) + answer)


def _take(waiting: bytearray) -> bytes | None:
    """Take one message with its length in front from what has come (RFC 1035 §4.2.2), if it is there whole."""
    if len(waiting) < _LENGTH.size:
        return None
    end = _LENGTH.size + _LENGTH.unpack_from(waiting)[0]
    if len(waiting) < end:
        return None
    message = bytes(waiting[_LENGTH.size : end])
    del waiting[:end]
    return message


def _room(query: DNSRecord) -> int:
    """Return how many bytes a UDP answer may have."""
    offered = [record.edns_len for record in query.ar if record.rtype == QTYPE.OPT]
    return min(max(offered[0], _PLAIN_UDP), _EDNS_UDP) if offered else _PLAIN_UDP


def _format_error(data: bytes) -> bytes | None:
    """Return FORMERR for something that has at least a message's number."""
    if len(data) < _LENGTH.size:
        return None
    header = DNSHeader(id=_LENGTH.unpack_from(data)[0], bitmap=0, qr=1, rcode=RCODE.FORMERR)
    return bytes(DNSRecord(header).pack())
