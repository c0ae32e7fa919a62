"""The few nftables messages that drop or masquerade packets, packed by hand: <linux/netfilter/nf_tables.h>.

There is one table for each filter, with one chain at one hook. pyroute2 has nftables too; it would have to be imported
(100 ms of processor time) in the process that holds the lab.
"""

import errno
import os
import socket
import struct
from dataclasses import dataclass

from dualstack.families import Family

_NETFILTER = 12
_BATCH_BEGIN, _BATCH_END, _NFTABLES = 0x10, 0x11, 10
_NEW_TABLE, _DELETE_TABLE, _NEW_CHAIN, _NEW_RULE = 0, 2, 3, 6
_REQUEST, _ACKNOWLEDGE, _CREATE, _APPEND = 0x1, 0x4, 0x400, 0x800
_ERROR = 2

_PROTOCOL = {Family.IPV4: 2, Family.IPV6: 10}
"""NFPROTO_IPV4, NFPROTO_IPV6."""

_TARGET = {Family.IPV4: 16, Family.IPV6: 24}
"""Where the destination address is in an IP header."""

_NETWORK, _TRANSPORT = 1, 2
_PORT, _FLAGS = 2, 13
"""Where a TCP header has the destination port and the flags."""

_INPUT, _OUTPUT, _POSTROUTING = 1, 3, 4
_HOOKS = {_INPUT: "input", _OUTPUT: "output", _POSTROUTING: "postrouting"}
_SOURCE_NAT = 100
"""NF_IP_PRI_NAT_SRC: where source addresses are translated."""
_REGISTER = 8
_META_INTERFACE, _META_LEAVES_BY, _META_PROTOCOL = 4, 5, 16
_DROP = 0

_TOO_LARGE = {Family.IPV4: (socket.IPPROTO_ICMP, bytes([3, 4])), Family.IPV6: (socket.IPPROTO_ICMPV6, bytes([2]))}
"""The protocol of the report that a packet is too large, and how it begins: type (and code)."""

_HEADER = struct.Struct("=IHHII")
_GENERAL = struct.Struct("!BBH")
_NESTED = 0x8000

MISSING = frozenset({errno.EPROTONOSUPPORT, errno.EOPNOTSUPP, errno.EINVAL})
"""The errors of kernels without nftables, or without a part of it."""

Message = tuple[str, int, int, Family, bytes]
"""What it does, for error messages; its type, flags beside asking for an acknowledgement, family and attributes."""


@dataclass(frozen=True, slots=True)
class Segments:
    """Which TCP segments a filter drops.

    Attributes:
        address: Their destination.
        port: Their destination port.
        mask: Which flags are looked at.
        flags: Which of these are set.
    """

    address: str
    port: int
    mask: int
    flags: int


def add_filter(name: str, interface: int, dropped: list[Segments]) -> list[Message]:
    """Return the messages that drop TCP segments that arrive on an interface for one address.

    Args:
        name: The name of the filter, for `delete_filter`.
        interface: The interface's number.
        dropped: Which segments; all to addresses of one family.
    """
    family = Family.of(dropped[0].address)
    rules = [(f"drop segments to port {one.port}", _rule(family, interface, one)) for one in dropped]
    return _add_table(name, family, _INPUT, rules)


def add_silence(name: str) -> list[Message]:
    """Return the messages that drop the host's own reports that a packet is too large for the path."""
    return [
        message
        for family, (protocol, report) in _TOO_LARGE.items()
        for message in _add_table(name, family, _OUTPUT, [("drop reports of large packets", _report(protocol, report))])
    ]


def add_masquerade(name: str, interfaces: list[int]) -> list[Message]:
    """Return the messages that give IPv4 packets the host's own address when they leave by one of these interfaces."""
    rules = [
        (f"masquerade on interface {one}", _meta(_META_LEAVES_BY) + _compare(struct.pack("=I", one)) + _masquerade())
        for one in interfaces
    ]
    return _add_table(name, Family.IPV4, _POSTROUTING, rules, kind="nat", priority=_SOURCE_NAT)


def _add_table(
    name: str, family: Family, hook: int, rules: list[tuple[str, bytes]], *, kind: str = "filter", priority: int = 0
) -> list[Message]:
    """Return the messages that add a table with one chain at a hook: what each rule does, and its expressions."""
    table, at = _text(1, name), _HOOKS[hook]
    place = _attribute(4, _number(1, hook) + _number(2, priority), nested=True)
    chain = table + _text(3, at) + place + _text(7, kind)
    return [
        (f"add the table {name}", _NEW_TABLE, _CREATE, family, table),
        (f"add a chain at the hook {at}", _NEW_CHAIN, _CREATE, family, chain),
        *(
            (what, _NEW_RULE, _CREATE | _APPEND, family, table + _text(2, at) + _attribute(4, rule, nested=True))
            for what, rule in rules
        ),
    ]


def delete_filter(name: str, family: Family) -> list[Message]:
    """Return the messages that delete a filter."""
    return [(f"delete the table {name}", _DELETE_TABLE, 0, family, _text(1, name))]


