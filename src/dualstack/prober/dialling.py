"""Dialling a service: one exchange over one family, with raw sockets, so that every errno is seen."""

import array
import asyncio
import errno
import fcntl
import os
import socket
import termios
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from time import monotonic

from dualstack.families import Family, endpoint
from dualstack.manifest.models import Protocol, Transport
from dualstack.prober.answers import Dialogue, Judgement
from dualstack.prober.dialogue import dialogue_for
from dualstack.prober.messages import Dial, Dialled, Outcome, Stage
from dualstack.prober.sockets import SocketAddress, errno_name, hear_any_port, open_socket, socket_address

_READ = 64 << 10
_KEPT = 64 << 10  # of what was sent and of what came, for the report
_ICMP_WAIT = 0.1  # how long a datagram that has no answer is watched for an ICMP error
_RESET_WAIT = 0.03  # how long an accepted connection is watched for a reset that follows "at once"
_END_WAIT = 3.0  # how long the service has to close its side after a half-close, once the answer is there
_ACK_LOOK, _ACK_LOOKS = 0.001, 50  # seconds between looks whether a piece was acknowledged, and how many


async def dial(request: Dial) -> Dialled:
    """Carry out one exchange; whatever the network does is an outcome, not an exception.

    Raises:
        UsageError: The request itself is impossible.
    """
    dialled, made = await dial_until(request, Stage.ANSWERED)
    if made is not None:
        made.close()
    return dialled


async def dial_until(request: Dial, stage: Stage) -> tuple[Dialled, socket.socket | None]:
    """Carry out one exchange up to a stage; return how it went and its socket, which stays open if there is one.

    Over UDP there is no stage but the last.

    Raises:
        UsageError: The request itself is impossible.
    """
    attempt = _Attempt(request, dialogue_for(request), stage)
    return await _carry_out(attempt, request, attempt.run), attempt.socket


async def speak(request: Dial, made: socket.socket) -> Dialled:
    """Hold an exchange on a TCP connection that was made earlier, and on which nothing was said; it is closed then."""
    with made:
        attempt = _Attempt(request, dialogue_for(request), Stage.ANSWERED)
        attempt.take(made)
        return await _carry_out(attempt, request, attempt.speak)


async def _carry_out(attempt: "_Attempt", request: Dial, act: Callable[[], Awaitable[Judgement]]) -> Dialled:
    """Let an attempt act, within the request's time; return how it went."""
    start = monotonic()
    error_name = ""
    try:
        async with asyncio.timeout(request.timeout):
            judgement = await act()
    except TimeoutError as error:  # ours, or the kernel's ETIMEDOUT
        error_name = errno_name(error)
        judgement = attempt.timed_out(error_name)
    except OSError as error:
        error_name = errno_name(error)
        judgement = attempt.failed(error)
    except BaseException:
        attempt.close()
        raise
    return Dialled(
        outcome=judgement.outcome,
        errno=error_name,
        connected=attempt.connected,
        source=attempt.source[0],
        source_port=attempt.source[1],
        answer=bytes(attempt.answer).decode("latin-1"),
        status=judgement.status,
        sent=bytes(attempt.sent[:_KEPT]).decode("latin-1"),
        seconds=monotonic() - start,
        detail=judgement.detail,
    )


