"""TLS as a layer around any conversation (RFC 8446, RFC 5246): OpenSSL on buffers in memory."""

import os
import ssl
from dataclasses import replace
from functools import lru_cache
from weakref import WeakKeyDictionary

from dualstack.errors import UsageError
from dualstack.protocols.certificates import ClientTls, ServerTls, TlsFault, is_address, is_for, names_in
from dualstack.protocols.conversation import Closing, Conversation, Turn
from dualstack.protocols.judgement import Judgement, Outcome, show
from dualstack.protocols.tls_errors import explain

_PIECE = 16 << 10  # bytes: the most that one record carries
_HANDSHAKE, _ALERT = 22, 21  # content types of the first record (RFC 8446 §5.1)
_MOST_CONTEXTS = 32
_MOST_NAMES = 5  # of a certificate, in a judgement
_SENT: WeakKeyDictionary[ssl.SSLObject, str] = WeakKeyDictionary()
"""The server name that each client sent which sent one."""

_COMPARED = 64  # bytes of a client's hello, among them its random ones, that show that an answer is its echo


class TlsClient:
    """The client's side as a `Layer`."""

    def __init__(self, tls: ClientTls, alpn: tuple[str, ...] = (), *, handshake_only: bool = False) -> None:
        """Prepare.

        Args:
            tls: What is checked.
            alpn: The application protocols that are offered (RFC 7301).
            handshake_only: Whether a completed handshake is the whole exchange.
        """
        self._tls, self._alpn, self._handshake_only = tls, alpn, handshake_only

    def wrap(self, inner: Conversation) -> Conversation:
        """Return a client's end that says the same through TLS."""
        tls = self._tls
        engine = _Engine(_client_context(tls.ca, self._alpn), "" if is_address(tls.name) else tls.name)
        return Secured(inner, engine, tls.name if tls.ca else "", handshake_only=self._handshake_only)


class TlsServer:
    """The server's side as a `Layer`."""

    def __init__(self, tls: ServerTls, alpn: tuple[str, ...] = ()) -> None:
        """Prepare; ``alpn`` are the application protocols that clients may choose.

        Raises:
            UsageError: The certificate and key cannot be used.
        """
        self._context = _server_context(tls, alpn)

    def wrap(self, inner: Conversation) -> Conversation:
        """Return a server's end that says the same through TLS."""
        return Secured(inner, _Engine(self._context, None))


