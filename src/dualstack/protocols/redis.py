"""``redis``: ``PING``, and a small server of RESP2, https://redis.io/docs/latest/develop/reference/protocol-spec/."""

from collections.abc import Callable, Sequence

from dualstack.protocols.application import Application, Ask, Offer, Trait
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.judgement import Judgement, Outcome, show
from dualstack.protocols.resp import MOST_WORDS, Commands, ProtocolError
from dualstack.transport import Transport

_PING = b"*1\r\n$4\r\nPING\r\n"
_MOST_REPLY = 1 << 10  # bytes of an answer to PING
_MOST_KEYS = 64
_MOST_STORED = 1 << 20  # bytes of all keys and values
_MOST_ANSWER = 1 << 20  # bytes that answer one piece
_VERSION = "7.0.0"


class Redis(Application):
    """The client sends ``PING``. The server has an empty database for each connection."""

    name = "redis"
    traits = frozenset({Trait.ANSWERS, Trait.PIPELINES})
    transports = frozenset({Transport.TCP})
    serves = frozenset({Transport.TCP})

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """See `Application`."""
        return Pinging(ask.requests)

    @classmethod
    def server(cls, offer: Offer, peer: str) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """See `Application`."""
        return RedisServer()


class Pinging:
    """A client that sends ``PING`` a number of times; each answer must be ``+PONG``."""

    def __init__(self, count: int = 1) -> None:
        """Send all commands at once."""
        self._left = self._count = count
        self._line = b""

    def start(self) -> bytes:
        """See `Conversation`."""
        return _PING * self._count

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._line += line
            if self._line != b"+PONG\r":
                return Turn(judgement=self._wrong("the answer to PING is"))
            self._line = b""
            self._left -= 1
            if not self._left:
                return Turn(judgement=Judgement(Outcome.ANSWERED, f"PING was answered with +PONG, {self._count} times"))
        self._line += rest
        if len(self._line) > _MOST_REPLY:
            return Turn(judgement=self._wrong("the answer to PING has no line end:"))
        return Turn()

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if self._line:
            return self._wrong(f"{why}, and the answer to PING is not complete:")
        if self._left < self._count:
            detail = f"only {self._count - self._left} of {self._count} PING commands were answered: {why}"
            return Judgement(Outcome.WRONG, detail)
        return Judgement(Outcome.SILENT, f"no answer: {why}")

    def _wrong(self, what: str) -> Judgement:
        """Return the judgement of a wrong answer."""
        return Judgement(Outcome.WRONG, f"{what} {show(self._line)}; expected '+PONG'")


class RedisServer:
    """A server of RESP2. It answers a command that it does not know with ``-ERR``, as a Redis server does."""

    def __init__(self) -> None:
        """Start with an empty database."""
        self._commands = Commands()
        self._data: dict[bytes, bytes] = {}
        self._count = 0
        self._unknown = ""
        self._closed = False
        self._resp3 = False

    def start(self) -> bytes:
        """See `Conversation`."""
        return b""

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        if self._closed:
            return Turn(close=True)
        self._commands.add(data)
        answer = bytearray()
        try:
            while not self._closed and (command := self._commands.next()) is not None:
                self._count += 1
                answer += self._answer(command)
                if len(answer) > _MOST_ANSWER:
                    raise ProtocolError("too many commands at once")  # noqa: TRY301 - the answer is the same
        except ProtocolError as error:
            self._unknown, self._closed = f"what is no RESP2 ({error})", True
            answer += f"-ERR Protocol error: {error}\r\n".encode()
        return Turn(bytes(answer), close=self._closed)

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if self._unknown:
            return Judgement(Outcome.WRONG, f"the client sent {self._unknown}")
        if self._commands.is_partial and not self._closed:
            return Judgement(Outcome.SILENT, "the client sent a command that is not complete")
        if not self._count:
            return Judgement(Outcome.SILENT, "the client sent nothing")
        return Judgement(Outcome.ANSWERED, f"the client sent {self._count} commands")

    def _answer(self, command: Sequence[bytes]) -> bytes:
        """Return the answer to a command."""
        name, words = command[0].upper(), command[1:]
        if name == b"QUIT":
            self._closed = True
            return b"+OK\r\n"
        least, most, answer = _KNOWN.get(name, (0, 0, None))
        if answer is None:
            self._unknown = f"the command {show(command[0])}, which the server does not know"
            return b"-ERR unknown command '" + _printable(command[0]) + b"'\r\n"
        if not least <= len(words) <= most:
            self._unknown = f"the command {show(command[0])} with {len(words)} arguments"
            return b"-ERR wrong number of arguments for '" + name.lower() + b"' command\r\n"
        answered = answer(self._data, words)
        if name == b"HELLO" and words:
            self._resp3 = answered.startswith(b"%")
        return _RESP3_NIL if self._resp3 and answered == _NIL else answered