class _Attempt:
    """The state of one exchange, kept so that a time-out or an error can be judged by what was seen before."""

    def __init__(self, request: Dial, dialogue: Dialogue, stage: Stage) -> None:
        """Prepare; nothing is opened yet."""
        self.socket: socket.socket | None = None
        self.answer = bytearray()
        self.sent = bytearray()
        self.connected = False
        self.source: tuple[str, int] = ("", 0)
        self._request = request
        self._dialogue = dialogue
        self._reader = dialogue.reader()
        self._judgement: Judgement | None = None
        self._stage = stage
        self._loop = asyncio.get_running_loop()

    async def run(self) -> Judgement:
        """Connect, speak, and listen until the answer can be judged.

        Raises:
            OSError: The network said no.
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
            # A reset in answer to a SYN is ECONNREFUSED; these two say that the connection was there and is gone.
            self.connected = True
            raise
        self.connected = True
        self._note_source(made)
        return await self.speak()

    def take(self, made: socket.socket) -> None:
        """Take over a connection that was made earlier."""
        self.socket, self.connected = made, True
        self._note_source(made)

    async def speak(self) -> Judgement:
        """On the connection that is there: speak, and listen until the answer can be judged.

        Raises:
            OSError: The connection failed.
        """
        made = self.socket
        assert made is not None  # noqa: S101 - for the type checker
        if self._stage is not Stage.ANSWERED:
            return await self._fall_silent(made)
        if self._request.protocol is Protocol.CONNECT:
            return await self._stay(made)
        return await self._exchange_stream(made)

    def close(self) -> None:
        """Close the socket."""
        if self.socket is not None:
            self.socket.close()

    def timed_out(self, error_name: str) -> Judgement:
        """Judge when the time is up."""
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
        """Judge what has come, now that nothing more will; time may run out just when all has come."""
        return self._judgement or self._reader.end(ending, closed=closed)

    def _take(self, data: bytes) -> Judgement | None:
        """Take a piece of the answer; return the judgement as soon as it is there."""
        self.answer += data[: max(0, _KEPT - len(self.answer))]
        self._judgement = self._reader.feed(data)
        return self._judgement

    def _note_source(self, made: socket.socket) -> None:
        """Note the local address."""
        self.source = made.getsockname()[:2]

    async def _fall_silent(self, made: socket.socket) -> Judgement:
        """Go no further than the stage; what the service says then is not read."""
        if self._stage is Stage.HALF_SENT:
            half = self._dialogue.request[: len(self._dialogue.request) // 2]
            await self._loop.sock_sendall(made, half)
            self.sent += half
        elif self._stage is Stage.SENT:
            await self._send(made)
        return Judgement(Outcome.SILENT, f"the client fell silent when it had sent {len(self.sent)} bytes")

    async def _stay(self, made: socket.socket) -> Judgement:
        """Watch an accepted connection for an instant: who resets it at once has not accepted it."""
        try:
            async with asyncio.timeout(min(_RESET_WAIT, self._request.timeout)):
                data = await self._loop.sock_recv(made, _READ)
        except TimeoutError:
            return Judgement(Outcome.ANSWERED, "the connection was accepted")
        judgement = self._take(data) if data else None
        return judgement or Judgement(Outcome.ANSWERED, "the connection was accepted, and closed at once")

    async def _exchange_stream(self, made: socket.socket) -> Judgement:
        """Send and receive at the same time, so that neither side can block the other."""
        sending = asyncio.create_task(self._send(made))
        try:
            judgement = await self._receive(made, sending)
            if self._request.half_close and judgement.outcome is Outcome.ANSWERED:
                judgement = await self._await_end(made, judgement)
        finally:
            sending.cancel()
            # An error that ended the connection was raised by the receiver; any other one did not matter.
            await asyncio.gather(sending, return_exceptions=True)
        return judgement

    async def _receive(self, made: socket.socket, sending: asyncio.Task[None]) -> Judgement:
        """Receive until the answer can be judged."""
        while True:
            data = await self._loop.sock_recv(made, _READ)
            if not data and sending.done():
                sending.result()  # the kernel tells of a reset once: to the sender, if it was there first
            if not data:
                return self._judge("the service closed the connection", closed=True)
            judgement = self._take(data)
            if judgement is not None:
                return judgement

    async def _await_end(self, made: socket.socket, judgement: Judgement) -> Judgement:
        """After a half-close, wait for the service's own end of stream."""
        try:
            async with asyncio.timeout(_END_WAIT):
                while data := await self._loop.sock_recv(made, _READ):
                    self.answer += data[: max(0, _KEPT - len(self.answer))]
        except TimeoutError:
            return replace(judgement, detail=f"{judgement.detail}; the service kept its side open")
        return replace(judgement, detail=f"{judgement.detail}; then the service closed its side")

    async def _send(self, made: socket.socket) -> None:
        """Send the request, in the pieces that were asked for."""
        for last, piece in self._pieces():
            if last and self._request.half_close:  # its end travels with it, so that no answer comes in between
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            await self._loop.sock_sendall(made, piece)
            self.sent += piece
            if not last:
                await _acknowledged(made)
        if self._request.half_close:
            made.shutdown(socket.SHUT_WR)

    def _pieces(self) -> Iterator[tuple[bool, bytes]]:
        """Yield the pieces of the request, each with whether it is the last one."""
        rest = self._dialogue.request
        for size in self._request.chunks:
            if 0 < size < len(rest):
                yield False, rest[:size]
                rest = rest[size:]
        if rest:
            yield True, rest

    async def _exchange_datagrams(self, made: socket.socket, remote: SocketAddress) -> Judgement:
        """Send one datagram and receive until the answer can be judged; an empty datagram is no end."""
        if self._request.any_port:
            made.sendto(self._dialogue.request, remote)
        else:
            made.send(self._dialogue.request)
        self.sent += self._dialogue.request
        if self._request.protocol is Protocol.ONEWAY:
            return await self._watch_for_error(made)
        while True:
            data, source = await self._loop.sock_recvfrom(made, _READ)
            # A connected socket hears nobody else; the other one hears everybody.
            judgement = self._take(data) if source[0].partition("%")[0] == remote[0].partition("%")[0] else None
            if judgement is not None:
                return judgement

    async def _watch_for_error(self, made: socket.socket) -> Judgement:
        """Watch for an ICMP error, or an answer that nothing asked for, for a moment."""
        try:
            async with asyncio.timeout(min(_ICMP_WAIT, self._request.timeout)):
                data = await self._loop.sock_recv(made, _READ)
        except TimeoutError:
            return self._judge("no ICMP error came")
        return self._take(data) or self._judge("no ICMP error came")


async def _acknowledged(made: socket.socket) -> None:
    """Wait until all that was sent is acknowledged (SIOCOUTQ is 0), so that the next piece travels by itself.

    No event tells of an acknowledgement, so the kernel is asked each millisecond, at least once after a first one: that
    is the time in which the service can read the piece before the next one comes. After 50 ms it is sent anyway.
    """
    unacknowledged = array.array("i", [0])
    for _ in range(_ACK_LOOKS):
        await asyncio.sleep(_ACK_LOOK)
        with suppress(OSError):  # a broken connection shows when the next piece is sent
            fcntl.ioctl(made.fileno(), termios.TIOCOUTQ, unacknowledged)
        if unacknowledged[0] == 0:
            return
