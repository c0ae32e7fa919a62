"""Right and wrong answers, and their details, in each protocol."""

from copy import deepcopy

import pytest

from dualstack.errors import UsageError
from dualstack.families import Family
from dualstack.prober.messages import Dial, Outcome
from dualstack.protocols.conversation import Conversation
from dualstack.protocols.judgement import Judgement
from dualstack.protocols.registry import client_for
from dualstack.protocols.texts import make_token
from dualstack.transport import AppProtocol, Transport

ENDING = "the service closed the connection"


def of(protocol: AppProtocol, **fields: str) -> Dial:
    """Return a dial in a protocol."""
    return Dial(Family.IPV6, "2001:db8::1", 8080, protocol=protocol, **fields)  # type: ignore[arg-type]  # texts only


def not_none(found: Judgement | None) -> Judgement:
    """Return a judgement that must be there."""
    assert found is not None
    return found


class Talk:
    """One request, whose client judges several answers, each as the first one.

    Attributes:
        request: What is sent.
    """

    def __init__(self, dial: Dial) -> None:
        """Start the client."""
        self._client = client_for(dial)
        self.request = self._client.start()

    def waiting(self) -> Conversation:
        """Return the client as it is before any answer."""
        return deepcopy(self._client)


def judge(talk: Talk, answer: bytes, ending: str | None = None, *, closed: bool = True) -> Judgement | None:
    """Return the judgement of an answer in one piece, which ends if ``ending`` says why."""
    client = talk.waiting()
    judgement = client.receive(answer).judgement if answer else None
    return judgement if judgement or ending is None else client.end(ending, closed=closed)


def test_tokens_are_fresh_and_end_in_a_line_feed() -> None:
    """Two tokens differ; each has the size asked for, is printable and ends its line."""
    one, other = make_token(250), make_token(250)
    assert one != other
    assert len(one) == 250
    assert one.endswith(b"\n")
    assert one[:-1].decode().isprintable()


@pytest.mark.parametrize("size", [-1, 0, 1])
def test_a_token_has_a_least_size(size: int) -> None:
    """A token without a byte besides its line feed proves nothing and is refused."""
    with pytest.raises(UsageError, match="at least 2"):
        make_token(size)


def test_echo_requires_the_same_bytes() -> None:
    """The same bytes are an answer; a part of them is none yet; any other byte, or one more, is wrong."""
    talk = Talk(of(AppProtocol.ECHO))
    assert not_none(judge(talk, talk.request)).outcome is Outcome.ANSWERED
    assert judge(talk, talk.request[:-1]) is None
    assert not_none(judge(talk, b"\0" + talk.request[1:])).outcome is Outcome.WRONG
    more = not_none(judge(talk, talk.request + b"!"))
    assert more.outcome is Outcome.WRONG
    assert "continues after the 250 bytes" in more.detail


def test_a_difference_is_located() -> None:
    """The detail names the first byte that is wrong."""
    talk = Talk(of(AppProtocol.ECHO))
    wrong = talk.request[:16] + b"\0" + talk.request[17:]
    assert "byte 17" in not_none(judge(talk, wrong)).detail


def test_a_cut_answer_is_wrong_and_no_answer_is_silence() -> None:
    """At the end, some of the bytes are WRONG and none are SILENT, both with the reason for the end."""
    talk = Talk(of(AppProtocol.ECHO))
    cut, none = not_none(judge(talk, talk.request[:3], ENDING)), not_none(judge(talk, b"", ENDING))
    assert (cut.outcome, none.outcome) == (Outcome.WRONG, Outcome.SILENT)
    assert "3 of 250" in cut.detail
    assert ENDING in cut.detail
    assert ENDING in none.detail


