"""One attempt to carry out an exchange, with raw sockets, so that every errno is seen."""

import asyncio
import errno
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial

from dualstack.families import Family, endpoint
from dualstack.prober.messages import Dial, Outcome, Stage
from dualstack.prober.opening import Opening, preface_of
from dualstack.prober.receiving import OwnPort
from dualstack.prober.sending import Sending, acknowledged
from dualstack.prober.sockets import SocketAddress, errno_name, hear_any_port, open_socket, socket_address, with_zone
from dualstack.protocols.application import Trait
from dualstack.protocols.conversation import Receiving, Recorded, Turn
from dualstack.protocols.judgement import Judgement
from dualstack.protocols.layers import closing, layered
from dualstack.protocols.registry import client_for, traits_of
from dualstack.transport import Transport

MOST_REPORTED = 64 << 10
"""How many bytes of what was sent, and of what was received, are reported."""

_READ = 64 << 10
_ICMP_TIMEOUT = 0.1  # seconds that a datagram without an answer is watched for an ICMP error
_RESET_TIMEOUT = 0.03  # seconds that an accepted connection is watched for an immediate reset
_END_TIMEOUT = 3.0  # seconds that the service has to close its side after a half-close, once it has answered


class Attempt:
    """The state of one exchange, kept so that a time-out or an error is judged with what was seen before.

    Attributes:
        socket: Its socket; None before it is opened.
        connected: Whether a TCP connection was established.
        source: The local address and port; empty and 0 if there is none.
        sent: What was sent.
    """

    def __init__(self, request: Dial, stage: Stage) -> None:
        """Prepare without opening a socket.

        Raises:
            UsageError: The protocol does not work over the transport, or a text is not Latin-1.
        """
        self.socket: socket.socket | None = None
        self.sent = bytearray()
        self.connected = False
        self.source: tuple[str, int] = ("", 0)
        self._request = request
        inner = client_for(request)
        self._receiving = inner if isinstance(inner, Receiving) else None
        self._own: OwnPort | None = None
        self._spoken = Recorded(inner, MOST_REPORTED)
        self._conversation = layered(self._spoken, request)
        self._tunnel = Opening(request.tunnel) if request.tunnel is not None else None
        self._opening = self._conversation.start()
        self._stage = stage
        self._introduced = False
        self._loop = asyncio.get_running_loop()

    @property
    def answer(self) -> bytes:
        """The beginning of what was received."""
        return bytes(self._spoken.received)

    async def run(self) -> Judgement:
        """Connect, send, and receive until the answer can be judged.

        Raises:
            OSError: The network reported an error.
        """
        request = self._request
        remote = socket_address(request.family, request.address, request.port)
        self.socket = made = open_socket(request.family, request.transport)
        if request.family is Family.IPV6 and request.v6only is not None:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, request.v6only)
        if request.source:
            made.bind(socket_address(request.family, request.source, request.source_port))
        if request.transport is Transport.UDP:
            if request.any_port:
                hear_any_port(made, remote)
            else:
                made.connect(remote)
            self._note_source(made)
            return await self._exchange_datagrams(made, remote)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self._loop.sock_connect(made, remote)
        except (ConnectionResetError, BrokenPipeError):
            # A reset in answer to a SYN is ECONNREFUSED; these two mean that an established connection was reset.
            self.connected = True
            raise
        self.connected = True
        self._note_source(made)
        return await self.exchange()

    def take(self, made: socket.socket) -> None:
        """Use a connection that was established earlier, and on which the PROXY header was sent if there is one."""
        self.socket, self.connected, self._introduced = made, True, True
        self._note_source(made)

    async def exchange(self) -> Judgement:
        """Send and receive on the established connection until the answer can be judged.

        Raises:
            OSError: The connection failed.
        """
        made = self.socket
        assert made is not None  # noqa: S101 - for the type checker
        if not self._introduced and (preface := preface_of(self._request, self.source)):
            made.send(preface, socket.MSG_MORE if self._request.joined else 0)
        tunnel = self._tunnel if self._stage is not Stage.CONNECTED else None
        if tunnel is not None and (judgement := await tunnel.carry_out(made)):
            return judgement
        if self._stage is not Stage.ANSWERED:
            return await self._stop_at_stage(made)
        if not self._opening and Trait.SILENT in traits_of(self._request.protocol):
            return await self._watch_for_reset(made)
        return await self._exchange_stream(made)

    def close(self) -> None:
        """Close the socket, after what the layers say at the end."""
        if self.socket is None:
            return
        if ending := closing(self._conversation):
            with suppress(OSError):  # the service may have closed the connection
                self.socket.send(ending)
        self.socket.close()

    def timed_out(self, error_name: str) -> Judgement:
        """Judge when the timeout has expired."""
        request = self._request
        where = endpoint(request.address, request.port)
        if request.transport is Transport.TCP and not self.connected:
            waited = "the kernel gave up (ETIMEDOUT)" if error_name else f"not within {request.timeout:g} s"
            return Judgement(Outcome.SILENT, f"{where} did not answer the connection attempt: {waited}")
        return self._judge(f"nothing more came within {request.timeout:g} s")

    def failed(self, error: OSError) -> Judgement:
        """Judge after an error of the kernel."""
        request = self._request
        where, name = endpoint(request.address, request.port), errno_name(error)
        reason = os.strerror(error.errno) if error.errno else str(error)
        if self.connected:
            return self._judge(f"the connection failed with {name} ({reason})")
        if error.errno == errno.ECONNREFUSED:
            how = "TCP reset" if request.transport is Transport.TCP else "ICMP port unreachable"
            return Judgement(Outcome.REFUSED, f"{where} refused: {name} ({how})")
        source = f" from {request.source}" if request.source else ""
        return Judgement(Outcome.UNREACHABLE, f"{where} cannot be reached{source}: {name} ({reason})")

    def _judge(self, ending: str, *, closed: bool = False) -> Judgement:
        """Judge what was received, after the last of it; a judgement that was made before a time-out stays."""
        if self._tunnel is not None and not self._tunnel.is_open:
            return self._tunnel.end(ending, closed=closed)
        return self._spoken.judgement or self._conversation.end(ending, closed=closed)

    def _note_source(self, made: socket.socket) -> None:
        """Note the local address."""
        self.source = made.getsockname()[:2]

    async def _stop_at_stage(self, made: socket.socket) -> Judgement:
        """Send what the stage allows; nothing is read."""
        if self._stage is Stage.HALF_SENT:
            half = self._opening[: len(self._opening) // 2]
            await self._loop.sock_sendall(made, half)
            self.sent += half
        elif self._stage is Stage.SENT:
            await self._send(made)
        return Judgement(Outcome.SILENT, f"the client stopped after it had sent {len(self.sent)} bytes")

    async def _watch_for_reset(self, made: socket.socket) -> Judgement:
        """Watch an accepted connection for a moment: one that is reset at once was not accepted."""
        try:
            async with asyncio.timeout(min(_RESET_TIMEOUT, self._request.timeout)):
                data = await self._loop.sock_recv(made, _READ)
        except TimeoutError:
            return Judgement(Outcome.ANSWERED, "the connection was accepted")
        judgement = self._conversation.receive(data).judgement if data else None
        return judgement or Judgement(Outcome.ANSWERED, "the connection was accepted, and closed at once")

    async def _exchange_stream(self, made: socket.socket) -> Judgement:
        """Send and receive at the same time, so that neither side can block the other."""
        if self._receiving is not None:
            self._own = OwnPort(self._receiving, with_zone(made.getsockname()))
        sending = Sending(self._send(made), partial(self._send_piece, made))
        try:
            judgement = await self._receive(made, sending)
            if self._request.half_close and judgement.outcome is Outcome.ANSWERED:
                judgement = await self._await_end(made, judgement)
        finally:
            if self._own is not None:
                self._own.close()
            await sending.stop()
        return judgement

    async def _receive(self, made: socket.socket, sending: Sending) -> Judgement:
        """Receive until the answer can be judged, and send what the conversation says meanwhile."""
        while True:
            turn = await self._react(made)
            if turn is None:
                sending.check()  # the kernel reports a reset once: to the sender, if it came first
                return self._judge("the service closed the connection", closed=True)
            if turn.send:
                sending.then(turn.send)
            if turn.send and (turn.judgement or turn.close):
                await sending.finish()
            if turn.judgement is not None:
                return turn.judgement
            if turn.close:
                return self._judge("the client closed the connection")

    async def _react(self, made: socket.socket) -> Turn | None:
        """Return the reaction to what comes next, on the connection or at the client's own port; None at its end."""
        if self._tunnel is not None and (first := self._tunnel.take_first()):
            return self._conversation.receive(first)
        read = partial(self._loop.sock_recv, made, _READ)
        if self._own is None:
            here, data, source = False, await read(), ""
        else:
            here, data, source = await self._own.next(read)
        if here:
            return self._spoken.arrived(data, source)
        return self._conversation.receive(data) if data else None

    async def _await_end(self, made: socket.socket, judgement: Judgement) -> Judgement:
        """After a half-close, wait for the service's end of stream."""
        try:
            async with asyncio.timeout(_END_TIMEOUT):
                while data := await self._loop.sock_recv(made, _READ):
                    self._conversation.receive(data)
        except TimeoutError:
            return replace(judgement, detail=f"{judgement.detail}; the service kept its side open")
        return replace(judgement, detail=f"{judgement.detail}; then the service closed its side")

    async def _send(self, made: socket.socket) -> None:
        """Send what the client says first, in pieces as `Dial.chunks` says."""
        for last, piece in self._pieces():
            if last and self._request.half_close:  # the FIN is sent with the data, so that no answer comes in between
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            await self._send_piece(made, piece)
            if not last:
                await acknowledged(made)
        if self._request.half_close:
            made.shutdown(socket.SHUT_WR)

    async def _send_piece(self, made: socket.socket, piece: bytes) -> None:
        """Send bytes, and note them."""
        await self._loop.sock_sendall(made, piece)
        self.sent += piece

    def _pieces(self) -> Iterator[tuple[bool, bytes]]:
        """Yield the pieces of what is said first, each with whether it is the last one."""
        rest = self._opening
        for size in self._request.chunks:
            if 0 < size < len(rest):
                yield False, rest[:size]
                rest = rest[size:]
        if rest:
            yield True, rest

    async def _exchange_datagrams(self, made: socket.socket, remote: SocketAddress) -> Judgement:
        """Send one datagram and receive until the answer can be judged; an empty datagram does not end it."""
        self._send_datagram(made, remote, self._opening)
        if Trait.ONE_WAY in traits_of(self._request.protocol):
            return await self._watch_for_error(made)
        while True:
            data, source = await self._loop.sock_recvfrom(made, _READ)
            if source[0].partition("%")[0] != remote[0].partition("%")[0]:
                continue  # the socket is not connected
            turn = self._conversation.receive(data)
            if turn.send:
                self._send_datagram(made, remote, turn.send)
            if turn.judgement is not None:
                return turn.judgement

    def _send_datagram(self, made: socket.socket, remote: SocketAddress, data: bytes) -> None:
        """Send one datagram, which may be empty, and note it."""
        if self._request.any_port:
            made.sendto(data, remote)
        else:
            made.send(data)
        self.sent += data

    async def _watch_for_error(self, made: socket.socket) -> Judgement:
        """Watch for an ICMP error, or an answer although none is expected, for a moment."""
        try:
            async with asyncio.timeout(min(_ICMP_TIMEOUT, self._request.timeout)):
                data = await self._loop.sock_recv(made, _READ)
        except TimeoutError:
            return self._judge("no ICMP error came")
        return self._conversation.receive(data).judgement or self._judge("no ICMP error came")
