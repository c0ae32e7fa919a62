"""Facts about how the service answers its clients, and how the two families differ."""

import re

from dualstack.causes.rule import Test, about, ended, says
from dualstack.facts import Exchange, Facts, How, Sign, fare_alike, matches
from dualstack.families import BOTH, Family
from dualstack.finding import Symptom

IPV4, IPV6 = Family.IPV4, Family.IPV6

ENDED = (How.HUNG_UP, How.RESET)

_CODE = re.compile(r"HTTP/\d(?:\.\d)? (\d{3})|([1-5]\d\d)[ -][^\r\n]*\r?\n")
"""A status line (RFC 9112 §4), or a reply code of SMTP, FTP or NNTP (RFC 5321 §4.2)."""

_WORD = re.compile(r"\A[^\0-\x08\x0e-\x1f]*[A-Za-z]{3}")
"""A word before the first control character."""

NOT_SERVED = (How.HUNG_UP, How.RESET, How.WRONG)

WAITING = (How.KEPT_WAITING, How.IGNORED)
"""Clients that got nothing, and no end of their connection."""

_OF_IPV6 = re.compile(r"an IPv6 client|IPv6 to port|over IPv6|client at \[")
"""What the expectation of a finding says that is about an IPv6 client."""


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
    turned_away = facts.lost(IPV4) and facts.ipv4.worst in {*NOT_SERVED, *WAITING}
    if not facts.maps_ipv4 or not turned_away or facts.lost(IPV6) or strays_in(facts):
        return ""
    return f"IPv4 clients reach its IPv6 socket as ::ffff:a.b.c.d, and are {_worst(facts, IPV4)}"


def alike(facts: Facts) -> str:
    """Clients of both families get the same wrong answer, or the same end of their connections."""
    how = facts.ipv4.worst
    return f"clients of both families are {how.value}" if fare_alike(facts) and how else ""


def strays_in(facts: Facts) -> str:
    """IPv4 clients, whose own bytes should come back, get others that are no text: nothing that a rejection says."""
    wrong = [item for item in facts.exchanges if item.family is IPV4 and item.how is How.WRONG and item.answer]
    strays = bool(wrong) and not any(_WORD.search(item.answer) for item in wrong)
    return "its answers begin with other bytes" if strays and facts.protocol == "echo" else ""


def says_mapped_not_allowed(facts: Facts) -> str:
    """Its output says that an IPv4-mapped client is not allowed."""
    line = next((line for line in facts.lines(Sign.NOT_ALLOWED) if matches(Sign.MAPPED, line)), "")
    return f'its output says "{line}"' if line and mapped_is_turned_away(facts) else ""


def says_mapped(facts: Facts) -> str:
    """Its output names an IPv4-mapped client."""
    return says(Sign.MAPPED)(facts) if mapped_is_turned_away(facts) else ""


def _worst(facts: Facts, family: Family) -> str:
    """Return the most frequent failure of a family's clients, in words."""
    how = facts.of(family).worst
    return how.value if how else "not served"


def ipv4_counted_together(facts: Facts) -> str:
    """It is the clients of different IPv4 networks that lock one another out."""
    return facts.judged(Symptom.IPV4_COUNTED_TOGETHER)


def status_of(item: Exchange) -> str:
    """Return the status code of an HTTP answer, or the reply code at the start of any other; empty without one."""
    found = _CODE.match(item.answer)
    return (found[1] or found[2]) if found else ""


def error_answer_of_one_family(facts: Facts) -> str:
    """Only clients of one family get an error answer or a closed connection, from a socket that takes the family."""
    family = facts.one_lost
    if family is None or not facts.takes(family) or facts.of(family).worst not in NOT_SERVED:
        return ""
    statuses = sorted({status_of(item) for item in facts.exchanges if item.family is family and status_of(item)})
    status = f" with status {', '.join(statuses)}" if statuses and not statuses[0].startswith("2") else ""
    who = f"{'some ' * bool(facts.of(family).count(How.ANSWERED))}{family.label} clients"
    return f"{who} are {_worst(facts, family)}{status}; {family.other.label} clients are served"


