"""What is said to a service, and whether its answer is right. Pure: no sockets here."""

import re
import secrets
from dataclasses import dataclass
from typing import Protocol

from dualstack.errors import UsageError
from dualstack.families import endpoint
from dualstack.manifest.models import Protocol as Speech
from dualstack.manifest.models import Transport
from dualstack.prober.messages import Dial, Outcome

_SHOWN = 40
_LONGEST_STATUS_LINE = 8 << 10
_STATUS_LINE = re.compile(rb"HTTP/\d(\.\d)? ([1-5]\d\d)( [^\r\n]*)?\r?\n")


@dataclass(frozen=True, slots=True)
class Judgement:
    """How an exchange ended, as far as the answer decides it.

    Attributes:
        outcome: ANSWERED, SILENT or WRONG.
        detail: One sentence.
    """

    outcome: Outcome
    detail: str


class Dialogue(Protocol):
    """What is said in one protocol."""

    @property
    def request(self) -> bytes:
        """What is sent."""

    def judge(self, answer: bytes, ending: str | None) -> Judgement | None:
        """Return the judgement on what has come so far, or None while more must come.

        Args:
            answer: All that has come.
            ending: Why nothing more will come; None as long as more may.
        """


def dialogue_for(dial: Dial) -> Dialogue:
    """Return the dialogue of a dial; the tokens are fresh.

    Raises:
        UsageError: The protocol cannot be spoken over the transport, or a text does not fit.
    """
    kind = dial.protocol
    if dial.transport is Transport.UDP and kind in (Speech.CONNECT, Speech.HTTP):
        raise UsageError(f"protocol {kind.value!r} cannot be spoken over UDP")
    if dial.requests > 1 and kind not in (Speech.ECHO, Speech.UPPER):
        raise UsageError(f"protocol {kind.value!r} takes one request at a time")
    match kind:
        case Speech.CONNECT:
            return Accepting()
        case Speech.ECHO:
            token = make_tokens(dial.token_size, dial.requests)
            return Exact(token, token, "came back unchanged")
        case Speech.UPPER:
            token = make_tokens(dial.token_size, dial.requests)
            return Exact(token, token.upper(), "came back in upper case")
        case Speech.HTTP:
            return Http(dial.address, dial.port)
        case Speech.EXCHANGE:
            return Matching(latin1(dial.send or ""), dial.expect)


def latin1(text: str) -> bytes:
    """Return the bytes that a text stands for.

    Raises:
        UsageError: It has characters beyond U+00FF.
    """
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise UsageError(f"what is sent must be Latin-1 (one character a byte): {error}") from None


def make_token(size: int) -> bytes:
    """Return ``size`` random letters, digits, ``-`` and ``_``, the last byte a line feed, for servers that read lines.

    Raises:
        UsageError: It is too short to be a token.
    """
    if size < 2:  # noqa: PLR2004 - a character and the line feed
        raise UsageError(f"a token has at least 2 bytes; found {size}")
    return secrets.token_urlsafe(size)[: size - 1].encode() + b"\n"


def make_tokens(size: int, count: int) -> bytes:
    """Return ``count`` different tokens of ``size`` bytes, one after the other."""
    return b"".join(make_token(size) for _ in range(count))


class Accepting:
    """Nothing is said: a connection that is not reset at once is the answer."""

    request = b""

    def judge(self, answer: bytes, ending: str | None) -> Judgement | None:
        """See `Dialogue`; it is over with the first byte or the first reason."""
        if answer:
            return Judgement(Outcome.ANSWERED, f"the connection was accepted and {_show(answer)} came at once")
        if ending is not None:
            return Judgement(Outcome.SILENT, f"the connection was accepted, but {ending}")
        return None


