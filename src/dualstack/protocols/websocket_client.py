"""The client's end of a WebSocket connection, on wsproto (RFC 6455). It offers no extension, such as compression."""

import re

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import RemoteProtocolError

from dualstack.families import endpoint
from dualstack.protocols.application import Ask
from dualstack.protocols.conversation import Turn
from dualstack.protocols.heads import STATUS_LINE, Head
from dualstack.protocols.judgement import Judgement, Outcome, show, show_pattern
from dualstack.protocols.texts import latin1, make_token
from dualstack.protocols.websocket_parts import MOST_HEAD, MOST_MESSAGE, Message, meaning

_UPGRADED = 101


class WebSocketClient:
    """A client that sends one text message and expects it back, or another message.

    It leaves the connection open for those who hold it; `close` ends it.
    """

    def __init__(self, ask: Ask) -> None:
        """Prepare the handshake with a server (RFC 9112 §3.2: an IPv6 address in Host has brackets and no zone).

        Raises:
            UsageError: What is to be sent is not Latin-1.
        """
        upgrade, target = ask.upgrade, endpoint((ask.host or ask.address).partition("%")[0], ask.port)
        headers = [(b"User-Agent", b"dualstack")]
        if upgrade.origin:
            headers.append((b"Origin", latin1(upgrade.origin.replace("{target}", target))))
        self._connection = WSConnection(ConnectionType.CLIENT)
        subprotocols = [upgrade.subprotocol] if upgrade.subprotocol else []
        self._request = Request(target, ask.path, subprotocols=subprotocols, extra_headers=headers)
        self._sent = ask.send if ask.send is not None else make_token(ask.token_size).decode()
        self._expect = ask.expect
        self._head = Head(MOST_HEAD)
        self._message = Message()
        self._others = 0
        self._status = 0

    def start(self) -> bytes:
        """See `Conversation`: the request of the opening handshake."""
        return self._connection.send(self._request)

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        if not self._head.is_complete:
            rest = self._head.add(data)
            line = self._head.first_line
            if (line is not None and not STATUS_LINE.match(line)) or self._head.is_too_long:
                return Turn(judgement=self._no_response())
            if line is None or not self._head.is_complete:
                return Turn()
            self._status = int(line.split()[1])
            data = bytes(self._head.data) + rest
        return self._take(data)

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if not self._head.data:
            return Judgement(Outcome.SILENT, f"no answer to the opening handshake: {why}")
        if not self._head.is_complete:
            if self._head.first_line is None:
                return self._wrong(f"the answer {show(self._head.text)} to the opening handshake is cut short: {why}")
            return self._wrong(f"the answer {self._line} to the opening handshake has no end of its head: {why}")
        if self._message.size:
            came = f"only the beginning of a message came, {show(self._message.begun)}"
        else:
            came = f"{self._others} other messages came" if self._others else "no message came"
        return self._wrong(f"the opening handshake was accepted, but {came}: {why}")

    def close(self) -> bytes:
        """See `Closing`: a Close frame (RFC 6455 §7.1.2)."""
        if self._connection.state not in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
            return b""
        return self._connection.send(CloseConnection(CloseReason.NORMAL_CLOSURE))

    def _take(self, data: bytes) -> Turn:
        """Take a whole head, or frames; what is judged is the first event that decides."""
        send = b""
        try:
            self._connection.receive_data(data)
            for event in self._connection.events():
                send += self._react(event)
                judgement = self._decide(event)
                if judgement is not None:
                    return Turn(send, judgement)
        except (RemoteProtocolError, ValueError) as error:  # ValueError: text in a header that is not ASCII
            return Turn(
                judgement=self._wrong(f"the answer {self._line} does not accept the handshake: {meaning(error)}")
            )
        return Turn(send)

    def _react(self, event: Event) -> bytes:
        """Return what is sent after an event."""
        if isinstance(event, AcceptConnection):
            return self._connection.send(TextMessage(self._sent))
        return self._connection.send(event.response()) if isinstance(event, Ping) else b""

    def _decide(self, event: Event) -> Judgement | None:
        """Return the judgement if an event decides."""
        if isinstance(event, RejectConnection):
            what = f"the answer's status line is {self._line}"
            return self._wrong(f"{what}: the opening handshake is not accepted, which takes {_UPGRADED}")
        if isinstance(event, CloseConnection):
            return self._wrong(self._closing(event))
        if not isinstance(event, TextMessage | BytesMessage):
            return None
        message = self._message.add(event)
        if self._message.size > MOST_MESSAGE:
            return self._wrong(f"a message has more than {MOST_MESSAGE >> 20} MiB")
        return None if message is None else self._judge(message)

    def _judge(self, message: str | bytes) -> Judgement | None:
        """Judge a whole message."""
        if self._expect is not None:
            text = message if isinstance(message, str) else message.decode("latin-1")
            if re.search(self._expect, text):
                return self._answered(f"the message {show(text)} matches {show_pattern(self._expect)}")
            self._others += 1
            return None
        if message == self._sent:
            return self._answered(f"the message of {len(message)} characters came back")
        if message == self._sent.encode():
            return self._wrong("the text message came back as a binary message")
        return self._wrong(f"the message {show(self._sent)} came back as {show(message)}")

    def _closing(self, event: CloseConnection) -> str:
        """Return what is wrong if a Close frame came, or what is no frame."""
        if self._connection.state is not ConnectionState.REMOTE_CLOSING:
            return f"after the opening handshake came what is no WebSocket frame: {event.reason}"
        reason = f" and the reason {show(event.reason)}" if event.reason else ""
        return f"the service closed the WebSocket with code {int(event.code)}{reason}, before the expected message came"

    @property
    def _line(self) -> str:
        """The status line, quoted for a sentence."""
        return show((self._head.first_line or b"").rstrip())

    def _no_response(self) -> Judgement:
        """Return that the answer is not HTTP."""
        return self._wrong(f"the answer {show(self._head.text)} does not begin with an HTTP status line")

    def _answered(self, detail: str) -> Judgement:
        """Return the judgement of a right answer."""
        return Judgement(Outcome.ANSWERED, f"the opening handshake was accepted, and {detail}", self._status)

    def _wrong(self, detail: str) -> Judgement:
        """Return the judgement of a wrong answer."""
        return Judgement(Outcome.WRONG, detail, self._status)
