"""The server's end of a WebSocket connection, on wsproto (RFC 6455). It accepts no extension, such as compression."""

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

from dualstack.counting import count
from dualstack.protocols.conversation import Turn
from dualstack.protocols.heads import REQUEST_LINE, Head, begins_like_a_request
from dualstack.protocols.judgement import Judgement, Outcome, show
from dualstack.protocols.websocket_parts import MOST_HEAD, MOST_MESSAGE, Message, meaning


class WebSocketServer:
    """A server that accepts each handshake with the first subprotocol that is offered, and echoes each message."""

    def __init__(self) -> None:
        """Wait for the handshake."""
        self._connection = WSConnection(ConnectionType.SERVER)
        self._head = Head(MOST_HEAD)
        self._message = Message()
        self._count = 0
        self._fault = ""
        self._closed = False

    def start(self) -> bytes:
        """See `Conversation`."""
        return b""

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        if self._closed:
            return Turn(close=True)
        if self._head.is_complete:
            return Turn(self._take(data), close=self._closed)
        rest = self._head.add(data)
        if self._head.is_too_long:
            return Turn(self._refuse("its head is too long", 431), close=True)
        if not self._head.is_complete:
            return Turn()
        answer = self._handshake()
        if rest and not self._closed:
            answer += self._take(rest)
        return Turn(answer, close=self._closed)

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        head = self._head.text
        if not head:
            return Judgement(Outcome.SILENT, "the client sent nothing")
        if self._fault:
            return Judgement(Outcome.WRONG, f"the client sent {show(head)}, {self._fault}", head=head)
        if self._head.is_complete:
            messages = f"the client did the opening handshake and sent {count(self._count, 'message')}"
            return Judgement(Outcome.ANSWERED, messages, head=head)
        if begins_like_a_request(self._head.data):
            return Judgement(Outcome.SILENT, f"the client sent {show(head)}, which is no complete handshake")
        return Judgement(Outcome.WRONG, f"the client sent {show(head)}, which is no WebSocket handshake")

    def _handshake(self) -> bytes:
        """Answer the request of the opening handshake."""
        try:
            self._connection.receive_data(bytes(self._head.data))
            event = next(iter(self._connection.events()), None)
        except RemoteProtocolError as error:
            hint = error.event_hint
            return self._refuse(meaning(error), hint.status_code if isinstance(hint, RejectConnection) else 400)
        except ValueError as error:  # a header that is not ASCII
            return self._refuse(str(error), 400)
        if not isinstance(event, Request):
            return self._refuse("it is no request", 400)
        return self._connection.send(AcceptConnection(next(iter(event.subprotocols), None)))

    def _refuse(self, why: str, status: int) -> bytes:
        """Refuse the handshake."""
        self._closed = True
        request = REQUEST_LINE.match(bytes(self._head.data))
        self._fault = f"which is no WebSocket handshake: {why}" if request else "which is no WebSocket handshake"
        fields = "Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\nConnection: close\r\n"
        return f"HTTP/1.1 {status} No WebSocket handshake\r\n{fields}\r\n".encode()

    def _take(self, data: bytes) -> bytes:
        """Answer frames."""
        self._connection.receive_data(data)
        return b"".join(self._react(event) for event in self._connection.events() if not self._closed)

    def _react(self, event: Event) -> bytes:
        """Return the answer to an event."""
        if isinstance(event, Ping):
            return self._connection.send(event.response())
        if isinstance(event, CloseConnection):
            self._closed = True
            if self._connection.state is ConnectionState.REMOTE_CLOSING:
                return self._connection.send(event.response())
            self._fault = f"and then what is no WebSocket frame: {event.reason}"
            return self._connection.send(CloseConnection(event.code))
        if isinstance(event, TextMessage | BytesMessage):
            message = self._message.add(event)
            if self._message.size > MOST_MESSAGE:
                self._closed, self._fault = True, f"and then a message of more than {MOST_MESSAGE >> 20} MiB"
                return self._connection.send(CloseConnection(CloseReason.MESSAGE_TOO_BIG))
            if message is not None:
                self._count += 1
                kind = TextMessage if isinstance(message, str) else BytesMessage
                return self._connection.send(kind(message))  # type: ignore[arg-type]
        return b""
