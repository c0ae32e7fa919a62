"""Datagram batches: several clients send in turn, from sockets that receive from any address."""

import asyncio
import socket
from contextlib import ExitStack, closing

from dualstack.families import Family
from dualstack.prober.messages import DatagramBatch, ReceivedDatagram, Sender, SenderResult
from dualstack.prober.sockets import SocketAddress, bound_socket, socket_address
from dualstack.prober.verbs import Agent, verb
from dualstack.transport import Transport

_READ = 64 << 10
_DISCARD = 9
"""The port to which the socket of a client with a closed port is connected: the kernel refuses other senders for it."""


@verb(DatagramBatch)
async def send_datagrams(_: Agent, batch: DatagramBatch) -> tuple[SenderResult, ...]:
    """Send a batch; return what each client received, in the order of its senders.

    Raises:
        UsageError: An address is not valid.
        HarnessError: A client's own address or port cannot be bound.
        OSError: There is no route to an address.
    """
    with ExitStack() as open_clients:
        clients = [open_clients.enter_context(closing(_Client(sender, batch.port))) for sender in batch.senders]
        try:
            for number in range(max((len(sender.texts) for sender in batch.senders), default=0)):
                for client in clients:
                    client.send(number)
                async with asyncio.timeout(batch.timeout):
                    for client in clients:
                        await client.await_replies(number + 1)
        except TimeoutError:
            pass  # the result shows which reply is missing
        return tuple(client.result() for client in clients)


class _Client:
    """One client."""

    def __init__(self, sender: Sender, port: int) -> None:
        """Bind its socket and receive."""
        family = Family.of(sender.address)
        self._sender = sender
        self._target: SocketAddress = socket_address(family, sender.address, port)
        self._datagrams: list[ReceivedDatagram] = []
        self._received = asyncio.Event()
        self._sent = 0
        self._socket = bound_socket(sender.source, sender.source_port, Transport.UDP)
        if family is Family.IPV4:  # for a multicast group this chooses the interface
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sender.source))
        if sender.port_closed:
            self._socket.connect(socket_address(family, sender.source, _DISCARD))
        else:
            asyncio.get_running_loop().add_reader(self._socket, self._read)

    def send(self, number: int) -> None:
        """Send the datagram of a round, if there is one."""
        if number < len(self._sender.texts):
            self._socket.sendto(self._sender.texts[number].encode("latin-1"), self._target)
            self._sent += 1

    async def await_replies(self, number: int) -> None:
        """Wait for ``number`` datagrams, at most one for each text; return at once if the port is closed."""
        while not self._sender.port_closed and len(self._datagrams) < min(number, len(self._sender.texts)):
            self._received.clear()
            await self._received.wait()

    def _read(self) -> None:
        """Take the datagrams that have arrived."""
        try:
            while True:
                data, source = self._socket.recvfrom(_READ)
                self._datagrams.append(ReceivedDatagram(source[0], source[1], data.decode("latin-1")))
        except BlockingIOError:
            self._received.set()

    def result(self) -> SenderResult:
        """Return what it sent and received until now."""
        if not self._sender.port_closed:
            self._read()
        return SenderResult(self._socket.getsockname()[1], self._sent, tuple(self._datagrams))

    def close(self) -> None:
        """Close its socket."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
