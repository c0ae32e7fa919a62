"""The parts of the recorder that need no interface: the file it writes, the ring it reads, what it sends and says."""

import errno
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from dualstack.wire import recorder as recording
from dualstack.wire.pcap import HEADER, RECORD, Pcap
from dualstack.wire.recorder import BATCH, Recorder, Recording, _read_line, _say
from dualstack.wire.ring import BLOCK, BLOCKS, SLOT, Ring

SIZE = BLOCK * BLOCKS
HEAD = struct.Struct("=IIIHHII")


class System:
    """The operating system, but for what a test says of writing and closing."""

    def __init__(self, **instead: Callable[..., Any]) -> None:
        """Take the functions that are others."""
        self._instead = instead

    def __getattr__(self, name: str) -> Any:
        """Return the function that stands in for one of the system's, or that itself."""
        return self._instead.get(name, getattr(os, name))


def full(*_: object) -> int:
    """Have no room."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def content(frames: int, data: bytes = b"frame") -> bytes:
    """Return a file with so many frames, each a second later."""
    return HEADER + b"".join(RECORD.pack(second, 7, len(data), 99) + data for second in range(frames))


def add(file: Recording, frames: range, data: bytes = b"frame") -> None:
    """Add the frames of `content`."""
    for second in frames:
        file.add(second, 7, 99, data)


def test_a_file_is_a_capture_from_the_start(tmp_path: Path) -> None:
    """The header is written at once, over previous contents; the file is readable for all and not executable."""
    path = tmp_path / "x.pcap"
    path.write_bytes(b"x" * 1000)
    path.unlink()
    mask = os.umask(0)
    try:
        file = Recording(path)
    finally:
        os.umask(mask)
    assert path.read_bytes() == HEADER
    assert path.stat().st_mode & 0o777 == 0o644
    file.close()
    path.write_bytes(b"x" * 1000)
    file = Recording(path)
    assert path.read_bytes() == HEADER
    assert (file.frames, file.error) == (0, "")
    file.close()


def test_frames_are_written_with_their_batch(tmp_path: Path) -> None:
    """What is added is written when it is flushed, when the file is closed, or when it makes a whole batch."""
    path = tmp_path / "x.pcap"
    file = Recording(path)
    add(file, range(2))
    assert (path.read_bytes(), file.frames) == (HEADER, 0)
    file.flush()
    assert (path.read_bytes(), file.frames) == (content(2), 2)
    add(file, range(2, 3))
    file.close()
    assert (path.read_bytes(), file.frames) == (content(3), 3)
    file.close()
    assert [(time, length, data) for time, length, data in Pcap(path)][2] == (2 + 7e-9, 99, b"frame")
    for missing, written in ((1, 0), (0, BATCH)):
        file = Recording(path)
        file.add(1, 2, 3, b"x" * (BATCH - RECORD.size - missing))
        assert path.stat().st_size == len(HEADER) + written
        file.close()


def test_a_write_in_pieces_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system takes a part only, the rest is written after it."""
    path = tmp_path / "x.pcap"
    sizes = iter([7] * 100)  # the loop would never end otherwise
    monkeypatch.setattr(recording, "os", System(write=lambda file, data: os.write(file, data[: next(sizes)])))
    file = Recording(path)
    add(file, range(5))
    file.close()
    assert path.read_bytes() == content(5)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), OSError("odd")])
