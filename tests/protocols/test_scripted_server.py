"""A server that follows a script answers turn by turn."""

import time

import pytest

from dualstack.errors import UsageError
from dualstack.protocols.application import ScriptTurn
from dualstack.protocols.exchange import Scripted
from dualstack.protocols.judgement import Outcome

SMTP = (
    ScriptTurn(None, "220 ready\r\n"),
    ScriptTurn("^EHLO .*\r\n", "250 mail\r\n"),
    ScriptTurn("^NOOP\r\n", "250 OK\r\n"),
)
OVER = "nothing more came"


def said(server: Scripted, *pieces: bytes) -> bytes:
    """Return what a server answers to these pieces."""
    return b"".join(server.receive(piece).send for piece in pieces)


def test_the_server_speaks_first() -> None:
    """A first turn without an expression is the greeting, and is sent once."""
    server = Scripted(SMTP)
    assert server.start() == b"220 ready\r\n"
    assert said(server, b"EHLO x\r\n") == b"250 mail\r\n"


def test_turns_are_used_in_order() -> None:
    """A turn is answered only after those before it."""
    server = Scripted(SMTP)
    assert said(server, b"NOOP\r\n") == b""
    assert said(server, b"EHLO x\r\n", b"NOOP\r\n") == b"250 mail\r\n250 OK\r\n"


def test_the_last_turn_answers_all_that_follows() -> None:
    """What matches the last turn again is answered again; the connection stays open."""
    server = Scripted(SMTP)
    said(server, b"EHLO x\r\n")
    assert said(server, b"NOOP\r\n", b"NOOP\r\n", b"NOOP\r\nNOOP\r\n") == 4 * b"250 OK\r\n"
    assert server.end(OVER).outcome is Outcome.ANSWERED


def test_messages_in_one_piece_are_separate_turns() -> None:
    """What follows a match belongs to the next turn."""
    assert said(Scripted(SMTP), b"EHLO x\r\nNOOP\r\nNO", b"OP\r\n") == b"250 mail\r\n250 OK\r\n250 OK\r\n"


def test_each_byte_is_one_character() -> None:
    """Bytes count as Latin-1 in both directions; a text beyond it is refused."""
    assert said(Scripted([ScriptTurn("(?s)^\x00.\xff", "\xfe\x00")]), b"\0\n\xff") == b"\xfe\0"
    with pytest.raises(UsageError, match="Latin-1"):
        Scripted([ScriptTurn("a", "€")])


def test_a_turn_may_close_the_connection() -> None:
    """The connection is closed after the answer of a turn that says so, which may be empty."""
    turn = Scripted([ScriptTurn("^GET", close=True)]).receive(b"GET")
    assert (turn.send, turn.close) == (b"", True)


@pytest.mark.parametrize(
    ("sent", "outcome", "text"),
    [
        ((), Outcome.SILENT, "the client sent nothing"),
        ((b"EHLO x\r\n",), Outcome.ANSWERED, "8 bytes, which the turns answer"),
        ((b"*1\r\n",), Outcome.WRONG, r"sent '*1\r\n', which does not match '^EHLO .*\r\n'"),
        ((b"EHLO x\r\n", b"QUIT\r\n"), Outcome.WRONG, r"sent 'QUIT\r\n', which does not match '^NOOP\r\n'"),
    ],
)
def test_the_server_knows_what_it_did_not_understand(sent: tuple[bytes, ...], outcome: Outcome, text: str) -> None:
    """Bytes after the last answer that match no turn are not understood; the sentence says what was expected."""
    server = Scripted(SMTP)
    said(server, *sent)
    judgement = server.end(OVER)
    assert judgement.outcome is outcome
    assert text.replace("\r\n", "\\r\\n") in judgement.detail


def test_a_greeting_alone_answers_nothing() -> None:
    """A script of one greeting understands no input."""
    server = Scripted(SMTP[:1])
    assert said(server, b"x") == b""
    assert server.end(OVER).outcome is Outcome.WRONG


def test_answers_to_one_piece_are_bounded() -> None:
    """A client that makes the server send more than 1 MiB with one piece is disconnected."""
    turn = Scripted([ScriptTurn("^a\n", "x" * 10_000)]).receive(b"a\n" * 30_000)
    assert turn.close
    assert len(turn.send) < 2 << 20


def test_memory_is_bounded() -> None:
    """Input that matches nothing is kept up to a limit, in little time."""
    server = Scripted(SMTP)
    began = time.process_time()
    for _ in range(1000):
        server.receive(b"x" * 65536)
    assert len(server._text) <= 2 << 16
    assert time.process_time() - began < 5
