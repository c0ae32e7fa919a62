"""Both ends of HTTP/2."""

import subprocess
import sys

import pytest

from dualstack.protocols.conversation import Conversation
from dualstack.protocols.http2_ends import Http2Client, Http2Server
from dualstack.protocols.judgement import Judgement, Outcome
from tests.protocols.http2_bytes import (
    ACK,
    END_HEADERS,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    data,
    frame,
    goaway,
    headers,
    setting,
)

OVER = "nothing more came"
GET = [(":method", "GET"), (":scheme", "http"), (":authority", "[2001:db8::1]:80"), (":path", "/")]


def judged(*answer: bytes, served: tuple[str, ...] = ()) -> Judgement:
    """Return what a client judges of these bytes, after which the connection ends."""
    client = Http2Client("2001:db8::1", 80, served)
    client.start()
    for piece in answer:
        if judgement := client.receive(piece).judgement:
            return judgement
    return client.end(OVER, closed=True)


def frames(sent: bytes) -> list[tuple[int, int, bytes]]:
    """Return type, flags and payload of each frame."""
    found = []
    while sent:
        end = 9 + int.from_bytes(sent[:3])
        found.append((sent[3], sent[4], sent[9:end]))
        sent = sent[end:]
    return found


def test_requests_that_follow_one_another() -> None:
    """A client sends its request again on the next stream after each answer, and judges the last one."""
    client, server = Http2Client("2001:db8::1", 80, kept=3), Http2Server(b"hello")
    said, judgement = client.start(), None
    for _ in range(9):
        turn = client.receive(server.receive(said).send)
        said, judgement = turn.send, turn.judgement or judgement
    assert judgement is not None
    assert (judgement.outcome, judgement.status, judgement.answers) == (Outcome.ANSWERED, 200, 3)
    assert judgement.detail == "the third request on the connection: the answer's :status is 200, its body has 5 bytes"
    assert server.end(OVER).detail == "the client sent 3 requests"


def test_one_request_on_a_kept_connection() -> None:
    """With one request nothing follows its answer, and the answer is counted."""
    client, server = Http2Client("2001:db8::1", 80, kept=1), Http2Server(b"")
    turn = client.receive(server.start() + server.receive(client.start()).send)
    assert turn.judgement is not None
    assert turn.judgement.answers == 1
    client.receive(b"")
    assert server.end(OVER).detail == "the client sent 1 request"


def test_a_second_request_that_is_not_answered() -> None:
    """Without an answer on the next stream the judgement is about the second request, also if a GOAWAY refuses it."""
    for ending, said in ((b"", "sent no answer to the request"), (goaway(1, 0), "it refused the request: GOAWAY")):
        client, server = Http2Client("2001:db8::1", 80, kept=2), Http2Server(b"")
        assert client.receive(server.start() + server.receive(client.start()).send).judgement is None
        judgement = client.receive(ending).judgement or client.end(OVER, closed=True)
        assert (judgement.outcome, judgement.answers) == (Outcome.WRONG, 1)
        assert judgement.detail.startswith("the second request on the connection: ")
        assert said in judgement.detail


@pytest.mark.parametrize(
    ("address", "authority"),
    [("192.0.2.1", "192.0.2.1:80"), ("2001:db8::1", "[2001:db8::1]:80"), ("fe80::1%eth0", "[fe80::1]:80")],
)
def test_authority_has_brackets_and_no_zone(address: str, authority: str) -> None:
    """The client names an IPv6 address in brackets, without a zone; the server reports it."""
    server = Http2Server(b"")
    server.receive(Http2Client(address, 80).start())
    assert f"\r\n:authority: {authority}\r\n" in server.end(OVER).head


def test_a_server_of_tls_is_asked_for_https() -> None:
    """Inside TLS, :scheme is https."""
    server = Http2Server(b"")
    server.receive(Http2Client("::1", 443, secure=True).start())
    assert ":scheme: https" in server.end(OVER).head


