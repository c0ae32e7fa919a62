"""``exchange``: the manifest declares what is sent and what is expected."""

import itertools
import re
import secrets
import string
from collections.abc import Sequence

from dualstack.errors import UsageError
from dualstack.protocols.application import Application, Ask, Offer, ScriptTurn, Trait
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.judgement import Judgement, Outcome, show, show_pattern
from dualstack.protocols.texts import latin1
from dualstack.transport import Transport

_MOST_SEARCHED = 1 << 20
"""How many bytes of an answer a regular expression is tried on: more would take quadratic time."""

_MOST_UNMATCHED = 64 << 10
"""How many bytes a client may send until they match the next turn; the server ignores what it sends after them."""

_KEPT = 8 << 10
"""How many bytes of what a client sends are reported."""

_MOST_ANSWER = 1 << 20
"""How many bytes may answer one piece: a client that asks for more is disconnected, so that memory stays bounded."""

ID = "{id}"
"""What stands in a request for one letter or digit of its ID."""

_DIGITS = string.ascii_letters + string.digits

_NUMBERS = itertools.count(secrets.randbelow(1 << 16))

_REPLY_CODE = re.compile(r"(?:[A-Z]+/\d\.\d )?([1-5]\d\d)[ -]")
"""A reply code at the start of an answer, as in HTTP, SIP, RTSP, SMTP, FTP and NNTP."""


class Exchange(Application):
    """The client sends one text and searches the answer. The server follows a script."""

    name = "exchange"
    traits = frozenset({Trait.ANSWERS, Trait.DECLARED})
    serves = frozenset(Transport)

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """See `Application`."""
        return Searching(latin1(with_id(ask.send or "")), ask.expect)

    @classmethod
    def server(cls, offer: Offer, peer: str) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """See `Application`."""
        return Scripted(offer.turns)


def with_id(text: str) -> str:
    """Return a request with each {id} replaced by a letter or digit, which together differ from the last requests'."""
    number = next(_NUMBERS)
    while ID in text:
        number, digit = divmod(number, len(_DIGITS))
        text = text.replace(ID, _DIGITS[digit], 1)
    return text


class Searching:
    """A client whose answer must contain a match of a regular expression; without one every answer is right."""

    def __init__(self, request: bytes, expect: str | None) -> None:
        """Send ``request``; search for ``expect``, over bytes read as Latin-1, after each piece."""
        self._request, self._expect, self._text = request, expect, ""

    def start(self) -> bytes:
        """See `Conversation`."""
        return self._request

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        return Turn(judgement=self._judge(data))

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        return self._wrong(why) if self._text else Judgement(Outcome.SILENT, f"no answer: {why}")

    def _judge(self, data: bytes) -> Judgement | None:
        """Search all that was received; return the judgement, or None while more must come."""
        self._text += data.decode("latin-1")
        if not self._text:
            return None
        if self._expect is None:
            code = _REPLY_CODE.match(self._text)
            status = int(code[1]) if code else 0
            return Judgement(Outcome.ANSWERED, f"the answer begins with {show(self._text)}", status)
        if re.search(self._expect, self._text):
            return Judgement(Outcome.ANSWERED, f"the answer matches {show_pattern(self._expect)}")
        if len(self._text) > _MOST_SEARCHED:
            return self._wrong(f"its first {_MOST_SEARCHED >> 20} MiB were searched")
        return None

    def _wrong(self, why: str) -> Judgement:
        """Return the judgement of an answer that does not match."""
        expected = show_pattern(self._expect or "")
        return Judgement(Outcome.WRONG, f"the answer {show(self._text)} does not match {expected}: {why}")


def _compiled(text: str) -> re.Pattern[str]:
    """Return a regular expression of a turn.

    Raises:
        UsageError: It is none.
    """
    try:
        return re.compile(text, re.MULTILINE)
    except re.error as error:
        raise UsageError(f"{text!r} is not a regular expression: {error}") from None


class Scripted:
    """A server that follows a script: the turns are used in order, and the last one again for all that follows.

    An expression is searched, with ``^`` and ``$`` at each line, in what came since the match before. A turn is
    answered as soon as its expression matches; what follows the match belongs to the next turn.
    """

    def __init__(self, turns: Sequence[ScriptTurn]) -> None:
        """Start the script; its first turn is a greeting if it expects nothing.

        Raises:
            UsageError: A text is not Latin-1, or an expression is not a regular expression.
        """
        greets = bool(turns) and turns[0].expect is None
        self._greeting = latin1(turns[0].send) if greets else b""
        self._turns = [(_compiled(turn.expect or ""), turn) for turn in turns[greets:]]
        self._answers = [latin1(turn.send) for turn in turns[greets:]]
        self._next = 0
        self._text = self._kept = ""
        self._size = 0

    def start(self) -> bytes:
        """See `Conversation`."""
        return self._greeting

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        self._size += len(data)
        self._kept += data[: _KEPT - len(self._kept)].decode("latin-1")
        if len(self._text) >= _MOST_UNMATCHED:
            return Turn()
        self._text += data.decode("latin-1")
        answer = b""
        while self._next < len(self._turns):
            expression, turn = self._turns[self._next]
            found = expression.search(self._text)
            if found is None or not found.end():
                break
            self._text = self._text[found.end() :]
            answer += self._answers[self._next]
            if turn.close or len(answer) > _MOST_ANSWER:
                self._text = ""
                return Turn(answer, close=True)
            self._next = min(self._next + 1, len(self._turns) - 1)
        return Turn(answer)

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if not self._size:
            return Judgement(Outcome.SILENT, "the client sent nothing")
        if not self._text:
            return self._judge(Outcome.ANSWERED, f"the client sent {self._size} bytes, which the turns answer")
        if not self._turns:
            return self._judge(Outcome.WRONG, f"the client sent {show(self._text)}, and no turn answers it")
        expected = show_pattern(self._turns[self._next][1].expect or "")
        return self._judge(Outcome.WRONG, f"the client sent {show(self._text)}, which does not match {expected}")

    def _judge(self, outcome: Outcome, detail: str) -> Judgement:
        """Return a judgement with the beginning of what the client sent."""
        return Judgement(outcome, detail, head=self._kept)
