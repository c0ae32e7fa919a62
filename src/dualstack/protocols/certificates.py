"""What the two ends of TLS present and check, and which names a certificate is for (RFC 9525, RFC 5280 §4.2.1.6)."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any


@enum.unique
class TlsFault(enum.Enum):
    """What is wrong with TLS; the value ends a sentence about one end."""

    PLAIN = "does not speak TLS"
    UNVERIFIED = "has a certificate that cannot be verified"
    OTHER_NAME = "has a certificate for other names"
    ALERT = "rejects the TLS handshake"
    BROKEN = "breaks the TLS session"


@dataclass(frozen=True, slots=True)
class ClientTls:
    """What a TLS client checks.

    Attributes:
        ca: The certificate authority that it trusts, in PEM; empty if it verifies no certificate.
        name: The DNS name or address that the certificate must be for. A DNS name is also sent (SNI); an address is
            not (RFC 6066 §3).
    """

    ca: str
    name: str


@dataclass(frozen=True, slots=True)
class ServerTls:
    """What a TLS server presents.

    Attributes:
        certificate: Its certificate, followed by those of its issuers, in PEM.
        key: Its private key, in PEM.
    """

    certificate: str
    key: str


def names_in(certificate: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the DNS names and addresses of a certificate, as `ssl.SSLObject.getpeercert` returns it.

    The common name is ignored (RFC 9525 §2).
    """
    pairs = certificate.get("subjectAltName", ())
    return tuple(
        _normal(value) if kind == "IP Address" else value for kind, value in pairs if kind in ("DNS", "IP Address")
    )


def is_for(wanted: str, names: Sequence[str]) -> bool:
    """Return whether one of a certificate's names is for a name or address.

    A first label ``*`` stands for any one label (RFC 9525 §6.3); an address must be the same one, in its family.
    """
    wanted = _normal(wanted)
    if is_address(wanted):
        return wanted in names
    wanted = wanted.lower().rstrip(".")
    host = {name.lower().rstrip(".") for name in names if not is_address(name)}
    _, dot, parent = wanted.partition(".")
    return wanted in host or (bool(dot) and f"*.{parent}" in host)


def _normal(text: str) -> str:
    """Return an address in its usual form; every other text as it is."""
    return str(ip_address(text)) if is_address(text) else text


def is_address(text: str) -> bool:
    """Return whether a text is an IPv4 or IPv6 address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
