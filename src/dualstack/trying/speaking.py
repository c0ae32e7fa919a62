"""What a program speaks on a port, found out with a few exchanges."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dualstack.families import BOTH, Family
from dualstack.lab.protocol import Lab
from dualstack.prober.messages import Dial, Dialled, Outcome, SocketRow
from dualstack.protocols.certificates import ClientTls
from dualstack.transport import Transport
from dualstack.trying.ports import OpenPort

_FIRST_TIMEOUT = 1.0
"""Seconds for an HTTP request, which most programs answer in some way, if only with an error."""

_TIMEOUT = 0.7
"""Seconds for each of the other exchanges, which take place at the same time."""

_OTHERS = ("grpc", "http2", "redis", "mqtt", "kafka", "rtsp", "echo", "exchange")
"""The protocols that are tried after HTTP, the most certain first; "exchange" waits for a greeting."""

_DATAGRAMS = ("sip", "echo")
"""The protocols that are tried over UDP."""

_GREETING = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a program speaks on a port.

    Attributes:
        protocol: The protocol's name, as manifests have it; "connect" if nothing was recognised.
        tls: Whether it is spoken inside TLS.
        greeting: With "exchange": the first word of what the program sends first, ``SSH-2.0-OpenSSH_9.2p1``.
    """

    protocol: str
    tls: bool = False
    greeting: str = ""

    def __str__(self) -> str:
        """Return it in words: ``HTTP over TLS``, ``greets with "220"``, ``accepts connections``."""
        if self.greeting:
            return f'greets with "{self.greeting}"'
        return _NAMES.get(self.protocol, self.protocol) + " over TLS" * self.tls


_NAMES = {
    "connect": "accepts connections",
    "grpc": "gRPC",
    "http": "HTTP",
    "http2": "HTTP/2",
    "kafka": "Kafka",
    "mqtt": "MQTT",
    "redis": "Redis",
    "rtsp": "RTSP",
    "sip": "SIP",
}
"""The protocols as people write them."""

SILENT = Spoken("connect")


def recognise(lab: Lab, port: OpenPort) -> Spoken:
    """Return what a program speaks on a port."""
    dial = _dial(lab, port)
    if dial is None:
        return SILENT
    prober = lab.hosts[lab.topology.roles.service if port.is_local else lab.topology.roles.client].prober
    if port.transport is Transport.UDP:
        tried = prober.dial_all([replace(dial, protocol=name, timeout=_TIMEOUT) for name in _DATAGRAMS])
        answered = [name for name, seen in zip(_DATAGRAMS, tried, strict=True) if seen.outcome is Outcome.ANSWERED]
        return Spoken(answered[0]) if answered else SILENT
    first = prober.dial(replace(dial, protocol="http", timeout=_FIRST_TIMEOUT))
    if first.outcome is Outcome.ANSWERED or first.answer.startswith("HTTP/1"):
        return Spoken("http")
    inside = replace(dial, protocol="http", timeout=_TIMEOUT, tls=ClientTls("", "localhost"))
    others = [
        replace(dial, protocol=name, timeout=_TIMEOUT, expect="." if name == "exchange" else None) for name in _OTHERS
    ]
    secured, *seen = prober.dial_all([inside, *others])
    return _conclusion(secured, dict(zip(_OTHERS, seen, strict=True)))


def _conclusion(secured: Dialled, seen: dict[str, Dialled]) -> Spoken:
    """Return what the exchanges show."""
    if secured.tls is None and (secured.outcome is Outcome.ANSWERED or secured.answer):
        return Spoken("http" if secured.outcome is Outcome.ANSWERED else "connect", tls=True)
    answered = [name for name in _OTHERS if seen[name].outcome is Outcome.ANSWERED]
    if answered[:1] == ["exchange"]:
        greeting = _GREETING.match(seen["exchange"].answer)
        return Spoken("exchange", greeting=greeting[0]) if greeting else SILENT
    return Spoken(answered[0]) if answered else SILENT


def _dial(lab: Lab, port: OpenPort) -> Dial | None:
    """Return an exchange with a port over a family that it serves; None if it serves none here."""
    served = frozenset[Family]().union(*(row.serves for row in port.rows))
    host = lab.hosts[lab.topology.roles.service]
    for family in BOTH:
        addresses = [family.loopback] if port.is_local else list(host.plan.configured[family])
        if family in served and addresses:
            own = _specific(port.rows, addresses)
            return Dial(family=family, address=own, port=port.port, transport=port.transport, protocol="connect")
    return None


def _specific(rows: Sequence[SocketRow], addresses: Sequence[str]) -> str:
    """Return the address that a socket is bound to, or else the first one."""
    bound = [row.address for row in rows if row.address in addresses]
    return bound[0] if bound else addresses[0]
