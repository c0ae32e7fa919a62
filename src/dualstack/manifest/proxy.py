"""``[listen.proxy]``."""

from collections.abc import Iterator

from pydantic import Field

from dualstack.manifest.base import Table, distinct
from dualstack.manifest.faults import Fault
from dualstack.manifest.texts import Place, stands_in
from dualstack.protocols.forwarded import Field as Forwarded
from dualstack.protocols.proxy_header import Version


class Proxy(Table):
    """A listener behind relays: they name the client in a header of the PROXY protocol, or in a field of HTTP."""

    versions: list[Version] = Field(
        [],
        description='The versions of the PROXY header that come first on each connection, e.g. ["v1", "v2"]; clients '
        "of all suites send the first one. Omit it if it expects none.",
    )
    forwarded: Forwarded | None = Field(
        None,
        description='With protocol = "http": the field of a request from which it takes its client\'s address: '
        '"Forwarded" or "X-Forwarded-For". Omit it if it takes it from the connection.',
    )
    trust_all: str = Field(
        "", description="All relays are trusted; {trusted} stands for it unless FORWARD-016 needs one."
    )
    trust: str | None = Field(
        None,
        description='Only one relay is trusted; "{address}" stands for its address. Omit it if the trusted relays '
        "cannot be configured.",
    )

    def _trust_has_its_place(self) -> Iterator[Fault]:
        """Refuse a text without the relay that it is about."""
        if self.trust is not None and not stands_in("address", self.trust):
            yield Fault(("trust",), f'{self.trust!r} lacks the placeholder "{{address}}"')

    def _relays_name_their_clients(self) -> Iterator[Fault]:
        """Refuse a table that does not say how relays name their clients."""
        if not self.versions and self.forwarded is None:
            yield Fault((), 'neither "versions" nor "forwarded": one of them is needed')

    CHECKS = (_relays_name_their_clients, _trust_has_its_place, distinct("versions", "a version"))
    TEXTS = dict.fromkeys(("trust",), Place.PROXY)
