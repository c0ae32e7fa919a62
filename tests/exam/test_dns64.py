"""Our DNS64 beside unbound: both ask the same name server, and what they answer is compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from dnslib import CLASS, QTYPE, RCODE, DNSQuestion, DNSRecord

from dualstack.lab.functions.translation import OTHER_PREFIXES
from dualstack.prober.dns64 import WELL_KNOWN_NAME, Dns64
from dualstack.prober.names import query_name
from tests.exam.beside import ASKED, UNBOUND, UPSTREAM, Upstream, ask

A, AAAA = ("198.18.1.34", "198.18.1.35"), ("2001:db8:51:2::201", "2001:db8:51:2::202")
PREFIX = "2001:db8:64::/96"

SETTINGS = """\
server:
    interface: 127.0.0.1
    port: {asked}
    do-daemonize: no
    do-ip6: no
    chroot: ""
    username: ""
    directory: "/"
    pidfile: ""
    use-syslog: no
    module-config: "dns64 iterator"
    dns64-prefix: {prefix}
    do-not-query-localhost: no
    qname-minimisation: no
    local-zone: "test." nodefault
    access-control: 127.0.0.0/8 allow
remote-control:
    control-enable: no
stub-zone:
    name: "lab.test"
    stub-addr: 127.0.0.1@{upstream}
stub-zone:
    name: "{well_known}"
    stub-addr: 127.0.0.1@{upstream}
"""


def named(a: str = "none", aaaa: str = "none", **others: str) -> str:
    """Return a name; each has its own records, so that no answer comes from a cache."""
    return query_name(a=a, aaaa=aaaa, nonce="beside", **others)


QUESTIONS = {
    "A only": (named("ok"), "AAAA"),
    "A only, one address": (named("pick-1"), "AAAA"),
    "AAAA only": (named(aaaa="ok"), "AAAA"),
    "both": (named("ok", "ok"), "AAAA"),
    "neither": (named(), "AAAA"),
    "no such name": ("no-such-name.lab.test", "AAAA"),
    "one alias to A": (named("cname-1-ok"), "AAAA"),
    "three aliases to A": (named("cname-3-ok", "cname-3-none"), "AAAA"),
    "two aliases to both": (named("cname-2-ok", "cname-2-ok"), "AAAA"),
    "two aliases to nothing": (named("cname-2-none", "cname-2-none"), "AAAA"),
    "upper case": (named("first").upper(), "AAAA"),
    "a short time to live": (named("ttl-7-ok"), "AAAA"),
    "a mapped address": (named("ok", "mapped"), "AAAA"),
    "a mapped address alone": (named("none", "mapped"), "AAAA"),
    "AAAA is NXDOMAIN": (named("ok", "nxdomain"), "AAAA"),
    "AAAA is SERVFAIL": (named("ok", "servfail"), "AAAA"),
    "AAAA is REFUSED": (named("ok", "refused"), "AAAA"),
    "A is SERVFAIL": (named("servfail"), "AAAA"),
    "A of A only": (named("pick-0"), "A"),
    "A of both": (named("pick-01", "pick-01"), "A"),
    "A of neither": (named("none", "ttl-9-none"), "A"),
    "HTTPS": (named("ok", https="ok"), "HTTPS"),
    "the well-known name": (WELL_KNOWN_NAME, "AAAA"),
    "A of the well-known name": (WELL_KNOWN_NAME, "A"),
    "TXT of the well-known name": (WELL_KNOWN_NAME, "TXT"),
}
"""What is asked."""

DIFFERENCES = {
    "a mapped address": "RFC 6147 §5.1.4: ::ffff:0:0/96 is excluded by default (SHOULD); unbound excludes no address",
    "a mapped address alone": "RFC 6147 §5.1.4: as above",
    "AAAA is NXDOMAIN": "RFC 6147 §5.1.2: the error is passed on; unbound asks for A, and believes that answer",
}
"""Why unbound 1.17 answers some questions in another way."""

OLD = 5
"""The most seconds that the times to live of unbound's answers have been counted down."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What matters of an answer.

    Attributes:
        code: The response code.
        records: Owner, type and data of each record, sorted.
        negative: Whether it has no record, and an SOA record says for how long.
        ttls: The times to live.
    """

    code: str
    records: tuple[tuple[str, str, str], ...]
    negative: bool
    ttls: tuple[int, ...]

    @classmethod
    def read(cls, data: bytes) -> "Answered":
        """Return the parts of a message."""
        reply = DNSRecord.parse(data)
        records = [(str(one.rname).lower(), str(QTYPE.get(one.rtype)), str(one.rdata).lower()) for one in reply.rr]
        negative = not records and any(one.rtype == QTYPE.SOA for one in reply.auth)
        ttls = tuple(sorted(one.ttl for one in reply.rr))
        return cls(str(RCODE.get(reply.header.rcode)), tuple(sorted(records)), negative, ttls)

    @property
    def essence(self) -> tuple[object, ...]:
        """What must be equal; a cache has counted down the times to live."""
        return self.code, self.records, self.negative


def queries(questions: Sequence[tuple[str, str]]) -> list[bytes]:
    """Return the messages of questions."""
    return [
        bytes(DNSRecord(q=DNSQuestion(name, getattr(QTYPE, record), CLASS.IN)).pack()) for name, record in questions
    ]


def ours(prefix: str, asked: Sequence[bytes]) -> list[Answered]:
    """Return the answers of our server."""
    server = Dns64(prefix, Upstream(A, AAAA).answer)
    packed = [server.answer(DNSRecord.parse(query)).packed(None) for query in asked]
    return [Answered.read(data) for data in packed if data is not None]


def theirs(prefix: str, asked: Sequence[bytes]) -> list[Answered]:
    """Return the answers of unbound."""
    settings = SETTINGS.format(asked=ASKED, upstream=UPSTREAM, prefix=prefix, well_known=WELL_KNOWN_NAME)
    order = {"settings": settings, "a": A, "aaaa": AAAA, "queries": [query.hex() for query in asked]}
    return [Answered.read(bytes.fromhex(text)) for text in ask(UNBOUND, order)]


def test_the_same_answers() -> None:
    """Names with A, AAAA, both, neither, aliases, errors: the answers are the same, or an RFC says why not."""
    asked = queries(list(QUESTIONS.values()))
    wrong = []
    for what, own, real in zip(QUESTIONS, ours(PREFIX, asked), theirs(PREFIX, asked), strict=True):
        same = own.essence == real.essence and all(
            0 <= mine - other <= OLD for mine, other in zip(own.ttls, real.ttls, strict=True)
        )
        if same == (what in DIFFERENCES):
            wrong.append(f"{what}: ours is {own}\n  unbound's is {real}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("prefix", [*OTHER_PREFIXES, "64:ff9b::/96"])
def test_every_prefix_length(prefix: str) -> None:
    """Synthesized addresses are the same behind a prefix of each length of RFC 6052; the well-known name shows it."""
    chosen = ("A only", "both", "three aliases to A", "the well-known name")
    asked = queries([QUESTIONS[what] for what in chosen])
    own, real = ours(prefix, asked), theirs(prefix, asked)
    assert [one.essence for one in own] == [one.essence for one in real]
    assert own[0].records != own[1].records
