"""``[listen.bind]``."""

from collections.abc import Iterator

from pydantic import Field

from dualstack.manifest.base import Table, Texts
from dualstack.manifest.faults import Fault
from dualstack.manifest.texts import stands_in


class Bind(Table):
    """How the listen address is configured: the text that ``{bind}`` stands for, by meaning.

    Each key takes one text or a list. The first text is used; LISTEN-011 and LISTEN-008 (pair) try all of them.
    """

    any: Texts = Field([], description='All addresses of both families, e.g. "[::]" or "".')
    ipv4_any: Texts = Field([], description='All IPv4 addresses, e.g. "0.0.0.0".')
    ipv6_any: Texts = Field([], description='All IPv6 addresses and no IPv4 address, e.g. "[::]" with IPV6_V6ONLY.')
    ipv4_address: Texts = Field([], description='One IPv4 address; "{address}" stands for it.')
    ipv6_address: Texts = Field([], description='One IPv6 address: "{address}" or "[{address}]".')
    pair: Texts = Field(
        [],
        description='Both "0.0.0.0" and "::" as two entries for one port, once in each order; {port} stands for the '
        "port.",
    )
    ipv4_mapped: Texts = Field([], description='One IPv4-mapped IPv6 address, e.g. "[::ffff:{address}]".')
    localhost: Texts = Field([], description='Both loopback addresses, by name: "localhost".')

    def _addresses_have_their_place(self) -> Iterator[Fault]:
        """Refuse the text of one address without ``{address}``."""
        for key in ("ipv4_address", "ipv6_address", "ipv4_mapped"):
            for text in getattr(self, key):
                if not stands_in("address", text):
                    yield Fault((key,), f'{text!r} lacks the placeholder "{{address}}"')

    CHECKS = (_addresses_have_their_place,)
