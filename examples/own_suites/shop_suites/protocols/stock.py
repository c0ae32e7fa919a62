"""``stock``: the client asks for an article with one line, and the answer is one line."""

from dualstack.protocols import (
    Application,
    Ask,
    Conversation,
    Exact,
    Judgement,
    Offer,
    Outcome,
    Trait,
    Transport,
    Turn,
    make_tokens,
    show,
)


class Stock(Application):
    """``STOCK article`` is answered by ``OK article``, over TCP."""

    name = "stock"
    traits = frozenset({Trait.ANSWERS})
    transports = frozenset({Transport.TCP})
    serves = frozenset({Transport.TCP})

    @classmethod
    def client(cls, ask: Ask) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """Return the client's end: it asks for an article that it has made up."""
        article = make_tokens(12, 1)
        return Exact(b"STOCK " + article, b"OK " + article, "say that the article is in stock")

    @classmethod
    def server(cls, offer: Offer, peer: str) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """Return the server's end of one connection."""
        return Answering()


class Answering:
    """A server that has every article in stock."""

    def __init__(self) -> None:
        """Start without a line."""
        self._rest = b""
        self._answered = 0
        self._wrong = b""

    def start(self) -> bytes:
        """Return nothing: the client speaks first."""
        return b""

    def receive(self, data: bytes) -> Turn:
        """Answer the lines that are complete; a wrong line ends the connection."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        answers = b""
        for line in lines:
            command, _, article = line.partition(b" ")
            if command != b"STOCK":
                self._wrong = line
                return Turn(answers + b"ERROR\n", close=True)
            answers += b"OK " + article + b"\n"
            self._answered += 1
        return Turn(answers)

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """Judge what the client sent."""
        if self._wrong:
            return Judgement(Outcome.WRONG, f"the client sent {show(self._wrong)}, which is no command")
        if not self._answered:
            return Judgement(Outcome.SILENT, "the client sent no complete line")
        return Judgement(Outcome.ANSWERED, f"the client asked for {self._answered} article(s)")
