"""The answers of the lab's name server to parsed questions; no sockets here."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address

from dnslib import AAAA, CNAME, EDNS0, OPCODE, QTYPE, RCODE, RD, RR, SOA, A, DNSRecord

from dualstack.families import BOTH, Family
from dualstack.prober.behaviour import DEFAULT_TTL, MALFORMED, NOTHING, Action, Behaviour
from dualstack.prober.malformed import SPOIL
from dualstack.prober.names import ZONE, alias_target, behaviours, in_zone

EDNS_UDP = 1232
"""Bytes of UDP payload that the server offers and keeps to."""

_ARPA = "arpa"
_OTHER = f"other.{ZONE}"  # owner of the record in an answer with `Action.OTHER`
_ADDRESS_TYPES = {QTYPE.A: Family.IPV4, QTYPE.AAAA: Family.IPV6}
_ERROR_CODES = {
    Action.FORMERR: RCODE.FORMERR,
    Action.SERVFAIL: RCODE.SERVFAIL,
    Action.NXDOMAIN: RCODE.NXDOMAIN,
    Action.NOTIMP: RCODE.NOTIMP,
    Action.REFUSED: RCODE.REFUSED,
}
_SHORT = {Family.IPV4: 3, Family.IPV6: 4}  # bytes of RDATA for `Action.SHORT`


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question.

    Attributes:
        reply: The message; None if the question is dropped.
        delay: Seconds from the arrival of the question to the answer.
        truncated: Whether it is empty and has the TC bit over UDP.
        spoil: What makes its bytes malformed.
    """

    reply: DNSRecord | None
    delay: float = 0.0
    truncated: bool = False
    spoil: Callable[[bytes], bytes] = bytes

    def packed(self, room: int | None) -> bytes | None:
        """Return its bytes, or None if the question is dropped.

        Args:
            room: How many bytes a UDP datagram may have; None for TCP.
        """
        if self.reply is None:
            return None
        data = self.spoil(self.reply.pack())
        if room is not None and (self.truncated or len(data) > room):
            return bytes(_truncated(self.reply).pack())
        return data


