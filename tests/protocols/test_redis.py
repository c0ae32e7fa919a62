"""Both ends of RESP2."""

import time

import pytest

from dualstack.protocols.judgement import Outcome
from dualstack.protocols.redis import Pinging, RedisServer

OVER = "nothing more came"


def command(*words: str) -> bytes:
    """Return a command as clients send it."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words)


def answers(server: RedisServer, *commands: tuple[str, ...]) -> bytes:
    """Return what a server answers to these commands."""
    return b"".join(server.receive(command(*words)).send for words in commands)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("PING",), b"+PONG\r\n"),
        (("ping", "hi"), b"$2\r\nhi\r\n"),
        (("ECHO", "hi"), b"$2\r\nhi\r\n"),
        (("AUTH", "secret"), b"+OK\r\n"),
        (("AUTH", "user", "secret"), b"+OK\r\n"),
        (("SELECT", "3"), b"+OK\r\n"),
        (("GET", "x"), b"$-1\r\n"),
        (("DEL", "x", "y"), b":0\r\n"),
        (("EXISTS", "x"), b":0\r\n"),
        (("CLIENT", "SETINFO", "LIB-NAME", "x"), b"+OK\r\n"),
        (("CLIENT", "ID"), b":1\r\n"),
        (("CLIENT", "GETNAME"), b"$-1\r\n"),
        (("COMMAND",), b"*0\r\n"),
        (("COMMAND", "COUNT"), b":0\r\n"),
        (("COMMAND", "DOCS"), b"*0\r\n"),
        (("HELLO", "4"), b"-NOPROTO unsupported protocol version\r\n"),
        (("FLY",), b"-ERR unknown command 'FLY'\r\n"),
        (("GET",), b"-ERR wrong number of arguments for 'get' command\r\n"),
    ],
    ids=lambda item: " ".join(item) if isinstance(item, tuple) else "",
)
def test_commands_have_their_answers(words: tuple[str, ...], answer: bytes) -> None:
    """Each command has the answer of a Redis server; names of commands have any case."""
    assert answers(RedisServer(), words) == answer


def test_both_versions_of_the_protocol() -> None:
    """HELLO 3 is answered by a map of seven pairs, and nil is that of RESP3 from then on; HELLO 2 returns to RESP2."""
    server = RedisServer()
    greeting = answers(server, ("HELLO", "3", "AUTH", "user", "secret"))
    assert greeting.startswith(b"%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n")
    assert b"$5\r\nproto\r\n:3\r\n" in greeting
    assert answers(server, ("GET", "x"), ("HELLO",), ("CLIENT", "GETNAME"))[:3] == b"_\r\n"
    assert answers(server, ("HELLO", "2")).startswith(b"*14\r\n")
    assert answers(server, ("GET", "x")) == b"$-1\r\n"


def test_data_is_kept_during_a_connection() -> None:
    """SET, GET, INCR, EXISTS and DEL work on the database of their connection."""
    server = RedisServer()
    assert answers(server, ("SET", "a", "b", "EX", "9"), ("GET", "a")) == b"+OK\r\n$1\r\nb\r\n"
    assert answers(server, ("INCR", "n"), ("INCR", "n"), ("GET", "n")) == b":1\r\n:2\r\n$1\r\n2\r\n"
    assert answers(server, ("INCR", "a")) == b"-ERR value is not an integer or out of range\r\n"
    assert answers(server, ("EXISTS", "a", "n", "x"), ("DEL", "a", "x"), ("GET", "a")) == b":2\r\n:1\r\n$-1\r\n"
    assert answers(RedisServer(), ("GET", "n")) == b"$-1\r\n"


def test_info_names_a_version() -> None:
    """INFO is one bulk string with the version, which clients read."""
    answer = answers(RedisServer(), ("INFO",))
    size, rest = answer.split(b"\r\n", 1)
    assert int(size[1:]) == len(rest) - 2
    assert b"redis_version:7.0.0\r\n" in rest


def test_inline_commands() -> None:
    """A line of words is a command; an empty line is none."""
    assert RedisServer().receive(b"\r\nPING\r\nset a b\nGET a\r\n").send == b"+PONG\r\n+OK\r\n$1\r\nb\r\n"


def test_quit_closes() -> None:
    """QUIT is answered, and the connection is closed; what follows is not answered."""
    turn = RedisServer().receive(command("QUIT") + command("PING"))
    assert (turn.send, turn.close) == (b"+OK\r\n", True)


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (b"*x\r\n", "invalid multibulk length"),
        (b"*2000\r\n", "invalid multibulk length"),
        (b"*1\r\n4\r\nPING\r\n", "invalid bulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$" + b"9" * 5000 + b"\r\n", "invalid bulk length"),
        (b"*1\r\n$4\r\nPINGxx", "expected a line end"),
        (b"x" * 70_000, "too big inline request"),
    ],
    ids=range(7),
)
def test_what_is_no_resp_ends_the_connection(sent: bytes, text: str) -> None:
    """A protocol error is answered, the connection is closed, and the server says that it did not understand."""
    server = RedisServer()
    turn = server.receive(sent)
    assert turn.send.startswith(b"-ERR Protocol error: " + text.encode())
    assert turn.close
    judgement = server.end(OVER)
    assert judgement.outcome is Outcome.WRONG
    assert text in judgement.detail


@pytest.mark.parametrize(
    ("sent", "outcome", "text"),
    [
        (b"", Outcome.SILENT, "the client sent nothing"),
        (command("PING") + command("HELLO", "3"), Outcome.ANSWERED, "2 commands"),
        (command("FLY"), Outcome.WRONG, "the command 'FLY', which the server does not know"),
        (command("GET"), Outcome.WRONG, "the command 'GET' with 0 arguments"),
        (command("PING")[:-3], Outcome.SILENT, "not complete"),
    ],
)
def test_the_server_knows_what_it_did_not_understand(sent: bytes, outcome: Outcome, text: str) -> None:
    """Unknown commands are not understood; HELLO is, and so is a part of a command."""
    server = RedisServer()
    if sent:
        server.receive(sent)
    judgement = server.end(OVER)
    assert judgement.outcome is outcome
    assert text in judgement.detail


def test_memory_is_bounded() -> None:
    """The database takes 64 keys and 1 MiB; more is refused as by a full server."""
    server = RedisServer()
    many = [answers(server, ("SET", str(number), "x")) for number in range(70)]
    assert [answer[:4] for answer in many] == [b"+OK\r"] * 64 + [b"-OOM"] * 6
    large = [answers(server, ("SET", str(number), "x" * 65_536)) for number in range(20)]
    assert {answer[:4] for answer in large[15:]} == {b"-OOM"}


def test_answers_to_one_piece_are_bounded() -> None:
    """Many commands with large answers in one piece end the connection."""
    server = RedisServer()
    answers(server, ("SET", "a", "x" * 60_000))
    turn = server.receive(b"GET a\n" * 10_000)
    assert turn.close
    assert len(turn.send) < 2 << 20


def test_reading_takes_linear_time() -> None:
    """A command in single bytes takes time that grows with its size only."""

    def seconds(size: int) -> float:
        server, sent = RedisServer(), command("SET", "a", "x" * size)
        began = time.process_time()
        for byte in sent:
            server.receive(bytes([byte]))
        assert server.end(OVER).outcome is Outcome.ANSWERED
        return time.process_time() - began

    short, long = (min(seconds(size) for _ in range(3)) for size in (4_000, 64_000))
    assert long < 80 * max(short, 0.001)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_pong_is_an_answer(size: int) -> None:
    """Each PING needs its +PONG, however the answers are split."""
    client = Pinging(2)
    assert client.start() == 2 * command("PING")
    sent, judgement = b"+PONG\r\n+PONG\r\n", None
    for place in range(0, len(sent), size):
        assert judgement is None
        judgement = client.receive(sent[place : place + size]).judgement
    assert judgement is not None
    assert judgement.outcome is Outcome.ANSWERED


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"-DENIED Redis is running in protected mode\r\n", "'-DENIED Redis is running"),
        (b"+PONG\n", "'+PONG'; expected"),
        (b"HTTP/1.1 400 Bad Request\r\n", "'HTTP/1.1 400 Bad Request"),
        (b"x" * 2000, "no line end"),
        (b"+PONG\r\n", "only 1 of 2 PING commands"),
        (b"+PO", "not complete: '+PO'"),
    ],
)
def test_other_answers_are_wrong(answer: bytes, text: str) -> None:
    """An error, another protocol, or a part of the answers is wrong; nothing is silence."""
    client = Pinging(2)
    judgement = client.receive(answer).judgement or client.end(OVER)
    assert judgement.outcome is Outcome.WRONG
    assert text in judgement.detail
    assert Pinging(2).end(OVER).outcome is Outcome.SILENT
