"""Messages with header fields, as in RTSP and SIP."""

import re
import time

import pytest

from dualstack.protocols.headed import FormatError, Frame, Message, Messages, read_all

WHOLE = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 5\r\nx-long: a\r\n b\r\n\r\nhello"


def test_a_message_has_a_line_fields_and_a_body() -> None:
    """Names of fields are lower case, a continued line is one value, and the body has the declared length."""
    (found,) = read_all(WHOLE)
    assert found == Message("RTSP/1.0 200 OK", (("cseq", "1"), ("content-length", "5"), ("x-long", "a b")), b"hello")
    assert (found.field("x", "cseq"), found.field("via")) == ("1", "")
    assert (found.status("RTSP"), found.status("SIP")) == (200, 0)


@pytest.mark.parametrize(
    "line", ["RTSP/1.0", "RTSP/1.0 20", "RTSP/1.0 2x0 OK", "RTSP/1.0 900 Odd", "DESCRIBE x RTSP/1.0"]
)
def test_a_status_has_three_digits(line: str) -> None:
    """What is no status of 100 to 699 is 0."""
    assert Message(line).status("RTSP") == 0


def test_frames_stand_between_messages() -> None:
    """Binary data of RTSP has a channel and a size; blank lines before a message are ignored."""
    reader = Messages(frames=True)
    reader.add(b"$\x02\x00\x03abc\r\n" + WHOLE + b"$\x00\x00")
    assert reader.next() == Frame(2, b"abc")
    assert isinstance(reader.next(), Message)
    assert reader.next() is None
    assert reader.rest == b"$\x00\x00"


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"220 ready\r\n", "begins with '220 ready"),
        (b"RTSP/1.0 200 OK\r\nhello\r\n\r\n", "the line 'hello'"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length '-1'"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n", "Content-Length '99999999'"),
        (b"x" * 70_000, "no blank line in its first 64 KiB"),
    ],
    ids=range(5),
)
def test_what_is_no_message(sent: bytes, message: str) -> None:
    """Another protocol's line is noticed once it is complete; a head and a body have a longest size."""
    reader = Messages(re.compile(rb"RTSP/\d\.\d .*"))
    reader.add(sent)
    with pytest.raises(FormatError, match=message):
        reader.next()


def test_reading_takes_linear_time() -> None:
    """A head in single bytes takes time that grows with its size only."""

    def seconds(size: int) -> float:
        reader = Messages(re.compile(rb".*"))
        began = time.process_time()
        for _ in range(size):
            reader.add(b"x")
            assert reader.next() is None
        return time.process_time() - began

    short, long = (min(seconds(size) for _ in range(3)) for size in (3_000, 48_000))
    assert long < 80 * max(short, 0.001)
