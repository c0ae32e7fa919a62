"""Session descriptions (SDP, RFC 8866): the addresses in the lines ``o=`` and ``c=``, and where the media are."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE = re.compile(r"[a-z]=.*")
_ORIGIN_WORDS = 6
_CONNECTION_WORDS = 3
_MOST_LINES = 1000


class SdpError(Exception):
    """A text is no session description; the message says why."""


@dataclass(frozen=True, slots=True)
class SdpAddress:
    """One address of a description.

    Attributes:
        where: Where it stands, in words: ``o=``, ``c= of the session``, ``c= of medium 1``.
        network: The type of the network, ``IN`` for the Internet.
        kind: The type of the address: ``IP4`` or ``IP6``.
        host: The address or name, without TTL and count of a multicast address.
    """

    where: str
    network: str
    kind: str
    host: str

    def __str__(self) -> str:
        """Return where it stands, and what the description has there."""
        return f"{self.where} {self.written}"

    @property
    def written(self) -> str:
        """The three words as the description writes them, without TTL and count of a multicast address."""
        return f"{self.network} {self.kind} {self.host}"


@dataclass(frozen=True, slots=True)
class Description:
    """A session description.

    Attributes:
        addresses: The origin, then the address of the session and of each medium, as far as they are there.
        controls: The URI of each medium by which RTSP controls it (RFC 7826 appendix D.1.1); empty without one.
        control: The URI of the whole session; empty without one.
    """

    addresses: tuple[SdpAddress, ...]
    controls: tuple[str, ...]
    control: str = ""


def read_sdp(text: str) -> Description:
    """Return what a session description says.

    Raises:
        SdpError: It is none.
    """
    addresses: list[SdpAddress] = []
    controls: list[str] = [""]  # the first one is the session's
    for kind, value in _lines(text):
        if kind == "o":
            addresses.append(_origin(value))
        elif kind == "c":
            medium = len(controls) - 1
            addresses.append(_connection(value, f"c= of medium {medium}" if medium else "c= of the session"))
        elif kind == "m":
            controls.append("")
        elif kind == "a" and value.startswith("control:"):
            controls[-1] = value.removeprefix("control:").strip()
    if not any(item.where == "o=" for item in addresses):
        raise SdpError("it has no line o=")
    return Description(tuple(addresses), tuple(controls[1:]), controls[0])


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield the type and the value of each line.

    Raises:
        SdpError: A line is none of a description, or the first one is not ``v=0``.
    """
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    if lines[0].rstrip() != "v=0":
        raise SdpError(f"its first line is {lines[0][:40]!r}; expected 'v=0'")
    if len(lines) > _MOST_LINES:
        raise SdpError(f"it has more than {_MOST_LINES} lines")
    for line in lines:
        if not _LINE.fullmatch(line):
            raise SdpError(f"its line {line[:40]!r} has not the form type=value")
        yield line[0], line[2:]


def _origin(value: str) -> SdpAddress:
    """Return the address of a line ``o=`` (RFC 8866 §5.2).

    Raises:
        SdpError: It has another number of words.
    """
    words = value.split()
    if len(words) != _ORIGIN_WORDS:
        raise SdpError(f"its line {'o=' + value[:60]!r} has {len(words)} words; expected {_ORIGIN_WORDS}")
    return SdpAddress("o=", *words[3:])


def _connection(value: str, where: str) -> SdpAddress:
    """Return the address of a line ``c=`` (RFC 8866 §5.7).

    Raises:
        SdpError: It has another number of words.
    """
    words = value.split()
    if len(words) != _CONNECTION_WORDS:
        raise SdpError(f"its line {'c=' + value[:60]!r} has {len(words)} words; expected {_CONNECTION_WORDS}")
    network, kind, host = words
    return SdpAddress(where, network, kind, host.partition("/")[0])


def write_sdp(kind: str, origin: str, anywhere: str) -> str:
    """Return a description of one medium, speech in PCMU, whose transport RTSP negotiates.

    Args:
        kind: The type of the addresses: ``IP4`` or ``IP6``.
        origin: The server's address or name.
        anywhere: The unspecified address of that type (RFC 7826 appendix D.1.8).
    """
    lines = (
        "v=0",
        f"o=- 1 1 IN {kind} {origin}",
        "s=dualstack",
        f"c=IN {kind} {anywhere}",
        "t=0 0",
        "a=control:*",
        "m=audio 0 RTP/AVP 0",
        "a=rtpmap:0 PCMU/8000",
        "a=control:stream=0",
    )
    return "".join(f"{line}\r\n" for line in lines)
