"""``mqtt``: ``CONNECT`` and ``PINGREQ`` of MQTT 3.1.1, and a small broker of MQTT 3.1, 3.1.1 and 5."""

from collections.abc import Iterator
from dataclasses import dataclass

from dualstack.counting import count
from dualstack.protocols.application import Application, Ask, Offer, Trait
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.judgement import Judgement, Outcome, show
from dualstack.transport import Transport

_CONNECT, _CONNACK, _PUBLISH, _PUBACK = 1, 2, 3, 4
_PUBREC, _PUBREL, _PUBCOMP = 5, 6, 7
_SUBSCRIBE, _SUBACK, _UNSUBSCRIBE, _UNSUBACK = 8, 9, 10, 11
_PINGREQ, _PINGRESP, _DISCONNECT = 12, 13, 14
_NAMES = {
    _CONNECT: "CONNECT",
    _CONNACK: "CONNACK",
    _PUBLISH: "PUBLISH",
    _SUBSCRIBE: "SUBSCRIBE",
    _PINGREQ: "PINGREQ",
    _PINGRESP: "PINGRESP",
    _DISCONNECT: "DISCONNECT",
}
_REFUSALS = {
    1: "the protocol version is not accepted",
    2: "the client identifier is rejected",
    3: "the server is unavailable",
    4: "bad user name or password",
    5: "not authorized",
}
"""The return codes of CONNACK (MQTT 3.1.1 §3.2.2.3)."""

_VERSION_5 = 5
_MOST_PACKET = 256 << 10  # bytes
_MOST_ANSWER = 1 << 20  # bytes that answer one piece
_LONGEST_SIZE = 4  # bytes of a packet's size
_REQUEST = b"\x10\x0c\0\4MQTT\4\2\0\x3c\0\0\xc0\0"
"""CONNECT with a clean session, 60 s of keep-alive and no client identifier; PINGREQ need not wait (§3.1.4)."""


class Mqtt(Application):
    """The client connects and pings. The server is a broker that accepts everything and delivers nothing."""

    name = "mqtt"
    traits = frozenset({Trait.ANSWERS})
    transports = frozenset({Transport.TCP})
    serves = frozenset({Transport.TCP})

    @classmethod
    def client(cls, ask: Ask) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """See `Application`."""
        return MqttClient()

    @classmethod
    def server(cls, offer: Offer, peer: str) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """See `Application`."""
        return MqttServer()


class PacketError(Exception):
    """The bytes are no MQTT; the message says why."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One control packet: the type and the flags of its first byte, and what follows its size."""

    kind: int
    flags: int
    body: bytes

    @property
    def name(self) -> str:
        """The type in words."""
        return _NAMES.get(self.kind, f"a packet of type {self.kind}")


class Packets:
    """Finds control packets in what is received; memory is bounded."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.rest = bytearray()

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self.rest += data

    def next(self) -> Packet | None:
        """Return the next packet; None if there is no complete one.

        Raises:
            PacketError: Its size is wrong or too large.
        """
        size, place = 0, 1
        while True:
            if place > _LONGEST_SIZE:
                raise PacketError("the size of a packet has more than 4 bytes")
            if len(self.rest) <= place:
                return None
            size |= (self.rest[place] & 0x7F) << 7 * (place - 1)
            place += 1
            if self.rest[place - 1] < 0x80:  # noqa: PLR2004 - the last byte of the size
                break
        if size > _MOST_PACKET:
            raise PacketError(f"a packet has {size} bytes; at most {_MOST_PACKET} are read")
        if len(self.rest) < place + size:
            return None
        packet = Packet(self.rest[0] >> 4, self.rest[0] & 0x0F, bytes(self.rest[place : place + size]))
        del self.rest[: place + size]
        return packet


class MqttClient:
    """A client that connects and pings at once."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._packets = Packets()
        self._accepted = False

    def start(self) -> bytes:
        """See `Conversation`."""
        return _REQUEST

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        self._packets.add(data)
        begun = bytes(self._packets.rest[:1])
        if not self._accepted and begun and begun != b"\x20":
            return Turn(judgement=self._wrong(f"{show(bytes(self._packets.rest))} is no CONNACK"))
        try:
            while (packet := self._packets.next()) is not None:
                if self._accepted and packet.kind == _PINGRESP:
                    done = "CONNECT was accepted, and PINGREQ was answered"
                    return Turn(judgement=Judgement(Outcome.ANSWERED, done))
                if self._accepted:
                    continue  # a broker may publish at any time
                if fault := _refusal(packet):
                    return Turn(judgement=self._wrong(fault))
                self._accepted = True
        except PacketError as error:
            return Turn(judgement=self._wrong(str(error)))
        return Turn()

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if self._accepted:
            return self._wrong(f"CONNECT was accepted, but PINGREQ was not answered: {why}")
        if self._packets.rest:
            return self._wrong(f"the answer {show(bytes(self._packets.rest))} is not complete: {why}")
        return Judgement(Outcome.SILENT, f"no answer: {why}")

    def _wrong(self, detail: str) -> Judgement:
        """Return the judgement of a wrong answer."""
        return Judgement(Outcome.WRONG, detail)


