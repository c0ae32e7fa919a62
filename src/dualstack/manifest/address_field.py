"""``[[listen.field]]``: a field of the service's messages that holds an address."""

import re
from collections.abc import Iterator

from pydantic import Field, StrictBool

from dualstack.families import BOTH, Family
from dualstack.manifest.base import Bytes, Name, Table, distinct
from dualstack.manifest.faults import Fault
from dualstack.manifest.patterns import Regex
from dualstack.manifest.texts import Place, stands_in


class AddressField(Table):
    """A field of the service's messages that holds an address: what a client puts in must come back (META-007)."""

    name: Name = Field(description="A short name, for the report.")
    request: Bytes = Field(
        description='What the client sends, with {address} for the address; with protocol = "http" a path for GET, '
        "in which the address is percent-encoded."
    )
    answer: Regex = Field(
        description="A regular expression; its group 1 matches the address that came back through the field."
    )
    refusal: Regex | None = Field(
        None,
        description="A regular expression for the answer that refuses an address; the service may refuse "
        "IPv4-mapped and unspecified addresses, and those of a family that the field does not hold.",
    )
    families: list[Family] = Field(list(BOTH), min_length=1, description="The families that the field must hold.")
    zone: StrictBool = Field(True, description="Whether the field must hold the zone of a link-local address.")

    def _names_the_address(self) -> Iterator[Fault]:
        """Refuse a request without the address, and an answer without its group."""
        if not stands_in("address", self.request):
            yield Fault(("request",), f'{self.request!r} lacks the placeholder "{{address}}"')
        if re.compile(self.answer).groups < 1:
            yield Fault(("answer",), 'it needs a group, e.g. "gateway=(\\\\S+)"')

    CHECKS = (_names_the_address, distinct("families", "a family"))
    TEXTS = dict.fromkeys(("request",), Place.FIELD)