def test_upper_is_no_echo() -> None:
    """An echo is a wrong answer for ``upper``, and the other way round."""
    upper, echo = Talk(of(AppProtocol.UPPER)), Talk(of(AppProtocol.ECHO))
    assert not_none(judge(upper, upper.request.upper())).outcome is Outcome.ANSWERED
    assert not_none(judge(upper, upper.request)).outcome is Outcome.WRONG
    assert not_none(judge(echo, echo.request.upper())).outcome is Outcome.WRONG


def test_http_brackets_an_ipv6_host() -> None:
    """The Host field holds a bracketed literal and the port (RFC 3986 §3.2.2)."""
    lines = Talk(of(AppProtocol.HTTP)).request.split(b"\r\n")
    assert lines[0] == b"GET / HTTP/1.1"
    assert b"Host: [2001:db8::1]:8080" in lines
    assert b"Connection: close" in lines


def test_http_leaves_a_zone_out_of_the_host() -> None:
    """A zone is valid on this host only and is not sent."""
    request = Talk(Dial(Family.IPV6, "fe80::1%eth0", 80, protocol=AppProtocol.HTTP)).request
    assert b"Host: [fe80::1]:80\r\n" in request


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n",
        b"HTTP/1.0 204\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    ],
)
def test_http_knows_where_a_response_ends(answer: bytes) -> None:
    """A complete response is an answer before the connection ends; one with a byte less is not complete."""
    talk = Talk(of(AppProtocol.HTTP))
    assert not_none(judge(talk, answer)).outcome is Outcome.ANSWERED
    assert judge(talk, answer[:-1]) is None


@pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n", b"HTTP/1.1 OK\r\n", b"HTTP/1.1 999 Odd\r\n", b"\x15\x03\x01\n"])
def test_http_refuses_what_is_no_status_line(answer: bytes) -> None:
    """Another protocol's greeting, or a line without a status of three digits, is wrong."""
    assert not_none(judge(Talk(of(AppProtocol.HTTP)), answer)).outcome is Outcome.WRONG


def test_http_without_a_line_is_wrong_in_the_end() -> None:
    """An incomplete status line is wrong at the end of the connection."""
    talk = Talk(of(AppProtocol.HTTP))
    assert judge(talk, b"HTTP/1") is None
    assert not_none(judge(talk, b"HTTP/1", ENDING)).outcome is Outcome.WRONG
    assert not_none(judge(talk, b"", ENDING)).outcome is Outcome.SILENT


def test_exchange_searches_the_answer() -> None:
    """The expression may match anywhere, and bytes count as Latin-1."""
    talk = Talk(of(AppProtocol.EXCHANGE, send="PING\r\n", expect=r"\+PONG\xff"))
    assert talk.request == b"PING\r\n"
    assert not_none(judge(talk, b"..+PONG\xff")).outcome is Outcome.ANSWERED
    assert judge(talk, b"+PON") is None
    assert not_none(judge(talk, b"-ERR", ENDING)).outcome is Outcome.WRONG
    assert not_none(judge(talk, b"", ENDING)).outcome is Outcome.SILENT


def test_exchange_without_an_expression_takes_any_answer() -> None:
    """One byte is enough, none is not."""
    talk = Talk(of(AppProtocol.EXCHANGE, send="x"))
    assert not_none(judge(talk, b"?")).outcome is Outcome.ANSWERED
    assert talk.waiting().receive(b"").judgement is None
    assert not_none(judge(talk, b"", ENDING)).outcome is Outcome.SILENT


def test_what_is_sent_must_be_bytes() -> None:
    """A character beyond U+00FF is refused."""
    with pytest.raises(UsageError, match="Latin-1"):
        Talk(of(AppProtocol.EXCHANGE, send="€", expect="."))


@pytest.mark.parametrize("protocol", [AppProtocol.CONNECT, AppProtocol.HTTP])
def test_udp_has_no_connections(protocol: AppProtocol) -> None:
    """Protocols that need a connection do not work over UDP."""
    with pytest.raises(UsageError, match="UDP"):
        Talk(Dial(Family.IPV4, "192.0.2.1", 1, transport=Transport.UDP, protocol=protocol))