def test_an_answer_is_judged_by_its_status() -> None:
    """A status below 500 is served, and others if the manifest lists them."""
    ok = frame(SETTINGS) + headers([(":status", "200")]) + data(b"hello", end=True)
    failed = frame(SETTINGS) + headers([(":status", "503")], end=True)
    assert judged(ok) == Judgement(Outcome.ANSWERED, "the answer's :status is 200, its body has 5 bytes", 200)
    assert (judged(failed).outcome, judged(failed).status) == (Outcome.WRONG, 503)
    assert judged(failed).detail == "the answer's :status is 503: it is not served, which takes a status below 500"
    assert judged(failed, served=("5xx",)).outcome is Outcome.ANSWERED
    assert judged(ok, served=("3xx",)).outcome is Outcome.WRONG
    assert judged(ok, served=("204", "3xx")).detail.endswith('it is not served, which takes status = [204, "3xx"]')


@pytest.mark.parametrize(
    ("answer", "outcome", "text"),
    [
        (b"", Outcome.SILENT, "no answer: nothing more came"),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            Outcome.WRONG,
            "it sent 'HTTP/1.1 400 Bad Request', which does not begin",
        ),
        (b"220 mail.test\r\n", Outcome.WRONG, "it sent '220 mail.test\\r\\n', which is not HTTP/2"),
        (PREFACE, Outcome.WRONG, "it sent 'PRI * HTTP/2.0\\r\\n', which is not HTTP/2"),
        (b"\0\0\0", Outcome.WRONG, r"the answer '\x00\x00\x00' is no whole SETTINGS frame of HTTP/2"),
        (b"\0\0\0\0\0\0\0\0\0" * 4, Outcome.WRONG, "which does not begin with SETTINGS (RFC 9113 §3.4)"),
        (frame(SETTINGS), Outcome.WRONG, "it speaks HTTP/2, but sent no answer to the request: nothing more came"),
        (
            frame(SETTINGS) + headers([(":status", "200")]) + data(b"he"),
            Outcome.WRONG,
            "no answer to the request, or only a part of one",
        ),
        (frame(SETTINGS) + goaway(0, 11, b"calm"), Outcome.WRONG, "GOAWAY with ENHANCE_YOUR_CALM ('calm')"),
        (frame(SETTINGS) + goaway(1, 0), Outcome.WRONG, "sent GOAWAY with NO_ERROR and no answer to the request"),
        (frame(SETTINGS) + frame(RST_STREAM, b"\0\0\0\7", 0, 1), Outcome.WRONG, "RST_STREAM with REFUSED_STREAM"),
        (frame(SETTINGS) + headers([(":status", "x")], end=True), Outcome.WRONG, ":status is x"),
        (frame(SETTINGS) + data(b"x" * 16_385), Outcome.WRONG, "it sent a frame of 16385 bytes"),
        (frame(SETTINGS) + frame(HEADERS, b"\xff" * 9, END_HEADERS, 1), Outcome.WRONG, "an error of HTTP/2"),
    ],
    ids=range(14),
)
def test_other_answers_have_their_own_words(answer: bytes, outcome: Outcome, text: str) -> None:
    """No answer, another protocol, a part of an answer, GOAWAY, a reset and an error are told apart."""
    judgement = judged(answer)
    assert judgement.outcome is outcome
    assert text in judgement.detail


def test_an_answer_may_follow_goaway() -> None:
    """A server that ends the connection in an orderly way still answers what it accepted."""
    answer = headers([(":status", "200")], end=True)
    assert judged(frame(SETTINGS) + goaway(2**31 - 1, 0) + goaway(1, 0) + answer).outcome is Outcome.ANSWERED


