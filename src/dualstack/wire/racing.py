"""How a client got from a name to a connection: questions, answers, attempts, the winner, and the delays between them.

All times are the kernel's, from one capture. RFC 8305 names the delays: *Resolution Delay* (§3) and *Connection Attempt
Delay* (§5).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from dualstack.families import Family
from dualstack.wire.attempts import Attempt, Fate, attempts
from dualstack.wire.dissect import Dns
from dualstack.wire.dns import dns_answers, dns_queries
from dualstack.wire.evidence import CaptureData
from dualstack.wire.flows import Flow, flows
from dualstack.wire.formatting import concerning, format_lines

ADDRESS_TYPES = {"A": Family.IPV4, "AAAA": Family.IPV6}
"""The family that each type of address record is about."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """The questions for one record type of a name.

    Attributes:
        type: The record type: ``A``, ``AAAA``, ``HTTPS`` …
        asked: When it was asked, and asked again, in seconds since the epoch.
        answered: When the first answer with records came or, if none has records, the first answer; None without one.
        rcode: The response code of that answer; 0 without one.
        answers: The data of that answer's records, as text.
        replies: When answers came, that one among them.
    """

    type: str
    asked: tuple[float, ...]
    answered: float | None = None
    rcode: int = 0
    answers: tuple[str, ...] = ()
    replies: tuple[float, ...] = ()

    @property
    def time(self) -> float:
        """When it was first asked."""
        return self.asked[0]


@dataclass(frozen=True, slots=True)
class Gap:
    """The time between two consecutive attempts.

    Attributes:
        before: The earlier attempt.
        after: The later one.
        free: Whether the later attempt need not wait: an attempt before it had failed or had been answered.
    """

    before: Attempt
    after: Attempt
    free: bool

    @property
    def seconds(self) -> float:
        """Seconds from the first SYN of the earlier attempt to the first SYN of the later one."""
        return self.after.time - self.before.time


@dataclass(frozen=True, slots=True)
class Race:
    """What one run of a client put on the wire.

    Attributes:
        lookups: The questions for the name, one entry for each record type, in the order in which they were asked.
        flows: The attempts with what followed each of them, in the order in which they began.
        until: The time of the last packet of the run, in seconds since the epoch: later events are not recorded.
        packets: Its packets from and to the port, one line each.
        ended: How the client ended by itself, such as "exited with code 1": nothing follows. Empty if it was stopped.
    """

    lookups: tuple[Lookup, ...]
    flows: tuple[Flow, ...]
    until: float = -math.inf
    packets: tuple[str, ...] = ()
    ended: str = ""

    def lookup(self, record: str) -> Lookup | None:
        """Return the questions for one record type; None if it was not asked for."""
        return next((item for item in self.lookups if item.type == record), None)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The first attempt to reach each address, in the order in which they began."""
        first: dict[str, Attempt] = {}
        for flow in self.flows:
            first.setdefault(flow.attempt.dst, flow.attempt)
        return tuple(first.values())

    @property
    def families(self) -> tuple[Family, ...]:
        """The family of each address, in the order in which they were tried."""
        return tuple(item.family for item in self.attempts)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The gaps between consecutive attempts to different addresses."""
        made = self.attempts
        return tuple(Gap(one, other, _is_free(made, other)) for one, other in pairwise(made))

    @property
    def fallback(self) -> Gap | None:
        """The gap from the first attempt to the first one over the other family; None if there is none."""
        made = self.attempts
        other = next((item for item in made if item.family is not made[0].family), None)
        return None if other is None else Gap(made[0], other, _is_free(made, other))

    @property
    def winner(self) -> Flow | None:
        """The connection that carried the client's first data or, if none carried any, was answered first."""
        spoke = [(flow.first_sent, flow.attempt.time, flow) for flow in self.flows if flow.first_sent is not None]
        if spoke:
            return min(spoke, key=lambda item: item[:2])[2]
        won = [(item.attempt.decided, item) for item in self.flows if item.established and item.attempt.decided]
        return min(won, key=lambda item: item[0])[1] if won else None

    @property
    def losers(self) -> tuple[Flow, ...]:
        """The attempts to other addresses that had begun when the winner carried its first data, and had not failed.

        A second connection to the winner's address is not part of the race: browsers open several to one server.
        """
        winner = self.winner
        if winner is None:
            return ()
        end = math.inf if winner.first_sent is None else winner.first_sent
        return tuple(
            item
            for item in self.flows
            if item.attempt.dst != winner.attempt.dst and item.attempt.time <= end and not has_failed(item.attempt, end)
        )

    @property
    def resolution_delay(self) -> float | None:
        """Seconds from the last address answer before the first attempt to that attempt; None without either."""
        if not self.flows:
            return None
        first = self.flows[0].attempt.time
        known = (time for item in self.lookups if item.type in ADDRESS_TYPES for time in item.replies)
        before = [time for time in known if time <= first]
        return first - max(before) if before else None