def send(messages: list[Message]) -> None:
    """Carry out messages in the calling thread's network namespace: all, or none of them.

    Raises:
        OSError: The kernel refuses one of them, which the error names, or has no nftables.
    """
    limits = [_pack(kind, _REQUEST, 0, _GENERAL.pack(0, 0, _NFTABLES)) for kind in (_BATCH_BEGIN, _BATCH_END)]
    packed = [
        _pack(
            _NFTABLES << 8 | kind,
            _REQUEST | _ACKNOWLEDGE | flags,
            number,
            _GENERAL.pack(_PROTOCOL[family], 0, 0) + body,
        )
        for number, (_, kind, flags, family, body) in enumerate(messages, start=1)
    ]
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER) as kernel:
        kernel.bind((0, 0))
        kernel.send(limits[0] + b"".join(packed) + limits[1])
        missing = set(range(1, len(messages) + 1))
        while missing:
            for number, error in _errors(kernel.recv(1 << 16)):
                if error:
                    what = messages[number - 1][0] if number else "nftables"
                    raise OSError(error, f"{what}: {os.strerror(error)}")
                missing.discard(number)


def _errors(data: bytes) -> list[tuple[int, int]]:
    """Return the number of the message and the errno, 0 for success, of each acknowledgement."""
    found = []
    while len(data) >= _HEADER.size:
        length, kind, _, number, _ = _HEADER.unpack_from(data)
        if kind == _ERROR:
            found.append((number, -struct.unpack_from("=i", data, _HEADER.size)[0]))
        data = data[(length + 3) & ~3 :]
    return found


def _rule(family: Family, interface: int, one: Segments) -> bytes:
    """Return the expressions of a rule that drops segments."""
    address = socket.inet_pton(family.af, one.address)
    return b"".join(
        (
            _meta(_META_INTERFACE),
            _compare(struct.pack("=I", interface)),
            _meta(_META_PROTOCOL),
            _compare(bytes([socket.IPPROTO_TCP])),
            _load(_NETWORK, _TARGET[family], len(address)),
            _compare(address),
            _load(_TRANSPORT, _PORT, 2),
            _compare(struct.pack("!H", one.port)),
            _load(_TRANSPORT, _FLAGS, 1),
            _mask(one.mask),
            _compare(bytes([one.flags])),
            _verdict(_DROP),
        )
    )


def _report(protocol: int, report: bytes) -> bytes:
    """Return the expressions of a rule that drops ICMP messages; ``report`` is how they begin."""
    begins = _load(_TRANSPORT, 0, len(report)) + _compare(report)
    return _meta(_META_PROTOCOL) + _compare(bytes([protocol])) + begins + _verdict(_DROP)


def _meta(key: int) -> bytes:
    """Return the expression that loads a fact about the packet that is not in it."""
    return _expression("meta", _number(1, _REGISTER) + _number(2, key))


def _load(base: int, offset: int, length: int) -> bytes:
    """Return the expression that loads bytes of a header."""
    return _expression("payload", _number(1, _REGISTER) + _number(2, base) + _number(3, offset) + _number(4, length))


def _mask(mask: int) -> bytes:
    """Return the expression that keeps some bits of one byte."""
    own = _number(1, _REGISTER) + _number(2, _REGISTER) + _number(3, 1)
    return _expression("bitwise", own + _value(4, bytes([mask])) + _value(5, b"\0"))


def _compare(value: bytes) -> bytes:
    """Return the expression that continues only if what was loaded is this."""
    return _expression("cmp", _number(1, _REGISTER) + _number(2, 0) + _value(3, value))


def _masquerade() -> bytes:
    """Return the expression that gives a packet the address of the interface by which it leaves."""
    return _expression("masq", b"")


def _verdict(code: int) -> bytes:
    """Return the expression that ends the rule."""
    verdict = _attribute(2, _number(1, code), nested=True)
    return _expression("immediate", _number(1, 0) + _attribute(2, verdict, nested=True))


def _expression(name: str, data: bytes) -> bytes:
    """Pack an expression as an element of a list."""
    return _attribute(1, _text(1, name) + _attribute(2, data, nested=True), nested=True)


def _value(kind: int, value: bytes) -> bytes:
    """Pack an attribute that is a value to load or to compare with."""
    return _attribute(kind, _attribute(1, value), nested=True)


def _number(kind: int, value: int) -> bytes:
    """Pack an attribute of 32 bits, big-endian."""
    return _attribute(kind, struct.pack("!I", value))


def _text(kind: int, value: str) -> bytes:
    """Pack an attribute that is a string."""
    return _attribute(kind, value.encode() + b"\0")


def _attribute(kind: int, value: bytes, *, nested: bool = False) -> bytes:
    """Pack an attribute."""
    return struct.pack("=HH", len(value) + 4, kind | (_NESTED if nested else 0)) + value + b"\0" * (-len(value) % 4)


def _pack(kind: int, flags: int, number: int, body: bytes) -> bytes:
    """Pack a message."""
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, number, 0) + body
