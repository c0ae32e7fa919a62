"""What the source documents say about sockets, tried on this kernel; wrong claims are tested for what is true."""

import errno
import fcntl
import os
import select
import socket
import struct
import sys
import termios
from collections.abc import Iterator
from typing import Any

import pytest

from dualstack.deadline import Deadline
from dualstack.families import BOTH, Family

FIN_WAIT2 = 5
CLOSE_WAIT = 8

either_family = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)


def loopback_listener(family: Family, **options: bool) -> socket.socket:
    """Return a listener on the family's loopback address."""
    try:
        return socket.create_server((family.loopback, 0), family=family.af, **options)
    except OSError as error:
        pytest.skip(f"this machine has no {family.loopback}: {error.strerror}")


@pytest.fixture
def connection(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return both ends of a TCP connection: the client's and the server's."""
    with loopback_listener(request.getfixturevalue("family")) as listener:
        client = socket.create_connection(listener.getsockname()[:2])
        server, _ = listener.accept()
        with client, server:
            yield client, server


def readable(stream: socket.socket, seconds: float) -> bool:
    """Return whether there is something to read in time."""
    return bool(select.select([stream], [], [], seconds)[0])


def waiting(stream: socket.socket) -> int:
    """Return how many bytes are there to read."""
    return int.from_bytes(fcntl.ioctl(stream, termios.FIONREAD, bytes(4)), sys.byteorder)


def state(stream: socket.socket) -> int:
    """Return the TCP state as the kernel numbers it (include/net/tcp_states.h)."""
    return stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def test_byte_order() -> None:
    """L1: htons turns port 1000 into the bytes 03 E8; ntohs, htonl and ntohl are its relatives."""
    assert struct.pack("=H", socket.htons(1000)) == b"\x03\xe8"
    assert struct.pack("=I", socket.htonl(0x01020304)) == b"\x01\x02\x03\x04"
    assert socket.ntohs(socket.htons(1000)) == 1000
    assert socket.ntohl(socket.htonl(0x01020304)) == 0x01020304


@pytest.mark.parametrize(
    ("family", "text", "packed"),
    [
        (socket.AF_INET, "192.0.2.1", bytes([192, 0, 2, 1])),
        (socket.AF_INET6, "2001:db8::1", bytes.fromhex("20010db8000000000000000000000001")),
        (socket.AF_INET6, "::ffff:192.0.2.1", bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 1])),
    ],
)
def test_address_texts(family: socket.AddressFamily, text: str, packed: bytes) -> None:
    """L2: inet_pton gives network order, and inet_ntop the same text again."""
    assert socket.inet_pton(family, text) == packed
    assert socket.inet_ntop(family, packed) == text


@pytest.mark.parametrize("text", ["192.0.2", "192.0.2.256", "fe80::1%lo", "[::1]", "::1::", ""])
def test_invalid_address_texts(text: str) -> None:
    """L2, M48: inet_pton refuses what is no plain address; a zone and brackets are not part of one."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with pytest.raises(OSError, match="illegal IP address"):
            socket.inet_pton(family, text)


@either_family
def test_address_family_must_match(family: Family) -> None:
    """L3, L5: an address of the other family cannot be bound: the kernel looks at the family and the length."""
    with socket.socket(family.af) as made, pytest.raises((OSError, socket.gaierror)):
        made.bind((family.other.loopback, 0))


def test_v6only_after_bind() -> None:
    """U4: once an IPv6 socket is bound, IPV6_V6ONLY can no longer be set."""
    with loopback_listener(Family.IPV6) as listener, pytest.raises(OSError, match="Invalid argument"):
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)


def test_unix_path_length() -> None:
    """L3: a Unix socket's path has 108 bytes."""
    with socket.socket(socket.AF_UNIX) as made:
        with pytest.raises(OSError, match="too long"):
            made.bind("\0" + "x" * 108)
        made.bind("\0" + "x" * 107)


@either_family
def test_implicit_bind(family: Family) -> None:
    """L8: connect() without bind() takes an ephemeral port of the right family's address."""
    with loopback_listener(family) as listener, socket.socket(family.af) as client:
        client.connect(listener.getsockname())
        assert client.getsockname()[0] == family.loopback
        assert client.getsockname()[1] > 1023


