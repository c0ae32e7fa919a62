"""Errors of OpenSSL in plain words."""

import re
import ssl

from dualstack.protocols.certificates import TlsFault

_ALERT = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?([A-Z_]+)")
"""OpenSSL's names of alerts that the other end has sent: ``TLSV1_ALERT_UNKNOWN_CA``."""


def explain(error: ssl.SSLError, other: str) -> tuple[TlsFault, str]:
    """Return what an error is, and its meaning as the end of a sentence; ``other`` is the word for the other end."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsFault.UNVERIFIED, f"the certificate cannot be verified: {error.verify_message}"
    reason = error.reason or ""
    alert = _ALERT.fullmatch(reason)
    if alert:
        return TlsFault.ALERT, f"the {other} sent the alert {_words(alert[1])!r}"
    return TlsFault.BROKEN, _words(reason) or str(error)


def _words(name: str) -> str:
    """Return a name of OpenSSL's as words."""
    return name.lower().replace("_", " ")
