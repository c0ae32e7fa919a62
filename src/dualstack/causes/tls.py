"""Facts about TLS: certificates for other names, sockets without TLS, and literals that are treated like names."""

from dualstack.causes.connecting import failed
from dualstack.causes.rule import says
from dualstack.facts import Facts, Sign
from dualstack.protocols.certificates import TlsFault


def _faulty(facts: Facts, fault: TlsFault) -> str:
    """Return which clients met a fault of the service's TLS; empty if none did."""
    found = [item for item in facts.exchanges if item.tls is fault]
    if not found:
        return ""
    families = " and ".join(sorted({item.family.label for item in found}))
    return f"at {found[0].address}, {families} clients find that it {fault.value}"


def certificate_of_other_names(facts: Facts) -> str:
    """Clients get a certificate that is not for what they use."""
    return _faulty(facts, TlsFault.OTHER_NAME)


def no_tls(facts: Facts) -> str:
    """Clients of one family get an answer without TLS, and those of the other one do not."""
    families = {item.family for item in facts.exchanges if item.tls is TlsFault.PLAIN}
    return _faulty(facts, TlsFault.PLAIN) if len(families) == 1 else ""


def tls_fails(facts: Facts) -> str:
    """The TLS handshake of a client failed."""
    return next((f"it {item.tls.value}" for item in facts.exchanges if item.tls is not None), "")


def rejects_literal(facts: Facts) -> str:
    """Given an address literal, it reports that the certificate is for another name."""
    return says(Sign.CERTIFICATE)(facts) if any(run.literal for run in failed(facts)) else ""
