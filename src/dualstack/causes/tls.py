"""Facts about TLS: certificates for other names, sockets without TLS, and literals that are treated like names."""

from dualstack.causes.connecting import failed
from dualstack.causes.rule import says
from dualstack.facts import Facts, How, Sign
from dualstack.finding import Symptom
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
    """Clients of one family get an answer without TLS at a separate socket; those of the other one, if any, get TLS.

    A handshake without any answer shows neither: such a socket may have no TLS, or be silent for another reason.
    """
    families = {item.family for item in facts.exchanges if item.tls is TlsFault.PLAIN}
    if len(families) != 1:
        return ""
    (family,) = families
    others = [item for item in facts.exchanges if item.family is family.other]
    is_shared = bool(facts.takes(family)) and {*facts.takes(family)} <= {*facts.takes(family.other)}
    if is_shared or (others and not any(item.how is How.ANSWERED or item.tls is not None for item in others)):
        return ""
    return _faulty(facts, TlsFault.PLAIN)


def tls_fails(facts: Facts) -> str:
    """The TLS handshake of a client failed."""
    return next((f"it {item.tls.value}" for item in facts.exchanges if item.tls is not None), "")


def accepts_other_certificate(facts: Facts) -> str:
    """It accepts a certificate that is for another address than its target."""
    return facts.judged(Symptom.OTHER_CERTIFICATE)


def handshake_is_silent(facts: Facts) -> str:
    """A client of TLS got no answer: a socket without TLS that waits for more looks the same."""
    return next((item.happened for item in facts.broken if "TLS handshake did not complete" in item.happened), "")


def rejects_literal(facts: Facts) -> str:
    """Given an address literal, it reports that the certificate is for another name, and should not."""
    if accepts_other_certificate(facts):
        return ""
    return says(Sign.CERTIFICATE)(facts) if any(run.literal for run in failed(facts)) else ""
