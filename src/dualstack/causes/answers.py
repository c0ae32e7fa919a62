"""Facts about how the service answers its clients, and how the two families differ."""

import re

from dualstack.causes.rule import ended, says
from dualstack.facts import Exchange, Facts, How, Sign
from dualstack.families import BOTH, Family
from dualstack.finding import Symptom

IPV4, IPV6 = Family.IPV4, Family.IPV6

_ENDED = (How.HUNG_UP, How.RESET)

NOT_SERVED = (How.HUNG_UP, How.RESET, How.WRONG)


def is_tcp(facts: Facts) -> str:
    """The listener is TCP."""
    return "it is a TCP service" if facts.transport == "tcp" else ""


def is_udp(facts: Facts) -> str:
    """The listener is UDP."""
    return "it is a datagram service" if facts.transport == "udp" else ""


def is_refused(facts: Facts) -> str:
    """Most clients of a lost family are refused."""
    for family in BOTH:
        if facts.lost(family) and facts.of(family).worst is How.REFUSED:
            return f"{family.label} clients are refused"
    return ""


def mapped_is_turned_away(facts: Facts) -> str:
    """IPv4 clients reach the service through its IPv6 socket, and are not served."""
    rows = facts.takes(IPV4)
    dual = bool(rows) and all(row.family == IPV6.value for row in rows)
    turned_away = facts.lost(IPV4) and facts.ipv4.worst in {*NOT_SERVED, How.KEPT_WAITING, How.IGNORED}
    if not dual or not turned_away or facts.lost(IPV6):
        return ""
    return f"IPv4 clients reach its IPv6 socket as ::ffff:a.b.c.d, and are {_worst(facts, IPV4)}"


def says_mapped_not_allowed(facts: Facts) -> str:
    """Its output says that an IPv4-mapped client is not allowed."""
    line = facts.says(Sign.MAPPED)
    allowed = facts.says(Sign.NOT_ALLOWED)
    return f'its output says "{line}"' if line and allowed and mapped_is_turned_away(facts) else ""


def says_mapped(facts: Facts) -> str:
    """Its output names an IPv4-mapped client."""
    return says(Sign.MAPPED)(facts) if mapped_is_turned_away(facts) else ""


def _worst(facts: Facts, family: Family) -> str:
    """Return the most frequent failure of a family's clients, in words."""
    how = facts.of(family).worst
    return how.value if how else "not served"


def _status(item: Exchange) -> str:
    """Return the status code of an HTTP answer; empty without one."""
    line = item.answer.split("\r\n", 1)[0].split(" ")
    return line[1] if line[0].startswith("HTTP/") and len(line) > 1 else ""


def error_answer_of_one_family(facts: Facts) -> str:
    """Only clients of one family get an error answer or a closed connection, from a socket that takes the family."""
    family = facts.one_lost
    if family is None or not facts.takes(family) or facts.of(family).worst not in NOT_SERVED:
        return ""
    statuses = sorted({_status(item) for item in facts.exchanges if item.family is family and _status(item)})
    status = f" with HTTP status {', '.join(statuses)}" if statuses and not statuses[0].startswith("2") else ""
    return f"{family.label} clients are {_worst(facts, family)}{status}; {family.other.label} clients are served"


def error_status(facts: Facts) -> str:
    """Clients of a lost family get an HTTP error that is not a gateway's."""
    for item in facts.exchanges:
        status = _status(item)
        if facts.lost(item.family) and status[:1] in {"4", "5"} and status not in {"502", "503", "504"}:
            return f"{item.family.label} clients get HTTP status {status}"
    return ""


def statuses_differ(facts: Facts) -> str:
    """The HTTP status is an error over one family only."""
    found = {family: {_status(item) for item in facts.exchanges if item.family is family} - {""} for family in BOTH}
    for family in BOTH:
        bad = sorted(text for text in found[family] if text[0] in "45")
        if bad and found[family.other] and not any(text[0] in "45" for text in found[family.other]):
            return f"{family.label} clients get HTTP status {', '.join(bad)}, and {family.other.label} clients do not"
    return ""


