"""Facts about the PROXY headers that a service writes or reads."""

from dualstack.facts import Facts
from dualstack.finding import Symptom


def misread(facts: Facts) -> str:
    """It writes or reads a PROXY header wrongly."""
    return facts.happened(Symptom.PROXY_HEADER)


def misread_field(facts: Facts) -> str:
    """It writes or reads Forwarded or X-Forwarded-For wrongly."""
    return facts.happened(Symptom.FORWARDED)


def distrusts_relay(facts: Facts) -> str:
    """It does not use the PROXY header of the relay that it trusts."""
    return facts.happened(Symptom.RELAY_DISTRUSTED)


def trusts_stranger(facts: Facts) -> str:
    """It uses the PROXY header of a host that it does not trust."""
    return facts.happened(Symptom.STRANGER_TRUSTED)