def refuses_literals(facts: Facts) -> str:
    """A request with an address of one family in Host is refused; one with an address of the other is not."""
    return facts.happened(Symptom.LITERAL_REFUSED)


def error_status(facts: Facts) -> str:
    """Clients of a lost family get an HTTP error that is not a gateway's."""
    for item in facts.exchanges:
        status = status_of(item)
        if facts.lost(item.family) and status[:1] in {"4", "5"} and status not in {"502", "503", "504"}:
            return f"{item.family.label} clients get status {status}"
    return ""


def ordinary_clients_served(facts: Facts) -> str:
    """Clients of a lost family were served before something unusual was done: their addresses are no problem."""
    for family in BOTH:
        answered = any(item.family is family and item.how is How.ANSWERED for item in facts.exchanges)
        if facts.lost(family) and answered and about("ROBUST", "LIFE", "SEC", "UDP", "FORWARD", "TRANS-008")(facts):
            return f"ordinary {family.label} clients are answered"
    return ""


def ends_the_service(facts: Facts) -> str:
    """Clients of one family ended the service, each as the first of a start; the first one of the other did not."""
    for number, start in enumerate(facts.starts, 1):
        last = _last_of(facts, number)
        if last is None or not (start.ready and start.ended):
            continue
        if not (facts.lost(last.family) or facts.is_about(last.family)):
            continue
        if _as_first(facts, last.family.other, answered=True) and _as_first(facts, last.family, answered=False):
            did = "was connected" if facts.transport == "tcp" else "had sent a request"
            return f"the service {start.ended} when an {last.family.label} client {did}"
    return ""


def ends_anyway(facts: Facts) -> str:
    """The service ended by itself, and nothing shows that it did so for the clients of one family alone."""
    how = ended(facts)
    return "" if not facts.exchanges or ends_the_service(facts) else how


def _last_of(facts: Facts, number: int) -> Exchange | None:
    """Return the client with which a start ended: it was accepted, or its datagram got no answer; None if unknown."""
    unanswered = ENDED if facts.transport == "tcp" else (*ENDED, How.IGNORED)
    own = [item for item in facts.exchanges if item.start == number and item.port == facts.port]
    last = next((item for item in own if item.how is not How.ANSWERED), None)
    return last if last is not None and last.how in unanswered else None


def _as_first(facts: Facts, family: Family, *, answered: bool) -> bool:
    """Return whether a family's client was the first of a start, and all such clients were answered, or none was."""
    starts = sorted({item.start for item in facts.exchanges})
    first = [next(item for item in facts.exchanges if item.start == number) for number in starts]
    own = [item.how is How.ANSWERED for item in first if item.family is family]
    return bool(own) and all(item is answered for item in own)


def not_kept(facts: Facts) -> str:
    """Connections of one family end after the first answer."""
    return facts.happened(Symptom.NOT_KEPT)


def statuses_differ(facts: Facts) -> str:
    """The status, or the reply code, is an error over one family only."""
    found = {family: {status_of(item) for item in facts.exchanges if item.family is family} - {""} for family in BOTH}
    for family in BOTH:
        bad = sorted(text for text in found[family] if text[0] in "45")
        if bad and found[family.other] and not any(text[0] in "45" for text in found[family.other]):
            return f"{family.label} clients get status {', '.join(bad)}, and {family.other.label} clients do not"
    return ""


def backend_fails(facts: Facts) -> str:
    """The answers are a gateway's errors, and the output names a loopback address beside an error."""
    gateway = sorted({status_of(item) for item in facts.exchanges} & {"502", "503", "504"})
    line = facts.says(Sign.LOOPBACK)
    if gateway and line:
        return f'clients get HTTP status {", ".join(gateway)}, and its output says "{line}"'
    connects = facts.lines(Sign.REFUSED, Sign.TIMED_OUT, Sign.NO_NETWORK)
    line = next((line for line in connects if matches(Sign.LOOPBACK, line)), "")
    hows = {item.how for item in facts.exchanges}
    unserved = hows & {*NOT_SERVED, How.KEPT_WAITING} and How.ANSWERED not in hows  # every client needs the back end
    return f'its output says "{line}"' if line and unserved and facts.broken else ""


