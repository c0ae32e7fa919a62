"""Facts about a relay: whether it reaches its server, and what it passes on."""

import re

from dualstack.causes.attempting import names
from dualstack.causes.given import missed_beside_other_family, reached_by_name
from dualstack.facts import Facts, Sign
from dualstack.families import BOTH, Family
from dualstack.finding import Symptom

MISSED = {Symptom.SERVER_MISSED, Symptom.TUNNEL_REFUSED, Symptom.NEXT_ADDRESS_MISSED}
"""What a relay shows that accepts a client, and not that client's server."""


_LOOKUP = re.compile(
    r"name or service not known|no such host|ENOTFOUND|EAI_|UnknownHost|host not found|getaddrinfo|gethostbyname",
    re.IGNORECASE,
)
"""Errors that only a lookup has; an address, too, can be looked up in the wrong family."""


def has_server(facts: Facts) -> str:
    """It is a relay: if nothing leaves, its server may not have been reached."""
    return "it is a relay, whose server may not have been reached" * facts.relays


def server_missed(facts: Facts) -> str:
    """It accepts a client and does not reach its server."""
    return facts.happened(Symptom.SERVER_MISSED)


def name_not_found(facts: Facts) -> str:
    """It does not reach its server, and its output says that a name was not found, and not that of an address."""
    lines = facts.lines(Sign.NOT_FOUND)
    missed = facts.happened(Symptom.SERVER_MISSED, Symptom.NEXT_ADDRESS_MISSED)
    if not lines or not missed or any(_is_of_server(facts, line) for line in lines if not _LOOKUP.search(line)):
        return ""
    return f'it did not reach its server, and its output says "{lines[0]}"'


def _is_of_server(facts: Facts, line: str) -> bool:
    """Return whether a line names the address of a server that was not reached: the relay had it."""
    missed = [item.expected for item in facts.broken if {*item.symptoms} & MISSED]
    return any(names(text, item) and names(line, item) for item in facts.clients for text in missed)


def asked_one_family(facts: Facts) -> str:
    """It did not reach a server of one family by a name, of which it queried the record of the other family alone.

    If it does not reach an address of that family either, or says so of its socket, the queries are not the reason.
    """
    missed = [item for item in facts.broken if {*item.symptoms} & MISSED]
    for item in missed if not facts.says(Sign.ONE_FAMILY_ASKED, Sign.OTHER_FAMILY) else ():
        family = next((family for family in BOTH if f"{family.label} server" in item.expected), None)
        names = [name for name, types in facts.asked if name in item.expected and types == (_other(family),)]
        by_name = all(any(name in one.expected for name, _ in facts.asked) for one in missed)
        if family in facts.host.families and names and by_name:
            return f"for {names[0]} it queried {_other(family)}, and never {family.record}"
    return ""


def _other(family: Family | None) -> str:
    """Return the record type of the other family; empty without a family."""
    return family.other.record if family else ""


def target_fails(facts: Facts) -> str:
    """It does not reach its server, and its output or another target shows that its client is not the reason."""
    line = facts.says(Sign.COLONS) if facts.happened(Symptom.SERVER_MISSED) else ""
    if line:
        return f'its output says "{line}"'
    return name_not_found(facts) or reached_by_name(facts) or missed_beside_other_family(facts)


def text_is_wrong(facts: Facts) -> str:
    """It reaches the same server by its name, and its output reports no error of a socket."""
    of_socket = facts.says(Sign.OTHER_FAMILY, Sign.NO_FAMILY, Sign.INVALID, Sign.NO_NETWORK, Sign.NO_ADDRESS)
    return "" if of_socket else reached_by_name(facts)


def tunnel_refused(facts: Facts) -> str:
    """It answers a client that names the target that it does not connect to it."""
    return facts.happened(Symptom.TUNNEL_REFUSED)


def tries_missing_family(facts: Facts) -> str:
    """Its host has one family, and its output reports that it cannot reach an address: it tried one of the other."""
    line = facts.says(Sign.NO_NETWORK, Sign.NO_HOST, Sign.NO_ADDRESS, Sign.NO_FAMILY)
    if not line or len(facts.host.families) != 1 or not facts.happened(Symptom.SERVER_MISSED):
        return ""
    return f'it did not reach its server, and its output says "{line}"'


def half_close_lost(facts: Facts) -> str:
    """It does not pass on the end of one direction alone."""
    return facts.happened(Symptom.HALF_CLOSE_LOST)


def last_bytes_lost(facts: Facts) -> str:
    """It passes on an end, and not all bytes before it."""
    return facts.happened(Symptom.LAST_BYTES_LOST)


def reset_lost(facts: Facts) -> str:
    """It does not pass a reset on."""
    return facts.happened(Symptom.RESET_LOST)


def stranger_passed(facts: Facts) -> str:
    """It passes on datagrams that do not come from its server."""
    return facts.happened(Symptom.STRANGER_PASSED)


def forgotten_busy(facts: Facts) -> str:
    """It forgets a UDP client that is never idle."""
    return facts.judged(Symptom.FORGOTTEN_BUSY)


def not_sent_again(facts: Facts) -> str:
    """It passes on the first datagrams of UDP clients, and not those after an answer."""
    return facts.judged(Symptom.NOT_SENT_AGAIN) if facts.requirement == "FORWARD-009" else ""


def new_session(facts: Facts) -> str:
    """It does not find the session of a UDP client again."""
    return facts.judged(Symptom.NEW_SESSION)


def next_address_missed(facts: Facts) -> str:
    """It does not reach its server although one of the addresses of its name answers."""
    return facts.happened(Symptom.NEXT_ADDRESS_MISSED)


def next_address_late(facts: Facts) -> str:
    """It waits long for an address of its server that does not answer."""
    return facts.happened(Symptom.NEXT_ADDRESS_LATE)
