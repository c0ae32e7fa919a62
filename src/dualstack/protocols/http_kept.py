"""Requests of HTTP/1.1 that follow one another on one connection (RFC 9112 §9.3)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.judgement import Judgement, Outcome, placed


class Keeping(Conversation, Protocol):
    """A client of one request that tells whether it may be followed by another."""

    @property
    def is_whole(self) -> bool:
        """Whether the whole answer was received."""

    @property
    def is_kept(self) -> bool:
        """Whether the server keeps the connection after it."""


class KeptHttp:
    """A client that sends a request again after each whole answer, while the server keeps the connection.

    The judgement is that of the last request that was sent.
    """

    def __init__(self, make: Callable[[], Keeping], requests: int) -> None:
        """Prepare up to ``requests`` requests, each made by ``make``."""
        self._make, self._left = make, requests - 1
        self._client = make()
        self._answers = self._received = self._begins = 0

    def start(self) -> bytes:
        """See `Conversation`."""
        return self._client.start()

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        self._received += len(data)
        judgement = self._client.receive(data).judgement
        if judgement is None:
            return Turn()
        judgement = self._counted(judgement)
        if not self._left or judgement.outcome is not Outcome.ANSWERED or not self._client.is_kept:
            return Turn(judgement=judgement)
        end = judgement.length if judgement.length is not None else self._received
        early = data[len(data) - (self._received - end) :] if end < self._received else b""
        self._begins, self._received, self._left = end, end, self._left - 1
        self._client = self._make()
        request = self._client.start()
        turn = self.receive(early) if early else Turn()  # a client takes them for the answer to what it sends next
        return Turn(request + turn.send, turn.judgement)

    def end(self, why: str, *, closed: bool = False) -> Judgement:
        """See `Conversation`."""
        return self._counted(self._client.end(why, closed=closed))

    def _counted(self, judgement: Judgement) -> Judgement:
        """Return the judgement of a client, with the place of its answer on the connection."""
        is_whole = self._client.is_whole
        found = placed(judgement, self._answers, whole=is_whole)
        self._answers = found.answers
        detail = (
            f"{found.detail}; the connection is not kept" if is_whole and not self._client.is_kept else found.detail
        )
        length = None if judgement.length is None else self._begins + judgement.length
        return replace(found, detail=detail, begins=self._begins, length=length)
