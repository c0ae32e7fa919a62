"""A response over HTTP is an answer if it is complete (RFC 9112 §6.3) and its status counts as served."""

import time
from collections.abc import Iterator

import pytest

from dualstack.prober.messages import Outcome
from dualstack.protocols.conversation import Conversation
from dualstack.protocols.http import HttpClient, is_served
from dualstack.protocols.judgement import Judgement

CLOSED = "the service closed the connection"
LATE = "nothing more came within 5 s"

WHOLE = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "no body": b"HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n",
    "204 has none": b"HTTP/1.0 204\r\n\r\n",
    "304 has none": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 900\r\n\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "chunks with an extension": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\n\r\n",
    "trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nExpires: 0\r\nX: y\r\n\r\n",
    "a body that looks like the last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"7\r\nx0\r\n\r\n!\r\n0\r\n\r\n",
    "informational ones first": b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
}

CUT = {
    "in the header": (b"HTTP/1.1 200 OK\r\nContent-Le", "before the blank line"),
    "in the body": (b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + b"x" * 5000, "5000 of the 10000 bytes"),
    "before the body": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "0 of the 3 bytes"),
    "in a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhi", "last chunk is missing"),
    "before the last chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
        "after 2 bytes of its body the last chunk is missing",
    ),
    "in the trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n", "last chunk is missing"),
    "after an informational one": (b"HTTP/1.1 100 Continue\r\n\r\n", "before the blank line"),
}


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Yield data in pieces."""
    return (data[place : place + size] for place in range(0, len(data), size))


def fed(reader: Conversation, data: bytes, size: int = 1 << 16) -> Judgement | None:
    """Return the judgement after data in pieces."""
    judgement = None
    for piece in pieces(data, size):
        assert judgement is None, "a response is judged by its last byte"
        judgement = reader.receive(piece).judgement
    return judgement


def reader(*served: str) -> Conversation:
    """Return a client that has sent its request."""
    client = HttpClient("2001:db8::1", 8080, served)
    client.start()
    return client


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@pytest.mark.parametrize("answer", WHOLE.values(), ids=WHOLE)
def test_a_whole_response_is_an_answer(answer: bytes, size: int) -> None:
    """A response is judged at its last byte, however it is split, without the end of the connection."""
    judgement = fed(reader(), answer, size)
    assert judgement is not None
    assert judgement.outcome is Outcome.ANSWERED
    assert fed(reader(), answer[:-1]) is None


@pytest.mark.parametrize(("answer", "said"), CUT.values(), ids=CUT)
def test_a_response_that_is_cut_short_is_wrong(answer: bytes, said: str) -> None:
    """The detail says what was received, what is missing, and why nothing more came."""
    for why, closed in ((CLOSED, True), (LATE, False)):
        cut = reader()
        assert fed(cut, answer) is None
        judgement = cut.end(why, closed=closed)
        assert judgement.outcome is Outcome.WRONG
        assert said in judgement.detail
        assert why in judgement.detail


def test_without_a_length_the_body_ends_with_the_connection() -> None:
    """A body without a length is complete when the service closes the connection, and not after a time-out."""
    answer = b"HTTP/1.0 200 OK\r\n\r\nhello"
    ended, late = reader(), reader()
    assert fed(ended, answer) is fed(late, answer) is None
    judgement = ended.end(CLOSED, closed=True)
    assert (judgement.outcome, judgement.status) == (Outcome.ANSWERED, 200)
    assert "its body has 5 bytes" in judgement.detail
    judgement = late.end(LATE)
    assert judgement.outcome is Outcome.WRONG
    assert "ends with the connection" in judgement.detail


def test_what_follows_a_response_does_not_belong_to_it() -> None:
    """A Content-Length that is too small cuts the body for every client, so the rest is no part of the answer."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nyou are 2001:db8::1"
    judgement = reader().receive(answer).judgement
    assert judgement is not None
    assert judgement.outcome is Outcome.ANSWERED
    assert answer[: judgement.length].endswith(b"you are 2")
    assert "; 10 bytes after its end do not belong to it" in judgement.detail
    whole = reader().receive(WHOLE["length"]).judgement
    assert whole is not None
    assert whole.length == len(WHOLE["length"])


def test_nothing_is_silence() -> None:
    """A connection that ends without a byte has no answer."""
    assert reader().end(CLOSED, closed=True).outcome is Outcome.SILENT


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
    ],
)
def test_what_is_no_response_is_wrong(answer: bytes) -> None:
    """A response without a defined end, or with an invalid header, is wrong at once."""
    judgement = fed(reader(), answer)
    assert judgement is not None
    assert judgement.outcome is Outcome.WRONG
    assert "no HTTP response" in judgement.detail


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_an_error_of_the_server_is_no_service(status: int) -> None:
    """A complete response with a status from 500 on is wrong, with the status in the detail, unless it is listed."""
    answer = b"HTTP/1.1 %d Oops\r\nContent-Length: 2\r\n\r\nno" % status
    judgement = fed(reader(), answer)
    assert judgement is not None
    assert (judgement.outcome, judgement.status) == (Outcome.WRONG, status)
    assert f"{status} Oops" in judgement.detail
    for served in (str(status), "5xx"):
        judgement = fed(reader("2xx", served), answer)
        assert judgement is not None
        assert judgement.outcome is Outcome.ANSWERED


def test_which_statuses_count() -> None:
    """Without a list all below 500 count; with a list, those in it and those of a class in it."""
    assert [status for status in (200, 301, 401, 404, 499, 500) if is_served(status, ())] == [200, 301, 401, 404, 499]
    assert [status for status in (200, 204, 301, 302, 404) if is_served(status, ("200", "3xx"))] == [200, 301, 302]


@pytest.mark.parametrize("size", [100, 1 << 16])
def test_reading_takes_time_that_grows_with_the_length_only(size: int) -> None:
    """A body of 16 times the size takes far less than 256 times as long, as a repeated search would."""

    def seconds(length: int) -> float:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + b"x" * length
        began = time.process_time()
        judgement = fed(reader(), answer, size)
        assert judgement is not None
        return time.process_time() - began

    short, long = (min(seconds(length) for _ in range(3)) for length in (1 << 18, 1 << 22))
    assert long < 80 * max(short, 0.001)


def test_an_error_is_shown_in_its_own_words() -> None:
    """The body of an error answer is quoted if it is one short line, also where the status is not served."""
    answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 19\r\n\r\nInvalid host header"
    served, refused = fed(reader(), answer, size=7), fed(reader("2xx"), answer)
    assert served is not None
    assert refused is not None
    assert served.detail.endswith("its body has 19 bytes: 'Invalid host header'")
    assert refused.detail.endswith("; its body is 'Invalid host header'")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\na\nb",
        b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n\x1b[",
        b"HTTP/1.1 404 No\r\nContent-Length: 200\r\n\r\n" + b"x" * 200,
        b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_other_bodies_are_not_shown(answer: bytes) -> None:
    """A body that is no error, no plain line, or long, is not quoted."""
    judgement = fed(reader(), answer)
    assert judgement is not None
    assert judgement.detail.endswith(" bytes")
