"""Session descriptions (RFC 8866)."""

import pytest

from dualstack.protocols.sdp import SdpAddress, SdpError, read_sdp, write_sdp

TEXT = """v=0
o=- 3745 1 IN IP6 2001:db8::1
s=talk
c=IN IP6 ff1e::1/3
t=0 0
a=control:*
m=audio 0 RTP/AVP 0
a=control:rtsp://[2001:db8::1]/a
m=video 0 RTP/AVP 26
c=IN IP4 233.252.0.1/127
"""


def test_every_address_is_found() -> None:
    """The origin and the connections of the session and of each medium are found, without TTL and count."""
    found = read_sdp(TEXT.replace("\n", "\r\n"))
    assert found == read_sdp(TEXT)
    assert found.addresses == (
        SdpAddress("o=", "IN", "IP6", "2001:db8::1"),
        SdpAddress("c= of the session", "IN", "IP6", "ff1e::1"),
        SdpAddress("c= of medium 2", "IN", "IP4", "233.252.0.1"),
    )
    assert (found.control, found.controls) == ("*", ("rtsp://[2001:db8::1]/a", ""))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "its first line is ''"),
        ("<html>", "its first line is '<html>'"),
        ("v=0\ns=x\n", "no line o="),
        ("v=0\no=- 1 1 IN IP6\n", "has 5 words; expected 6"),
        ("v=0\no=- 1 1 IN IP6 ::1\nc=IN IP6\n", "has 2 words; expected 3"),
        ("v=0\no=- 1 1 IN IP6 ::1\nhello\n", "its line 'hello'"),
        ("v=0\n" + "a=x\n" * 1001, "more than 1000 lines"),
    ],
    ids=range(7),
)
def test_what_is_no_description(text: str, message: str) -> None:
    """A text that is no session description is refused, and the message names the line."""
    with pytest.raises(SdpError, match=message):
        read_sdp(text)


def test_what_is_written_can_be_read() -> None:
    """Our server's description has its address as origin, and leaves the place of the medium to SETUP."""
    found = read_sdp(write_sdp("IP4", "192.0.2.1", "0.0.0.0"))
    assert [str(item) for item in found.addresses] == ["o= IN IP4 192.0.2.1", "c= of the session IN IP4 0.0.0.0"]
    assert found.controls == ("stream=0",)
