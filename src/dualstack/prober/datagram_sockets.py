"""UDP sockets that send what they are told, and keep what they receive from any address."""

import asyncio
import socket
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic

from dualstack.families import Family
from dualstack.prober.children import pulse, pulsed
from dualstack.prober.messages import ReceivedDatagram
from dualstack.prober.messages.datagram_sockets import AwaitDatagrams, OpenDatagramSockets, SendDatagram
from dualstack.prober.messages.requests import Handle
from dualstack.prober.sockets import bound_socket, socket_address
from dualstack.prober.verbs import Agent, verb
from dualstack.transport import Transport

_READ = 64 << 10


class DatagramSockets:
    """The sockets of one `OpenDatagramSockets`."""

    def __init__(self, request: OpenDatagramSockets) -> None:
        """Open them and receive.

        Raises:
            HarnessError: One cannot be bound.
        """
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._sockets: list[socket.socket] = []
        self._received: list[list[ReceivedDatagram]] = []
        try:
            for address, port in request.places:
                made = bound_socket(address, port, Transport.UDP)
                self._sockets.append(made)
                self._received.append([])
                self._loop.add_reader(made, self._read, made, self._received[-1])
        except BaseException:
            self.close()
            raise

    def _read(self, made: socket.socket, received: list[ReceivedDatagram]) -> None:
        """Take what has arrived at one socket."""
        with suppress(OSError):  # nothing more has arrived, or an ICMP error about an earlier datagram
            while True:
                data, source = made.recvfrom(_READ)
                received.append(ReceivedDatagram(source[0], source[1], data.decode("latin-1")))
                pulse(self._changed)

    def send(self, request: SendDatagram) -> None:
        """Send a datagram from one socket."""
        target = socket_address(Family.of(request.address), request.address, request.port)
        with suppress(ConnectionRefusedError):
            self._sockets[request.number].sendto(request.text.encode("latin-1"), target)

    async def received(self, texts: Iterable[str], seconds: float) -> tuple[tuple[ReceivedDatagram, ...], ...]:
        """Return the datagrams of each socket when each of these texts is among them, or the time is up."""
        end, missing = monotonic() + seconds, set(texts)
        while missing and (left := end - monotonic()) > 0:
            missing -= {item.text for own in self._received for item in own}
            if missing:
                await pulsed(self._changed, left)
        return tuple(map(tuple, self._received))

    def close(self) -> None:
        """Close all of them."""
        for made in self._sockets:
            self._loop.remove_reader(made)
            made.close()
        self._sockets.clear()


@verb(OpenDatagramSockets)
async def open_sockets(agent: Agent, request: OpenDatagramSockets) -> Handle:
    """Open UDP sockets."""
    return agent.keep(DatagramSockets(request))


@verb(SendDatagram)
async def send(agent: Agent, request: SendDatagram) -> None:
    """Send a datagram."""
    agent.kept(DatagramSockets, request.handle).send(request)


@verb(AwaitDatagrams)
async def await_datagrams(agent: Agent, request: AwaitDatagrams) -> tuple[tuple[ReceivedDatagram, ...], ...]:
    """Wait for datagrams."""
    return await agent.kept(DatagramSockets, request.handle).received(request.texts, request.timeout)
