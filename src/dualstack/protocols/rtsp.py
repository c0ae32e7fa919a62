"""``rtsp``: ``OPTIONS`` and ``DESCRIBE``; ``rtsp-pull``: the medium too, over TCP (RFC 2326, RFC 7826); a server."""

import re
import struct
from collections.abc import Iterator

from dualstack.families import Family, endpoint
from dualstack.protocols.advertised import Advertised
from dualstack.protocols.application import Application, Ask, Offer, Trait
from dualstack.protocols.certificates import is_address
from dualstack.protocols.conversation import Aside, Conversation, Turn
from dualstack.protocols.headed import FormatError, Frame, Message, Messages, Requests
from dualstack.protocols.judgement import Judgement, Outcome, show
from dualstack.protocols.rtsp_addresses import addresses_in, description_in, host_in
from dualstack.protocols.sdp import Description, SdpError, write_sdp
from dualstack.transport import Transport

_OK = 200
_RESPONSE = re.compile(rb"RTSP/\d\.\d [1-5]\d\d( .*)?")
_REQUEST = re.compile(rb"[A-Z_]+ [^ ]+ RTSP/\d\.\d")
_TRANSPORT = "RTP/AVP/TCP;unicast;interleaved=0-1"
_CLIENT_PORT = re.compile(r"client_port=(\d{1,5})")
_LAST_PORT = 65535
_PACKETS = 25
_SAMPLES = 160  # bytes of PCMU in one packet: 20 ms
_MOST_ANSWER = 1 << 20  # bytes that answer one piece


class Rtsp(Application):
    """The client asks for the options and the description of a medium. The server has a medium of half a second."""

    name = "rtsp"
    traits = frozenset({Trait.ANSWERS, Trait.TURNS, Trait.ADVERTISES, Trait.NAMES_SERVER})
    transports = frozenset({Transport.TCP})
    serves = frozenset({Transport.TCP})

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """See `Application`."""
        return RtspClient(ask.address, ask.port, ask.path)

    @classmethod
    def server(cls, offer: Offer, peer: str) -> Conversation:
        """See `Application`."""
        return RtspServer(Family.of(peer), offer.port)

    @classmethod
    def advertised(cls, received: bytes) -> tuple[Advertised, ...]:
        """See `Application`; ``o=`` and an unspecified address in ``c=`` are none: SETUP says where the medium is."""
        return tuple(addresses_in(received))


class RtspPull(Application):
    """The client also sets the medium up inside its connection, and ends with the first packet. There is no server."""

    name = "rtsp-pull"
    traits = frozenset({Trait.ANSWERS, Trait.TURNS, Trait.ADVERTISES})
    transports = frozenset({Transport.TCP})

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """See `Application`."""
        return RtspClient(ask.address, ask.port, ask.path, pull=True)

    @classmethod
    def advertised(cls, received: bytes) -> tuple[Advertised, ...]:
        """See `Rtsp.advertised`."""
        return Rtsp.advertised(received)


