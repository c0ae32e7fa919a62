"""Datagrams of several clients at once: who was answered, from where, and who heard what was not for him."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from dualstack.families import Family, endpoint
from dualstack.prober.dialogue import Dialogue, dialogue_for
from dualstack.prober.messages import Dial, Heard, Outcome, Sender, Volley
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
    """

    ask: Ask
    port: int
    said: tuple[Dialogue, ...]
    heard: tuple[Heard, ...]

    @property
    def unanswered(self) -> int:
        """How many of its requests have no answer among what it heard."""
        return sum(not any(_is_answer(one, heard) for heard in self.heard) for one in self.said)

    @property
    def strays(self) -> tuple[Heard, ...]:
        """What it heard that answers none of its requests."""
        return tuple(heard for heard in self.heard if not any(_is_answer(one, heard) for one in self.said))

    @property
    def name(self) -> str:
        """Its address and port."""
        return endpoint(self.ask.source, self.port)


def volley(world: ListenerWorld, asks: Sequence[Ask], rounds: int) -> list[Told]:
    """Have several clients ask the service in turn, ``rounds`` times each, and note it.

    Each hears whoever answers it. The first round in which one waits in vain is the last.
    """
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
    began = time.monotonic()
    results = world.peer.prober.volley(Volley(senders, listener.port, timeout))
    world.waited += time.monotonic() - began
    for ask, result in zip(asks, results, strict=True):
        what = "empty datagrams" if ask.empty else "requests"
        heard = "no answer can reach it" if ask.deaf else f"{len(result.heard)} datagrams came back"
        where = f"{endpoint(ask.source, result.source_port)} → {endpoint(ask.address, listener.port)}"
        world.note(f"udp {where}: {result.sent} {what}, {heard}")
    return [
        Told(ask, result.source_port, tuple(own[: result.sent]), result.heard)
        for ask, own, result in zip(asks, said, results, strict=True)
    ]


def request(world: ListenerWorld, address: str) -> Dialogue:
    """Return a request as the listener's protocol has it, with a fresh token where it has one."""
    listener = world.listener
    return dialogue_for(
        Dial(
            family=Family.of(address),
            address=address,
            port=listener.port,
            transport=listener.transport,
            protocol=listener.protocol,
            send=listener.send,
            expect=listener.expect,
        )
    )


def _is_answer(one: Dialogue, heard: Heard) -> bool:
    """Return whether a datagram is the answer to a request."""
    judgement = one.judge(heard.text.encode("latin-1"), _OVER)
    return judgement is not None and judgement.outcome is Outcome.ANSWERED