@dataclass(frozen=True, slots=True)
class Exact:
    """The answer must be these very bytes.

    Attributes:
        request: What is sent.
        expected: What must come.
        success: What is said of it then.
    """

    request: bytes
    expected: bytes
    success: str

    def judge(self, answer: bytes, ending: str | None) -> Judgement | None:
        """See `Dialogue`."""
        if answer == self.expected:
            return Judgement(Outcome.ANSWERED, f"all {len(answer)} bytes {self.success}")
        if not self.expected.startswith(answer):
            return Judgement(Outcome.WRONG, self._difference(answer))
        if ending is None:
            return None
        if not answer:
            return Judgement(Outcome.SILENT, f"no answer: {ending}")
        return Judgement(Outcome.WRONG, f"only {len(answer)} of {len(self.expected)} bytes came back: {ending}")

    def _difference(self, answer: bytes) -> str:
        """Say where the answer differs first."""
        pairs = zip(self.expected, answer, strict=False)
        at = next((place for place, (a, b) in enumerate(pairs) if a != b), len(self.expected))
        if at == len(self.expected):
            return f"the answer goes on after the {at} bytes that were expected, with {_show(answer[at:])}"
        return f"byte {at + 1} of the answer is wrong: expected {_show(self.expected[at:])}, got {_show(answer[at:])}"


@dataclass(frozen=True, slots=True)
class Matching:
    """The answer must contain a match of a regular expression; without one any answer will do.

    Attributes:
        request: What is sent.
        expect: The expression, over bytes read as Latin-1.
    """

    request: bytes
    expect: str | None

    def judge(self, answer: bytes, ending: str | None) -> Judgement | None:
        """See `Dialogue`."""
        text = answer.decode("latin-1")
        if self.expect is None and text:
            return Judgement(Outcome.ANSWERED, f"the answer begins with {_show(answer)}")
        if self.expect is not None and re.search(self.expect, text):
            return Judgement(Outcome.ANSWERED, f"the answer matches {self.expect!r}")
        if ending is None:
            return None
        if not answer:
            return Judgement(Outcome.SILENT, f"no answer: {ending}")
        return Judgement(Outcome.WRONG, f"the answer {_show(answer)} does not match {self.expect!r}: {ending}")


class Http:
    """``GET /``: any valid status line is an answer; what follows is read to its end, as far as that can be told."""

    def __init__(self, address: str, port: int) -> None:
        """Build the request for a server at an address (RFC 9112 §3.2: Host is bracketed, and has no zone)."""
        host = endpoint(address.partition("%")[0], port)
        self.request = (
            f"GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: dualstack\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        ).encode()

    def judge(self, answer: bytes, ending: str | None) -> Judgement | None:
        """See `Dialogue`."""
        if not answer and ending is not None:
            return Judgement(Outcome.SILENT, f"no answer: {ending}")
        status = _STATUS_LINE.match(answer)
        if status is None:
            if ending is None and b"\n" not in answer and len(answer) < _LONGEST_STATUS_LINE:
                return None
            return Judgement(Outcome.WRONG, f"the answer {_show(answer)} does not begin with an HTTP status line")
        if ending is None and not _complete(answer, int(status[2])):
            return None
        return Judgement(Outcome.ANSWERED, f"the answer's status line is {_show(status[0].rstrip())}")


def _complete(answer: bytes, status: int) -> bool:
    """Whether a response has come whole; False too when only the end of the connection can tell (RFC 9112 §6.3)."""
    head, blank, body = answer.partition(b"\r\n\r\n")
    if not blank:
        return False
    if status < 200 or status in (204, 304):  # noqa: PLR2004 - the ones without a body
        return True
    length = re.search(rb"(?im)^content-length:[ \t]*(\d+)[ \t]*\r?$", head)
    if length:
        return len(body) >= int(length[1])
    chunked = re.search(rb"(?im)^transfer-encoding:[ \t]*chunked[ \t]*\r?$", head)
    return chunked is not None and body.endswith(b"0\r\n\r\n")


def _show(data: bytes) -> str:
    """Return the beginning of some bytes for a sentence."""
    text = repr(data[:_SHOWN].decode("latin-1"))
    return text if len(data) <= _SHOWN else f"{text} …"
