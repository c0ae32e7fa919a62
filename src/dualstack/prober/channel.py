"""The client's end of the stream to an agent: requests out, answers in, for many threads and without one of its own.

Whoever waits for an answer reads the stream for all; the others wait for it. A reader thread would cost two more
thread switches a request, and would make every fork of the calling process a fork with threads.
"""

import json
import select
import socket
import threading
from contextlib import suppress
from time import monotonic
from typing import Any

from dualstack import errors

_READ = 1 << 18
_STUCK = 10.0  # seconds after which an agent that reads nothing is given up


class Channel:
    """One stream to an agent."""

    def __init__(self, stream: socket.socket) -> None:
        """Take the stream over."""
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

    def request(self, verb: str, fields: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a request and return its answer.

        Raises:
            DualstackError: The agent's error, as the exception that it names.
            HarnessError: The agent is gone, or did not answer within ``seconds``.
        """
        return self.receive(self.send(verb, fields), verb, seconds)

    def send(self, verb: str, fields: dict[str, Any]) -> int:
        """Send a request; return the number by which `receive` finds its answer.

        Raises:
            HarnessError: The agent is gone.
        """
        with self._state:
            if self._gone:
                raise errors.HarnessError(f"cannot ask the prober for {verb!r}: {self._gone}")
            self._last += 1
            number = self._last
            self._open.add(number)
        line = memoryview(json.dumps({"id": number, "do": verb, **fields}).encode() + b"\n")
        with self._sending:
            while line:
                try:
                    line = line[self._stream.send(line) :]
                except BlockingIOError:
                    if not self._wait(select.POLLOUT, _STUCK):
                        raise errors.HarnessError(f"the prober has taken nothing for {_STUCK:g} s") from None
                except OSError as error:
                    self._lose(f"its stream is broken ({error.strerror}): the lab or the agent was ended")
                    raise errors.HarnessError(f"cannot ask the prober for {verb!r}: {self._gone}") from error
        return number

    def receive(self, number: int, verb: str, seconds: float) -> dict[str, Any]:
        """Return the answer to a request.

        Raises:
            DualstackError: See `request`.
        """
        end = monotonic() + seconds
        try:
            while True:
                with self._state:
                    answer = self._answers.pop(number, None)
                    if answer is not None:
                        return _result(answer)
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
        """Note that the agent is gone, and wake everybody."""
        with self._state:
            self._gone = self._gone or reason
            self._state.notify_all()
        with suppress(OSError):  # it was not connected any more
            self._stream.shutdown(socket.SHUT_RDWR)  # wakes who reads

    def _read(self, seconds: float) -> None:
        """Read for everybody, once, for at most ``seconds``."""
        data: bytes | None = None
        lost = ""
        try:
            if self._wait(select.POLLIN, seconds):
                data = self._stream.recv(_READ)
                lost = "" if data else "its stream has ended: the lab or the agent was ended"
        except BlockingIOError:
            pass
        except (OSError, ValueError) as error:  # ValueError: closed meanwhile by another thread
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


def _result(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer's content, or raise the error that it is."""
    if "ok" in answer:
        result: dict[str, Any] = answer["ok"]
        return result
    kind = getattr(errors, answer["kind"], errors.HarnessError)
    raise kind(answer["error"])
