"""The test process's side of the one stream to a host: a thread that forwards the data of each channel."""

import contextlib
import json
import os
import queue
import select
import socket
import struct
import threading
from typing import Any

from dualstack import errors
from dualstack.errors import HarnessError
from dualstack.lab.docker.mux import CONTROL, LARGEST, Unpacker, frame
from dualstack.lab.outside import Outside

_STDOUT = 1
_STREAM_HEADER = struct.Struct("!BxxxI")
_SHOWN = 2000


class Multiplexer:
    """The connection to a host supervisor."""

    def __init__(self, stream: socket.socket, host: str) -> None:
        """Take over the stream that is attached to the supervisor's standard streams, and start to forward."""
        self._stream = stream
        self._host = host
        self._raw = bytearray()
        self._unpacker = Unpacker()
        self._line = b""
        self._stderr = bytearray()
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._asking = threading.Lock()
        self._sending = threading.Lock()
        self._state = threading.Lock()  # guards the channels
        self._channels: dict[int, socket.socket] = {}
        self._last = CONTROL
        self._ended = False
        self._outside = Outside()
        self._woken, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run, name=f"streams of {host}", daemon=True)
        self._thread.start()

    def ask(self, request: dict[str, Any], seconds: float) -> Any:
        """Send a request to the supervisor and return its answer.

        Raises:
            DualstackError: The supervisor answered with this error.
            HarnessError: The supervisor has ended, or does not answer within ``seconds``.
        """
        with self._asking:
            self._send(CONTROL, json.dumps(request).encode() + b"\n")
            try:
                answer = self._answers.get(timeout=seconds)
            except queue.Empty:
                self.close()  # its answer would come late, and be taken for that to the next request
                raise HarnessError(f"host {self._host!r} did not {request['do']!r} within {seconds:g} s") from None
        if answer is None:
            self._answers.put(None)
            raise HarnessError(f"host {self._host!r} is gone: its container has ended{self._stderr_text()}")
        if "error" in answer:
            raise getattr(errors, answer["kind"], HarnessError)(answer["error"])
        return answer["ok"]

    @property
    def gone(self) -> bool:
        """Whether the stream has ended."""
        return not self._thread.is_alive()

    def inside(self, entry: str, seconds: float) -> socket.socket:
        """Run an entry point in the host, which has all protocols from outside then; return the stream to it.

        Raises:
            DualstackError: See `ask`.
        """
        self._outside.send(lambda request: self.ask(request, seconds))
        ours, theirs = socket.socketpair()
        with self._state:
            self._last += 1
            channel = self._last
            self._channels[channel] = theirs
        try:
            self.ask({"do": "inside", "channel": channel, "entry": entry}, seconds)
        except BaseException:
            ours.close()
            self._drop(channel)
            raise
        with contextlib.suppress(OSError):  # the thread has ended, and so has the stream
            os.write(self._wake, b".")  # only now is there a process to forward to
        return ours

    def close(self) -> None:
        """End the stream and with it the host; it may be called twice."""
        if self._ended:
            return
        self._ended = True
        with contextlib.suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        os.close(self._wake)

    def _stderr_text(self) -> str:
        """Return the end of its standard error, as the end of a sentence."""
        text = bytes(self._stderr).decode(errors="backslashreplace").strip()
        return f"; its output: {text[-_SHOWN:]}" if text else ""

    def _send(self, channel: int, data: bytes) -> None:
        """Send on a channel.

        Raises:
            HarnessError: The supervisor has ended.
        """
        try:
            with self._sending:
                self._stream.sendall(frame(channel, data))
        except OSError as error:
            raise HarnessError(f"host {self._host!r} is gone ({error.strerror}){self._stderr_text()}") from None

    def _run(self) -> None:
        """Forward until the supervisor's stream ends (in the thread)."""
        try:
            while self._forward():
                pass
        except (OSError, ValueError, HarnessError):
            pass  # reported below to those who wait for an answer
        finally:
            with self._state:
                channels, self._channels = self._channels, {}
            for stream in channels.values():
                stream.close()
            self._stream.close()
            os.close(self._woken)
            self._answers.put(None)

    def _forward(self) -> bool:
        """Wait for data and forward it; return False when the supervisor's stream has ended."""
        with self._state:
            channels = {stream.fileno(): channel for channel, stream in self._channels.items()}
        poller = select.poll()
        for descriptor in (self._stream.fileno(), self._woken, *channels):
            poller.register(descriptor, select.POLLIN)
        for descriptor, _ in poller.poll():
            if descriptor == self._stream.fileno():
                data = self._stream.recv(LARGEST)
                if not data:
                    return False
                self._take(data)
            elif descriptor == self._woken:
                os.read(self._woken, 4096)
            else:
                self._forward_to_host(channels[descriptor])
        return True

    def _forward_to_host(self, channel: int) -> None:
        """Forward what the test process sends to a process inside."""
        stream = self._channels.get(channel)
        if stream is None:
            return
        try:
            data = stream.recv(LARGEST)
        except OSError:
            data = b""
        self._send(channel, data)
        if not data:
            self._drop(channel)

    def _take(self, data: bytes) -> None:
        """Split the engine's frames: standard output carries our frames, standard error is text."""
        self._raw += data
        while len(self._raw) >= _STREAM_HEADER.size:
            kind, length = _STREAM_HEADER.unpack_from(self._raw)
            end = _STREAM_HEADER.size + length
            if len(self._raw) < end:
                return
            piece = bytes(self._raw[_STREAM_HEADER.size : end])
            del self._raw[:end]
            if kind == _STDOUT:
                for channel, content in self._unpacker.feed(piece):
                    self._give(channel, content)
            else:
                self._stderr = (self._stderr + piece)[-_SHOWN * 4 :]

    def _give(self, channel: int, data: bytes) -> None:
        """Deliver the data of a channel."""
        if channel == CONTROL:
            *lines, self._line = (self._line + data).split(b"\n")
            for line in lines:
                self._answers.put(json.loads(line))
        elif data:
            with contextlib.suppress(OSError):  # the reader has closed it
                stream = self._channels.get(channel)
                if stream is not None:
                    stream.sendall(data)
        else:
            self._drop(channel)

    def _drop(self, channel: int) -> None:
        """Close this end of a channel."""
        with self._state:
            stream = self._channels.pop(channel, None)
        if stream is not None:
            stream.close()