def has_failed(attempt: Attempt, by: float) -> bool:
    """Return whether an attempt had failed at a time: RST or an ICMP error had come."""
    decided = attempt.decided
    return attempt.fate in {Fate.REFUSED, Fate.ICMP_ERROR} and decided is not None and decided <= by


def race(wire: CaptureData, port: int, name: str = "", *, since: float = -math.inf, until: float = math.inf) -> Race:
    """Return how a client reached ``port`` over TCP.

    Args:
        wire: What was captured on the client's host.
        port: The destination port.
        name: The name that it was given: only questions for it, and for names below it (RFC 9460 §2.3), count; empty
            for all questions.
        since: When the run began, in seconds since the epoch.
        until: When the next run began.

    Raises:
        Inconclusive: The capture is incomplete.
    """
    wire.require_whole()
    made = tuple(item for item in flows(wire, port) if since <= item.attempt.time < until)
    own = [frame for frame in wire.frames if since <= frame.time < until]
    last = max((frame.time for frame in own), default=-math.inf)
    return Race(tuple(_lookups(wire, name, since, until)), made, last, format_lines(concerning(own, [port])))


def lateness(wire: CaptureData, port: int, seconds: float) -> tuple[float, ...]:
    """Return by how many seconds each second connection of a client of known delay was late.

    Args:
        wire: What was captured on the client's host.
        port: The port of its connections, which no other client uses.
        seconds: Its delay.

    Raises:
        Inconclusive: The capture is incomplete.
    """
    wire.require_whole()
    made = attempts(wire, port)
    return tuple(second.time - first.time - seconds for first, second in zip(made[::2], made[1::2], strict=False))


def _lookups(wire: CaptureData, name: str, since: float, until: float) -> Iterator[Lookup]:
    """Yield the questions for a name, by record type."""
    wanted = name.lower().rstrip(".")
    asked: dict[str, list[Dns]] = {}
    for query in dns_queries(wire):
        if since <= query.time < until and _is_about(query.name, wanted):
            asked.setdefault(query.type, []).append(query)
    answers = [item for item in dns_answers(wire) if since <= item.time < until and _is_about(item.name, wanted)]
    for record, queries in asked.items():
        found = Lookup(record, tuple(item.time for item in queries))
        own = [item for item in answers if item.type == record]
        answer = next((item for item in own if item.answers), own[0] if own else None)
        if answer is not None:
            replies = tuple(item.time for item in own)
            found = replace(found, answered=answer.time, rcode=answer.rcode, answers=answer.answers, replies=replies)
        yield found


def _is_about(name: str, wanted: str) -> bool:
    """Return whether a question is for the wanted name, or for a name below it."""
    return not wanted or name == wanted or name.endswith(f".{wanted}")


def _is_free(made: tuple[Attempt, ...], after: Attempt) -> bool:
    """Return whether an attempt was made after one of those before it had failed, or had been answered."""
    before = made[: made.index(after)]
    last = before[-1]
    answered = any(item.fate is Fate.ANSWERED and (item.decided or math.inf) <= after.time for item in before)
    return answered or has_failed(last, after.time)
