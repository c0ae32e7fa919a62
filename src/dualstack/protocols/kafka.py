"""``kafka``: which versions a broker speaks, and which brokers there are, https://kafka.apache.org/protocol.

Both ends use the versions whose fields have a fixed form: ApiVersions 0 to 2, and Metadata 0 to 8.
"""

import struct

from dualstack.protocols.advertised import Advertised
from dualstack.protocols.application import Application, Ask, Offer, Trait
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.judgement import Judgement, Outcome, show
from dualstack.protocols.kafka_messages import Damaged, Frames, Reader, framed, request, text
from dualstack.transport import Transport

_API_VERSIONS, _METADATA = 18, 3
_SPOKEN = {_METADATA: 8, _API_VERSIONS: 2}
"""The highest version of each request that both ends know; the lowest is 0."""

_MOST_ANSWER = 1 << 20  # bytes of one message
_MOST_REQUEST = 64 << 10
_MOST_SENT = 1 << 20  # bytes that answer one piece
_SHOWN = 4  # brokers in a sentence
_UNSUPPORTED_VERSION, _UNKNOWN_TOPIC = 35, 3  # error codes
_PORTS = range(1, 1 << 16)
_FIRST_WITH_RACK, _FIRST_WITH_THROTTLE_TIME = 1, 3  # versions of Metadata
_NO_OPERATIONS = struct.pack(">i", -(1 << 31))
"""What stands for authorized operations that were not asked for."""


class Kafka(Application):
    """The client asks for the versions, then for the brokers. The server is a cluster of one broker without topics."""

    name = "kafka"
    traits = frozenset({Trait.ANSWERS, Trait.TURNS, Trait.PIPELINES, Trait.ADVERTISES})
    transports = frozenset({Transport.TCP})
    serves = frozenset({Transport.TCP})

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """See `Application`."""
        return Bootstrapping(ask.requests)

    @classmethod
    def server(cls, offer: Offer, peer: str) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """See `Application`; the broker advertises the address that its client connected to."""
        return Broker(offer.addresses[0], offer.port)

    @classmethod
    def advertised(cls, received: bytes) -> tuple[Advertised, ...]:
        """See `Application`: the brokers in the answer to Metadata."""
        client = Bootstrapping()
        client.receive(received)
        return client.brokers


class Bootstrapping:
    """A client that begins as all clients of Kafka do: with ApiVersions, then Metadata.

    Attributes:
        brokers: The brokers in the answer to Metadata; empty before it.
    """

    def __init__(self, count: int = 1) -> None:
        """Send ApiVersions ``count`` times at once."""
        self.brokers: tuple[Advertised, ...] = ()
        self._frames = Frames(_MOST_ANSWER)
        self._count = count
        self._answered = self._version = 0

    def start(self) -> bytes:
        """See `Conversation`."""
        return b"".join(request(_API_VERSIONS, 0, number) for number in range(self._count))

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        self._frames.add(data)
        send = b""
        try:
            while (message := self._frames.next()) is not None:
                send = self._take(Reader(message))
                if self.brokers:
                    return Turn(judgement=Judgement(Outcome.ANSWERED, self._success()))
        except Damaged as fault:
            return Turn(judgement=Judgement(Outcome.WRONG, f"the answer to {self._asked} is wrong: {fault}"))
        return Turn(send)

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if rest := bytes(self._frames.rest):
            detail = f"{why}, and the answer to {self._asked} is not complete; it begins with {show(rest)}"
            return Judgement(Outcome.WRONG, detail)
        if self._answered:
            return Judgement(Outcome.WRONG, f"ApiVersions was answered, but {self._asked} was not: {why}")
        return Judgement(Outcome.SILENT, f"no answer: {why}")

    def _take(self, answer: Reader) -> bytes:
        """Take the next answer; return the request that follows it."""
        if (number := answer.number()) != self._answered:
            raise Damaged(f"its correlation id is {number}; expected {self._answered}")
        if self._answered == self._count:
            self.brokers = _brokers(answer, self._version)
            return b""
        self._version = _metadata_version(answer)
        self._answered += 1
        if self._answered < self._count:
            return b""
        about_no_topic = struct.pack(">i", 0) + _since(4, self._version, b"\0") + _since(8, self._version, b"\0\0")
        return request(_METADATA, self._version, self._count, about_no_topic)

    @property
    def _asked(self) -> str:
        """The request whose answer is awaited."""
        if self._answered == self._count:
            return f"Metadata (version {self._version})"
        return "ApiVersions" if self._count == 1 else f"ApiVersions {self._answered + 1} of {self._count}"

    def _success(self) -> str:
        """Return the sentence about a complete exchange."""
        shown = [f"host {item.host!r} port {item.port}" for item in self.brokers[:_SHOWN]]
        more = f" and {len(self.brokers) - _SHOWN} more" if len(self.brokers) > _SHOWN else ""
        return f"ApiVersions and {self._asked} were answered; brokers: {', '.join(shown)}{more}"


