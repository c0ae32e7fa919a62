"""``ftp``: a login, ``PASV`` (RFC 959) and ``EPSV`` (RFC 2428); a server without data connections."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dualstack.protocols.application import Application, Ask, Offer, Trait
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.judgement import Judgement, Outcome, show
from dualstack.transport import Transport

_MOST_REPLY = 64 << 10  # bytes
_MOST_LINE = 8 << 10  # bytes of a command
_FIRST_LINE = re.compile(r"([1-5]\d\d)([ -])")
_PASSIVE = re.compile(r"\((\d{1,3}(?:,\d{1,3}){5})\)")
_EXTENDED = re.compile(r"\(([!-~])\1\1(\d{1,5})\1\)")
_BYTE = 256
PASSIVE, EXTENDED = 227, 229
"""The codes of the replies to PASV and EPSV that name a port."""

_STEPS = ("greeting", "USER", "PASS", "PASV", "EPSV")
_OF_STEP = {"USER": "USER anonymous", "PASS": "PASS dualstack@"}
_WANTED = {"greeting": (220,), "USER": (230, 331), "PASS": (202, 230)}
"""The replies that every client needs; PASV and EPSV may be refused."""


class Ftp(Application):
    """The client logs in as anonymous and asks for a data port. The server opens none."""

    name = "ftp"
    traits = frozenset({Trait.ANSWERS, Trait.TURNS})
    transports = frozenset({Transport.TCP})
    serves = frozenset({Transport.TCP})

    @classmethod
    def client(cls, ask: Ask) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """See `Application`."""
        return FtpClient()

    @classmethod
    def server(cls, offer: Offer, peer: str) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """See `Application`."""
        return FtpServer()


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: its code, and its text with all its lines."""

    code: int
    text: str

    @property
    def passive(self) -> tuple[str, int] | None:
        """The IPv4 address and port of a reply to PASV (RFC 959 §4.1.2); None if they have not that form."""
        found = _PASSIVE.search(self.text) if self.code == PASSIVE else None
        numbers = [int(item) for item in found[1].split(",")] if found else [_BYTE]
        if max(numbers) >= _BYTE:
            return None
        return ".".join(map(str, numbers[:4])), numbers[4] * _BYTE + numbers[5]

    @property
    def extended(self) -> int:
        """The port of a reply to EPSV (RFC 2428 §3); 0 if it has not that form."""
        found = _EXTENDED.search(self.text) if self.code == EXTENDED else None
        port = int(found[2]) if found else 0
        return port if port < _BYTE**2 else 0


