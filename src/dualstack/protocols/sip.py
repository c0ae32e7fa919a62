"""``sip``: ``OPTIONS`` over UDP or TCP (RFC 3261, RFC 3581), and a small server."""

import re
import secrets
from collections.abc import Iterator

from dualstack.families import bracketed, endpoint
from dualstack.protocols.advertised import Advertised, split_endpoint
from dualstack.protocols.application import Application, Ask, Offer, Trait
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.headed import FormatError, Message, Messages, Requests, read_all
from dualstack.protocols.judgement import Judgement, Outcome, show
from dualstack.transport import Transport

_RESPONSE = re.compile(rb"SIP/\d\.\d [1-6]\d\d( .*)?")
_REQUEST = re.compile(rb"[A-Z]+ [^ ]+ SIP/\d\.\d")
_VIA = re.compile(
    r"\s*SIP\s*/\s*\d\.\d\s*/\s*\w+\s+(?P<host>\[[^\[\]]*\]|[^\s;,:\[\]]+)(?:\s*:\s*\d+)?\s*(?P<rest>[;,].*)?"
)
_RECEIVED = re.compile(r";\s*received\s*=\s*\"?(\[?[^\s;,\"\[\]]*\]?)", re.IGNORECASE)
_CONTACT = re.compile(r"\bsips?:(?:[^@<>\s]*@)?([^\s;,<>?]+)", re.IGNORECASE)
_TEMPORARY, _ERROR = 200, 500
_MOST_ANSWER = 1 << 20  # bytes that answer one piece
_ANSWERS = {
    "OPTIONS": "200 OK",
    "REGISTER": "200 OK",
    "MESSAGE": "200 OK",
    "BYE": "200 OK",
    "CANCEL": "200 OK",
    "SUBSCRIBE": "489 Bad Event",
    "INVITE": "486 Busy Here",
}
"""The methods that the server knows; ACK is known too, and has no answer."""


class Sip(Application):
    """The client asks for the options of the server. The server lets everybody register and is always busy."""

    name = "sip"
    traits = frozenset({Trait.ANSWERS, Trait.ADVERTISES, Trait.NAMES_SERVER})
    serves = frozenset(Transport)

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """See `Application`."""
        return SipClient(ask.address, ask.port, ask.transport, ask.source)

    @classmethod
    def server(cls, offer: Offer, peer: str) -> Conversation:
        """See `Application`."""
        return SipServer(peer, offer.transport)

    @classmethod
    def advertised(cls, received: bytes) -> tuple[Advertised, ...]:
        """See `Application`."""
        texts = [text for response in read_all(received) for text in contacts_in(response)]
        return tuple(Advertised(*split_endpoint(f"sip://{text}"), "Contact") for text in texts)


def contacts_in(response: Message) -> Iterator[str]:
    """Yield the hosts with their ports in a response's Contact headers: where later requests are sent to."""
    for text in response.all("contact", "m"):
        for found in _CONTACT.finditer(text):
            yield found[1]


def top_via(message: Message) -> str:
    """Return the first Via header of a message; empty if it has none."""
    return message.field("via", "v")


def sent_by(via: str) -> str:
    """Return the host of a Via header as it stands there, with brackets; empty if it cannot be read."""
    found = _VIA.fullmatch(via)
    return found["host"] if found else ""


def received_in(via: str) -> str:
    """Return the address that a server has put into a Via header (RFC 3261 §18.2.1); empty without one."""
    found = _RECEIVED.search(via.partition(",")[0])
    return found[1] if found else ""


