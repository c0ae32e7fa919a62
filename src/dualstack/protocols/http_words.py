"""What an HTTP error says in words: the body of its answer, if it is one short line."""

MOST_WORDS = 120
"""How many bytes such a body has at most."""

_CLIENT_ERROR = 400
"""The first status of an error (RFC 9110 §15)."""


def words_of(status: int, body: bytes | bytearray, before: str = ":") -> str:
    """Return the body of an error, quoted, after `before` and a space; empty if it is long, no plain line or no error.

    Args:
        status: The status of the answer.
        body: The body; more than `MOST_WORDS` bytes of it are not needed.
        before: What the sentence has before it.
    """
    text = body.decode("ascii", "replace").strip()
    plain = bool(text) and len(body) <= MOST_WORDS and text.isascii() and text.isprintable()
    return f"{before} {text!r}" if plain and status >= _CLIENT_ERROR else ""