@pytest.mark.parametrize("option", [socket.SO_REUSEADDR, socket.SO_REUSEPORT])
@pytest.mark.parametrize("both", [True, False], ids=["both", "second-only"])
@either_family
def test_two_listeners_on_one_port(family: Family, option: int, *, both: bool) -> None:
    """L11, L12: two TCP listeners share address and port only if both have SO_REUSEPORT; SO_REUSEADDR never does it."""
    with socket.socket(family.af) as first, socket.socket(family.af) as second:
        if both:
            first.setsockopt(socket.SOL_SOCKET, option, 1)
        second.setsockopt(socket.SOL_SOCKET, option, 1)
        first.bind((family.wildcard, 0))
        first.listen()
        if both and option == socket.SO_REUSEPORT:
            second.bind(first.getsockname())
            second.listen()
            return
        with pytest.raises(OSError, match="in use"):
            second.bind(first.getsockname())


@either_family
def test_conflict_appears_at_listen(family: Family) -> None:
    """L11: with SO_REUSEADDR on both, and none listening yet, both bind; the second listen fails."""
    with socket.socket(family.af) as first, socket.socket(family.af) as second:
        for made in (first, second):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        first.bind((family.wildcard, 0))
        second.bind(first.getsockname())
        first.listen()
        with pytest.raises(OSError, match="in use"):
            second.listen()


@either_family
def test_half_close(family: Family, connection: Any) -> None:
    """L17, L18: after shutdown(SHUT_WR) the peer reads 0, this side still receives, and cannot write (EPIPE)."""
    client, server = connection
    client.shutdown(socket.SHUT_WR)
    assert server.recv(10) == b""
    server.sendall(b"still")
    assert client.recv(10) == b"still"
    # Its FIN is acknowledged at the latest by that answer.
    assert (state(client), state(server)) == (FIN_WAIT2, CLOSE_WAIT)
    with pytest.raises(BrokenPipeError):
        client.send(b"x")


@either_family
def test_shut_rd_drops_nothing(family: Family, connection: Any) -> None:
    """L19 is wrong: after shutdown(SHUT_RD) Linux still returns what was buffered, and what comes later."""
    client, server = connection
    server.sendall(b"before")
    assert readable(client, 5)
    client.shutdown(socket.SHUT_RD)
    assert client.recv(10) == b"before"
    server.sendall(b"after")
    deadline = Deadline(5, "five bytes to arrive")
    while waiting(client) < 5:
        deadline.check(f"{waiting(client)} have")
    assert client.recv(10) == b"after"
    assert client.recv(10, socket.MSG_DONTWAIT) == b""


@either_family
def test_shutdown_acts_on_the_connection(family: Family, connection: Any) -> None:
    """L20: close() of one of two descriptors ends nothing; shutdown() of one ends the connection for both."""
    client, server = connection
    copy = client.dup()
    client.close()
    assert not readable(server, 0.05)
    other = copy.dup()
    with copy, other:
        other.shutdown(socket.SHUT_RDWR)
        assert server.recv(10) == b""
        with pytest.raises(BrokenPipeError):
            copy.send(b"x")


@either_family
def test_low_water_mark(family: Family, connection: Any) -> None:
    """M29: with SO_RCVLOWAT 250 poll waits for 250 bytes, while a non-blocking recv returns the 100 that are there."""
    client, server = connection
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 250)
    client.sendall(b"x" * 100)
    assert not readable(server, 0.1)
    assert len(server.recv(250, socket.MSG_DONTWAIT)) == 100
    client.sendall(b"y" * 250)
    assert readable(server, 5)


def test_would_block() -> None:
    """L9: a non-blocking read without data fails with EAGAIN, and the connection stays open."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(BlockingIOError) as caught:
            ours.recv(1, socket.MSG_DONTWAIT)
        assert caught.value.errno in (errno.EAGAIN, errno.EWOULDBLOCK)
        theirs.sendall(b"x")
        assert ours.recv(1, socket.MSG_DONTWAIT) == b"x"


def test_plain_read_and_write() -> None:
    """L10: recv() and send() without flags do what read() and write() do, also at the end of the stream."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert os.write(ours.fileno(), b"written") == len(b"written")
        assert theirs.recv(100) == b"written"
        assert ours.send(b"sent") == len(b"sent")
        assert os.read(theirs.fileno(), 100) == b"sent"
        ours.shutdown(socket.SHUT_WR)
        assert (os.read(theirs.fileno(), 100), theirs.recv(100)) == (b"", b"")
