"""Whatever a service answers, in pieces of any size, is judged: no answer ends the prober."""

from hypothesis import example, given
from hypothesis import strategies as st

from dualstack.families import Family
from dualstack.prober.messages import Dial, Outcome
from dualstack.protocols.registry import client_for
from dualstack.transport import AppProtocol
from tests.fuzz.damage import damaged

RESPONSES = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.0 404 Not Found\nServer: x\n\ngone",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx",
]
HUGE = b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nhello"
WIDE = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 5000 + b"\r\nhello"


@given(
    protocol=st.sampled_from(AppProtocol),
    answer=st.sampled_from(RESPONSES).flatmap(damaged) | st.binary(max_size=200),
    size=st.integers(1, 40),
    closed=st.booleans(),
)
@example(protocol=AppProtocol.HTTP, answer=HUGE, size=7000, closed=True)
@example(protocol=AppProtocol.HTTP, answer=WIDE, size=7000, closed=True)
@example(protocol=AppProtocol.HTTP, answer=b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000, size=300_100, closed=False)
@example(protocol=AppProtocol.HTTP, answer=b"HTTP/1.1 200 \xff\xfe\r\nContent-Length: -1\r\n\r\n", size=40, closed=True)
@example(protocol=AppProtocol.HTTP, answer=b"HTTP/1.1 200 OK\r\n: \r\n\0\r\n\r\n", size=1, closed=True)
def test_every_answer_is_judged(protocol: AppProtocol, answer: bytes, size: int, closed: bool) -> None:  # noqa: FBT001
    """There is one judgement, at the latest at the end, and it has a sentence."""
    dial = Dial(Family.IPV6, "2001:db8::1", 80, protocol=protocol, send="x", expect="(?s)h.*o")
    client = client_for(dial)
    client.start()
    judgement = None
    for at in range(0, len(answer), size):
        judgement = client.receive(answer[at : at + size]).judgement
        if judgement is not None:
            break
    judgement = judgement or client.end("the connection was closed", closed=closed)
    assert judgement.outcome in {Outcome.ANSWERED, Outcome.WRONG, Outcome.SILENT}
    assert judgement.detail
