"""The PROXY protocol as a layer around a server's conversation: a relay's header comes before the first byte."""

from dataclasses import replace

from dualstack.protocols.conversation import Closing, Conversation, Turn
from dualstack.protocols.judgement import Judgement, Outcome
from dualstack.protocols.proxy_header import HeaderReader, Version


class ProxyServer:
    """The receiver's side as a `Layer`. It is outside of TLS: the header comes before the handshake.

    It observes: also after a malformed header it serves what follows, so that the fault has no other effects.
    """

    def __init__(self, versions: tuple[Version, ...]) -> None:
        """Expect a header of one of these versions on each connection."""
        self._versions = versions

    def wrap(self, inner: Conversation) -> Conversation:
        """Return a server's end that says the same after the header."""
        return _Behind(inner, HeaderReader(self._versions))


class _Behind:
    """A server's conversation behind a relay; nothing is said before the header is complete (§2)."""

    def __init__(self, inner: Conversation, reader: HeaderReader) -> None:
        """Start before the header."""
        self._inner, self._reader = inner, reader

    def start(self) -> bytes:
        """See `Conversation`: also a server that speaks first waits for the header."""
        return b""

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        waited = not self._reader.is_over
        rest = self._reader.add(data)
        if not self._reader.is_over:
            return Turn()
        greeting = self._inner.start() if waited else b""
        turn = self._inner.receive(rest) if rest else Turn()
        return replace(turn, send=greeting + turn.send)

    def end(self, why: str, *, closed: bool = False) -> Judgement:
        """See `Conversation`: it keeps the header for the record of the client."""
        if self._reader.is_over:
            return replace(self._inner.end(why, closed=closed), proxied=self._reader.header)
        missing = self._reader.missing
        outcome = Outcome.SILENT if missing == "nothing came" else Outcome.WRONG
        return Judgement(outcome, f"no PROXY header: {missing}", proxied=self._reader.header)

    def close(self) -> bytes:
        """See `Closing`; empty before the header is complete."""
        return self._inner.close() if self._reader.is_over and isinstance(self._inner, Closing) else b""
