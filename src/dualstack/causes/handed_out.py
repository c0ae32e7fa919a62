"""Facts about the addresses in a service's answers and messages."""

from dualstack.facts import Facts
from dualstack.families import Family
from dualstack.finding import Symptom


def unusable(facts: Facts) -> str:
    """It hands out an address that its client cannot use."""
    return facts.judged(Symptom.UNUSABLE_ADDRESS)


def pasv_over_ipv6(facts: Facts) -> str:
    """It answers PASV to a client of IPv6."""
    sentence = facts.happened(Symptom.PASV_OVER_IPV6)
    return f"PASV over IPv6: {sentence}" if sentence else ""


def side_port_missed(facts: Facts) -> str:
    """A port that it opened for a client beside the connection is reached over IPv4, and not over IPv6."""
    found = [item for item in facts.broken if Symptom.SIDE_PORT in item.symptoms]
    only = found and not any(Family.IPV4.label in item.expected for item in found)
    return found[0].text if only else ""


def type_of_other_family(facts: Facts) -> str:
    """A session description names the type of one family beside an address of the other, which is right."""
    return facts.happened(Symptom.ADDRESS_TYPE)


def ipv4_fails_too(facts: Facts) -> str:
    """A finding about an IPv4 client failed: not IPv6 alone is broken."""
    return next((item.text for item in facts.broken if Family.IPV4.label in item.expected), "")


def mapped(facts: Facts) -> str:
    """Its answer holds the IPv4-mapped form of its client's address."""
    return facts.happened(Symptom.MAPPED_ADDRESS)


def without_brackets(facts: Facts) -> str:
    """A URL in its answer has an IPv6 address without brackets."""
    sentence = facts.happened(Symptom.NO_BRACKETS)
    return f"its answer has {sentence}" if sentence else ""


def cut_at_colon(facts: Facts) -> str:
    """A URL in its answer has an IPv6 address that ends at its first colon: ``[2001:8080``."""
    sentence = facts.happened(Symptom.CUT_AT_COLON)
    return f"its answer has {sentence}" if sentence else ""


def cut(facts: Facts) -> str:
    """A field of its messages returns another address than the one that was put in."""
    return facts.judged(Symptom.CUT_ADDRESS)
