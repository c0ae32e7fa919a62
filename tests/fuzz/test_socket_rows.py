"""Rows of the socket table: what the kernel packs into a message is what a reader is shown."""

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from dualstack.families import BOTH, Family
from dualstack.prober.codec import pack, unpack
from dualstack.prober.messages import SocketRow
from dualstack.prober.sockdiag import KernelSocket, _parse, _row
from dualstack.transport import Transport

CLOSE, LISTEN = 7, 10


@st.composite
def sockets(draw: st.DrawFn) -> KernelSocket:
    """Return a socket as the kernel may have it."""
    family = draw(st.sampled_from(BOTH))
    size = 4 if family is Family.IPV4 else 16
    # Wildcards, loopback and mapped addresses are rare among random ones.
    some = {4: [bytes(4), bytes([127, 0, 0, 1])], 16: [bytes(16), bytes(15) + b"\1", bytes(10) + b"\xff\xff\xc0\0\2\1"]}
    address = st.sampled_from(some[size]) | st.binary(min_size=size, max_size=size)
    return KernelSocket(
        family=family,
        transport=draw(st.sampled_from(Transport)),
        state=draw(st.sampled_from([CLOSE, LISTEN]) | st.integers(1, 13)),
        address=socket.inet_ntop(family.af, draw(address)),
        port=draw(st.integers(0, 65535)),
        peer_address=socket.inet_ntop(family.af, draw(address)),
        peer_port=draw(st.integers(0, 65535)),
        v6only=draw(st.none() | st.booleans()) if family is Family.IPV6 else None,
        inode=draw(st.integers(0, 2**32 - 1)),
        user=draw(st.integers(0, 2**32 - 1)),
    )


def message(item: KernelSocket, others: bytes) -> bytes:
    """Return struct inet_diag_msg of a socket, followed by attributes (sock_diag(7), <linux/inet_diag.h>)."""
    source, destination = (socket.inet_pton(item.family.af, text) for text in (item.address, item.peer_address))
    ends = struct.pack(">HH16s16s", item.port, item.peer_port, source, destination) + bytes(12)
    body = struct.pack("=BBBB", item.family.af, item.state, 0, 0) + ends
    body += struct.pack("=IIIII", 0, 0, 0, item.user, item.inode) + others
    if item.v6only is not None:
        body += struct.pack("=HHB3x", 5, 11, item.v6only)
    return body


ATTRIBUTES = st.lists(st.binary(min_size=1, max_size=9), max_size=3).map(
    lambda values: b"".join(struct.pack("=HH", 4 + len(item), 5) + item + b"\0" * (-len(item) % 4) for item in values)
)
"""Attributes that are of no interest, padded to four bytes."""


@given(item=sockets(), others=ATTRIBUTES)
def test_messages_are_read_back(item: KernelSocket, others: bytes) -> None:
    """Each field of a message comes out as the kernel put it in, whatever other attributes there are."""
    assert _parse(item.transport, message(item, others)) == item


@given(item=sockets(), owners=st.sets(st.integers(2**22 + 1, 2**22 + 9), max_size=3))
def test_rows_say_what_sockets_are(item: KernelSocket, owners: set[int]) -> None:
    """A row has the socket's address, port and families; a peer only with its port; and it passes through JSON."""
    row = _row(item, owners)
    assert (row.family, row.transport) == (item.family.value, item.transport.value)
    assert (row.address, row.port, row.v6only, row.serves) == (item.address, item.port, item.v6only, item.serves)
    assert bool(row.peer) is (item.peer_port > 0)
    assert not row.peer or row.peer.endswith(f":{item.peer_port}")
    assert row.peer.startswith("[") is (bool(row.peer) and item.family is Family.IPV6)
    assert (row.state == "UNCONN") is (item.transport is Transport.UDP and item.state == CLOSE)
    assert bool(row.owner) is bool(owners)
    assert not item.serving or item.state in {CLOSE, LISTEN}
    assert unpack(SocketRow, pack(row)) == row


@given(item=sockets().filter(lambda item: item.family is Family.IPV6))
def test_families_of_an_ipv6_socket(item: KernelSocket) -> None:
    """On ``::`` it serves IPv6, and IPv4 unless IPV6_V6ONLY is set; on a mapped address it serves IPv4 alone."""
    if item.address == "::":
        assert item.serves == ({Family.IPV6} if item.v6only else {*BOTH})
    else:
        assert item.serves == {Family.IPV4 if item.address.startswith("::ffff:") else Family.IPV6}