def test_after_an_error_the_file_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    """Of what could not be written whole nothing stays, and nothing is written after it; the error is kept."""
    path = tmp_path / "x.pcap"
    room = [len(content(4))]

    def write(file: int, data: bytes) -> int:
        if not room[0]:
            raise error
        written = os.write(file, data[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(recording, "os", System(write=write))
    file = Recording(path)
    add(file, range(3))
    file.flush()
    add(file, range(3, 6))
    file.flush()
    assert path.read_bytes() == content(3)
    room[0] = 1000
    add(file, range(3, 6))
    file.close()
    assert path.read_bytes() == content(3)
    assert (file.frames, file.error) == (3, error.strerror or "odd")


def test_a_file_without_room_for_its_header_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even the header can be written there is no recording, and no descriptor stays open."""
    closed = []

    def close(file: int) -> None:
        closed.append(file)
        os.close(file)

    monkeypatch.setattr(recording, "os", System(write=full, close=close))
    with pytest.raises(OSError, match=r"^No space left on device$"):
        Recording(tmp_path / "x.pcap")
    assert len(closed) == 1


def test_an_error_of_closing_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that reports only at the end that it is full is believed; what was wrong before says more."""
    files = [Recording(tmp_path / "x.pcap"), Recording(tmp_path / "y.pcap")]
    descriptors = [file._file for file in files]
    files[1].error = "what was wrong before"
    monkeypatch.setattr(recording, "os", System(close=full))
    for file in files:
        file.close()
        file.close()
    assert [file.error for file in files] == ["No space left on device", "what was wrong before"]
    for descriptor in descriptors:
        os.close(descriptor)


def ring_with(*frames: tuple[int, bytes, int], at: int = 0) -> Ring:
    """Return a ring that reads at a slot, with frames in slots: slot, bytes, length on the wire."""
    ring = Ring.__new__(Ring)
    memory = bytearray(SIZE)
    for slot, data, length in frames:
        start = slot * SLOT
        HEAD.pack_into(memory, start, 1, length, len(data), 66, 80, 5, 6)
        memory[start + 66 : start + 66 + len(data)] = data
    ring._ring, ring._next = cast("Any", memory), at * SLOT
    return ring


def test_the_ring_is_read_until_a_slot_is_the_kernels() -> None:
    """Frames are read from where the last one was, each with its time and length, and their slots are given back."""
    ring = ring_with((3, b"one", 3), (4, b"two", 9000), (6, b"later", 5), at=3)
    assert list(ring.frames()) == [(5, 6, 3, b"one"), (5, 6, 9000, b"two")]
    assert ring._next == 5 * SLOT
    assert [ring._ring[slot * SLOT] for slot in (3, 4, 5, 6)] == [0, 0, 0, 1]
    assert list(ring.frames()) == []


def test_the_ring_goes_round() -> None:
    """After the last slot comes the first one."""
    last = SIZE // SLOT - 1
    ring = ring_with((last, b"last", 4), (0, b"first", 5), at=last)
    assert [data for *_, data in ring.frames()] == [b"last", b"first"]
    assert ring._next == SLOT


def test_a_slot_is_the_readers_by_one_bit() -> None:
    """The kernel says more of a frame than that it is there, such as that others were lost."""
    ring = ring_with((0, b"one", 3), (1, b"two", 3))
    ring._ring[0], ring._ring[SLOT] = 0b1101, 0b1100
    assert [data for *_, data in ring.frames()] == [b"one"]


class Told:
    """A socket that answers what a test says."""

    def __init__(self, *answers: Any) -> None:
        """Take the answers, one for each call."""
        self.answers = list(answers)

    def getsockopt(self, *_: int) -> Any:
        """Return an option."""
        return self.answers.pop(0)

    def send(self, _: bytes) -> int:
        """Send, or fail."""
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return int(answer)


def test_drops_add_up() -> None:
    """The kernel counts from the last question on, in 32 bits without a sign."""
    ring = Ring.__new__(Ring)
    ring.drops, ring._socket = 0, cast("Any", Told(struct.pack("=II", 9, 0xFFFFFFFF), struct.pack("=II", 9, 3)))
    assert ring.count_drops() == 0xFFFFFFFF
    assert ring.count_drops() == ring.drops == 0xFFFFFFFF + 3


@pytest.mark.parametrize(
    ("errors", "sent", "left"),
    [
        ((), True, 0),
        ((errno.ENOBUFS,), True, 0),
        *(((gone,), False, 1) for gone in (errno.ENETDOWN, errno.ENXIO, errno.ENODEV)),
    ],
)
def test_witnesses_of_a_link_that_is_gone(errors: tuple[int, ...], sent: bool, left: int) -> None:  # noqa: FBT001 - a row of the table
    """A full queue is no reason to give up, an interface that is down or gone is; what comes after it is not sent."""
    answers = [*(OSError(number, "") for number in errors), 1, 1][:2]
    recorder = Recorder.__new__(Recorder)
    recorder._sender = cast("Any", Told(*answers))
    assert recorder._send([b"one", b"two"]) is sent
    assert len(cast("Any", recorder._sender).answers) == left


def test_any_other_error_of_sending_is_told() -> None:
    """What cannot be explained is not passed over."""
    recorder = Recorder.__new__(Recorder)
    recorder._sender = cast("Any", Told(OSError(errno.EPERM, "")))
    with pytest.raises(PermissionError):
        recorder._send([b"one"])


@pytest.mark.parametrize(("pieces", "line"), [((b"{", b"}\n"), b"{}\n"), ((b"{}",), b""), ((), b"")])
def test_an_order_is_a_whole_line(pieces: tuple[bytes, ...], line: bytes) -> None:
    """An order may come in pieces; one that ends with the stream in place of the line is none."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            for piece in pieces:
                theirs.sendall(piece)
        assert _read_line(ours) == line


def test_closed_stream_is_no_error() -> None:
    """An answer is one line; a closed stream is no error."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            _say(ours, drops=1, error="é")
            assert theirs.recv(100) == b'{"drops": 1, "error": "\\u00e9"}\n'
        _say(ours, drops=2)