def gateway_error(facts: Facts) -> str:
    """The answers are a gateway's errors."""
    gateway = sorted({status_of(item) for item in facts.exchanges} & {"502", "504"})
    return f"clients get HTTP status {', '.join(gateway)}: a gateway's error" if gateway else ""


def came_in_part(facts: Facts) -> str:
    """Only the first bytes of an answer came: the client was not rejected, and the packets were not too large."""
    return next((item.happened for item in facts.broken if re.search(r"only [1-9]\d* of \d+ bytes", item.happened)), "")


def only_ipv6_is_wrong(facts: Facts) -> str:
    """Every failed finding is about an IPv6 client."""
    wrong = bool(facts.broken) and all(_OF_IPV6.search(item.expected) for item in facts.broken)
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


def some_are_whole(facts: Facts) -> str:
    """Some clients get whole answers."""
    return "other answers are whole" if any(facts.of(family).count(How.ANSWERED) for family in BOTH) else ""


def short_on_link(facts: Facts) -> str:
    """A bulk answer does not arrive as a whole on the link either: no path is to blame."""
    return facts.happened(Symptom.SHORT_ON_LINK)


def keeps_stalled(facts: Facts) -> str:
    """A connection over which nothing progresses is not ended."""
    return facts.happened(Symptom.STALLED)


def hangs_up_beside_others(facts: Facts) -> str:
    """IPv6 connections are closed at once while another one of the same network is open; IPv4 ones are not."""
    count, other = facts.ipv6.hung_up_beside, facts.ipv4.hung_up_beside
    if not count or other or not facts.ipv6.count(How.ANSWERED) or facts.says(Sign.TOO_MANY_FILES) or facts.ended:
        return ""
    return (
        f"{count} IPv6 connections, and no IPv4 ones, were closed without an answer while another client was connected"
    )


def limits_earlier(family: Family) -> Test:
    """Return the test that under load more clients of a family than of the other get an error status."""
    return lambda facts: facts.happened(Symptom.LIMITED_EARLIER) if facts.one_lost is family else ""


def limits_ipv4(facts: Facts) -> str:
    """IPv4 connections are closed at once while another one from the same address is open; IPv6 ones are not."""
    count = facts.ipv4.hung_up_beside
    if not count or facts.ipv6.hung_up_beside or not facts.ipv4.count(How.ANSWERED) or facts.ended:
        return ""
    return f"{count} IPv4 connections, and no IPv6 ones, were closed while another client was connected"


def locks_out_sharers(facts: Facts) -> str:
    """A client is not served while another one that shares its address or its network is connected."""
    return facts.judged(Symptom.SHARED_ADDRESS)


def fails_alone(facts: Facts) -> str:
    """A client that is not served beside another one is not served alone either."""
    return facts.happened(Symptom.FAILS_ALONE)


def answers_again(facts: Facts) -> str:
    """Every family over which an exchange failed is answered later, by the same start."""
    for family in BOTH:
        own = [item for item in facts.exchanges if item.family is family and item.port == facts.port]
        failed = [number for number, item in enumerate(own) if item.how is not How.ANSWERED]
        if facts.lost(family):
            later = own[failed[-1] + 1 :] if failed else []
            if ended(facts) or not any(item.start == own[failed[-1]].start for item in later):
                return ""
            return f"the service runs, and {family.label} clients are answered later"
    return ""


def something_grows(facts: Facts) -> str:
    """It has more descriptors, processes or connections than before."""
    return facts.judged(Symptom.GROWTH)


def asks_for_names(facts: Facts) -> str:
    """It queries the names of its clients, and is slow: a query explains that clients wait, and nothing else."""
    slow = any(facts.lost(family) and facts.of(family).worst in WAITING for family in BOTH)
    slow = slow or facts.requirement == "ROBUST-009"
    return "it queries the name server for the names of its clients (PTR)" if facts.reverse and slow else ""


def leads_past_filter(facts: Facts) -> str:
    """Only redirects lead to refused targets."""
    only = all(Symptom.REDIRECT in item.symptoms for item in facts.broken)
    return f"{facts.broken[0].happened}, by a redirect" if facts.broken and only else ""
