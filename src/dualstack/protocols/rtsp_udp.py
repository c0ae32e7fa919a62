"""``rtsp-pull-udp``: the medium of ``rtsp-pull`` comes in datagrams (RFC 2326 §10.4, §12.39, RFC 3550)."""

from dualstack.protocols.advertised import Advertised
from dualstack.protocols.application import Application, Ask, Trait
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.headed import Message
from dualstack.protocols.judgement import Judgement, Outcome, show
from dualstack.protocols.rtsp import Rtsp, RtspClient
from dualstack.protocols.rtsp_addresses import sources_in
from dualstack.transport import Transport

_RTP_HEAD, _RTP_VERSION = 12, 2  # RFC 3550 §5.1


class RtspPullUdp(Application):
    """The client sets the medium up with two of its UDP ports, and ends with the first packet. See ``rtsp``."""

    name = "rtsp-pull-udp"
    traits = frozenset({Trait.ANSWERS, Trait.TURNS, Trait.ADVERTISES, Trait.OWN_PORT})
    transports = frozenset({Transport.TCP})

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """See `Application`."""
        return RtspUdpClient(ask.address, ask.port, ask.path, pull=True)

    @classmethod
    def advertised(cls, received: bytes) -> tuple[Advertised, ...]:
        """See `Rtsp.advertised`."""
        return Rtsp.advertised(received)


class RtspUdpClient(RtspClient):
    """A client that pulls a medium in datagrams; see `Receiving`."""

    receives_over = Transport.UDP

    _own_port = 0
    _sources: tuple[str, ...] = ()
    _came = b""
    _is_played = False

    def receives_at(self, address: str, port: int) -> None:  # noqa: ARG002 - as `Receiving` has it
        """See `Receiving`."""
        self._own_port = port

    def arrived(self, data: bytes, source: str) -> Turn:
        """See `Receiving`; the first packet of RTP ends the exchange, once PLAY is answered."""
        if not self._session or self._came or len(data) < _RTP_HEAD or data[0] >> 6 != _RTP_VERSION:
            return Turn()
        if source.partition("%")[0] not in self._sources:
            wrong = f"a packet of the medium came from {source}; expected {' or '.join(self._sources)}"
            return Turn(judgement=Judgement(Outcome.WRONG, wrong))
        self._came = data
        return self._done() if self._is_played else Turn()

    def _transport(self) -> str:
        """See `RtspClient`."""
        return f"RTP/AVP;unicast;client_port={self._own_port}-{self._own_port + 1}"

    def _set_up(self, response: Message) -> str:
        """See `RtspClient`."""
        named = response.field("transport")
        self._sources = tuple(dict.fromkeys([self._address, *(item.strip("[]") for item in sources_in(response))]))
        return f"whose Transport is {show(named)}; expected RTP/AVP over UDP" if "TCP" in named.upper() else ""

    def _played(self) -> Turn:
        """See `RtspClient`."""
        self._is_played = True
        return self._done() if self._came else Turn()

    def _done(self) -> Turn:
        """Return the end of the exchange."""
        done = f"the medium was set up, and its first packet came to UDP port {self._own_port}, {len(self._came)} bytes"
        return Turn(self._teardown(), Judgement(Outcome.ANSWERED, done, 200))