class Zone:
    """The answers of the server."""

    def __init__(self, a: tuple[str, ...], aaaa: tuple[str, ...], silent: tuple[str, ...] = ()) -> None:
        """Take the addresses of names with behaviour ``ok``, and the domains whose questions are not answered."""
        self._silent = silent
        self._addresses = {Family.IPV4: a, Family.IPV6: aaaa}
        self._asked: Counter[tuple[str, int]] = Counter()

    def answer(self, query: DNSRecord) -> Answer:
        """Return the answer to a query."""
        reply = query.reply(ra=0, aa=1)
        extended = bool(query.ar) and any(record.rtype == QTYPE.OPT for record in query.ar)
        if extended:
            reply.add_ar(EDNS0(udp_len=EDNS_UDP))
        name = str(query.q.qname).lower()
        found = behaviours(name) if query.header.opcode == OPCODE.QUERY and in_zone(name) else None
        if found is None or self._is_silent(name):
            return Answer(self._without_behaviour(reply, query, name))
        behaviour = self._next(name, query.q.qtype, found.get(str(QTYPE.get(query.q.qtype)), NOTHING))
        delay = behaviour.milliseconds / 1000
        if extended and not behaviour.edns:
            reply.ar.clear()
            return Answer(_refuse(reply, RCODE.FORMERR), delay)
        return self._behave(reply, behaviour, delay)

    def _is_silent(self, name: str) -> bool:
        """Return whether questions about a name are not answered."""
        return any(in_zone(name, domain) for domain in self._silent)

    def _without_behaviour(self, reply: DNSRecord, query: DNSRecord, name: str) -> DNSRecord | None:
        """Return the answer to a query that is not about a name with behaviours; None if it is dropped."""
        if query.header.opcode != OPCODE.QUERY:
            return _refuse(reply, RCODE.NOTIMP)
        if self._is_silent(name):
            return None
        if not in_zone(name):
            return _refuse(reply, RCODE.NXDOMAIN if in_zone(name, _ARPA) else RCODE.REFUSED)
        return self._about_zone(reply, query, name)

    def _next(self, name: str, qtype: int, behaviour: Behaviour) -> Behaviour:
        """Return how this question is answered; those whose answers change are counted."""
        if behaviour.then is None and behaviour.action is not Action.REBIND:
            return behaviour
        number = self._asked[name, qtype]
        self._asked[name, qtype] += 1
        return behaviour.nth(number)

    def _behave(self, reply: DNSRecord, behaviour: Behaviour, delay: float) -> Answer:
        """Return the answer that a behaviour describes."""
        if behaviour.action is Action.DROP:
            return Answer(None)
        if behaviour.action in _ERROR_CODES:
            code = _ERROR_CODES[behaviour.action]
            exists = code != RCODE.NXDOMAIN
            failed = _refuse(reply, code) if exists else _without_answer(reply, code, behaviour.ttl)
            return Answer(failed, delay, behaviour.truncated)
        owner = _add_aliases(reply, behaviour)
        records = self._records(owner, reply.q.qtype, behaviour)
        for record in records:
            reply.add_answer(record)
        if not reply.rr:
            reply = _without_answer(reply, RCODE.NOERROR, behaviour.ttl)
        return Answer(reply, delay, behaviour.truncated, SPOIL.get(behaviour.action, bytes))

    def _records(self, owner: str, qtype: int, behaviour: Behaviour) -> list[RR]:
        """Return the records of a name for one question."""
        family = _ADDRESS_TYPES.get(qtype)
        if behaviour.action in (Action.NONE, Action.LOOP):
            return []
        if family is None:
            return self._https(owner, behaviour)
        if behaviour.action is Action.SHORT:
            return [RR(owner, qtype, rdata=RD(bytes(_SHORT[family])), ttl=behaviour.ttl)]
        owner = _OTHER if behaviour.action is Action.OTHER else owner
        return [
            RR(owner, qtype, rdata=_rdata(family, address), ttl=behaviour.ttl)
            for address in self._data(family, behaviour)
        ]

    def _data(self, family: Family, behaviour: Behaviour) -> tuple[str, ...]:
        """Return the addresses that a behaviour describes."""
        known = self._addresses[family]
        match behaviour.action:
            case Action.FIRST:
                return known[:1]
            case Action.PICK:
                return tuple(known[index] for index in behaviour.indexes if index < len(known))
            case Action.LOOPBACK:
                return (family.loopback,)
            case Action.UNSPECIFIED:
                return (family.wildcard,)
            case Action.MAPPED:
                ipv4 = self._addresses[Family.IPV4]
                inner = [ipv4[index] for index in behaviour.indexes if index < len(ipv4)]
                return tuple(f"::ffff:{address}" for address in inner or [Family.IPV4.loopback])
        return known[:1] if behaviour.action in MALFORMED else known

    def _https(self, owner: str, behaviour: Behaviour) -> list[RR]:
        """Return the HTTPS record of a name (RFC 9460)."""
        data = f"0 {alias_target(owner)}." if behaviour.action is Action.ALIAS else "1 . alpn=http/1.1"
        if behaviour.action is Action.HINTS:
            hints = ((f"ipv{family.number}hint", self._addresses[family]) for family in BOTH)
            data += "".join(f" {key}={','.join(addresses)}" for key, addresses in hints if addresses)
        return list(RR.fromZone(f"{owner.rstrip('.')}. {behaviour.ttl} IN HTTPS {data}"))

    @staticmethod
    def _about_zone(reply: DNSRecord, query: DNSRecord, name: str) -> DNSRecord:
        """Answer for the zone's apex, and for names that do not exist."""
        apex = name.lower().rstrip(".") == ZONE
        if apex and query.q.qtype == QTYPE.SOA:
            reply.add_answer(RR(ZONE, QTYPE.SOA, rdata=_soa(DEFAULT_TTL), ttl=DEFAULT_TTL))
            return reply
        return _without_answer(reply, RCODE.NOERROR if apex else RCODE.NXDOMAIN)


def _rdata(family: Family, address: str) -> A | AAAA:
    """Return the RDATA of an address; dnslib does not parse dotted quads in IPv6 addresses."""
    return A(address) if family is Family.IPV4 else AAAA(tuple(IPv6Address(address).packed))


def _add_aliases(reply: DNSRecord, behaviour: Behaviour) -> str:
    """Add the CNAME records of a behaviour; return the name of the records that they lead to."""
    owner = str(reply.q.qname)
    if behaviour.action is Action.LOOP:
        reply.add_answer(RR(owner, QTYPE.CNAME, rdata=CNAME(owner), ttl=behaviour.ttl))
    for _ in range(behaviour.aliases):
        target = alias_target(owner)
        reply.add_answer(RR(owner, QTYPE.CNAME, rdata=CNAME(target), ttl=behaviour.ttl))
        owner = target
    return owner


def _truncated(reply: DNSRecord) -> DNSRecord:
    """Return an answer with the TC bit and no records; resolvers ignore one without the question."""
    cut = reply.truncate()
    cut.add_question(*reply.questions)
    cut.add_ar(*(record for record in reply.ar if record.rtype == QTYPE.OPT))
    return cut


def _refuse(reply: DNSRecord, code: int) -> DNSRecord:
    """Make the answer a non-authoritative error."""
    reply.header.rcode = code
    reply.header.aa = 0
    return reply


def _without_answer(reply: DNSRecord, code: int, ttl: int = DEFAULT_TTL) -> DNSRecord:
    """Make the answer a negative one, with the zone's SOA: it may be kept for ``ttl`` seconds (RFC 2308 §2, §5)."""
    reply.header.rcode = code
    reply.add_auth(RR(ZONE, QTYPE.SOA, rdata=_soa(ttl), ttl=ttl))
    return reply


def _soa(ttl: int) -> SOA:
    """Return the zone's SOA; ``ttl`` is the TTL of negative answers."""
    return SOA(f"ns.{ZONE}", f"hostmaster.{ZONE}", (1, 3600, 600, 86400, ttl))