@lru_cache(maxsize=_MOST_CONTEXTS)
def _client_context(ca: str, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Return the settings of clients; without a certificate authority they check no certificate.

    Its names are compared afterwards, so that the judgement can say which ones it has.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    context.options |= ssl.OP_NO_RENEGOTIATION
    if alpn:
        context.set_alpn_protocols(alpn)
    if ca:
        context.load_verify_locations(cadata=ca)
    return context


@lru_cache(maxsize=_MOST_CONTEXTS)
def _server_context(tls: ServerTls, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Return the settings of servers with a certificate.

    Raises:
        UsageError: The certificate and key cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.sni_callback = _keep_server_name
    if alpn:
        context.set_alpn_protocols(alpn)
    context.num_tickets = 0  # a client that ends without reading them would reset the connection
    file = os.memfd_create("certificate")  # OpenSSL reads a certificate from a file only
    try:
        os.write(file, f"{tls.key}\n{tls.certificate}".encode())
        context.load_cert_chain(f"/proc/self/fd/{file}")
    except ssl.SSLError as error:
        raise UsageError(f"the certificate and key cannot be used: {explain(error, 'other end')[1]}") from None
    finally:
        os.close(file)
    return context


def _keep_server_name(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
    """Keep the server name that a client has sent."""
    if name:
        _SENT[connection] = name


class _Engine:
    """OpenSSL's state of one connection, with a buffer in each direction."""

    def __init__(self, context: ssl.SSLContext, server_name: str | None) -> None:
        """Start; ``server_name`` is None for the server's side, and empty for a client that sends none."""
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        is_server = server_name is None
        self.object = context.wrap_bio(self.incoming, self.outgoing, is_server, server_name or None)
        self.is_server = is_server

    @property
    def server_name(self) -> str:
        """The server name that the client sent (SNI); empty if it sent none, and on the client's side."""
        return _SENT.get(self.object, "")

    def handshake(self) -> bool:
        """Proceed with the handshake; return whether it is complete.

        Raises:
            SSLError: It failed.
        """
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def read(self) -> bytes | None:
        """Return the next bytes that the other end has sent: empty at its close_notify, None if more must come.

        Raises:
            SSLError: A record is damaged, or an alert came.
        """
        try:
            return self.object.read(_PIECE)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return b""

    def send_close_notify(self) -> None:
        """Send close_notify (RFC 8446 §6.1)."""
        try:
            self.object.unwrap()
        except ssl.SSLError:  # the other end's close_notify has not come, or the connection is broken already
            return


class Secured:
    """A conversation through TLS.

    After a failure, what comes is ignored. Memory is bounded by one record, and by what the inner conversation answers.
    """

    def __init__(self, inner: Conversation, engine: _Engine, wanted: str = "", *, handshake_only: bool = False) -> None:
        """Start before the handshake.

        Args:
            inner: What is said through TLS.
            engine: OpenSSL.
            wanted: The name or address that its certificate must be for; empty if that is not checked.
            handshake_only: Whether a completed handshake is the whole exchange.
        """
        self._inner, self._engine, self._wanted = inner, engine, wanted
        self._other = "client" if engine.is_server else "service"
        self._handshake_only = handshake_only
        self._hello = self._first = b""
        self._established = self._ended = False
        self._failure: Judgement | None = None
        self._judged: Judgement | None = None

    def start(self) -> bytes:
        """See `Conversation`: a client's hello; a server waits for it."""
        if not self._engine.is_server:
            self._engine.handshake()
        hello = self._engine.outgoing.read()
        self._hello = hello[:_COMPARED]
        return hello

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        if self._failure is not None or not data:
            return Turn(judgement=self._failure, close=self._failure is not None)
        if self._ended:
            return Turn()
        if not self._first and data[0] not in (_HANDSHAKE, _ALERT):
            return self._fail(TlsFault.PLAIN, f"the {self._other} does not speak TLS: it sent {show(data)}")
        self._first += data[: _COMPARED - len(self._first)]
        self._engine.incoming.write(data)
        try:
            turn = self._proceed()
        except ssl.SSLError as error:
            if self._first == self._hello:
                return self._fail(TlsFault.PLAIN, f"the {self._other} does not speak TLS: it sent the same bytes back")
            fault, what = explain(error, self._other)
            return self._fail(fault, what if self._established else f"the TLS handshake failed: {what}")
        return replace(turn, send=turn.send + self._engine.outgoing.read())

    def end(self, why: str, *, closed: bool = False) -> Judgement:
        """See `Conversation`: without close_notify an end is not orderly (RFC 8446 §6.1)."""
        return replace(self._judge_end(why, closed=closed), server_name=self._engine.server_name)

    def _judge_end(self, why: str, *, closed: bool) -> Judgement:
        """Return the judgement at the end, without the server name."""
        if self._failure is not None:
            return self._failure
        if not self._established:
            outcome = Outcome.WRONG if self._first else Outcome.SILENT
            fault = TlsFault.BROKEN if self._first else None
            return Judgement(outcome, f"the TLS handshake did not complete: {why}", tls=fault)
        if closed and not self._ended:
            return self._inner.end(f"{why} without close_notify, so the end may be missing (RFC 8446 §6.1)")
        return self._inner.end(why, closed=closed)

    def close(self) -> bytes:
        """See `Closing`: what ends the inner conversation, and close_notify; nothing after a failure."""
        if self._established and self._failure is None:
            if not self._ended and isinstance(self._inner, Closing):
                self._say(self._inner.close())
            self._engine.send_close_notify()
        return self._engine.outgoing.read()

    def _proceed(self) -> Turn:
        """Take what has arrived; what is sent is in the engine's buffer."""
        turn = Turn()
        if not self._established:
            if not self._engine.handshake():
                return turn
            self._established = True
            if problem := self._wrong_certificate():
                self._engine.send_close_notify()
                return self._fail(TlsFault.OTHER_NAME, problem)
            self._say(self._inner.start())
            if self._handshake_only:
                began = f"the handshake completed: {self._engine.object.version()}"
                turn = self._combine(turn, Turn(judgement=Judgement(Outcome.ANSWERED, began)))
        while not turn.close and (data := self._engine.read()) is not None:
            turn = self._combine(turn, self._inner.receive(data) if data else self._take_end())
            if not data:
                break
        if turn.close:
            self._engine.send_close_notify()
        return turn

    def _take_end(self) -> Turn:
        """Take the other end's close_notify."""
        self._ended = True
        judgement = self._inner.end(f"the {self._other} ended the TLS session", closed=True)
        return Turn(judgement=judgement, close=self._engine.is_server)

    def _combine(self, before: Turn, turn: Turn) -> Turn:
        """Return two reactions as one; what the second one sends goes into the engine."""
        self._say(turn.send)
        if self._engine.is_server or self._judged is None:  # a client's first judgement is final
            self._judged = turn.judgement or self._judged
        return Turn(judgement=self._judged, close=before.close or turn.close)

    def _say(self, data: bytes) -> None:
        """Encrypt what the inner conversation sends."""
        if data:
            self._engine.object.write(data)

    def _wrong_certificate(self) -> str:
        """Return what is wrong with the name of the other end's certificate; empty if nothing is."""
        if not self._wanted:
            return ""
        names = names_in(self._engine.object.getpeercert() or {})
        if is_for(self._wanted, names):
            return ""
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        named = ", ".join(names[:_MOST_NAMES]) or "nothing"
        return f"the certificate is not for {self._wanted}: it names {named}{more}"

    def _fail(self, fault: TlsFault, detail: str) -> Turn:
        """Return the reaction to a failure: an alert, and the end. What a client has judged before stays."""
        self._failure = Judgement(Outcome.WRONG, detail, tls=fault)
        if self._judged is not None and not self._engine.is_server:
            self._failure = self._judged
        return Turn(send=self._engine.outgoing.read(), judgement=self._failure, close=True)
