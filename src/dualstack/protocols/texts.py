"""The texts that are sent: tokens, and the Latin-1 texts of manifests."""

import secrets

from dualstack.errors import UsageError


def latin1(text: str) -> bytes:
    """Return the bytes of a Latin-1 text.

    Raises:
        UsageError: It has characters beyond U+00FF.
    """
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise UsageError(f"what is sent must be Latin-1 (one character a byte): {error}") from None


def make_token(size: int) -> bytes:
    """Return ``size`` random letters, digits, ``-`` and ``_``; the last byte is a line feed (some servers read lines).

    Raises:
        UsageError: ``size`` is less than 2.
    """
    if size < 2:  # noqa: PLR2004 - a character and the line feed
        raise UsageError(f"a token has at least 2 bytes; found {size}")
    return secrets.token_urlsafe(size)[: size - 1].encode() + b"\n"


def make_tokens(size: int, count: int) -> bytes:
    """Return ``count`` different tokens of ``size`` bytes, one after the other."""
    return b"".join(make_token(size) for _ in range(count))
