"""How an exchange ended, as one end of it sees it."""

import enum
from dataclasses import dataclass, replace

from dualstack.protocols.certificates import TlsFault
from dualstack.protocols.proxy_header import ProxyHeader

_SHOWN = 40
_TIMES = ("first", "second", "third")

LIMITS = frozenset({421, 429, 503})
"""Statuses and reply codes that also say that there are too many clients: SMTP 421, HTTP 429 and 503."""


@enum.unique
class Outcome(enum.Enum):
    """How an exchange with a service ended."""

    ANSWERED = "answered"
    """The exchange completed: the answer is what the protocol requires."""
    REFUSED = "refused"
    """TCP reset or ICMP port unreachable: ECONNREFUSED."""
    UNREACHABLE = "unreachable"
    """No route, no address of the family, or another ICMP error: the errno says which."""
    SILENT = "silent"
    """Nothing was received in time, or the connection closed without an answer."""
    WRONG = "wrong"
    """Something was received, but not what the protocol requires."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of an exchange, as far as the bytes that one end received decide it.

    Attributes:
        outcome: ANSWERED, SILENT or WRONG.
        detail: One sentence.
        status: The status or reply code of three digits that the answer has; 0 without one.
        head: What a server received, as Latin-1 text of at most 8 KiB: with HTTP the head of the request, with
            ``exchange`` the beginning of everything; empty for other protocols and for clients.
        tls: What is wrong with the other end's TLS; None if nothing is, or if it is not used.
        length: How many of the bytes that were received belong to the answer; None for all.
        server_name: The server name that a client sent (SNI); empty if it sent none, and for clients.
        begins: How many bytes precede the answer: those of earlier answers on the connection.
        answers: How many complete answers came on a connection that the client asked to keep (`Trait.KEEPS`).
        proxied: What a relay sent to a server in place of a PROXY header; None if none is expected, and for clients.
    """

    outcome: Outcome
    detail: str
    status: int = 0
    head: str = ""
    tls: TlsFault | None = None
    length: int | None = None
    server_name: str = ""
    proxied: ProxyHeader | None = None
    begins: int = 0
    answers: int = 0


def placed(judgement: Judgement, before: int, *, whole: bool) -> Judgement:
    """Return the judgement of a request on a kept connection.

    Args:
        judgement: The judgement of the request alone.
        before: How many answers came before on the connection.
        whole: Whether its answer is complete.
    """
    which = _TIMES[before] if before < len(_TIMES) else f"{before + 1}th"
    detail = f"the {which} request on the connection: {judgement.detail}"
    return replace(judgement, detail=detail, answers=before + whole)


def show_pattern(text: str) -> str:
    """Return a regular expression in quotes, as it is written in a manifest: its backslashes are not doubled."""
    return "'" + "".join(char if char.isprintable() else repr(char)[1:-1] for char in text) + "'"


def show(data: bytes | str) -> str:
    """Return the beginning of what was received, quoted for a sentence."""
    text = data.decode("latin-1") if isinstance(data, bytes) else data
    return repr(text[:_SHOWN]) + (" …" if len(text) > _SHOWN else "")
