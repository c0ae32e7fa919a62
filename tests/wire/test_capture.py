"""The recorder's client: what it orders, what it does with each answer, and with none."""

import errno
import json
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from dualstack.errors import DeadlineExpired, HarnessError, Inconclusive
from dualstack.wire import capture as capturing
from dualstack.wire.capture import Capture
from dualstack.wire.pcap import HEADER


class ToldHost:
    """A host whose recorder gives the answers of a test."""

    name, interface = "service", "eth0"
    fetched: ClassVar[list[Path]] = []

    def __init__(self, answers: Sequence[bytes]) -> None:
        """Answer each order with the next of ``answers``; then close."""
        self.orders: list[dict[str, object]] = []
        self.fetched.clear()
        self._answers = list(answers)
        self._thread: threading.Thread | None = None

    def place(self, path: Path) -> str:
        """Return a path that only the host knows."""
        return f"/inside{path}"

    def fetch(self, path: Path) -> None:
        """Note that it was fetched, and make it a capture."""
        self.fetched.append(path)
        path.write_bytes(HEADER)

    def inside(self, entry: str) -> socket.socket:
        """Return the stream to what stands in for the recorder."""
        assert entry == "dualstack.wire.recorder:record"
        ours, theirs = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, args=(theirs,))
        self._thread.start()
        return ours

    def _serve(self, stream: socket.socket) -> None:
        """Answer, in two pieces."""
        with stream, stream.makefile("rb") as lines_of:
            for answer in self._answers:
                self.orders.append(json.loads(lines_of.readline() or b"{}"))
                stream.sendall(answer[:5])
                stream.sendall(answer[5:])

    def join(self) -> None:
        """Wait for its end."""
        assert self._thread is not None
        self._thread.join(10)


@contextmanager
def told(*answers: bytes) -> Iterator[ToldHost]:
    """Make a host that answers so."""
    host = ToldHost(answers)
    yield host
    host.join()


READY = b'{"ready": true, "mac": "02:00:5e:10:00:01"}\n'


def test_the_recorder_is_told_what_to_do(tmp_path: Path) -> None:
    """It gets interface, path inside, and its own nonce; then it is stopped and the file is fetched."""
    path = tmp_path / "x.pcap"
    nonces = set()
    for _ in range(2):
        with told(READY, b'{"frames": 0, "drops": 7, "error": "", "witnessed": []}\n') as host:
            capture = Capture.start(host, path)
            assert capture.mac == "02:00:5e:10:00:01"
            wire = capture.stop()
        first, second = host.orders
        nonces.add(str(first.pop("nonce")))
        assert first == {"interface": "eth0", "path": f"/inside{path}"}
        assert second == {"stop": True}
        assert host.fetched == [path]
        assert (wire.drops, wire.mac) == (7, capture.mac)
    assert len(nonces) == 2
    assert {len(nonce) for nonce in nonces} == {16}


def test_answers_may_come_at_once(tmp_path: Path) -> None:
    """Two answers in one piece are two."""
    stopped = b'{"frames": 0, "drops": 1, "error": "", "witnessed": []}\n'
    with told(READY + stopped + b'{"more": 1}\n') as host:
        capture = Capture.start(host, tmp_path / "x.pcap")
        assert capture.stop().drops == 1


def test_a_recorder_that_ends_has_died(tmp_path: Path) -> None:
    """The end of the stream, also inside an answer, raises an error with the names of file and host."""
    for words in (b"", b'{"ready": tr'):
        with told(words) as host, pytest.raises(HarnessError, match=r"x\.pcap: the recorder of host service has died"):
            Capture.start(host, tmp_path / "x.pcap")


def test_a_recorder_that_is_silent_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When its time is up the error says what was waited for."""
    monkeypatch.setattr(capturing, "ANSWER_SECONDS", 0.05)
    ours, theirs = socket.socketpair()
    host = ToldHost([])
    monkeypatch.setattr(host, "inside", lambda _: ours)
    with theirs, pytest.raises(DeadlineExpired, match="the recorder of host service to answer"):
        Capture.start(host, tmp_path / "x.pcap")


class Broken:
    """A stream whose other end has reset it, with words that came before."""

    def __init__(self, error: type[OSError], *words: bytes) -> None:
        """Fail with ``error``."""
        self._error, self._words = error, list(words)

    def sendall(self, _: bytes) -> None:
        """Say that nothing can be sent."""
        raise self._error

    def settimeout(self, _: float) -> None:
        """Take notice."""

    def recv(self, _: int) -> bytes:
        """Return the words, then say that nothing more will come."""
        if not self._words:
            raise self._error
        return self._words.pop(0)

    def close(self) -> None:
        """Be closed."""


@pytest.mark.parametrize("error", [BrokenPipeError, ConnectionResetError])
def test_a_stream_that_was_reset_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    """However sending fails, what was said before is read."""
    host = ToldHost([])
    monkeypatch.setattr(host, "inside", lambda _: Broken(error, b'{"error": "x.pcap', b': no room"}\n'))
    with pytest.raises(HarnessError, match=r"^x\.pcap: no room$"):
        Capture.start(host, tmp_path / "x.pcap")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_no_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A capture that has no room is no fault of ours: the sentence says what to do."""
    host = ToldHost([])
    said = json.dumps({"error": f"x.pcap: the capture could not be written: {os.strerror(number)}"}).encode()
    monkeypatch.setattr(host, "inside", lambda _: Broken(BrokenPipeError, said, b"\n"))
    with pytest.raises(Inconclusive, match="; make room there, or name another place with --results"):
        Capture.start(host, tmp_path / "x.pcap")


def test_a_reset_is_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder whose stream is reset in the middle of an answer has died."""
    host = ToldHost([])
    monkeypatch.setattr(host, "inside", lambda _: Broken(ConnectionResetError, b'{"ready"'))
    with pytest.raises(HarnessError, match="the recorder of host service has died"):
        Capture.start(host, tmp_path / "x.pcap")


def test_words_of_a_recorder_that_died_before_it_was_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last answer is read although nothing can be sent to it any more."""
    ours, theirs = socket.socketpair()
    theirs.sendall(b'{"error": "x.pcap: no room"}\n')
    theirs.close()
    host = ToldHost([])
    monkeypatch.setattr(host, "inside", lambda _: ours)
    with pytest.raises(HarnessError, match=r"^x\.pcap: no room$"):
        Capture.start(host, tmp_path / "x.pcap")
