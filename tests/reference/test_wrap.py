"""The C tutorial's wrapped calls do what the tutorial says, and its shared line buffer mixes descriptors up."""

import ctypes
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest


class Reader(ctypes.Structure):
    """``struct reader``: what a descriptor has delivered and was not read yet."""

    _fields_ = (("data", ctypes.c_char * 100), ("used", ctypes.c_size_t), ("next", ctypes.c_size_t))


@pytest.fixture
def wrap(programs: Any) -> ctypes.CDLL:
    """Load the wrapped calls into this process."""
    library = ctypes.CDLL(str(programs.folder / "libwrap.so"), use_errno=True)
    for name in ("Read", "Write", "Readn", "Writen", "Readline", "readline_from"):
        getattr(library, name).restype = ctypes.c_ssize_t
    return library


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return two connected stream sockets."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def size(number: int) -> ctypes.c_size_t:
    """Return a ``size_t``."""
    return ctypes.c_size_t(number)


def readline(wrap: ctypes.CDLL, stream: socket.socket, room: int = 80) -> bytes:
    """Read a line with the document's `Readline`; its length must be what it returns."""
    buffer = ctypes.create_string_buffer(b"#" * room, room)
    length = wrap.Readline(stream.fileno(), buffer, size(room))
    assert length == len(buffer.value)
    return buffer.value


def drained(wrap: ctypes.CDLL, stream: socket.socket) -> bytes:
    """Read all lines that the document's shared buffer has; the stream must be at its end."""
    lines = b""
    while line := readline(wrap, stream):
        lines += line
    return lines


def child_of(action: Callable[[], object]) -> int:
    """Run a function in a forked child whose standard error is closed; return the child's exit code."""
    pid = os.fork()
    if pid == 0:
        os.close(2)
        action()
        os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_readn_waits_for_all(wrap: ctypes.CDLL, pair: Any) -> None:
    """L23: Readn loops until it has n bytes, however they come."""
    ours, theirs = pair
    buffer = ctypes.create_string_buffer(10)
    found = []
    reading = threading.Thread(target=lambda: found.append(wrap.Readn(ours.fileno(), buffer, size(10))))
    reading.start()
    for piece in (b"abc", b"d", b"efghij", b"more"):
        theirs.sendall(piece)
    reading.join(5)
    assert found == [10]
    assert buffer.raw == b"abcdefghij"


def test_readn_ends_with_the_stream(wrap: ctypes.CDLL, pair: Any) -> None:
    """L23: at the end of the stream Readn returns how much there was, n - nleft, and then 0."""
    ours, theirs = pair
    buffer = ctypes.create_string_buffer(10)
    theirs.sendall(b"abc")
    theirs.close()
    assert wrap.Readn(ours.fileno(), buffer, size(10)) == 3
    assert wrap.Readn(ours.fileno(), buffer, size(10)) == 0


def test_writen_writes_all(wrap: ctypes.CDLL, pair: Any) -> None:
    """L23: Writen loops until all is written, also when the peer's buffer is full in between."""
    ours, theirs = pair
    data = os.urandom(1 << 20)
    found = []
    writing = threading.Thread(target=lambda: found.append(wrap.Writen(ours.fileno(), data, size(len(data)))))
    writing.start()
    received = b""
    while len(received) < len(data):
        received += theirs.recv(65536)
    writing.join(5)
    assert found == [len(data)]
    assert received == data


@pytest.mark.parametrize("call", ["Read", "Write", "Readn", "Writen"])
def test_errors_are_returned(wrap: ctypes.CDLL, call: str) -> None:
    """L23: an error other than EINTR is -1, with errno: here a descriptor that does not exist."""
    assert getattr(wrap, call)(-1, ctypes.create_string_buffer(4), size(4)) == -1
    assert ctypes.get_errno() == 9


