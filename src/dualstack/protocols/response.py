"""A response with header fields, whichever protocol carries it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Response:
    """A response, as far as it was received.

    Attributes:
        status: Its status.
        fields: The names, in lower case, and the values of its header fields.
        body: Its body, without chunks and frames.
        is_text: Whether its bytes are text on the wire too; if not, `text` is what they say.
    """

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes
    is_text: bool = True

    @property
    def text(self) -> bytes:
        """The response in the form of HTTP/1.1, without its status line."""
        head = "".join(f"{name}: {value}\r\n" for name, value in self.fields)
        return f"{head}\r\n".encode("latin-1", "replace") + self.body