def _refusal(packet: Packet) -> str:
    """Return why the first packet of a broker does not accept the client; empty if it does."""
    if packet.kind != _CONNACK or len(packet.body) < 2:  # noqa: PLR2004 - flags and return code
        return f"CONNECT was answered by {packet.name} with {len(packet.body)} bytes"
    code = packet.body[1]
    return f"CONNECT was refused with code {code} ({_REFUSALS.get(code, 'reserved')})" if code else ""


class MqttServer:
    """A broker without memory: it accepts each client, subscription and message."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._packets = Packets()
        self._count = 0
        self._fault = ""
        self._closed = False
        self._version = 0

    def start(self) -> bytes:
        """See `Conversation`."""
        return b""

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        answer = bytearray()
        if not self._closed:
            self._packets.add(data)
        try:
            while not self._closed and (packet := self._packets.next()) is not None:
                self._count += 1
                for kind, flags, body in self._answers(packet):
                    answer += bytes((kind << 4 | flags, len(body))) + body
                if len(answer) > _MOST_ANSWER:
                    raise PacketError("too many packets at once")  # noqa: TRY301 - the answer is the same
        except PacketError as error:
            self._fault, self._closed = str(error), True
        return Turn(bytes(answer), close=self._closed)

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if self._fault:
            return Judgement(Outcome.WRONG, f"the client sent what is no MQTT: {self._fault}")
        if self._packets.rest and not self._closed:
            return Judgement(Outcome.SILENT, "the client sent a packet that is not complete")
        if not self._count:
            return Judgement(Outcome.SILENT, "the client sent nothing")
        return Judgement(Outcome.ANSWERED, f"the client sent {count(self._count, 'packet')}")

    def _answers(self, packet: Packet) -> Iterator[tuple[int, int, bytes]]:
        """Yield the type, the flags and the body of each packet that answers one; the bodies are short.

        Raises:
            PacketError: The client may not send it.
        """
        if (packet.kind == _CONNECT) is not (self._count == 1):
            raise PacketError(f"packet {self._count} is {packet.name}; CONNECT is the first one, and no other")
        number, properties = packet.body[:2], b"\0" if self._version == _VERSION_5 else b""
        if packet.kind == _CONNECT:
            self._version = _version_of(packet.body)
            yield _CONNACK, 0, b"\0\0\0" if self._version == _VERSION_5 else b"\0\0"
        elif packet.kind == _PUBLISH:
            yield from _taken(packet)
        elif packet.kind == _PUBREL:
            yield _PUBCOMP, 0, _two_bytes(number)
        elif packet.kind == _SUBSCRIBE:
            yield _SUBACK, 0, _two_bytes(number) + properties + b"\0"
        elif packet.kind == _UNSUBSCRIBE:
            yield _UNSUBACK, 0, _two_bytes(number) + (properties + b"\0" if properties else b"")
        elif packet.kind == _PINGREQ:
            yield _PINGRESP, 0, b""
        elif packet.kind == _DISCONNECT:
            self._closed = True
        elif packet.kind not in {_PUBACK, _PUBREC, _PUBCOMP}:
            raise PacketError(f"a client sends no {packet.name}")


def _taken(packet: Packet) -> Iterator[tuple[int, int, bytes]]:
    """Yield the answer to a PUBLISH, which has none with quality of service 0.

    Raises:
        PacketError: It has no number.
    """
    quality = packet.flags >> 1 & 3
    if quality:
        place = 2 + int.from_bytes(packet.body[:2])
        yield (_PUBACK if quality == 1 else _PUBREC), 0, _two_bytes(packet.body[place : place + 2])


def _version_of(body: bytes) -> int:
    """Return the protocol version of a CONNECT.

    Raises:
        PacketError: It does not begin with the protocol's name.
    """
    for name in (b"\0\4MQTT", b"\0\6MQIsdp"):
        if body.startswith(name) and len(body) > len(name):
            return body[len(name)]
    raise PacketError(f"CONNECT begins with {show(body)}; expected the name MQTT")


def _two_bytes(data: bytes) -> bytes:
    """Return a packet's number.

    Raises:
        PacketError: It is not there.
    """
    if len(data) != 2:  # noqa: PLR2004 - as the name says
        raise PacketError("a packet has no number")
    return data
