"""``[listen.advertises]``: where an answer holds addresses that its clients use, and how they are read."""

import ipaddress
import re
from collections.abc import Callable, Iterator

from pydantic import Field, StrictBool, StrictInt

from dualstack.manifest.base import Bytes, Port, Table
from dualstack.manifest.faults import Fault
from dualstack.manifest.patterns import Regex
from dualstack.protocols import jsonpath, protobuf
from dualstack.protocols.advertised import Advertised, split_endpoint
from dualstack.protocols.judgement import show

_NAME = re.compile(rb"[!-~]+")
_LENGTHS = (4, 16)
"""Bytes of an IPv4 and of an IPv6 address."""


class Advertises(Table):
    """Where an answer holds addresses that its clients use next; each must be usable by them (META-001, META-008)."""

    request: Bytes | None = Field(
        None,
        min_length=1,
        description='The request whose answer holds them: a path with protocol = "http", "http2" or "websocket"; with '
        '"exchange" all that the client sends; default: what an ordinary client sends.',
    )
    pattern: Regex | None = Field(
        None,
        description="A regular expression with a group (?P<host>…), and (?P<port>…) if the answer has the port; every "
        "match is an address.",
    )
    json_path: str | None = Field(
        None, description="Their path in an answer of JSON: keys, [0] and [*], e.g. $.brokers[*].host."
    )
    protobuf_path: str | None = Field(
        None,
        description="The field numbers that lead to them in a protobuf message, e.g. 1.3; a text, 4 or 16 bytes, or a "
        "32-bit number.",
    )
    skip: StrictInt = Field(
        0, ge=0, le=64, description="How many bytes precede the protobuf message, e.g. 4 of its length."
    )
    translated: StrictBool = Field(
        False,
        description="Whether they must be usable through NAT64 and SIIT-DC too (TRANS-009): they are names, or "
        "configured for such networks. Default: what happens is reported, and not judged.",
    )
    port: Port | None = Field(None, description="The port, if the answer has none and it is not the listener's.")
    port_field: str | None = Field(
        None,
        min_length=1,
        description="Where the port is: the key (JSON) or field number (protobuf) beside the address, in the same "
        "object.",
    )

    @property
    def reads(self) -> bool:
        """Whether it says where the addresses are."""
        return any(item is not None for item in (self.pattern, self.json_path, self.protobuf_path))

    @property
    def expect(self) -> str | None:
        """The regular expression that an answer to ``request`` matches once it is complete; None if it is unknown."""
        if self.pattern is not None:
            return self.pattern
        return r"[\]}]\s*\Z" if self.json_path is not None else None

    def read(self, received: bytes, body: bytes) -> tuple[Advertised, ...]:
        """Return the addresses in an answer.

        Args:
            received: The whole answer, which ``pattern`` is applied to.
            body: What the paths are applied to: the body of an HTTP response, or the whole answer.

        Raises:
            ValueError: The answer is not JSON or not protobuf.
        """
        if self.pattern is not None:
            return tuple(self._matches(received.decode("latin-1")))
        if self.json_path is not None:
            document = jsonpath.document_in(body.decode("utf-8", "replace"))
            found = jsonpath.values_at(document, jsonpath.parse_path(self.json_path))
            return tuple(
                self._made(item.place, _text(item.value), item.beside.get(self.port_field or "")) for item in found
            )
        if self.protobuf_path is not None:
            message, beside = body[self.skip :], int(self.port_field or 0)
            fields = protobuf.values_at(message, protobuf.parse_path(self.protobuf_path))
            return tuple(
                self._made(f"field {item.place}", _text(item.value), item.beside.get(beside)) for item in fields
            )
        return ()

    def _matches(self, text: str) -> Iterator[Advertised]:
        """Yield the address of each match of the regular expression."""
        for match in re.finditer(self.pattern or "", text):
            groups = match.groupdict()
            first, last = match.span("host")
            separated = text[:first].endswith("//") or text[last : last + 1] == ":"  # a URL, or a port that follows
            host = groups["host"] or ""
            if separated and host.startswith("[") and host.endswith("]"):
                host = host[1:-1]
            yield self._made(show(match[0].encode("latin-1")), host, groups.get("port"))

    def _made(self, where: str, host: str, port: object) -> Advertised:
        """Return an address with its port: the one beside it, the one in its text, or that of the manifest."""
        number = int(str(port)) if port is not None and str(port).isdecimal() else None
        if number is None:
            host, number = split_endpoint(host)
        return Advertised(host, number or self.port, where)

    def _says_where_once(self) -> Iterator[Fault]:
        """Refuse more than one way to find the addresses."""
        ways = [key for key in ("pattern", "json_path", "protobuf_path") if self.__dict__.get(key) is not None]
        for key in ways[1:]:
            yield Fault((key,), f'found beside "{ways[0]}"; keep one of them')

    def _pattern_has_its_group(self) -> Iterator[Fault]:
        """Refuse a regular expression without the group of the host."""
        if self.pattern is not None and "host" not in re.compile(self.pattern).groupindex:
            yield Fault(("pattern",), 'it needs a group named host, e.g. "broker (?P<host>\\\\S+):(?P<port>\\\\d+)"')

    def _paths_are_paths(self) -> Iterator[Fault]:
        """Refuse a path of another form."""
        readers: tuple[tuple[str, Callable[[str], object]], ...] = (
            ("json_path", jsonpath.parse_path),
            ("protobuf_path", protobuf.parse_path),
        )
        for key, parse in readers:
            try:
                parse(getattr(self, key) or ("$.x" if key == "json_path" else "1"))
            except ValueError as error:
                yield Fault((key,), str(error))

    def _port_has_its_place(self) -> Iterator[Fault]:
        """Refuse two ports, a port without an address beside it, and a field that is no number."""
        if self.port is not None and self.port_field is not None:
            yield Fault(("port_field",), 'found beside "port"; keep one of them')
        if self.port_field is not None and self.json_path is None and self.protobuf_path is None:
            yield Fault(("port_field",), 'it belongs to "json_path" or "protobuf_path"; in "pattern" use (?P<port>…)')
        if self.port_field is not None and self.protobuf_path is not None and not self.port_field.isdecimal():
            yield Fault(("port_field",), f"found {self.port_field!r}; allowed with protobuf_path: a field number")
        if self.skip and self.protobuf_path is None:
            yield Fault(("skip",), 'it belongs to "protobuf_path"')

    CHECKS = (_says_where_once, _pattern_has_its_group, _paths_are_paths, _port_has_its_place)


def _text(value: object) -> str:
    """Return the host that a value is: a text, or the text of an address of 4 or 16 bytes or of 32 bits."""
    if isinstance(value, bytes):
        raw = len(value) in _LENGTHS and not _NAME.fullmatch(value)
        return str(ipaddress.ip_address(value)) if raw else value.decode("utf-8", "replace")
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32:
        return str(ipaddress.IPv4Address(value))
    return value if isinstance(value, str) else repr(value)
