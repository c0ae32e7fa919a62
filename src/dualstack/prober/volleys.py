"""Volleys: datagrams of several clients in turn, from sockets that hear whoever answers."""

import asyncio
import socket
from contextlib import ExitStack, closing

from dualstack.families import Family
from dualstack.manifest.models import Transport
from dualstack.prober.messages import Heard, Sender, Volley, Volleyed
from dualstack.prober.sockets import SocketAddress, bound_socket, socket_address

_READ = 64 << 10
_NOBODY = 9
"""The port to which a deaf client is connected: nothing comes from there, and from elsewhere it takes nothing."""


async def fire(volley: Volley) -> list[Volleyed]:
    """Carry a volley out; return what each client saw, in the order of its senders.

    Raises:
        UsageError: An address is none.
        HarnessError: A client's own address or port cannot be had.
        OSError: There is no way to an address.
    """
    with ExitStack() as open_clients:
        clients = [open_clients.enter_context(closing(_Client(sender, volley.port))) for sender in volley.senders]
        try:
            for number in range(max((len(sender.texts) for sender in volley.senders), default=0)):
                for client in clients:
                    client.send(number)
                async with asyncio.timeout(volley.timeout):
                    for client in clients:
                        await client.has_heard(number + 1)
        except TimeoutError:
            pass  # who heard nothing shows in the result
        return [client.volleyed() for client in clients]


class _Client:
    """One client."""

    def __init__(self, sender: Sender, port: int) -> None:
        """Bind its socket and listen."""
        family = Family.of(sender.address)
        self._sender = sender
        self._target: SocketAddress = socket_address(family, sender.address, port)
        self._heard: list[Heard] = []
        self._came = asyncio.Event()
        self._sent = 0
        self._socket = bound_socket(sender.source, sender.source_port, Transport.UDP)
        if family is Family.IPV4:  # where it sends to is a multicast group, this chooses the interface
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sender.source))
        if sender.deaf:
            self._socket.connect(socket_address(family, sender.source, _NOBODY))
        else:
            asyncio.get_running_loop().add_reader(self._socket, self._read)

    def send(self, number: int) -> None:
        """Send the datagram of a round, if there is one."""
        if number < len(self._sender.texts):
            self._socket.sendto(self._sender.texts[number].encode("latin-1"), self._target)
            self._sent += 1

    async def has_heard(self, number: int) -> None:
        """Wait until so many datagrams have come, as far as there are texts and ears for them."""
        while not self._sender.deaf and len(self._heard) < min(number, len(self._sender.texts)):
            self._came.clear()
            await self._came.wait()

    def _read(self) -> None:
        """Take what has come."""
        try:
            while True:
                data, source = self._socket.recvfrom(_READ)
                self._heard.append(Heard(source[0], source[1], data.decode("latin-1")))
        except BlockingIOError:
            self._came.set()

    def volleyed(self) -> Volleyed:
        """Return what it saw, the latest too."""
        if not self._sender.deaf:
            self._read()
        return Volleyed(self._socket.getsockname()[1], self._sent, tuple(self._heard))

    def close(self) -> None:
        """Close its socket."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
