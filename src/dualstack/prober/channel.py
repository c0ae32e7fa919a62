"""The client's end of the stream to an agent: requests out, answers in, for many threads.

One of the threads that wait for an answer reads the stream for all. A dedicated reader thread would cost two more
thread switches per request, and every fork of the calling process would be a fork with threads.
"""

import json
import select
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Generic

from dualstack import errors
from dualstack.prober.codec import pack, unpack_answer
from dualstack.prober.messages.requests import A, Request

_READ = 1 << 18
_SEND_TIMEOUT = 10.0  # seconds within which the agent must read
_GRACE = 10.0  # seconds that an answer may take beyond the request's own time limit; a busy machine is slow


@dataclass(frozen=True, slots=True)
class Sent(Generic[A]):
    """A request that was sent.

    Attributes:
        number: The number by which its answer is found.
        request: The request.
    """

    number: int
    request: Request[A]


class Channel:
    """One stream to an agent."""

    def __init__(self, stream: socket.socket) -> None:
        """Take over the stream."""
        stream.setblocking(False)
        self._stream = stream
        self._sending = threading.Lock()
        self._state = threading.Condition()  # guards everything below
        self._reading = False
        self._gone = ""
        self._last = 0
        self._open: set[int] = set()
        self._answers: dict[int, dict[str, Any]] = {}
        self._line = bytearray()

    def call(self, request: Request[A]) -> A:
        """Send a request and return its answer.

        Raises:
            DualstackError: The agent's error, as the exception that it names.
            HarnessError: The agent is gone, or did not answer in time.
        """
        return self.receive(self.send(request))

    def call_all(self, requests: Sequence[Request[A]]) -> list[A]:
        """Send requests, all at the same time; return their answers in the same order.

        Raises:
            DualstackError: The first error in that order; see `call`.
        """
        return [self.receive(sent) for sent in [self.send(request) for request in requests]]

    def send(self, request: Request[A]) -> Sent[A]:
        """Send a request; return what `receive` takes to find its answer.

        Raises:
            HarnessError: The agent is gone.
        """
        verb, fields = type(request).__name__, pack(request)
        with self._state:
            if self._gone:
                raise errors.HarnessError(f"cannot ask the prober for {verb!r}: {self._gone}")
            self._last += 1
            number = self._last
            self._open.add(number)
        line = memoryview(json.dumps({"id": number, "do": verb, "with": fields}).encode() + b"\n")
        with self._sending:
            while line:
                try:
                    line = line[self._stream.send(line) :]
                except BlockingIOError:
                    if not self._wait(select.POLLOUT, _SEND_TIMEOUT):
                        raise errors.HarnessError(f"the prober has read nothing for {_SEND_TIMEOUT:g} s") from None
                except OSError as error:
                    self._lose(f"its stream is broken ({error.strerror}): the lab or the agent was ended")
                    raise errors.HarnessError(f"cannot ask the prober for {verb!r}: {self._gone}") from error
        return Sent(number, request)

    def receive(self, sent: Sent[A], grace: float = _GRACE) -> A:
        """Return the answer to a request.

        Args:
            sent: The request that was sent.
            grace: Seconds that the answer may take beyond the request's time limit.

        Raises:
            DualstackError: See `call`.
        """
        kind = type(sent.request)
        answer = self._answer(sent.number, kind.__name__, sent.request.time_limit + grace)
        if "ok" in answer:
            return unpack_answer(kind, answer["ok"])
        raise getattr(errors, answer["kind"], errors.HarnessError)(answer["error"])

    def _answer(self, number: int, verb: str, seconds: float) -> dict[str, Any]:
        """Return the answer with a number, which may be an error; raise HarnessError if none comes."""
        end = monotonic() + seconds
        try:
            while True:
                with self._state:
                    answer = self._answers.pop(number, None)
                    if answer is not None:
                        return answer
                    if self._gone:
                        raise errors.HarnessError(f"the prober did not finish {verb!r}: {self._gone}")
                    left = end - monotonic()
                    if left <= 0:
                        raise errors.HarnessError(f"the prober did not answer {verb!r} within {seconds:g} s")
                    if self._reading:
                        self._state.wait(left)
                        continue
                    self._reading = True
                self._read(left)
        finally:
            with self._state:
                self._open.discard(number)  # an answer that comes later is dropped

    def close(self) -> None:
        """End the stream and with it the agent; it may be called twice."""
        self._lose("it was closed")
        with self._sending:
            self._stream.close()

    @property
    def gone(self) -> bool:
        """Whether the agent is known to be gone."""
        return bool(self._gone)

    def _lose(self, reason: str) -> None:
        """Note that the agent is gone, and wake all threads that wait."""
        with self._state:
            self._gone = self._gone or reason
            self._state.notify_all()
        with suppress(OSError):  # it was not connected any more
            self._stream.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads

    def _read(self, seconds: float) -> None:
        """Read once for all threads, for at most ``seconds``."""
        data: bytes | None = None
        lost = ""
        try:
            if self._wait(select.POLLIN, seconds):
                data = self._stream.recv(_READ)
                lost = "" if data else "its stream has ended: the lab or the agent was ended"
        except BlockingIOError:
            pass
        except (OSError, ValueError) as error:  # ValueError: another thread has closed it
            lost = f"its stream is broken ({error})"
        finally:
            with self._state:
                self._reading = False
                self._gone = self._gone or lost
                self._take(data or b"")
                self._state.notify_all()

    def _wait(self, event: int, seconds: float) -> bool:
        """Return whether the stream is ready for ``event`` within ``seconds``."""
        poller = select.poll()
        poller.register(self._stream, event)
        return bool(poller.poll(seconds * 1000))

    def _take(self, data: bytes) -> None:
        """Keep the answers that are complete."""
        self._line += data
        if b"\n" not in data:
            return
        *lines, self._line = self._line.split(b"\n")
        for line in lines:
            answer = json.loads(line)
            if answer["id"] in self._open:
                self._answers[answer["id"]] = answer
