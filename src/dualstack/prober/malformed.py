"""Answers of the name server that cannot be read: what is changed in the bytes of a good one. Pure."""

from collections.abc import Callable, Mapping

from dualstack.prober.behaviour import Action

_HEADER = 12  # bytes of a DNS header (RFC 1035 §4.1.1)
_FIXED = 10  # bytes of a record between its name and its RDATA (RFC 1035 §4.1.3)
_POINTER = 0xC000  # a compression pointer (RFC 1035 §4.1.4); it has 2 bytes


def _answer_start(data: bytes) -> int:
    """Return where the first record after the only question begins."""
    at = _HEADER
    while data[at]:
        at += 1 + data[at]
    return at + 1 + 4  # the root label; type and class


def _cut(data: bytes) -> bytes:
    """Return the message without what follows the first byte of its first record's RDATA."""
    return data[: _answer_start(data) + 2 + _FIXED + 1]


def _garbage(data: bytes) -> bytes:
    """Return the message's header, and after it as many bytes as before that are neither question nor record."""
    return data[:_HEADER] + b"\xff" * (len(data) - _HEADER)


def _pointer(data: bytes) -> bytes:
    """Return the message with a first record whose name is a compression pointer to itself."""
    start = _answer_start(data)
    return data[:start] + (_POINTER + start).to_bytes(2, "big") + data[start + 2 :]


SPOIL: Mapping[Action, Callable[[bytes], bytes]] = {
    Action.CUT: _cut,
    Action.GARBAGE: _garbage,
    Action.POINTER: _pointer,
}
"""What makes the bytes of an answer malformed; the records of `Action.SHORT` are so already."""
