"""``[listen.websocket]``."""

import re
from collections.abc import Iterator

from pydantic import Field

from dualstack.manifest.base import Table
from dualstack.manifest.faults import Fault
from dualstack.manifest.texts import Place
from dualstack.protocols.application import Upgrade

_ORIGIN = re.compile(r"[!-~]+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class WebSocket(Table):
    """What the opening handshake of a WebSocket has beside the path (RFC 6455 §4.1)."""

    origin: str | None = Field(
        None,
        description='The Origin header, e.g. "http://{target}" for a page of the same server; default: none, as '
        "clients that are no browsers.",
    )
    subprotocol: str | None = Field(None, description="The subprotocol that is offered; default: none.")

    @property
    def upgrade(self) -> Upgrade:
        """What the client's end of the protocol takes."""
        return Upgrade(self.origin or "", self.subprotocol or "")

    def _texts_fit_headers(self) -> Iterator[Fault]:
        """Refuse texts that cannot stand in the request."""
        if self.origin is not None and not _ORIGIN.fullmatch(self.origin):
            yield Fault(("origin",), f'found {self.origin!r}; allowed: printable ASCII, e.g. "http://{{target}}"')
        if self.subprotocol is not None and not _TOKEN.fullmatch(self.subprotocol):
            text = f"found {self.subprotocol!r}; a subprotocol is one token (RFC 9110 §5.6.2), without spaces"
            yield Fault(("subprotocol",), text)

    CHECKS = (_texts_fit_headers,)
    TEXTS = dict.fromkeys(("origin",), Place.WEBSOCKET)