class RtspClient:
    """One request after the other, each after the response to the one before."""

    def __init__(self, address: str, port: int, path: str, *, pull: bool = False) -> None:
        """Ask for the medium at ``path``; with ``pull`` until its first packet."""
        self._address = address.partition("%")[0]
        self._uri = f"rtsp://{endpoint(self._address, port)}{path}"
        self._pull = pull
        self._messages = Messages(_RESPONSE, frames=True)
        self._asked = ""
        self._count = 0
        self._description: Description | None = None
        self._base = self._session = ""

    def start(self) -> bytes:
        """See `Conversation`."""
        return self._request("OPTIONS", self._uri)

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        self._messages.add(data)
        send = b""
        try:
            while (item := self._messages.next()) is not None:
                turn = self._packet(item) if isinstance(item, Frame) else self._response(item)
                send += turn.send
                if turn.judgement is not None:
                    return Turn(send, turn.judgement)
        except FormatError as error:
            return Turn(send, self._wrong(f"which {error}"))
        return Turn(send)

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if self._messages.rest:
            return self._wrong(f"of which only {show(self._messages.rest)} came: {why}")
        if self._count == 1:
            return Judgement(Outcome.SILENT, f"no answer: {why}")
        missing = "no packet of the medium came" if self._asked == "PLAY" else f"{self._asked} was not answered"
        return Judgement(Outcome.WRONG, f"{missing}: {why}")

    def _request(self, method: str, uri: str, *fields: str) -> bytes:
        """Return a request."""
        self._asked, self._count = method, self._count + 1
        session = [f"Session: {self._session}"] if self._session else []
        lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {self._count}", "User-Agent: dualstack", *session, *fields]
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1", "replace")

    def _packet(self, frame: Frame) -> Turn:
        """The first packet of the medium is the end; those of RTCP have odd channels."""
        if not self._session or frame.channel % 2:
            return Turn()
        done = f"the medium was set up, and its first packet has {len(frame.data)} bytes"
        return Turn(self._teardown(), Judgement(Outcome.ANSWERED, done, _OK))

    def _teardown(self) -> bytes:
        """Return the request that ends the medium."""
        return self._request("TEARDOWN", self._base)

    def _transport(self) -> str:
        """Return the transport of the medium that is asked for."""
        return _TRANSPORT

    def _set_up(self, response: Message) -> str:  # noqa: ARG002 - for other transports
        """Return what is wrong with the response to SETUP; empty if nothing is."""
        return ""

    def _played(self) -> Turn:
        """Return the reaction to the response to PLAY."""
        return Turn()

    def _response(self, response: Message) -> Turn:
        """Judge the response to the last request, and send the next one."""
        status = response.status("RTSP")
        if response.field("cseq") != str(self._count):
            return Turn(judgement=self._wrong(f"whose CSeq is {response.field('cseq')!r}; expected {self._count}"))
        if status != _OK:
            return Turn(judgement=self._wrong(f"whose status line is {show(response.line)}", status))
        return self._next(response)

    def _next(self, response: Message) -> Turn:
        """Send the request that follows a response without a fault."""
        if self._asked == "OPTIONS":
            return Turn(self._request("DESCRIBE", self._uri, "Accept: application/sdp"))
        if self._asked == "DESCRIBE":
            return self._described(response)
        if self._asked != "SETUP":
            return self._played() if self._asked == "PLAY" else Turn()
        self._session = response.field("session").partition(";")[0].strip()
        wrong = self._set_up(response) if self._session else "which has no Session"
        if wrong:
            return Turn(judgement=self._wrong(wrong, _OK))
        return Turn(self._request("PLAY", self._base, "Range: npt=0.000-"))

    def _described(self, response: Message) -> Turn:
        """Read the description; set its first medium up if it is pulled."""
        try:
            found = description_in(response)
        except SdpError as error:
            return Turn(judgement=self._wrong(f"whose description is wrong: {error}", _OK))
        if found is None:
            return Turn(judgement=self._wrong("which is no description (Content-Type: application/sdp)", _OK))
        if not self._pull:
            shown = ", ".join(map(str, found.addresses))
            return Turn(judgement=Judgement(Outcome.ANSWERED, f"the medium is described: {shown}", _OK))
        if not found.controls:
            return Turn(judgement=self._wrong("whose description has no medium", _OK))
        base = response.field("content-base") or response.field("content-location") or self._uri
        self._base = _resolved(base, found.control)
        setup = _resolved(base, found.controls[0])
        return Turn(self._request("SETUP", setup, f"Transport: {self._transport()}"))

    def _wrong(self, what: str, status: int = 0) -> Judgement:
        """Return the judgement of a wrong response; ``what`` follows "the response"."""
        return Judgement(Outcome.WRONG, f"{self._asked} was answered by a response {what}", status)


def _resolved(base: str, control: str) -> str:
    """Return the URI of an attribute ``control`` (RFC 7826 appendix D.1.1)."""
    if control in {"", "*"}:
        return base
    return control if "://" in control else f"{base.rstrip('/')}/{control}"


