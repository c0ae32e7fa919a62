"""Requests that follow one another on one connection of HTTP/1.1, and how the last of them ends."""

import pytest

from dualstack.errors import UsageError
from dualstack.families import Family
from dualstack.prober.messages import Dial, Outcome
from dualstack.protocols.conversation import Turn
from dualstack.protocols.http import HttpClient
from dualstack.protocols.http_kept import KeptHttp
from dualstack.protocols.registry import client_for
from dualstack.transport import AppProtocol

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
CLOSED = "the service closed the connection"


def client(requests: int = 2) -> KeptHttp:
    """Return a client that has sent its first request."""
    made = KeptHttp(lambda: HttpClient("2001:db8::1", 8080, keeps=True), requests)
    assert b"connection" not in made.start().lower()
    return made


def fed(made: KeptHttp, data: bytes, size: int) -> list[Turn]:
    """Return the reactions to data in pieces."""
    return [made.receive(data[place : place + size]) for place in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, len(WHOLE)])
def test_the_second_answer_is_judged(size: int) -> None:
    """The request is sent again once the first answer is whole; the judgement is about the second answer alone."""
    made = client()
    turns = fed(made, WHOLE, size)
    assert [turn.judgement for turn in turns] == [None] * len(turns)
    assert [turn.send for turn in turns] == [
        *[b""] * (len(turns) - 1),
        HttpClient("2001:db8::1", 8080, keeps=True).start(),
    ]
    judgement = fed(made, WHOLE.replace(b"200 OK", b"404 No"), size)[-1].judgement
    assert judgement is not None
    assert (judgement.outcome, judgement.status, judgement.answers) == (Outcome.ANSWERED, 404, 2)
    assert (judgement.begins, judgement.length) == (len(WHOLE), 2 * len(WHOLE))
    assert judgement.detail.startswith("the second request on the connection: the answer's status line is")


def test_one_request_leaves_the_connection_open() -> None:
    """With one request nothing is sent after its answer, and the server is not asked to close."""
    turn = client(1).receive(WHOLE)
    assert turn.send == b""
    assert turn.judgement is not None
    assert turn.judgement.answers == 1


@pytest.mark.parametrize(
    "answer",
    [
        WHOLE.replace(b"1.1", b"1.0"),
        WHOLE.replace(b"\r\n", b"\r\nConnection: close\r\n", 1),
    ],
    ids=["HTTP/1.0", "Connection: close"],
)
def test_a_server_that_keeps_no_connection(answer: bytes) -> None:
    """No second request is sent after an answer that says that the server closes the connection."""
    turn = client().receive(answer)
    assert turn.send == b""
    assert turn.judgement is not None
    assert (turn.judgement.outcome, turn.judgement.status, turn.judgement.answers) == (Outcome.ANSWERED, 200, 1)
    assert turn.judgement.detail.endswith("; the connection is not kept")


def test_an_answer_that_ends_with_its_connection() -> None:
    """An answer without a declared length is the last one."""
    made = client()
    assert made.receive(b"HTTP/1.1 200 OK\r\n\r\nhi") == Turn()
    judgement = made.end(CLOSED, closed=True)
    assert (judgement.outcome, judgement.answers) == (Outcome.ANSWERED, 1)


@pytest.mark.parametrize(
    ("second", "outcome", "detail"),
    [
        (b"", Outcome.SILENT, f"the second request on the connection: no answer: {CLOSED}"),
        (WHOLE[:-1], Outcome.WRONG, "the second request on the connection: the answer 'HTTP/1.1 200 OK' is cut short"),
        (b"220 hello\r\n", Outcome.WRONG, "does not begin with an HTTP status line"),
    ],
    ids=["nothing", "cut", "another protocol"],
)
def test_a_second_request_without_an_answer(second: bytes, outcome: Outcome, detail: str) -> None:
    """A missing, incomplete or foreign second answer is judged as a first one would be, and is not counted."""
    made = client()
    made.receive(WHOLE)
    judgement = (made.receive(second).judgement if second else None) or made.end(CLOSED, closed=True)
    assert (judgement.outcome, judgement.answers) == (outcome, 1)
    assert detail in judgement.detail


def test_an_error_counts_as_an_answer() -> None:
    """A whole second answer with an error status is wrong, and it is the second answer."""
    made = client()
    made.receive(WHOLE)
    judgement = made.receive(WHOLE.replace(b"200 OK", b"503 No")).judgement
    assert judgement is not None
    assert (judgement.outcome, judgement.status, judgement.answers) == (Outcome.WRONG, 503, 2)


def test_bytes_after_the_first_answer() -> None:
    """What follows the first answer is read as the beginning of the second one, as clients do."""
    made = client()
    turn = made.receive(WHOLE + b"junk\r\n")
    assert turn.send
    assert turn.judgement is not None
    assert turn.judgement.outcome is Outcome.WRONG
    judgement = client().receive(WHOLE + WHOLE).judgement
    assert judgement is not None
    assert (judgement.outcome, judgement.answers) == (Outcome.ANSWERED, 2)


def test_only_http_keeps_its_connection() -> None:
    """A client of another protocol cannot be asked for a second request."""
    with pytest.raises(UsageError, match="'echo' keeps no connection"):
        client_for(Dial(Family.IPV4, "127.0.0.1", 80, protocol=AppProtocol.ECHO, kept=2))
    assert isinstance(client_for(Dial(Family.IPV4, "127.0.0.1", 80, protocol=AppProtocol.HTTP, kept=2)), KeptHttp)
    assert isinstance(client_for(Dial(Family.IPV4, "127.0.0.1", 80, protocol=AppProtocol.HTTP)), HttpClient)