class Replies:
    """Finds the replies in what a client receives; memory is bounded.

    Attributes:
        rest: What belongs to no complete line yet.
        said: The text of the last reply; empty before the first.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self.rest = self.said = ""
        self._lines: list[str] = []
        self._size = 0

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self.rest += data.decode("latin-1")

    def next(self) -> Reply | None:
        """Return the next reply; None if there is no complete one.

        Raises:
            ValueError: A line is none of a reply, or the reply is too long; the message says which.
        """
        while "\n" in self.rest:
            line, _, self.rest = self.rest.partition("\n")
            self._lines.append(line.removesuffix("\r"))
            self._size += len(line) + 1
            first = _FIRST_LINE.match(f"{self._lines[0]} ")
            if first is None:
                raise ValueError(f"{show(line)} is no reply with a code")
            last = self._lines[-1]
            if first[2] == " " or (len(self._lines) > 1 and f"{last} ".startswith(f"{first[1]} ")):
                reply = Reply(int(first[1]), "\n".join(self._lines))
                self.said = reply.text
                self._lines, self._size = [], 0
                return reply
            if self._size > _MOST_REPLY:
                break
        if self._size + len(self.rest) > _MOST_REPLY:
            raise ValueError(f"a reply is longer than {_MOST_REPLY >> 10} KiB")
        return None


def replies_in(received: bytes) -> dict[str, Reply]:
    """Return the replies in what a client has received, by what it asked: ``greeting``, ``USER`` … ``EPSV``."""
    reader, found = Replies(), dict[str, Reply]()
    reader.add(received)
    steps = iter(_STEPS)
    try:
        while (reply := reader.next()) is not None and (step := next(steps, "")):
            found[step] = reply
            if step == "USER" and reply.code == _WANTED["USER"][0]:
                next(steps)  # no password is asked for
    except ValueError:
        pass
    return found


class FtpClient:
    """A client that logs in, and then asks for a data port in both ways, EPSV last: its port is open afterwards.

    Attributes:
        steps: What is awaited, in this order: the greeting, and the replies to commands.
    """

    steps: Sequence[str] = _STEPS

    def __init__(self) -> None:
        """Start with the greeting."""
        self._replies = Replies()
        self._step = 0
        self._said: list[str] = []

    def start(self) -> bytes:
        """See `Conversation`."""
        return b""

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        self._replies.add(data)
        send = b""
        try:
            while (reply := self._replies.next()) is not None:
                turn = self._take(reply)
                send += turn.send
                if turn.judgement is not None:
                    return Turn(send, turn.judgement)
        except ValueError as error:
            return Turn(send, Judgement(Outcome.WRONG, str(error)))
        return Turn(send)

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if not self._step and not self._replies.rest:
            return Judgement(Outcome.SILENT, f"no greeting: {why}")
        step = self.steps[self._step]
        asked = "the greeting is not complete" if not self._step else f"{step} was not answered"
        return Judgement(Outcome.WRONG, f"{asked}: {why}")

    def _command(self, step: str) -> str:
        """Return the command of a step."""
        return _OF_STEP.get(step, step)

    def _take(self, reply: Reply) -> Turn:
        """Judge the reply to the last command, and send the next one."""
        step = self.steps[self._step]
        wanted = _WANTED.get(step, ())
        if wanted and reply.code not in wanted:
            expected = " or ".join(map(str, wanted))
            what = "the greeting" if step == "greeting" else f"the reply to {self._command(step)}"
            return Turn(judgement=Judgement(Outcome.WRONG, f"{what} is {show(reply.text)}; expected {expected}"))
        if not wanted:
            self._said.append(f"{step} was answered {reply.text[:80]!r}")
        if step == self.steps[-1]:
            return Turn(judgement=Judgement(Outcome.ANSWERED, ", ".join(["the login succeeded", *self._said])))
        self._step += 2 if step == "USER" and reply.code == wanted[0] else 1
        return Turn(f"{self._command(self.steps[self._step])}\r\n".encode())


_REPLIES = {
    "USER": "331 any password",
    "PASS": "230 logged in",
    "ACCT": "230 logged in",
    "SYST": "215 UNIX Type: L8",
    "FEAT": "211-Features:\r\n EPSV\r\n EPRT\r\n211 End",
    "PWD": '257 "/" is the current folder',
    "XPWD": '257 "/" is the current folder',
    "CWD": "250 done",
    "CDUP": "250 done",
    "TYPE": "200 done",
    "MODE": "200 done",
    "STRU": "200 done",
    "OPTS": "200 done",
    "NOOP": "200 done",
    "CLNT": "200 done",
    "HELP": "214 none",
    "QUIT": "221 goodbye",
    **dict.fromkeys(("PASV", "EPSV", "PORT", "EPRT", "LIST", "NLST", "RETR", "STOR"), "425 no data connection"),
    **dict.fromkeys(("AUTH", "PBSZ", "PROT", "SITE", "STAT", "HOST", "LANG", "SIZE", "MDTM", "MLSD"), "502 not here"),
}
"""The replies to the commands that are known."""


class FtpServer:
    """A server that lets everybody in and has no data connections."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._text = ""
        self._count = 0
        self._unknown = ""
        self._closed = False

    def start(self) -> bytes:
        """See `Conversation`."""
        return b"220 ready\r\n"

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        if self._closed:
            return Turn(close=True)
        self._text += data.decode("latin-1")
        *lines, self._text = self._text.split("\n")
        answer = "".join(self._answers(lines))
        if len(self._text) > _MOST_LINE and not self._closed:
            answer += self._too_long()
        return Turn(answer.encode(), close=self._closed)

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if self._unknown:
            return Judgement(Outcome.WRONG, f"the client sent {self._unknown}, which is no command of FTP")
        if self._text and not self._closed:
            return Judgement(Outcome.SILENT, "the client sent a command that is not complete")
        if not self._count:
            return Judgement(Outcome.SILENT, "the client sent nothing")
        return Judgement(Outcome.ANSWERED, f"the client sent {self._count} commands")

    def _too_long(self) -> str:
        """End the connection; return the reply."""
        self._unknown, self._closed = f"a line of more than {_MOST_LINE >> 10} KiB", True
        return "500 line too long\r\n"

    def _answers(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield the reply to each command."""
        for line in lines:
            if self._closed:
                return
            if len(line) > _MOST_LINE:
                yield self._too_long()
                return
            self._count += 1
            word = line.strip().partition(" ")[0].upper()
            if word not in _REPLIES:
                self._unknown = self._unknown or show(line)
            self._closed = word == "QUIT"
            yield f"{_REPLIES.get(word, '500 unknown command')}\r\n"
