"""What happened in a case, in order: the steps of the test and the packets of the conversation."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dualstack.counting import count
from dualstack.families import endpoint
from dualstack.finding import Finding

Item = TypeVar("Item")

_TARGET = re.compile(r"(?<![\w.:-])(?:[0-9a-f]*:[0-9a-f:]*:[0-9a-f.]*|[\w-]+(?:\.[\w-]+){2,}|localhost)", re.IGNORECASE)
"""An address, a name with two dots or more, or localhost."""

_ALIKE = 24
"""How many equal characters at their beginning show that a step and a finding are about one event."""

_ROUNDED = 0.001
"""The times of steps are rounded to milliseconds."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done.

    Attributes:
        at: Seconds since the case began.
        what: What was done, without a full stop.
    """

    at: float
    what: str

    def __str__(self) -> str:
        """Return the step as one line: ``+0.021 s  start the service: ./server``."""
        return f"+{self.at:.3f} s  {self.what}"


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of a conversation.

    Attributes:
        number: Its place in the conversation, from 1; a gap between two numbers means that packets are left out.
        at: Seconds since the case began.
        host: The host of the lab that it was captured on.
        family: ``ipv4`` or ``ipv6``, by its outer header; empty for any other.
        src: The source address; the hardware address of a packet without one.
        sport: The source port; 0 without one.
        dst: The destination address.
        dport: The destination port; 0 without one.
        what: What it is, without its addresses: ``TCP SYN``.
        refuses: Whether it is a TCP RST, or an ICMP message that says that the destination is unreachable.
        inner: The packet that it carries in a tunnel; None if it carries none.
    """

    number: int
    at: float
    host: str
    family: str
    src: str
    sport: int
    dst: str
    dport: int
    what: str
    refuses: bool = False
    inner: "Packet | None" = None

    @property
    def source(self) -> str:
        """The source address, with its port if it has one."""
        return self._end(self.src, self.sport)

    @property
    def destination(self) -> str:
        """The destination address, with its port if it has one."""
        return self._end(self.dst, self.dport)

    def _end(self, address: str, port: int) -> str:
        """Return an address with its port; a packet without any port shows none."""
        return endpoint(address, port) if self.sport or self.dport else address

    def line(self, since: float) -> str:
        """Return the packet as ``+1.204 ms  198.51.100.33:40112 → 198.51.100.1:8080  TCP SYN``.

        Args:
            since: The time from which the milliseconds count, in seconds on the packet's own clock.
        """
        return f"{(self.at - since) * 1000:+.3f} ms  {self.source} → {self.destination}  {self.what}"


@dataclass(frozen=True, slots=True)
class Station:
    """A host of a case in which several hosts captured packets.

    Attributes:
        host: The host's name.
        role: What it is in the case: ``client``, ``relay``, ``server``, ``tunnel`` or ``neighbour``.
        addresses: The addresses that it can have.
        capture: The capture's path in the run's folder; empty for the host whose packets the record has itself.
        packets: The conversation as this host captured it.
    """

    host: str
    role: str
    addresses: tuple[str, ...] = ()
    capture: str = ""
    packets: tuple[Packet, ...] = ()


def kept(total: int, most: int, focus: range | None = None) -> list[int]:
    """Return the places of at most ``most`` of so many items.

    Args:
        total: How many items there are.
        most: How many are kept.
        focus: The items that matter. The first third of ``most`` is kept, the last item, and of these, from their first
            one on, as many as fit. Without them it is the first two thirds, and the last third.
    """
    if total <= most:
        return list(range(total))
    if not focus:
        return [*range(most - most // 3), *range(total - most // 3, total)]
    head, last = most // 3, total - 1
    inner = most - head - 1
    begin = min(max(focus.start, head), last - inner)
    return [*range(head), *range(begin, begin + inner), last]


def shortened(items: Sequence[Item], most: int, focus: range | None = None) -> tuple[Item, ...]:
    """Return at most ``most`` items; see `kept`."""
    return tuple(items[at] for at in kept(len(items), most, focus))


def failing(steps: Sequence[Step], findings: Sequence[Finding]) -> int | None:
    """Return the place of the step with the result of what the first failed finding is about; None if none shows it.

    It is the first step about the finding's target that says what happened, or else the one after the last about it.
    """
    finding = next((item for item in findings if not item.ok), None)
    target = _TARGET.search(finding.expected) if finding else None
    if finding is None or target is None:
        return None
    about = [at for at, step in enumerate(steps) if target[0] in step.what]
    says = (at for at, step in enumerate(steps) if {at - 1, at} & {*about} and _says(step.what, finding.happened))
    return next(says, min(about[-1] + 1, len(steps) - 1) if about else None)


def _says(what: str, happened: str) -> bool:
    """Return whether a step has what happened in a finding, or begins like it: either may have more to say."""
    return bool(happened) and (happened in what or what.startswith(happened[:_ALIKE]))


def around(step: int | None) -> range | None:
    """Return the places of a step with a result and of the two before it."""
    return None if step is None else range(max(step - 2, 0), step + 1)


def span(steps: Sequence[Step], findings: Sequence[Finding]) -> tuple[float, float] | None:
    """Return when what the first failed finding is about began and ended; None if no step shows it."""
    found = failing(steps, findings)
    return (steps[found - 1].at - _ROUNDED, steps[found].at + _ROUNDED) if found else None


def during(times: Iterable[float], when: tuple[float, float] | None) -> range | None:
    """Return the places of those of some times that are in a span; None if there are none."""
    places = [at for at, time in enumerate(times) if when and when[0] <= time <= when[1]]
    return range(places[0], places[-1] + 1) if places else None


def left_out(before: Packet, after: Packet) -> int:
    """Return how many packets of the conversation are left out between two of them."""
    return after.number - before.number - 1


def packet_lines(packets: Sequence[Packet]) -> tuple[str, ...]:
    """Return a line for each packet, with times that count from the first one, and a line for each gap."""
    lines: list[str] = []
    for at, packet in enumerate(packets):
        if at and (missing := left_out(packets[at - 1], packet)):
            lines.append(f"… {count(missing, 'packet')} left out …")
        lines.append(packet.line(packets[0].at))
    return tuple(lines)