def test_read_goes_on_after_a_signal(wrap: ctypes.CDLL, pair: Any) -> None:
    """L9, L23: a signal during Read (EINTR) is not seen; a plain read() fails with it."""
    ours, theirs = pair
    came: list[int] = []
    libc = ctypes.CDLL(None, use_errno=True)
    before = signal.signal(signal.SIGALRM, lambda *_: came.append(1))  # Python's handlers do not restart calls
    buffer = ctypes.create_string_buffer(4)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        assert libc.read(ours.fileno(), buffer, size(4)) == -1
        assert ctypes.get_errno() == 4
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        writing = threading.Timer(0.1, theirs.sendall, [b"late"])
        writing.start()
        assert wrap.Read(ours.fileno(), buffer, size(4)) == 4
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(came) == 2


def test_accept_goes_on_after_a_signal(wrap: ctypes.CDLL) -> None:
    """L16, L23: a signal during Accept (EINTR) is no error; without an address NULL will do (L7)."""
    came: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: came.append(1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        late = threading.Timer(0.1, lambda: socket.create_connection(listener.getsockname()).close())
        late.start()
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            accepted = wrap.Accept(listener.fileno(), None, None)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    assert accepted >= 0
    os.close(accepted)
    assert came == [1]


def test_readline(wrap: ctypes.CDLL, pair: Any) -> None:
    """L23: Readline returns a line with its line feed, a partial one at the end of the stream, and then nothing."""
    ours, theirs = pair
    theirs.sendall(b"first\n\nlast")
    theirs.close()
    assert [readline(wrap, ours) for _ in range(4)] == [b"first\n", b"\n", b"last", b""]


@pytest.mark.parametrize("length", [99, 100, 101, 250])
def test_readline_beyond_its_buffer(wrap: ctypes.CDLL, pair: Any, length: int) -> None:
    """L23: lines longer than the inner buffer of 100 bytes come whole; a line longer than the caller's is cut."""
    ours, theirs = pair
    line = b"x" * length + b"\n"
    theirs.sendall(line + line)
    theirs.close()
    assert readline(wrap, ours, room=300) == line
    assert readline(wrap, ours, room=50) == b"x" * 49
    assert drained(wrap, ours) == line[49:]


def test_shared_buffer_mixes_descriptors(wrap: ctypes.CDLL, pair: Any) -> None:
    """L23: the document's buffer is one for all: what was read ahead from one descriptor is given out for another."""
    ours, theirs = pair
    other, its_peer = socket.socketpair()
    with other, its_peer:
        theirs.sendall(b"one\ntwo\n")
        its_peer.sendall(b"uno\ndos\n")
        its_peer.close()
        assert readline(wrap, ours) == b"one\n"
        assert readline(wrap, other) == b"two\n"
        assert drained(wrap, other) == b"uno\ndos\n"


def test_buffer_per_descriptor(wrap: ctypes.CDLL, pair: Any) -> None:
    """The ported form keeps what was read ahead with its descriptor."""
    ours, theirs = pair
    other, its_peer = socket.socketpair()
    with other, its_peer:
        theirs.sendall(b"one\ntwo\n")
        its_peer.sendall(b"uno\ndos\n")
        readers = {stream.fileno(): Reader() for stream in (ours, other)}
        lines = []
        for stream in (ours, other, ours, other):
            buffer = ctypes.create_string_buffer(80)
            reader = ctypes.byref(readers[stream.fileno()])
            wrap.readline_from(reader, stream.fileno(), buffer, size(80))
            lines.append(buffer.value)
    assert lines == [b"one\n", b"uno\n", b"two\n", b"dos\n"]


@pytest.mark.parametrize("call", ["Bind", "Connect", "Listen", "Socket", "Close", "Accept"])
def test_errors_end_the_program(wrap: ctypes.CDLL, call: str) -> None:
    """L4, L23: each of these calls ends the program with status 1 when it fails."""
    address = ctypes.create_string_buffer(16)
    arguments = {"Listen": (-1, 1), "Socket": (-1, -1, -1), "Close": (-1,), "Accept": (-1, None, None)}
    assert child_of(lambda: getattr(wrap, call)(*arguments.get(call, (-1, address, 16)))) == 1
