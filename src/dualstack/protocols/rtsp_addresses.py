"""The addresses in RTSP's responses: in the URIs and the Transport header, and in the session description."""

import re
from collections.abc import Iterator

from dualstack.families import WILDCARDS
from dualstack.protocols.advertised import Advertised
from dualstack.protocols.headed import Message, read_all
from dualstack.protocols.sdp import Description, SdpError, read_sdp

_URI = re.compile(r"rtspu?s?://(?:[^/@]*@)?(?:\[([^\[\]/]*)\]|([^/:]*))(?::(\d{1,5}))?(?:[/?].*)?", re.IGNORECASE)
_LOOSE = re.compile(r"\w+://(?:[^/@]*@)?(?:\[([^\[\]/]*)\]|([^/]*?))(?::(\d{1,5}))?(?:[/?].*)?")
"""The same with an IPv6 address that lacks its brackets: META-004 is about these."""

_SOURCE = re.compile(r"(?:^|[;,])\s*source=\"?([^;,\"]*)", re.IGNORECASE)
_URL = re.compile(r"\burl=\"?([^;,\"]*)")


def host_in(uri: str) -> str:
    """Return the host of a URI of RTSP without brackets; empty if it is no such URI."""
    found = _URI.fullmatch(uri)
    return (found[1] or found[2]) if found else ""


def description_in(response: Message) -> Description | None:
    """Return the session description that a response carries; None if it carries none.

    Raises:
        SdpError: It is wrong.
    """
    if response.field("content-type").partition(";")[0].strip().lower() != "application/sdp":
        return None
    return read_sdp(response.body.decode("utf-8", "replace"))


def sources_in(response: Message) -> list[str]:
    """Return the addresses from which a medium comes, as the Transport header of a response names them."""
    return [host for text in response.all("transport") for host in _SOURCE.findall(text)]


def uris_in(response: Message) -> list[tuple[str, str]]:
    """Return the absolute URIs in a response's header, each with the name of its field."""
    named = [(name, uri) for name in ("Content-Base", "Content-Location") for uri in response.all(name.lower())]
    named += [("RTP-Info", uri) for text in response.all("rtp-info") for uri in _URL.findall(text)]
    return [(name, uri) for name, uri in named if "://" in uri]


def responses_in(received: bytes) -> list[Message]:
    """Return the responses in what a client has received."""
    return read_all(received, frames=True)


def addresses_in(received: bytes) -> Iterator[Advertised]:
    """Yield the addresses in what a client has received and uses; o= of a description is none (RFC 8866 §5.2)."""
    for response in responses_in(received):
        for name, uri in uris_in(response):
            if found := _LOOSE.fullmatch(uri):
                yield Advertised(found[1] or found[2], int(found[3]) if found[3] else None, name)
        for host in sources_in(response):
            yield Advertised(host, None, "source of the Transport header")
        try:
            description = description_in(response)
        except SdpError:
            continue
        for item in description.addresses if description else ():
            if item.where != "o=" and item.host not in WILDCARDS:
                yield Advertised(item.host, None, item.where)