def _printable(word: bytes) -> bytes:
    """Return the beginning of a word without control characters, for an error line."""
    return bytes(byte for byte in word[:128] if 0x20 <= byte < 0x7F)  # noqa: PLR2004 - printable ASCII


_Data = dict[bytes, bytes]
_Words = Sequence[bytes]
_NIL = b"$-1\r\n"
_RESP3_NIL = b"_\r\n"


def _bulk(data: bytes | None) -> bytes:
    """Return a bulk string, or nil."""
    return _NIL if data is None else b"$%d\r\n%s\r\n" % (len(data), data)


def _ping(_: _Data, words: _Words) -> bytes:
    """``PING [message]``."""
    return _bulk(words[0]) if words else b"+PONG\r\n"


def _set(data: _Data, words: _Words) -> bytes:
    """``SET key value [options]``; the options have no effect."""
    stored = sum(len(key) + len(value) for key, value in data.items() if key != words[0])
    full = len(data) >= _MOST_KEYS and words[0] not in data
    if full or stored + len(words[0]) + len(words[1]) > _MOST_STORED:
        return b"-OOM command not allowed when used memory > 'maxmemory'\r\n"
    data[words[0]] = words[1]
    return b"+OK\r\n"


def _delete(data: _Data, words: _Words) -> bytes:
    """``DEL key …``."""
    return b":%d\r\n" % sum(data.pop(key, None) is not None for key in words)


def _increment(data: _Data, words: _Words) -> bytes:
    """``INCR key``."""
    value = data.get(words[0], b"0")
    if not value.removeprefix(b"-").isdigit() or len(value) > len(str(1 << 63)):
        return b"-ERR value is not an integer or out of range\r\n"
    number = b"%d" % (int(value) + 1)
    stored = _set(data, (words[0], number))
    return b":" + number + b"\r\n" if stored.startswith(b"+") else stored


def _client(_: _Data, words: _Words) -> bytes:
    """``CLIENT ID``, ``CLIENT GETNAME``; ``+OK`` to all others, such as ``CLIENT SETINFO``."""
    return {b"ID": b":1\r\n", b"GETNAME": _NIL}.get(words[0].upper(), b"+OK\r\n")


def _info(_: _Data, words: _Words) -> bytes:  # noqa: ARG001 - as all answers have it
    """``INFO [section]``."""
    return _bulk(f"# Server\r\nredis_version:{_VERSION}\r\nredis_mode:standalone\r\nloading:0\r\n".encode())


def _hello(_: _Data, words: _Words) -> bytes:
    """``HELLO [version [AUTH user password] [SETNAME name]]``: RESP2 and RESP3, and any password."""
    version = words[0] if words else b"2"
    if version not in (b"2", b"3"):
        return b"-NOPROTO unsupported protocol version\r\n"
    about = {"server": "redis", "version": _VERSION, "mode": "standalone", "role": "master"}
    texts = b"".join(_bulk(word.encode()) for pair in about.items() for word in pair)
    texts += _bulk(b"proto") + b":" + version + b"\r\n" + _bulk(b"id") + b":1\r\n" + _bulk(b"modules") + b"*0\r\n"
    return (b"%7\r\n" if version == b"3" else b"*14\r\n") + texts


def _accept(_: _Data, words: _Words) -> bytes:  # noqa: ARG001 - as all answers have it
    """``AUTH`` and ``SELECT``: any password and database."""
    return b"+OK\r\n"


def _command(_: _Data, words: _Words) -> bytes:
    """``COMMAND``: no command is described."""
    return b":0\r\n" if words and words[0].upper() == b"COUNT" else b"*0\r\n"


_KNOWN: dict[bytes, tuple[int, int, Callable[[_Data, _Words], bytes]]] = {
    b"PING": (0, 1, _ping),
    b"ECHO": (1, 1, lambda _, words: _bulk(words[0])),
    b"AUTH": (1, 2, _accept),
    b"SELECT": (1, 1, _accept),
    b"SET": (2, 8, _set),
    b"GET": (1, 1, lambda data, words: _bulk(data.get(words[0]))),
    b"DEL": (1, MOST_WORDS, _delete),
    b"EXISTS": (1, MOST_WORDS, lambda data, words: b":%d\r\n" % sum(key in data for key in words)),
    b"INCR": (1, 1, _increment),
    b"CLIENT": (1, MOST_WORDS, _client),
    b"COMMAND": (0, MOST_WORDS, _command),
    b"INFO": (0, 1, _info),
    b"HELLO": (0, 6, _hello),
}
"""The commands that are known: how many words may follow at least and at most, and the answer."""
