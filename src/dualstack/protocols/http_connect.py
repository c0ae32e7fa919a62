"""The client's part of HTTP's CONNECT (RFC 9110 §9.3.6)."""

from dualstack.families import endpoint
from dualstack.protocols.heads import STATUS_LINE, Head
from dualstack.protocols.judgement import show
from dualstack.protocols.tunnel import Step

_MOST_HEAD = 16 << 10
_SUCCESS = range(200, 300)


class HttpConnect:
    """The client's handshake: the target is in authority form, an IPv6 address in brackets (RFC 9112 §3.2.3)."""

    def __init__(self, host: str, port: int) -> None:
        """Ask for a connection to a target."""
        self._authority = endpoint(host, port)
        self._head = Head(_MOST_HEAD)

    def start(self) -> bytes:
        """See `Handshake`."""
        return f"CONNECT {self._authority} HTTP/1.1\r\nHost: {self._authority}\r\n\r\n".encode()

    def receive(self, data: bytes) -> Step:
        """See `Handshake`: the tunnel begins after the head of a 2xx response."""
        rest = self._head.add(data)
        line = self._head.first_line
        if line is not None and not STATUS_LINE.fullmatch(line):
            return Step(fault=f"its answer is no HTTP response: it begins with {show(line)}")
        if not self._head.is_complete:
            return Step(fault="the head of its response is too long" if self._head.is_too_long else "")
        status = int((line or b"").split(b" ")[1])
        if status not in _SUCCESS:
            return Step(fault=f"it answered {(line or b'').decode('latin-1').strip()}")
        return Step(is_open=True, rest=rest)

    def missing(self) -> str:
        """See `Handshake`."""
        return "the head of its response is not complete" if self._head.data else "no response came"
