"""What a program speaks on a port, found out with a few exchanges."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dualstack.families import BOTH, Family
from dualstack.lab.protocol import Lab, Program
from dualstack.prober.client import Prober
from dualstack.prober.messages import Dial, Dialled, Outcome, SocketRow
from dualstack.protocols.certificates import ClientTls
from dualstack.transport import Transport
from dualstack.trying.ports import OpenPort
from dualstack.world.patience import Patience

_FIRST_TIMEOUT = 1.0
"""Seconds for an HTTP request, which most programs answer in some way, if only with an error."""

_TIMEOUT = 0.7
"""Seconds for each of all exchanges, which take place at the same time."""

_LONGER_TIMEOUT = 2.0
"""Seconds for each exchange with a program that stayed silent before: longer if the machine starves it of CPU."""

_OTHERS = ("grpc", "http2", "redis", "mqtt", "kafka", "rtsp", "echo", "exchange")
"""The protocols that are tried beside HTTP, the most certain first; "exchange" waits for a greeting."""

_INSIDE = "http inside TLS"

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


def recognise(lab: Lab, port: OpenPort, program: Program) -> Spoken:
    """Return what a program speaks on a port.

    A program that stays silent is asked again, with a longer limit: it may be slow, or the machine busy.
    """
    dial = _dial(lab, port)
    if dial is None:
        return SILENT
    asked = _Asked(lab.hosts[lab.topology.roles.service if port.is_local else lab.topology.roles.client].prober, dial)
    spoken = asked.shortly()
    patience = Patience(program, _LONGER_TIMEOUT, "an answer")
    while spoken == SILENT and asked.silent:
        spoken = asked.all_at_once(patience.seconds)
        if not patience.extend():
            break
    return spoken


class _Asked:
    """Exchanges with one port, in each protocol that is tried.

    Attributes:
        silent: Whether one of the last exchanges was not answered in time.
    """

    def __init__(self, prober: Prober, dial: Dial) -> None:
        """Take the host that asks, and an exchange with the port."""
        self.silent = False
        self._prober = prober
        self._dial = dial

    def shortly(self) -> Spoken:
        """Return what is spoken, with HTTP first over TCP: most programs answer it in some way."""
        if self._dial.transport is Transport.TCP:
            first = self._prober.dial(replace(self._dial, protocol="http", timeout=_FIRST_TIMEOUT))
            if _is_http(first):
                return Spoken("http")
        return self.all_at_once(_TIMEOUT)

    def all_at_once(self, seconds: float) -> Spoken:
        """Return what is spoken, asked for in each protocol at the same time, with a limit for each."""
        dial = replace(self._dial, timeout=seconds)
        if dial.transport is Transport.UDP:
            seen = self._hold(_DATAGRAMS, dial)
            answered = [name for name in _DATAGRAMS if seen[name].outcome is Outcome.ANSWERED]
            self.silent = all(item.outcome is Outcome.SILENT for item in seen.values())
            return Spoken(answered[0]) if answered else SILENT
        seen = self._hold(("http", _INSIDE, *_OTHERS), dial)
        self.silent = seen["http"].outcome is Outcome.SILENT
        return _conclusion(seen)

    def _hold(self, names: Sequence[str], dial: Dial) -> dict[str, Dialled]:
        """Return how an exchange in each protocol ended."""
        return dict(zip(names, self._prober.dial_all([_spoken_in(name, dial) for name in names]), strict=True))


def _spoken_in(name: str, dial: Dial) -> Dial:
    """Return an exchange in a protocol."""
    if name == _INSIDE:
        return replace(dial, protocol="http", tls=ClientTls("", "localhost"))
    return replace(dial, protocol=name, expect="." if name == "exchange" else None)


def _is_http(seen: Dialled) -> bool:
    """Return whether an exchange, in whatever protocol, was answered by a server of HTTP/1."""
    return seen.answer.startswith("HTTP/1")


def _conclusion(seen: dict[str, Dialled]) -> Spoken:
    """Return what the exchanges show."""
    secured = seen[_INSIDE]
    if secured.tls is None and (secured.outcome is Outcome.ANSWERED or secured.answer):
        return Spoken("http" if _is_http(secured) else "connect", tls=True)
    if any(map(_is_http, seen.values())):
        return Spoken("http")
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
