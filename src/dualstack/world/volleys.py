"""Datagrams of several clients at once: who was answered, from where, and who heard what was not for him."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from dualstack.families import endpoint
from dualstack.prober.answers import Dialogue
from dualstack.prober.dialogue import dialogue_for
from dualstack.prober.messages import Heard, Outcome, Sender, Volley, dial_to
from dualstack.world.listening import ListenerWorld

_OVER = "nothing more was waited for"


@dataclass(frozen=True, slots=True)
class Ask:
    """One client of a volley.

    Attributes:
        address: The service's address that it asks.
        source: The peer's address that it has.
        source_port: Its port; 0 for any.
        deaf: Whether it is gone when the answer comes, so that ICMP port unreachable reaches the service.
        empty: Whether it sends datagrams without a byte in place of requests.
    """

    address: str
    source: str
    source_port: int = 0
    deaf: bool = False
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What a client of a volley said and heard.

    Attributes:
        ask: The client.
        port: Its port.
        said: Its requests, as many as it sent.
        heard: What came for it, from wherever.
        sent: How many datagrams it sent, empty ones too.
    """

    ask: Ask
    port: int
    said: tuple[Dialogue, ...]
    heard: tuple[Heard, ...]
    sent: int = 0

    @property
    def unanswered(self) -> int:
        """How many of its requests have no answer among what it heard."""
        return sum(not any(_is_answer(one, heard) for heard in self.heard) for one in self.said)

    @property
    def strays(self) -> tuple[Heard, ...]:
        """What it heard that answers none of its requests."""
        return tuple(heard for heard in self.heard if not any(_is_answer(one, heard) for one in self.said))

    @property
    def fault(self) -> str:
        """Say what was wrong with its answers, if one was missing or came from another address; empty if all is well.

        The port that answers come from is not looked at.
        """
        others = sorted({heard.address for heard in self.heard if heard.address != self.ask.address})
        if others:
            return f"it asked {self.ask.address} and was answered from {' and '.join(others)}"
        return f"{self.unanswered} of {self.sent} requests were not answered" if self.unanswered else ""

    @property
    def name(self) -> str:
        """Its address and port."""
        return endpoint(self.ask.source, self.port)


def volley(world: ListenerWorld, asks: Sequence[Ask], rounds: int) -> list[Told]:
    """Have several clients ask the service in turn, ``rounds`` times each, and note it.

    Each hears whoever answers it. The first round in which one waits in vain is the last.
    """
    began = time.monotonic()
    told = fire(world, asks, rounds)
    world.waited += time.monotonic() - began
    for one in told:
        what = "empty datagrams" if one.ask.empty else "requests"
        heard = "no answer can reach it" if one.ask.deaf else f"{len(one.heard)} datagrams came back"
        where = f"{one.name} → {endpoint(one.ask.address, world.listener.port)}"
        world.note(f"udp {where}: {one.sent} {what}, {heard}")
    return told


def fire(world: ListenerWorld, asks: Sequence[Ask], rounds: int) -> list[Told]:
    """Do what `volley` does without a note; it may be called in a thread."""
    listener, timeout = world.listener, world.subject.manifest.timeouts.exchange
    said = [[] if ask.empty else [request(world, ask.address) for _ in range(rounds)] for ask in asks]
    senders = tuple(
        Sender(
            address=ask.address,
            source=ask.source,
            source_port=ask.source_port,
            texts=tuple(one.request.decode("latin-1") for one in own) or ("",) * rounds,
            deaf=ask.deaf,
        )
        for ask, own in zip(asks, said, strict=True)
    )
    results = world.peer.prober.volley(Volley(senders, listener.port, timeout))
    return [
        Told(ask, result.source_port, tuple(own[: result.sent]), result.heard, result.sent)
        for ask, own, result in zip(asks, said, results, strict=True)
    ]


def request(world: ListenerWorld, address: str) -> Dialogue:
    """Return a request as the listener's protocol has it, with a fresh token where it has one."""
    return dialogue_for(dial_to(world.listener, address))


def _is_answer(one: Dialogue, heard: Heard) -> bool:
    """Return whether a datagram is the answer to a request."""
    reader = one.reader()
    judgement = reader.feed(heard.text.encode("latin-1")) or reader.end(_OVER)
    return judgement.outcome is Outcome.ANSWERED