class Broker:
    """A broker that answers ApiVersions and Metadata; like any broker, it closes the connection on other requests."""

    def __init__(self, host: str, port: int) -> None:
        """Advertise this host and port."""
        self._host, self._port = host.encode(), port
        self._frames = Frames(_MOST_REQUEST)
        self._count = dict.fromkeys(_SPOKEN, 0)
        self._unknown = ""

    def start(self) -> bytes:
        """See `Conversation`."""
        return b""

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        if self._unknown:
            return Turn(close=True)
        self._frames.add(data)
        answer = bytearray()
        try:
            while (message := self._frames.next()) is not None:
                answer += self._answer(Reader(message))
                if len(answer) > _MOST_SENT:
                    raise Damaged("it sends too many requests at once")  # noqa: TRY301 - the end is the same
        except Damaged as fault:
            self._unknown = str(fault)
        return Turn(bytes(answer), close=bool(self._unknown))

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`; a client has made a complete exchange when Metadata is answered."""
        if self._unknown:
            return Judgement(Outcome.WRONG, f"the server does not understand the client: {self._unknown}")
        if self._frames.rest:
            return Judgement(Outcome.SILENT, "the client sent a request that is not complete")
        if not self._count[_METADATA]:
            did = "asked for ApiVersions, and not for Metadata" if self._count[_API_VERSIONS] else "sent nothing"
            return Judgement(Outcome.SILENT, f"the client {did}")
        return Judgement(Outcome.ANSWERED, f"requests that were answered: {sum(self._count.values())}")

    def _answer(self, asked: Reader) -> bytes:
        """Return the frame that answers a request."""
        key, version, number = asked.short(), asked.short(), asked.number()
        asked.text()  # the client's name
        known = key in _SPOKEN and 0 <= version <= _SPOKEN[key]
        if known and key == _METADATA:
            body = self._metadata(asked.array(asked.text), version)
        elif known:
            body = _versions(0) + _since(1, version, struct.pack(">i", 0))
        elif key == _API_VERSIONS:
            # Clients begin with the newest version that they know, and continue with one that the answer names.
            body = _versions(_UNSUPPORTED_VERSION)
        else:
            raise Damaged(f"it sent the unknown request with the key {key} in version {version}")
        self._count[key] += 1
        return framed(struct.pack(">i", number) + body)

    def _metadata(self, topics: list[bytes | None], version: int) -> bytes:
        """Return the body of the answer to Metadata; no topic exists."""
        rack, cluster, controller = text(None), text(b"dualstack"), struct.pack(">i", 1)
        parts = [
            _since(_FIRST_WITH_THROTTLE_TIME, version, struct.pack(">i", 0)),
            struct.pack(">ii", 1, 1) + text(self._host) + struct.pack(">i", self._port),
            _since(_FIRST_WITH_RACK, version, rack),
            _since(2, version, cluster) + _since(1, version, controller) + struct.pack(">i", len(topics)),
        ]
        for topic in topics:
            name = struct.pack(">h", _UNKNOWN_TOPIC) + text(topic) + _since(1, version, b"\0")
            parts.append(name + struct.pack(">i", 0) + _since(8, version, _NO_OPERATIONS))
        return b"".join([*parts, _since(8, version, _NO_OPERATIONS)])


def _since(first: int, version: int, data: bytes) -> bytes:
    """Return a field that messages have from the version ``first`` on."""
    return data if version >= first else b""


def _versions(error: int) -> bytes:
    """Return the body of an answer to ApiVersions, version 0."""
    spoken = b"".join(struct.pack(">hhh", key, 0, most) for key, most in _SPOKEN.items())
    return struct.pack(">hi", error, len(_SPOKEN)) + spoken


def _metadata_version(answer: Reader) -> int:
    """Return the version of Metadata that both ends know, by the answer to ApiVersions."""
    if error := answer.short():
        raise Damaged(f"it has the error code {error}")
    known = _SPOKEN[_METADATA]
    for key, least, most in answer.array(lambda: (answer.short(), answer.short(), answer.short())):
        if key == _METADATA and 0 <= least <= min(most, known):
            return min(most, known)
    raise Damaged(f"it offers no Metadata of a version up to {known}")


def _brokers(answer: Reader, version: int) -> tuple[Advertised, ...]:
    """Return the brokers in the answer to Metadata."""
    if version >= _FIRST_WITH_THROTTLE_TIME:
        answer.number()

    def broker() -> Advertised:
        node, host, port = answer.number(), answer.text() or b"", answer.number()
        if version >= _FIRST_WITH_RACK:
            answer.text()
        if not host or port not in _PORTS:
            raise Damaged(f"broker {node} has the host {show(host)} and the port {port}")
        return Advertised(host.decode("utf-8", "backslashreplace"), port, f"broker {node}")

    brokers = tuple(answer.array(broker))
    if not brokers:
        raise Damaged("it names no broker")
    return brokers
