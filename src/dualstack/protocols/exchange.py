"""``exchange``: the manifest declares what is sent and what is expected."""

import re

from dualstack.protocols.application import Application, Ask, Trait
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.judgement import Judgement, Outcome, show
from dualstack.protocols.texts import latin1
from dualstack.transport import AppProtocol

_MOST_SEARCHED = 1 << 20
"""How many bytes of an answer a regular expression is tried on: more would take quadratic time."""

_REPLY_CODE = re.compile(r"(?:[A-Z]+/\d\.\d )?([1-5]\d\d)[ -]")
"""A reply code at the start of an answer, as in HTTP, SIP, RTSP, SMTP, FTP and NNTP."""


class Exchange(Application):
    """The client sends one text and searches the answer."""

    name = AppProtocol.EXCHANGE
    traits = frozenset({Trait.ANSWERS, Trait.DECLARED})

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """See `Application`."""
        return Searching(latin1(ask.send or ""), ask.expect)


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
            return Judgement(Outcome.ANSWERED, f"the answer matches {self._expect!r}")
        if len(self._text) > _MOST_SEARCHED:
            return self._wrong(f"its first {_MOST_SEARCHED >> 20} MiB were searched")
        return None

    def _wrong(self, why: str) -> Judgement:
        """Return the judgement of an answer that does not match."""
        return Judgement(Outcome.WRONG, f"the answer {show(self._text)} does not match {self._expect!r}: {why}")
