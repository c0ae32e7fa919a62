"""``ftp-active``: the server opens the data connection, after ``EPRT`` (RFC 2428) or ``PORT`` (RFC 959)."""

from dualstack.families import Family, endpoint
from dualstack.protocols.application import Application, Ask, Trait
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.ftp import FtpClient, Reply
from dualstack.protocols.judgement import Judgement, Outcome, show
from dualstack.transport import Transport

_BYTE = 256
_TAKEN, _BEGINS = range(200, 300), range(100, 200)
PROTOCOLS = {Family.IPV4: 1, Family.IPV6: 2}
"""The numbers of the families in EPRT (RFC 2428 §2)."""


class FtpActive(Application):
    """The client logs in, opens a port, and asks for a listing there. There is no server."""

    name = "ftp-active"
    traits = frozenset({Trait.ANSWERS, Trait.TURNS, Trait.OWN_PORT})
    transports = frozenset({Transport.TCP})

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """See `Application`; ``send`` is ``PORT`` instead of ``EPRT``, or another command whose reply is the end."""
        return FtpActiveClient(Family.of(ask.address), ask.send or "EPRT")


class FtpActiveClient(FtpClient):
    """A client that lists a folder through a connection which the server opens; see `Receiving`."""

    receives_over = Transport.TCP
    steps = ("greeting", "USER", "PASS", "EPRT", "LIST")

    def __init__(self, family: Family, command: str) -> None:
        """Ask over a family with a command: ``EPRT``, ``PORT``, or a whole one."""
        super().__init__()
        self._family, self._with = family, command
        self._host, self._port = family.wildcard, 0
        self._source = ""
        self._size = 0
        self._told = ""
        self._begun = False

    def receives_at(self, address: str, port: int) -> None:
        """See `Receiving`."""
        self._host, self._port = address.partition("%")[0], port

    def arrived(self, data: bytes, source: str) -> Turn:
        """See `Receiving`; the listing and the reply to LIST come in any order."""
        self._source, self._size = source, len(data)
        return Turn(judgement=self._listed() if self._told else None)

    def end(self, why: str, *, closed: bool = False) -> Judgement:
        """See `Conversation`."""
        if self.steps[self._step] == "LIST" and self._begun and not self._source:
            here = endpoint(self._host, self._port)
            said = f"LIST was answered {show(self._replies.said)}, and no connection came to {here}"
            return Judgement(Outcome.WRONG, f"{said}: {why}")
        return super().end(why, closed=closed)

    def _command(self, step: str) -> str:
        """See `FtpClient`."""
        if step != "EPRT":
            return super()._command(step)
        if self._with == "EPRT":
            return f"EPRT |{PROTOCOLS[self._family]}|{self._host}|{self._port}|"
        if self._with == "PORT":
            return f"PORT {self._host.replace('.', ',')},{self._port // _BYTE},{self._port % _BYTE}"
        return self._with

    def _take(self, reply: Reply) -> Turn:
        """See `FtpClient`."""
        step = self.steps[self._step]
        if step == "LIST":
            return self._list(reply)
        if step != "EPRT":
            return super()._take(reply)
        said = f"{self._command(step)} was answered {show(reply.text)}"
        if self._with not in {"EPRT", "PORT"}:
            return Turn(judgement=Judgement(Outcome.ANSWERED, said, reply.code))
        if reply.code not in _TAKEN:
            return Turn(judgement=Judgement(Outcome.WRONG, said, reply.code))
        self._step += 1
        return Turn(b"LIST\r\n")

    def _list(self, reply: Reply) -> Turn:
        """Judge a reply to LIST."""
        self._begun = True
        if reply.code in _BEGINS:
            return Turn()
        if reply.code not in _TAKEN:
            return Turn(judgement=Judgement(Outcome.WRONG, f"LIST was answered {show(reply.text)}", reply.code))
        self._told = reply.text
        return Turn(judgement=self._listed() if self._source else None)

    def _listed(self) -> Judgement:
        """Return the end of the exchange."""
        here = endpoint(self._host, self._port)
        return Judgement(Outcome.ANSWERED, f"{self._source} connected to {here} and sent {self._size} bytes", 226)
