"""What both ends of a WebSocket connection need: messages in parts, limits, and what errors mean."""

from wsproto.events import BytesMessage, TextMessage

MOST_HEAD = 16 << 10  # bytes; h11 refuses more
MOST_MESSAGE = 1 << 20  # bytes or characters of one message
_MEANINGS = {
    "Bad accept token": "its Sec-WebSocket-Accept header is not the answer to the client's key (RFC 6455 §4.2.2)",
    "Bad HTTP message": "its head is no HTTP (RFC 9112)",
}
"""What an error of wsproto means, where its text does not say it."""


def meaning(error: Exception) -> str:
    """Return what an error of wsproto or h11 means."""
    return _MEANINGS.get(str(error), str(error))


class Message:
    """A message that arrives in parts.

    Attributes:
        size: How many bytes or characters of it have arrived; 0 before it begins.
    """

    def __init__(self) -> None:
        """Start without a message."""
        self.size = 0
        self._parts: list[str | bytes] = []
        self._is_text = True

    def add(self, part: TextMessage | BytesMessage) -> str | bytes | None:
        """Take a part; return the message if it is its last one."""
        data = part.data if isinstance(part, TextMessage) else bytes(part.data)
        self._is_text = isinstance(data, str)
        self._parts.append(data)
        self.size += len(data)
        if not part.message_finished:
            return None
        whole = self.begun
        self._parts, self.size = [], 0
        return whole

    @property
    def begun(self) -> str | bytes:
        """What has arrived of it."""
        if self._is_text:
            return "".join(item for item in self._parts if isinstance(item, str))
        return b"".join(item for item in self._parts if isinstance(item, bytes))
