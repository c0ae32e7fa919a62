"""What is sent to a service, and whether its answer is right. Pure: no sockets here."""

import re
import secrets
from dataclasses import dataclass

from dualstack.errors import UsageError
from dualstack.prober.answers import Dialogue, Judgement, Reader, show
from dualstack.prober.http import Http
from dualstack.prober.messages import Dial, Outcome
from dualstack.transport import AppProtocol, Transport

_TOKEN_BYTES = 6
_MOST_SEARCHED = 1 << 20
"""How many bytes of an answer a regular expression is tried on: more would take quadratic time."""


def dialogue_for(dial: Dial) -> Dialogue:
    """Return the dialogue of a dial, with new tokens.

    Raises:
        UsageError: The protocol does not work over the transport, or a text is not Latin-1.
    """
    kind = dial.protocol
    if dial.transport is Transport.UDP and kind in (AppProtocol.CONNECT, AppProtocol.HTTP):
        raise UsageError(f"protocol {kind.value!r} does not work over UDP")
    if dial.requests > 1 and kind not in (AppProtocol.ECHO, AppProtocol.UPPER):
        raise UsageError(f"protocol {kind.value!r} takes one request at a time")
    match kind:
        case AppProtocol.CONNECT:
            return Accepting()
        case AppProtocol.ECHO:
            token = make_tokens(dial.token_size, dial.requests)
            return Exact(token, token, "came back unchanged")
        case AppProtocol.UPPER:
            token = make_tokens(dial.token_size, dial.requests)
            return Exact(token, token.upper(), "came back in upper case")
        case AppProtocol.HTTP:
            return Http(dial.address, dial.port, dial.status)
        case AppProtocol.EXCHANGE:
            return Matching(latin1(dial.send or ""), dial.expect)
        case AppProtocol.ONEWAY:
            return Oneway(latin1(with_token(dial.send or "", secrets.token_hex(_TOKEN_BYTES))))


def with_token(text: str, token: str) -> str:
    """Return a text of a one-way manifest with its {token} replaced."""
    return text.replace("{token}", token)


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


@dataclass(frozen=True, slots=True)
class Oneway:
    """A datagram that has no answer: only a refusal is noticed here.

    Attributes:
        request: What is sent.
    """

    request: bytes

    def reader(self) -> Reader:
        """See `Dialogue`."""
        return self

    def feed(self, data: bytes) -> Judgement | None:
        """See `Reader`: any datagram shows that the service is there."""
        return Judgement(Outcome.ANSWERED, f"it was sent, and {show(data)} came back, although no answer was expected")

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Reader` has it
        """See `Reader`."""
        return Judgement(Outcome.ANSWERED, f"it was sent: {why}")


class Accepting:
    """Nothing is sent: a connection that is not reset at once is the answer."""

    request = b""

    def reader(self) -> Reader:
        """See `Dialogue`."""
        return self

    def feed(self, data: bytes) -> Judgement | None:
        """See `Reader`: the first byte ends it."""
        return Judgement(Outcome.ANSWERED, f"the connection was accepted and {show(data)} came at once")

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Reader` has it
        """See `Reader`."""
        return Judgement(Outcome.SILENT, f"the connection was accepted, but {why}")


@dataclass(frozen=True, slots=True)
class Exact:
    """The answer must be exactly these bytes.

    Attributes:
        request: What is sent.
        expected: What must be received.
        success: The end of the sentence for the report then.
    """

    request: bytes
    expected: bytes
    success: str

    def reader(self) -> Reader:
        """See `Dialogue`."""
        return _Comparing(self)


class _Comparing:
    """The reader of `Exact`: it compares each piece with its place in the expected bytes."""

    def __init__(self, wanted: Exact) -> None:
        """Start at the first byte."""
        self._wanted, self._place = wanted, 0

    def feed(self, data: bytes) -> Judgement | None:
        """See `Reader`."""
        expected, place = self._wanted.expected, self._place
        if not expected.startswith(data, place):
            return Judgement(Outcome.WRONG, _difference(expected, place, data))
        self._place += len(data)
        if self._place == len(expected):
            return Judgement(Outcome.ANSWERED, f"all {self._place} bytes {self._wanted.success}")
        return None

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Reader` has it
        """See `Reader`."""
        if not self._place:
            return Judgement(Outcome.SILENT, f"no answer: {why}")
        return Judgement(Outcome.WRONG, f"only {self._place} of {len(self._wanted.expected)} bytes came back: {why}")


def _difference(expected: bytes, place: int, data: bytes) -> str:
    """Describe the first difference; ``data`` is what was received from byte ``place`` on."""
    rest = expected[place:]
    at = next((at for at, (a, b) in enumerate(zip(rest, data, strict=False)) if a != b), len(rest))
    if at == len(rest):
        return f"the answer continues after the {len(expected)} bytes that were expected, with {show(data[at:])}"
    return f"byte {place + at + 1} of the answer is wrong: expected {show(rest[at:])}, got {show(data[at:])}"


@dataclass(frozen=True, slots=True)
class Matching:
    """The answer must contain a match of a regular expression; without one every answer is right.

    Attributes:
        request: What is sent.
        expect: The expression, over bytes read as Latin-1.
    """

    request: bytes
    expect: str | None

    def reader(self) -> Reader:
        """See `Dialogue`."""
        return _Searching(self.expect)


_REPLY_CODE = re.compile(r"(?:[A-Z]+/\d\.\d )?([1-5]\d\d)[ -]")
"""A reply code at the start of an answer, as in HTTP, SIP, RTSP, SMTP, FTP and NNTP."""


class _Searching:
    """The reader of `Matching`: it searches all that was received after each piece."""

    def __init__(self, expect: str | None) -> None:
        """Start with an empty answer."""
        self._expect, self._text = expect, ""

    def feed(self, data: bytes) -> Judgement | None:
        """See `Reader`."""
        self._text += data.decode("latin-1")
        if not self._text:
            return None
        if self._expect is None:
            code = _REPLY_CODE.match(self._text)
            status = int(code[1]) if code else 0
            return Judgement(Outcome.ANSWERED, f"the answer begins with {show(self._text)}", status)
        if re.search(self._expect, self._text):
            return Judgement(Outcome.ANSWERED, f"the answer matches {self._expect!r}")
        if len(self._text) > _MOST_SEARCHED:
            return self._wrong(f"its first {_MOST_SEARCHED >> 20} MiB were searched")
        return None

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Reader` has it
        """See `Reader`."""
        return self._wrong(why) if self._text else Judgement(Outcome.SILENT, f"no answer: {why}")

    def _wrong(self, why: str) -> Judgement:
        """Return the judgement of an answer that does not match."""
        return Judgement(Outcome.WRONG, f"the answer {show(self._text)} does not match {self._expect!r}: {why}")