def backend_fails(facts: Facts) -> str:
    """The answers are a gateway's errors, and the output names a loopback address beside an error."""
    gateway = sorted({_status(item) for item in facts.exchanges} & {"502", "503", "504"})
    line = facts.says(Sign.LOOPBACK)
    if gateway and line:
        return f'clients get HTTP status {", ".join(gateway)}, and its output says "{line}"'
    connects = facts.says(Sign.REFUSED, Sign.TIMED_OUT, Sign.NO_NETWORK)
    unserved = any(item.how in {*NOT_SERVED, How.KEPT_WAITING} for item in facts.exchanges)
    return f'its output says "{line}"' if line and connects and unserved and facts.broken else ""


def gateway_error(facts: Facts) -> str:
    """The answers are a gateway's errors."""
    gateway = sorted({_status(item) for item in facts.exchanges} & {"502", "504"})
    return f"clients get HTTP status {', '.join(gateway)}: a gateway's error" if gateway else ""


def came_in_part(facts: Facts) -> str:
    """Only the first bytes of an answer came: the client was not rejected, and the packets were not too large."""
    return next((item.happened for item in facts.broken if re.search(r"only [1-9]\d* of \d+ bytes", item.happened)), "")


def only_ipv6_is_wrong(facts: Facts) -> str:
    """Every failed finding is about an IPv6 client."""
    wrong = bool(facts.broken) and all("an IPv6 client" in item.expected for item in facts.broken)
    return "only IPv6 clients fail" if wrong else ""


def cut_short(facts: Facts) -> str:
    """An answer ended before its announced length."""
    sentence = next((item.happened for item in facts.broken if "is cut short" in item.happened), "")
    if sentence or came_in_part(facts):
        return sentence or came_in_part(facts)
    for item in facts.exchanges:
        if item.missing:
            return f"{item.missing} of the announced bytes of an answer to an {item.family.label} client are missing"
    return ""


def hangs_up_beside_others(facts: Facts) -> str:
    """IPv6 connections are closed at once while another one of the same network is open; IPv4 ones are not."""
    count, other = facts.ipv6.hung_up_beside, facts.ipv4.hung_up_beside
    if not count or other or not facts.ipv6.count(How.ANSWERED):
        return ""
    return (
        f"{count} IPv6 connections, and no IPv4 ones, were closed without an answer while another client was connected"
    )


def ends_connections(facts: Facts) -> str:
    """The service closes the connections itself: nothing is blocked."""
    if ended(facts):
        return ended(facts)
    closed = sum(facts.of(family).count(*_ENDED) for family in BOTH)
    waiting = sum(facts.of(family).count(How.KEPT_WAITING, How.IGNORED) for family in BOTH)
    return f"it closed {closed} connections without an answer" if closed > waiting else ""


def keeps_waiting(facts: Facts) -> str:
    """Clients get no answer on connections that the kernel accepted."""
    for family in BOTH:
        count = facts.of(family).count(How.KEPT_WAITING, How.IGNORED)
        if count:
            return f"{count} {family.label} clients were connected and got no answer"
    return ""


def something_grows(facts: Facts) -> str:
    """It has more descriptors, processes or connections than before."""
    grown = (item for item in facts.broken if Symptom.GROWTH in item.symptoms)
    return next((f"{item.expected}, but {item.happened}" for item in grown), "")


def asks_for_names(facts: Facts) -> str:
    """It queries the names of its clients."""
    return "it queries the name server for the names of its clients (PTR)" if facts.reverse else ""


def leads_past_filter(facts: Facts) -> str:
    """Only redirects lead to refused targets."""
    only = all(Symptom.REDIRECT in item.symptoms for item in facts.broken)
    return f"{facts.broken[0].happened}, by a redirect" if facts.broken and only else ""