class SipClient:
    """One request; the final response that belongs to it is the answer."""

    def __init__(self, address: str, port: int, transport: Transport, source: str) -> None:
        """Ask the server at an address; the client's own address is ``source``, or nothing that can be resolved."""
        own, uri = bracketed(source.partition("%")[0] or "client.invalid"), endpoint(address.partition("%")[0], port)
        self._call = secrets.token_hex(8)
        lines = (
            f"OPTIONS sip:{uri} SIP/2.0",
            f"Via: SIP/2.0/{transport.name} {own};rport;branch=z9hG4bK{self._call}",
            "Max-Forwards: 70",
            f"From: <sip:dualstack@{own}>;tag={self._call}",
            f"To: <sip:{uri}>",
            f"Call-ID: {self._call}",
            "CSeq: 1 OPTIONS",
            "Content-Length: 0",
            "",
        )
        self._request = "".join(f"{line}\r\n" for line in lines).encode()
        self._messages = Messages(_RESPONSE)

    def start(self) -> bytes:
        """See `Conversation`."""
        return self._request

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        self._messages.add(data)
        try:
            while (response := self._messages.next()) is not None:
                if isinstance(response, Message) and response.status("SIP") >= _TEMPORARY:
                    return Turn(judgement=self._judge(response))
        except FormatError as error:
            return Turn(judgement=Judgement(Outcome.WRONG, f"OPTIONS was answered by a response which {error}"))
        return Turn()

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if self._messages.rest:
            return Judgement(Outcome.WRONG, f"only {show(self._messages.rest)} came: {why}")
        return Judgement(Outcome.SILENT, f"no answer: {why}")

    def _judge(self, response: Message) -> Judgement:
        """Judge a final response; with a status below 500 the server lives, as OPTIONS asks (RFC 3261 §11.2)."""
        status = response.status("SIP")
        call = response.field("call-id", "i")
        if call != self._call:
            return Judgement(Outcome.WRONG, f"the Call-ID of the response is {show(call)}; expected {self._call!r}")
        if status >= _ERROR:
            return Judgement(Outcome.WRONG, f"the status line of the response is {show(response.line)}", status)
        via = re.sub(r";branch=[^;,]*", "", top_via(response))[:120]
        detail = f"the status line of the response is {show(response.line)}, its Via is {via!r}"
        return Judgement(Outcome.ANSWERED, detail, status)


class SipServer:
    """A user agent that answers each request at once."""

    def __init__(self, peer: str, transport: Transport) -> None:
        """Answer the client at the address ``peer``."""
        self._peer = peer.partition("%")[0]
        self._datagrams = transport is Transport.UDP
        self._messages = Messages(_REQUEST)
        self._requests = Requests()
        self._closed = False

    def start(self) -> bytes:
        """See `Conversation`."""
        return b""

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        if self._closed:
            return Turn(close=True)
        if self._datagrams:
            self._messages = Messages(_REQUEST)  # a message does not continue in the next datagram
        self._messages.add(data)
        send = b""
        try:
            while (item := self._messages.next()) is not None:
                send += self._answer(item) if isinstance(item, Message) else b""
                if len(send) > _MOST_ANSWER:
                    raise FormatError("comes with too many others")  # noqa: TRY301 - the answer is the same
        except FormatError as error:
            self._requests.refuse(f"a request which {error}")
            self._closed = not self._datagrams
        return Turn(send, close=self._closed)

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        return self._requests.judged(partial=bool(self._messages.rest))

    def _answer(self, request: Message) -> bytes:
        """Return the response to a request; the top Via tells where it came from (RFC 3261 §18.2.1)."""
        self._requests.take(request)
        method, _, _ = request.line.split(" ")
        if method == "ACK":
            return b""
        if method not in _ANSWERS:
            self._requests.refuse(f"the request {show(method)}, which the server does not know")
        first, *others = request.all("via", "v") or [""]
        to = request.field("to", "t")
        lines = (
            f"SIP/2.0 {_ANSWERS.get(method, '501 Not Implemented')}",
            f"Via: {_with_received(first, self._peer)}",
            *(f"Via: {via}" for via in others),
            f"From: {request.field('from', 'f')}",
            f"To: {to if ';tag=' in to else f'{to};tag=1'}",
            f"Call-ID: {request.field('call-id', 'i')}",
            f"CSeq: {request.field('cseq')}",
            "Content-Length: 0",
            "",
        )
        return "".join(f"{line}\r\n" for line in lines).encode("latin-1", "replace")


def _with_received(via: str, peer: str) -> str:
    """Return the value of a Via header with the address of the client after its first element's host and parameters."""
    first, comma, rest = via.partition(",")
    return f"{first};received={peer}{comma}{rest}"
