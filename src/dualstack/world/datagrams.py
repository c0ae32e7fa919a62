"""Datagrams of several clients: which of them was answered, from which address, and unexpected datagrams."""

import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

from dualstack.counting import count, verb
from dualstack.families import endpoint
from dualstack.prober.messages import DatagramBatch, Outcome, ReceivedDatagram, Sender
from dualstack.protocols.conversation import Conversation
from dualstack.protocols.registry import client_for
from dualstack.service import dial_to
from dualstack.world.listening import ListenerWorld

_OVER = "nothing more was waited for"


@dataclass(frozen=True, slots=True)
class DatagramClient:
    """What one client sends.

    Attributes:
        address: The service's address.
        source: The client's address, one of the peer's.
        source_port: The client's port; 0 for any.
        port_closed: Whether its port is closed when the answer arrives, so that the service gets ICMP port unreachable.
        empty: Whether it sends datagrams of no bytes in place of requests.
    """

    address: str
    source: str
    source_port: int = 0
    port_closed: bool = False
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """One request of a client.

    Attributes:
        request: The datagram.
        conversation: The client's end of it, before any answer.
    """

    request: bytes
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class DatagramResult:
    """What one client sent and received.

    Attributes:
        client: What it should send.
        port: Its port.
        requests: The requests that it sent.
        received: The datagrams that it received, from any address.
        sent: How many datagrams it sent, including empty ones.
    """

    client: DatagramClient
    port: int
    requests: tuple[Said, ...]
    received: tuple[ReceivedDatagram, ...]
    sent: int = 0

    @property
    def unanswered(self) -> int:
        """How many of its requests have no answer among the datagrams that it received."""
        return sum(not any(_is_answer(one, found) for found in self.received) for one in self.requests)

    @property
    def unexpected(self) -> tuple[ReceivedDatagram, ...]:
        """The datagrams that it received and that answer none of its requests."""
        return tuple(found for found in self.received if not any(_is_answer(one, found) for one in self.requests))

    @property
    def fault(self) -> str:
        """What is wrong with its answers: one is missing or came from another address; empty if nothing is.

        The source port of the answers is not checked.
        """
        others = sorted({found.address for found in self.received if found.address != self.client.address})
        if others:
            return f"it asked {self.client.address} and was answered from {' and '.join(others)}"
        if not self.unanswered:
            return ""
        were = verb(self.unanswered, "was", "were")
        return f"{self.unanswered} of {count(self.sent, 'request')} {were} not answered"

    @property
    def name(self) -> str:
        """The client's address and port."""
        return endpoint(self.client.source, self.port)


def exchange_datagrams(world: ListenerWorld, clients: Sequence[DatagramClient], rounds: int) -> list[DatagramResult]:
    """Make several clients send requests in turn, ``rounds`` times each, and note it.

    A client receives datagrams from any address. The first round with a missing answer is the last.
    """
    began = time.monotonic()
    results = send_datagrams(world, clients, rounds)
    world.journal.waited += time.monotonic() - began
    for one in results:
        what = "empty datagram" if one.client.empty else "request"
        came = f"{count(len(one.received), 'datagram')} received"
        received = "its port is closed to answers" if one.client.port_closed else came
        where = f"{one.name} → {endpoint(one.client.address, world.listener.port)}"
        world.note(f"udp {where}: {count(one.sent, what)}, {received}")
    return results


def send_datagrams(world: ListenerWorld, clients: Sequence[DatagramClient], rounds: int) -> list[DatagramResult]:
    """Do what `exchange_datagrams` does, without a note; a thread may call it."""
    listener, timeout = world.listener, world.subject.manifest.timeouts.exchange
    requests = [[] if client.empty else [request(world, client.address) for _ in range(rounds)] for client in clients]
    senders = tuple(
        Sender(
            address=client.address,
            source=client.source,
            source_port=client.source_port,
            texts=tuple(one.request.decode("latin-1") for one in own) or ("",) * rounds,
            port_closed=client.port_closed,
        )
        for client, own in zip(clients, requests, strict=True)
    )
    results = world.peer.prober.call(DatagramBatch(senders, listener.port, timeout))
    return [
        DatagramResult(client, result.source_port, tuple(own[: result.sent]), result.received, result.sent)
        for client, own, result in zip(clients, requests, results, strict=True)
    ]


def request(world: ListenerWorld, address: str) -> Said:
    """Return a request in the listener's protocol, with a fresh token if the protocol has one."""
    return said(client_for(dial_to(world.listener, address)))


def said(conversation: Conversation) -> Said:
    """Return what a client says first."""
    return Said(conversation.start(), conversation)


def _is_answer(one: Said, datagram: ReceivedDatagram) -> bool:
    """Return whether a datagram is the answer to a request."""
    conversation = deepcopy(one.conversation)  # each datagram is judged as if it was the first one
    judgement = conversation.receive(datagram.text.encode("latin-1")).judgement or conversation.end(_OVER)
    return judgement.outcome is Outcome.ANSWERED