class RtspServer:
    """One medium at every path: half a second of silence, inside the connection or in datagrams."""

    def __init__(self, family: Family, port: int) -> None:
        """Describe it to a client of a family; datagrams are sent from ``port``, or the one before if it is odd."""
        self._family = family
        self._port = port - port % 2
        self._client_port = 0
        self._aside: Aside | None = None
        self._messages = Messages(_REQUEST, frames=True)
        self._requests = Requests()
        self._closed = False

    def start(self) -> bytes:
        """See `Conversation`."""
        return b""

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        send, self._aside = b"", None
        if not self._closed:
            self._messages.add(data)
        try:
            while not self._closed and (item := self._messages.next()) is not None:
                send += self._answer(item) if isinstance(item, Message) else b""
                if len(send) > _MOST_ANSWER:
                    raise FormatError("comes with too many others")  # noqa: TRY301 - the answer is the same
        except FormatError as error:
            self._requests.refuse(f"a request which {error}")
            self._closed = True
            send += b"RTSP/1.0 400 Bad Request\r\n\r\n"
        return Turn(send, close=self._closed, aside=self._aside)

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        return self._requests.judged(partial=bool(self._messages.rest) and not self._closed)

    def _answer(self, request: Message) -> bytes:
        """Return the response to a request."""
        self._requests.take(request)
        method, uri, _ = request.line.split(" ")
        return b"".join(self._responses(method, uri, request))

    def _responses(self, method: str, uri: str, request: Message) -> Iterator[bytes]:
        """Yield the response, and the medium after PLAY."""
        cseq = f"CSeq: {request.field('cseq')[:20]}"
        session = "Session: 1"
        if method == "OPTIONS":
            yield _response(_OK, "OK", cseq, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER")
        elif method == "DESCRIBE":
            body = self._description(uri).encode("latin-1")
            fields = (
                "Content-Type: application/sdp",
                f"Content-Base: {uri.rstrip('/')}/",
                f"Content-Length: {len(body)}",
            )
            yield _response(_OK, "OK", cseq, *fields) + body
        elif method == "SETUP":
            transport = self._set_up(request.field("transport"))
            taken = _response(_OK, "OK", cseq, session, f"Transport: {transport}")
            yield taken if transport else _response(461, "Unsupported Transport", cseq)
        elif method == "PLAY":
            yield _response(_OK, "OK", cseq, session, f"RTP-Info: url={uri.rstrip('/')}/stream=0;seq=0;rtptime=0")
            packets = [*map(_rtp, range(_PACKETS))]
            if self._client_port:
                self._aside = Aside(self._port, self._client_port, tuple(packets))
            else:
                yield from (struct.pack("!cBH", b"$", 0, len(packet)) + packet for packet in packets)
        elif method in {"PAUSE", "GET_PARAMETER", "SET_PARAMETER", "TEARDOWN"}:
            yield _response(_OK, "OK", cseq, session)
            self._closed = method == "TEARDOWN"
        else:
            self._requests.refuse(f"the request {show(method)}, which the server does not know")
            yield _response(501, "Not Implemented", cseq)

    def _set_up(self, asked: str) -> str:
        """Return the transport that is set up for what a client asks for; empty if there is none."""
        self._client_port = 0
        if "RTP/AVP/TCP" in asked.upper():
            return _TRANSPORT
        found = _CLIENT_PORT.search(asked)
        if found is None or not 0 < int(found[1]) < _LAST_PORT or "RTP/AVP" not in asked.upper():
            return ""
        self._client_port = int(found[1])
        self._aside = Aside(self._port, self._client_port)
        ports = f"client_port={self._client_port}-{self._client_port + 1};server_port={self._port}-{self._port + 1}"
        return f"RTP/AVP;unicast;{ports}"

    def _description(self, uri: str) -> str:
        """Return the description of the medium, as one of the server that the URI names."""
        host = host_in(uri)
        usable = host and (not is_address(host) or Family.of(host) is self._family)
        wildcard = self._family.wildcard
        return write_sdp(f"IP{self._family.number}", host if usable else wildcard, wildcard)


def _response(status: int, reason: str, *fields: str) -> bytes:
    """Return a response."""
    return "".join(f"{line}\r\n" for line in (f"RTSP/1.0 {status} {reason}", *fields, "")).encode("latin-1", "replace")


def _rtp(number: int) -> bytes:
    """Return one packet of silence (RFC 3550 §5.1)."""
    return struct.pack("!BBHII", 0x80, 0, number, number * _SAMPLES, 1) + b"\xff" * _SAMPLES
