"""``[listen.tls]`` and ``[connect.tls]``, and the files in the private folder that they are about."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from dualstack.manifest.base import Table
from dualstack.manifest.faults import Fault

CA_FILE = "lab-tls/ca.pem"
"""The file of the lab's certificate authority, in the private folder."""

_DNS_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$"


class ListenTls(Table):
    """How a listener speaks TLS; its protocol is spoken inside."""

    verify: Literal["lab", "none"] = Field(
        "lab",
        description='What its clients verify. "lab": its certificate, which the lab issues ({certificate}, {key}), and '
        'that it is for the name or address that they use. "none": nothing, because it has a certificate of another '
        "issuer.",
    )
    server_name: Annotated[str, StringConstraints(pattern=_DNS_NAME, max_length=253)] | None = Field(
        None,
        description="The name that its clients use: they send it (SNI), and the lab's certificate is for it alone. "
        "Default: they use the address that they dial, and the certificate is for every address of its host.",
    )

    @property
    def is_from_lab(self) -> bool:
        """Whether the lab issues its certificate."""
        return self.verify == "lab"

    def _name_is_no_address(self) -> Iterator[Fault]:
        """Refuse an address as the name."""
        try:
            address = ip_address(self.server_name or "")
        except ValueError:
            return
        yield Fault(("server_name",), f"found {str(address)!r}, an address; omit the key: clients then use addresses")

    CHECKS = (_name_is_no_address,)


class ConnectTls(Table):
    """The lab's server speaks TLS. Its certificate is for the name or address that the connector is given."""


def certificate_file(listener: str) -> str:
    """Return the file of a listener's certificate, in the private folder."""
    return f"lab-tls/{listener}.certificate.pem"


def key_file(listener: str) -> str:
    """Return the file of a listener's private key, in the private folder."""
    return f"lab-tls/{listener}.key.pem"
