"""Datagrams of several clients: which of them was answered, from which address, and unexpected datagrams."""

import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

from dualstack.families import endpoint
from dualstack.prober.messages import DatagramBatch, Heard, Outcome, Sender
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
        deaf: Whether its port is closed when the answer arrives, so that the service gets ICMP port unreachable.
        empty: Whether it sends datagrams of no bytes in place of requests.
    """

    address: str
    source: str
    source_port: int = 0
    deaf: bool = False
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
        ask: What it should send.
        port: Its port.
        said: The requests that it sent.
        heard: The datagrams that it received, from any address.
        sent: How many datagrams it sent, including empty ones.
    """

    ask: DatagramClient
    port: int
    said: tuple[Said, ...]
    heard: tuple[Heard, ...]
    sent: int = 0

    @property
    def unanswered(self) -> int:
        """How many of its requests have no answer among the datagrams that it received."""
        return sum(not any(_is_answer(one, heard) for heard in self.heard) for one in self.said)

    @property
    def strays(self) -> tuple[Heard, ...]:
        """The datagrams that it received and that answer none of its requests."""
        return tuple(heard for heard in self.heard if not any(_is_answer(one, heard) for one in self.said))

    @property
    def fault(self) -> str:
        """What is wrong with its answers: one is missing or came from another address; empty if nothing is.

        The source port of the answers is not checked.
        """
        others = sorted({heard.address for heard in self.heard if heard.address != self.ask.address})
        if others:
            return f"it asked {self.ask.address} and was answered from {' and '.join(others)}"
        return f"{self.unanswered} of {self.sent} requests were not answered" if self.unanswered else ""

    @property
    def name(self) -> str:
        """The client's address and port."""
        return endpoint(self.ask.source, self.port)


def exchange_datagrams(world: ListenerWorld, asks: Sequence[DatagramClient], rounds: int) -> list[DatagramResult]:
    """Make several clients send requests in turn, ``rounds`` times each, and note it.

    A client receives datagrams from any address. The first round with a missing answer is the last.
    """
    began = time.monotonic()
    results = send_datagrams(world, asks, rounds)
    world.journal.waited += time.monotonic() - began
    for one in results:
        what = "empty datagrams" if one.ask.empty else "requests"
        heard = "its port is closed to answers" if one.ask.deaf else f"{len(one.heard)} datagrams received"
        where = f"{one.name} → {endpoint(one.ask.address, world.listener.port)}"
        world.note(f"udp {where}: {one.sent} {what}, {heard}")
    return results


def send_datagrams(world: ListenerWorld, asks: Sequence[DatagramClient], rounds: int) -> list[DatagramResult]:
    """Do what `exchange_datagrams` does, without a note; a thread may call it."""
    listener, timeout = world.listener, world.subject.manifest.timeouts.exchange
    asked = [[] if ask.empty else [request(world, ask.address) for _ in range(rounds)] for ask in asks]
    senders = tuple(
        Sender(
            address=ask.address,
            source=ask.source,
            source_port=ask.source_port,
            texts=tuple(one.request.decode("latin-1") for one in own) or ("",) * rounds,
            deaf=ask.deaf,
        )
        for ask, own in zip(asks, asked, strict=True)
    )
    results = world.peer.prober.call(DatagramBatch(senders, listener.port, timeout))
    return [
        DatagramResult(ask, result.source_port, tuple(own[: result.sent]), result.heard, result.sent)
        for ask, own, result in zip(asks, asked, results, strict=True)
    ]


def request(world: ListenerWorld, address: str) -> Said:
    """Return a request in the listener's protocol, with a fresh token if the protocol has one."""
    return said(client_for(dial_to(world.listener, address)))


def said(conversation: Conversation) -> Said:
    """Return what a client says first."""
    return Said(conversation.start(), conversation)


def _is_answer(one: Said, heard: Heard) -> bool:
    """Return whether a datagram is the answer to a request."""
    conversation = deepcopy(one.conversation)  # each datagram is judged as if it was the first one
    judgement = conversation.receive(heard.text.encode("latin-1")).judgement or conversation.end(_OVER)
    return judgement.outcome is Outcome.ANSWERED