def test_the_server_answers_what_a_client_says() -> None:
    """The server sends its settings first, acknowledges the client's, answers PING, and serves its page."""
    server = Http2Server(b"page\n")
    assert [item[0] for item in frames(server.start())] == [SETTINGS]
    sent = server.receive(PREFACE + frame(SETTINGS) + frame(PING, b"12345678") + headers(GET, end=True)).send
    kinds = frames(sent)
    assert kinds[:2] == [(SETTINGS, ACK, b""), (PING, ACK, b"12345678")]
    assert kinds[-1] == (0, 1, b"page\n")


def test_the_server_respects_the_window() -> None:
    """A body waits for the client's window, and ends when it is open."""
    server = Http2Server(b"0123456789")
    server.start()
    begun = server.receive(PREFACE + setting(4, 4) + headers(GET, end=True)).send
    assert frames(begun)[-1] == (0, 0, b"0123")
    more = server.receive(frame(WINDOW_UPDATE, b"\0\0\0\x64", 0, 1)).send
    assert frames(more)[-1] == (0, 1, b"456789")


@pytest.mark.parametrize(
    ("sent", "outcome", "text", "closes"),
    [
        (b"", Outcome.SILENT, "the client sent nothing", False),
        (PREFACE[:10], Outcome.SILENT, "'PRI * HTTP', which is no whole preface of HTTP/2", False),
        (PREFACE, Outcome.SILENT, "the preface of HTTP/2 and no request", False),
        (PREFACE + frame(SETTINGS) + headers(GET), Outcome.SILENT, "a request that is not complete", False),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Outcome.WRONG, "'GET / HTTP/1.1\\r\\n', which is not HTTP/2", True),
        (b"\x16\x03\x01" + b"x" * 40, Outcome.WRONG, "which is not the preface of HTTP/2 (RFC 9113 §3.4)", True),
        (PREFACE + frame(PING, b"123"), Outcome.WRONG, "an error of HTTP/2", True),
        (PREFACE + frame(SETTINGS) + headers(GET, end=True), Outcome.ANSWERED, "the client sent 1 request", False),
    ],
    ids=range(8),
)
def test_the_server_knows_what_it_did_not_understand(sent: bytes, outcome: Outcome, text: str, closes: bool) -> None:  # noqa: FBT001
    """A cut preface, a cut request, HTTP/1.1, TLS and an error are told apart."""
    server = Http2Server(b"x")
    server.start()
    assert server.receive(sent).close is closes
    assert (server.end(OVER).outcome, text in server.end(OVER).detail) == (outcome, True), server.end(OVER)


def test_every_request_of_a_connection_is_reported() -> None:
    """The heads of several requests are separated by an empty line; :method comes first; 8 KiB are kept."""
    server = Http2Server(b"x")
    one = [(":path", "/"), (":method", "GET"), (":scheme", "http"), (":authority", "a")]
    server.receive(PREFACE + frame(SETTINGS) + headers(one, end=True) + headers(GET, end=True, stream=3))
    first, second = server.end(OVER).head.split("\r\n\r\n")
    assert first == ":method: GET\r\n:path: /\r\n:scheme: http\r\n:authority: a"
    assert second.startswith(":method: GET\r\n")
    many = [headers([*GET, ("x", "y" * 1000)], end=True, stream=number) for number in range(5, 41, 2)]
    server.receive(b"".join(many))
    assert len(server.end(OVER).head) <= (8 << 10) + 100


def test_bodies_are_bounded() -> None:
    """A client that sends more than 4 MiB at once is disconnected."""
    server: Conversation = Http2Server(b"x")
    server.start()
    server.receive(PREFACE + frame(SETTINGS) + headers(GET))
    closed = [server.receive(data(b"x" * 16_000)).close for _ in range(300)]
    assert closed.index(True) == (4 << 20) // 16_000
    assert "more than 4 MiB" in server.end(OVER).detail


def test_the_library_is_loaded_if_it_is_used() -> None:
    """The registry knows http2 and grpc, and h2 is imported only when one of them is spoken."""
    code = "import sys, dualstack.protocols.registry as r; assert 'grpc' in r.PROTOCOLS; print('h2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
