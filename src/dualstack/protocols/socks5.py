"""SOCKS version 5 (RFC 1928), the client's part of CONNECT without authentication."""

import ipaddress

from dualstack.errors import UsageError
from dualstack.protocols.judgement import show
from dualstack.protocols.tunnel import Step

_VERSION, _CONNECT, _NO_AUTHENTICATION, _NO_METHOD = 0x05, 0x01, 0x00, 0xFF
_IPV4, _NAME, _IPV6 = 0x01, 0x03, 0x04
_SIZES = {_IPV4: 4, _IPV6: 16}
_HEAD = 4  # bytes of a reply before its address
_MOST_NAME = 255
_REPLIES = (
    "succeeded",
    "general SOCKS server failure",
    "connection not allowed by ruleset",
    "network unreachable",
    "host unreachable",
    "connection refused",
    "TTL expired",
    "command not supported",
    "address type not supported",
)
"""What the REP field means (§6)."""


def destination(host: str, port: int) -> bytes:
    """Return ATYP, DST.ADDR and DST.PORT for an address of either family or a name (§4, §5).

    Raises:
        UsageError: The name is empty, too long, or not ASCII; or the address has a zone.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("ascii", "replace")
        if not 0 < len(name) <= _MOST_NAME or not host.isascii():
            raise UsageError(f"{host!r} is no name that SOCKS can carry") from None
        return bytes((_NAME, len(name))) + name + port.to_bytes(2, "big")
    if "%" in host:
        raise UsageError(f"{host!r} has a zone, and SOCKS has no place for it")
    kind = _IPV4 if address.version == 4 else _IPV6  # noqa: PLR2004 - the version of IP
    return bytes((kind,)) + address.packed + port.to_bytes(2, "big")


class Socks5:
    """The client's handshake.

    Attributes:
        bound: BND.ADDR of the reply, an address or a name; empty before the reply.
    """

    def __init__(self, host: str, port: int) -> None:
        """Ask for a connection to a target.

        Raises:
            UsageError: SOCKS cannot carry the name.
        """
        self.bound = ""
        self._request = bytes((_VERSION, _CONNECT, 0)) + destination(host, port)
        self._data = b""
        self._has_method = False

    def start(self) -> bytes:
        """See `Handshake`: one method is offered, without authentication."""
        return bytes((_VERSION, 1, _NO_AUTHENTICATION))

    def receive(self, data: bytes) -> Step:
        """See `Handshake`."""
        self._data += data
        send = b""
        if self._data and self._data[0] != _VERSION:
            return Step(fault=f"it does not speak SOCKS 5: it sent {show(self._data[:1])}")
        if not self._has_method:
            if len(self._data) < 2:  # noqa: PLR2004 - version and method
                return Step()
            if self._data[1] != _NO_AUTHENTICATION:
                return Step(fault=_no_method(self._data[1]))
            self._has_method, self._data, send = True, self._data[2:], self._request
        step = self._reply()
        return Step(send + step.send, step.is_open, step.rest, step.fault)

    def missing(self) -> str:
        """See `Handshake`."""
        if not self._has_method:
            return "no answer to the methods that it was offered"
        whole = self._whole()
        shown = f"{len(self._data)} of {whole} bytes of its reply came" if whole else f"{len(self._data)} bytes came"
        return f"{shown}: {self._data[:32].hex(' ')}" if self._data else "no reply came"

    def _whole(self) -> int:
        """Return how many bytes the reply has; 0 while that is not known."""
        if len(self._data) <= _HEAD:
            return 0
        kind = self._data[3]
        size = _SIZES.get(kind, 1 + self._data[_HEAD])
        return _HEAD + size + 2

    def _reply(self) -> Step:
        """Take the reply."""
        data = self._data
        if data and data[0] != _VERSION:
            return Step(fault=f"its reply begins with {data[0]:#04x}, not with the version 0x05")
        if len(data) > 1 and data[1]:
            meaning = _REPLIES[data[1]] if data[1] < len(_REPLIES) else "unassigned"
            return Step(fault=f"it replied {data[1]:#04x}, {meaning}")
        if len(data) >= _HEAD and data[3] not in (*_SIZES, _NAME):
            return Step(fault=f"the address type of its reply is {data[3]:#04x}, which does not exist")
        whole = self._whole()
        if not whole or len(data) < whole:
            return Step()
        place = data[_HEAD : whole - 2]
        self.bound = place[1:].decode("latin-1") if data[3] == _NAME else str(ipaddress.ip_address(place))
        return Step(is_open=True, rest=data[whole:])


def _no_method(method: int) -> str:
    """Return why a method that the relay chose cannot be used."""
    if method == _NO_METHOD:
        return "it accepts no client without authentication"
    return f"it chose the method {method:#04x}, which it was not offered"
