"""DNS64: AAAA records that are synthesized from A records (RFC 6147); no sockets here.

Not done: DNSSEC (the zone is not signed), and PTR records of synthesized addresses (RFC 6147 §5.3).
"""

import ipaddress
from collections.abc import Callable
from dataclasses import replace

from dnslib import AAAA, EDNS0, QTYPE, RCODE, RR, SOA, A, DNSRecord

from dualstack.prober.zone import EDNS_UDP, Answer
from dualstack.rfc6052 import embed

WELL_KNOWN_NAME = "ipv4only.arpa"
"""The name whose AAAA records show the prefix (RFC 7050 §3, RFC 8880)."""

WELL_KNOWN_ADDRESSES = ("192.0.0.170", "192.0.0.171")
"""Its A records."""

_TTL = 300
_SOA = SOA("ns.ipv4only.arpa", "hostmaster.ipv4only.arpa", (1, 3600, 600, 86400, _TTL))
_EXCLUDED = ipaddress.IPv6Network("::ffff:0:0/96")
"""AAAA records with such an address count as none (RFC 6147 §5.1.4)."""


class Dns64:
    """The answers of a server that synthesizes, from those of one that does not."""

    def __init__(self, prefix: str, answer: Callable[[DNSRecord], Answer]) -> None:
        """Take the prefix, and the function that answers queries without it."""
        self._prefix = prefix
        self._answer = answer

    def answer(self, query: DNSRecord) -> Answer:
        """Return the answer to a query."""
        if str(query.q.qname).lower().rstrip(".") == WELL_KNOWN_NAME:
            return self._well_known(query)
        own = self._answer(query)
        if query.q.qtype != QTYPE.AAAA or own.reply is None or not _is_without_address(own.reply):
            return own
        asked = DNSRecord(query.header)
        asked.add_question(type(query.q)(query.q.qname, QTYPE.A, query.q.qclass))
        asked.add_ar(*query.ar)
        other = self._answer(asked)
        if other.reply is None:
            return Answer(None)
        addresses = [record for record in other.reply.rr if record.rtype == QTYPE.A and isinstance(record.rdata, A)]
        if not addresses:
            own.reply.rr = [record for record in own.reply.rr if record.rtype != QTYPE.AAAA]
            return own
        reply = self._synthesized(query, own.reply, other.reply)
        return replace(other, reply=reply, delay=own.delay + other.delay)

    def _synthesized(self, query: DNSRecord, without: DNSRecord, other: DNSRecord) -> DNSRecord:
        """Return the answer to an AAAA query, made of the answers to that query and to one for A."""
        reply = query.reply(ra=without.header.ra, aa=without.header.aa)
        lasting = min([record.ttl for record in without.auth if record.rtype == QTYPE.SOA], default=_TTL)
        for record in other.rr:
            if record.rtype == QTYPE.A:
                made, ttl = _aaaa(embed(self._prefix, str(record.rdata))), min(record.ttl, lasting)
                reply.add_answer(RR(record.rname, QTYPE.AAAA, rdata=made, ttl=ttl))
            else:
                reply.add_answer(record)
        reply.add_ar(*other.ar)
        return reply

    def _well_known(self, query: DNSRecord) -> Answer:
        """Return the answer about `WELL_KNOWN_NAME`."""
        reply = query.reply(ra=0, aa=1)
        if any(record.rtype == QTYPE.OPT for record in query.ar):
            reply.add_ar(EDNS0(udp_len=EDNS_UDP))
        for address in WELL_KNOWN_ADDRESSES:
            if query.q.qtype == QTYPE.A:
                reply.add_answer(RR(query.q.qname, QTYPE.A, rdata=A(address), ttl=_TTL))
            elif query.q.qtype == QTYPE.AAAA:
                made = _aaaa(embed(self._prefix, address))
                reply.add_answer(RR(query.q.qname, QTYPE.AAAA, rdata=made, ttl=_TTL))
        if not reply.rr:
            reply.add_auth(RR(WELL_KNOWN_NAME, QTYPE.SOA, rdata=_SOA, ttl=_TTL))
        return Answer(reply)


def _is_without_address(reply: DNSRecord) -> bool:
    """Return whether an answer to an AAAA query calls for synthesis: no address, and the name may exist.

    Errors other than NXDOMAIN count as no address (RFC 6147 §5.1.2).
    """
    if reply.header.rcode == RCODE.NXDOMAIN:
        return False
    found = [record.rdata for record in reply.rr if record.rtype == QTYPE.AAAA]
    return all(isinstance(data, AAAA) and ipaddress.IPv6Address(str(data)) in _EXCLUDED for data in found)


def _aaaa(address: str) -> AAAA:
    """Return the RDATA of an IPv6 address; dnslib does not parse dotted quads in it."""
    return AAAA(tuple(ipaddress.IPv6Address(address).packed))
