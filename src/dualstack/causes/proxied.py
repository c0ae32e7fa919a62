"""Facts about the PROXY headers that a service writes or reads."""

from dualstack.causes.addresses import shown_wrong
from dualstack.facts import Facts, How
from dualstack.families import BOTH
from dualstack.finding import Symptom


def misread(facts: Facts) -> str:
    """It writes or reads a PROXY header wrongly."""
    return facts.happened(Symptom.PROXY_HEADER)


def shows_other(facts: Facts) -> str:
    """Its clients name themselves in PROXY headers, and it shows another address for one of them."""
    for client, shown in shown_wrong(facts) if facts.introduced else ():
        return f'its clients begin with a PROXY header, and it shows "{shown}" for {client}'
    return ""


def misread_field(facts: Facts) -> str:
    """It writes or reads Forwarded or X-Forwarded-For wrongly."""
    return facts.judged(Symptom.FORWARDED)


def distrusts_relay(facts: Facts) -> str:
    """It does not use what a relay that it trusts says of its client."""
    return facts.happened(Symptom.RELAY_DISTRUSTED)


def trusts_stranger(facts: Facts) -> str:
    """It uses the PROXY header of a host that it does not trust."""
    return facts.happened(Symptom.STRANGER_TRUSTED)


def may_misname(facts: Facts) -> str:
    """It writes PROXY headers, and the clients of one family alone are not served, on a socket that takes them."""
    family = facts.one_lost if facts.introduces else None
    if family is None or not facts.takes(family) or facts.of(family).worst is How.REFUSED:
        return ""
    return f"it names each client in a PROXY header, and a server refuses it if those of {family.label} are wrong"


def may_misread(facts: Facts) -> str:
    """Its clients send PROXY headers, and some of a socket that takes them get an end of their connection alone."""
    ended = next((item for item in facts.exchanges if item.how in {How.HUNG_UP, How.RESET}), None)
    if not facts.introduced or ended is None or not facts.broken or facts.ended:
        return ""
    label = ended.family.label
    return f"its clients begin with a PROXY header, and it closes connections of some {label} clients without an answer"


def misreads_some(facts: Facts) -> str:
    """The same, and other clients of that family are answered: the text of the address matters."""
    for family in BOTH:
        own = {item.how for item in facts.exchanges if item.family is family and item.port == facts.port}
        if How.ANSWERED in own and own & {How.HUNG_UP, How.RESET} and may_misread(facts):
            return f"{may_misread(facts)}; others are answered"
    return ""


def writes_headers(facts: Facts) -> str:
    """It writes PROXY headers, so that its server may be what turns clients away."""
    return "it writes PROXY headers" * facts.introduces
