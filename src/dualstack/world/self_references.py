"""The places of an HTTP response that name a server for the client's next request."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dualstack.finding import Symptom
from dualstack.protocols.advertised import Advertised, split_endpoint
from dualstack.protocols.response import Response
from dualstack.world.uri_hosts import host_symptoms, wrong_host

_URL = re.compile(r"(?P<scheme>https?|wss?)://(?:[^/?#@\s\"'<>]*@)?(?P<authority>[^/?#\s\"'<>]*)", re.IGNORECASE)
_ALTERNATIVE = re.compile(r"(?P<protocol>[!#$%&'*+.^_`|~0-9A-Za-z-]+)=\"(?P<authority>[^\"]*)\"")
_WITH_URL = frozenset({"location", "content-location", "refresh", "link"})
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Reference:
    """A server that a response names.

    Attributes:
        where: Where it stands, in words.
        authority: The host and the port, as they are written.
        default: The port if the text has none; None if it needs one.
        connects: Whether it is reached over TCP.
    """

    where: str
    authority: str
    default: int | None
    connects: bool = True

    @property
    def fault(self) -> str:
        """What is wrong with its form; empty if nothing is."""
        return wrong_host(self.authority)

    @property
    def symptoms(self) -> tuple[Symptom, ...]:
        """What is wrong with its form, as far as that shows the cause."""
        return host_symptoms(self.authority)

    @property
    def advertised(self) -> Advertised:
        """The address that it hands out; its form must be right."""
        host, port = split_endpoint(f"http://{self.authority}")
        return Advertised(host, port or self.default, self.where, self.connects)


def references_in(response: Response) -> Iterator[Reference]:
    """Yield the servers that a response names: in header fields with URLs, in Alt-Svc, and in the body of a redirect.

    A relative reference names no server.
    """
    for name, value in response.fields:
        if name in _WITH_URL:
            yield from _urls(name.title(), value)
        if name == "alt-svc":
            for match in _ALTERNATIVE.finditer(value):
                if not match["authority"].startswith(":"):  # the same host
                    yield Reference("Alt-Svc", match["authority"], None, not match["protocol"].startswith("h3"))
    if response.status in _REDIRECTS:
        yield from _urls("the redirect's body", response.body.decode("latin-1"))


def _urls(where: str, text: str) -> Iterator[Reference]:
    """Yield the server of each absolute URL in a text."""
    for match in _URL.finditer(text):
        yield Reference(where, match["authority"], _PORTS[match["scheme"].lower()])
