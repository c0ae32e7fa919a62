"""Causes about how a service treats its clients: what speaks for them and against them."""

import contextlib
import ipaddress
import re

from dualstack.causes.rule import (
    CERTAIN,
    DECISIVE,
    FITS,
    HINT,
    STRONG,
    Rule,
    Test,
    about,
    both,
    ended,
    says,
    where,
)
from dualstack.causes.rules_binding import came_late, takes
from dualstack.causes.rules_connecting import cut_target, shown_wrong
from dualstack.facts import Exchange, Facts, How, Sign
from dualstack.families import BOTH, Family

IPV4, IPV6 = Family.IPV4, Family.IPV6

_RULE = re.compile(r'from (?P<client>[0-9a-fA-F.:]+), with the rule "(?P<rule>[^"]+)"')
"""How a finding about access rules names its client and its rule."""

_ENDED = (How.HUNG_UP, How.RESET)
_NOT_SERVED = (How.HUNG_UP, How.RESET, How.WRONG)

ONE_PACKET = 1232
"""How many bytes of a datagram every path carries over IPv6 in one packet (RFC 8200 §5)."""

ENOUGH_HOPS = 32
"""A hop limit that reaches any other network; kernels start with 64."""

_IPV4_COLUMN = range(13, 17)
"""How many characters are kept where a field was made for an IPv4 address in text."""


def _is_tcp(facts: Facts) -> str:
    """The listener is TCP."""
    return "it is a TCP service" if facts.transport == "tcp" else ""


def is_udp(facts: Facts) -> str:
    """The listener is UDP."""
    return "it is a datagram service" if facts.transport == "udp" else ""


def is_refused(facts: Facts) -> str:
    """Every client of a lost family is refused."""
    for family in BOTH:
        if facts.lost(family) and facts.of(family).worst is How.REFUSED:
            return f"{family.label} clients are refused"
    return ""


# -- the client's address ---------------------------------------------------------------------------------------------


def shown_cut_at_length(facts: Facts) -> str:
    """A client's address was cut where a field for IPv4 ends."""
    for client, shown in shown_wrong(facts):
        text = shown.strip("[]")
        if len(text) in _IPV4_COLUMN and client.startswith(text):
            return f'it shows "{shown}" for the client {client}: the first {len(text)} characters'
    return ""


def _is_cut(client: str, shown: str) -> bool:
    """Return whether an address was shown of which only the first bytes are right, and the others are zero."""
    try:
        own, found = ipaddress.ip_address(client).packed, ipaddress.ip_address(shown.strip("[]")).packed
    except ValueError:
        return False
    same = next((at for at, (one, other) in enumerate(zip(own, found, strict=False)) if one != other), len(found))
    return len(own) == len(found) and same < len(own) and not any(found[same:])


def shown_cut_in_binary(facts: Facts) -> str:
    """Only the first bytes of a client's address were kept."""
    for client, shown in shown_wrong(facts):
        if ":" in client and _is_cut(client, shown):
            return f'it shows "{shown}" for the client {client}: only the first bytes are right'
    return ""


def ipv4_client_before(facts: Facts) -> str:
    """An IPv4 client was served before an IPv6 one whose address is wrong."""
    wrong = {client for client, _ in shown_wrong(facts)}
    before = False
    for item in facts.exchanges:
        if before and item.source in wrong and item.family is IPV6:
            return "an IPv4 client came before"
        before = before or (item.family is IPV4 and item.how is How.ANSWERED)
    return ""


def shown_misread(facts: Facts) -> str:
    """An IPv4 client was shown with another IPv4 address."""
    for client, shown in shown_wrong(facts):
        if ":" not in client and ":" not in shown:
            return f'it shows "{shown}" for the client {client}'
    return ""


def shown_mapped(facts: Facts) -> str:
    """An IPv4 client was shown in its IPv4-mapped form."""
    found = next((shown for _, shown in facts.shown if shown.lower().strip("[]").startswith("::ffff:")), "")
    return f'it shows "{found}" for an IPv4 client' if found else ""


def answer_goes_astray(facts: Facts) -> str:
    """The host sends to an address that is the beginning of a client's, and then zeros."""
    clients = {item.source for item in facts.exchanges if ":" in item.source} | set(facts.clients)
    for stranger in facts.strangers:
        if ":" in stranger and any(_is_cut(client, stranger) for client in clients):
            return f"its host sends to {stranger}: the first bytes of a client's address, and then zeros"
    return ""


def answer_goes_astray_later(facts: Facts) -> str:
    """IPv6 clients are answered at first, and after an IPv4 client their answers go astray."""
    answered = facts.ipv6.count(How.ANSWERED) and facts.ipv4.count(How.ANSWERED)
    return answer_goes_astray(facts) if answered and facts.ipv6.count(How.IGNORED) else ""


unpacked = says(Sign.UNPACKED)


# -- families that fare differently -----------------------------------------------------------------------------------


def mapped_is_turned_away(facts: Facts) -> str:
    """IPv4 clients reach the service through its IPv6 socket, and are not served."""
    rows = facts.takes(IPV4)
    dual = bool(rows) and all(row.family == IPV6.value for row in rows)
    turned_away = facts.lost(IPV4) and facts.ipv4.worst in {*_NOT_SERVED, How.KEPT_WAITING, How.IGNORED}
    if not dual or not turned_away or facts.lost(IPV6):
        return ""
    return f"IPv4 clients come through its IPv6 socket as ::ffff:a.b.c.d, and are {_worst(facts, IPV4)}"


def says_mapped_not_allowed(facts: Facts) -> str:
    """It says that an IPv4-mapped client is not allowed."""
    line = facts.says(Sign.MAPPED)
    allowed = facts.says(Sign.NOT_ALLOWED)
    return f'its output says "{line}"' if line and allowed and mapped_is_turned_away(facts) else ""


def says_mapped(facts: Facts) -> str:
    """It names an IPv4-mapped client."""
    return says(Sign.MAPPED)(facts) if mapped_is_turned_away(facts) else ""


def _worst(facts: Facts, family: Family) -> str:
    """Return how clients of a family fared, in words."""
    how = facts.of(family).worst
    return how.value if how else "not served"


def _status(item: Exchange) -> str:
    """Return the status code of an HTTP answer; empty without one."""
    line = item.answer.split("\r\n", 1)[0].split(" ")
    return line[1] if line[0].startswith("HTTP/") and len(line) > 1 else ""


def error_answer_of_one_family(facts: Facts) -> str:
    """Clients of one family alone get an error answer, or an end of the connection, from a socket that takes it."""
    family = facts.one_lost
    if family is None or not facts.takes(family) or facts.of(family).worst not in _NOT_SERVED:
        return ""
    statuses = sorted({_status(item) for item in facts.exchanges if item.family is family and _status(item)})
    told = f" with HTTP status {', '.join(statuses)}" if statuses and not statuses[0].startswith("2") else ""
    return f"{family.label} clients are {_worst(facts, family)}{told}; {family.other.label} clients are served"


def error_status(facts: Facts) -> str:
    """Clients of a lost family get an error of the server itself."""
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
    unserved = any(item.how in {*_NOT_SERVED, How.KEPT_WAITING} for item in facts.exchanges)
    return f'its output says "{line}"' if line and connects and unserved and facts.broken else ""


def gateway_error(facts: Facts) -> str:
    """The answers are a gateway's errors over every family."""
    gateway = sorted({_status(item) for item in facts.exchanges} & {"502", "504"})
    return f"clients get HTTP status {', '.join(gateway)}: a gateway's error" if gateway else ""


def came_in_part(facts: Facts) -> str:
    """The first bytes of an answer came, so the client was not turned away, and what came was not too large."""
    return next((item.happened for item in facts.broken if re.search(r"only [1-9]\d* of \d+ bytes", item.happened)), "")


def only_ipv6_is_wrong(facts: Facts) -> str:
    """Whatever is not as expected is so for IPv6 clients."""
    wrong = bool(facts.broken) and all("an IPv6 client" in item.expected for item in facts.broken)
    return "only IPv6 clients are not treated as expected" if wrong else ""


def cut_short(facts: Facts) -> str:
    """An answer ended before its announced length."""
    told = next((item.happened for item in facts.broken if "is cut short" in item.happened), "")
    if told or came_in_part(facts):
        return told or came_in_part(facts)
    for item in facts.exchanges:
        if item.missing:
            return f"{item.missing} of the announced bytes of an answer to an {item.family.label} client are missing"
    return ""


def loopback_refused(facts: Facts) -> str:
    """A wildcard socket is served on the link, and its family's loopback address is refused."""
    for family in BOTH:
        own = [item for item in facts.exchanges if item.family is family and item.port == facts.port]
        inside = [item for item in own if item.address == family.loopback and item.how is How.REFUSED]
        outside = any(item.how is How.ANSWERED and not item.inside for item in own)
        rows = [row for row in facts.takes(family) if row.address in {IPV4.wildcard, IPV6.wildcard}]
        if inside and rows and (outside or facts.of(family).works is not False or facts.is_about(family)):
            return f"its socket on {rows[0].address} refuses clients at {family.loopback}, and serves others"
    return ""


def link_local_lost(facts: Facts) -> str:
    """Link-local clients are not served, others of IPv6 are."""
    own = [item for item in facts.exchanges if item.family is IPV6 and item.port == facts.port]
    near = [item for item in own if item.address.startswith("fe80:") or item.source.startswith("fe80:")]
    bad = [item for item in near if item.how in {*_NOT_SERVED, How.KEPT_WAITING, How.IGNORED}]
    good = any(item.how is How.ANSWERED for item in own if item not in near)
    return f"link-local clients are {bad[0].how.value}, and other IPv6 clients are served" if bad and good else ""


def expires_on_the_way(facts: Facts) -> str:
    """Routers say that packets of the service have used up their hop limit."""
    for family in BOTH:
        text = next((text for text in facts.of(family).icmp if "exceeded" in text), "")
        if text:
            return f"a router answers {text} to its {family.label} packets"
    return ""


def small_hop_limit(facts: Facts) -> str:
    """Packets leave with a hop limit that does not reach other networks."""
    for family in BOTH:
        least = facts.of(family).hop_limit
        if 0 < least < ENOUGH_HOPS and facts.host.routed:
            return f"its {family.label} packets leave with a hop limit of {least}"
    return ""


def hop_limit_is_enough(facts: Facts) -> str:
    """Every packet that was seen has a hop limit that reaches other networks."""
    least = [facts.of(family).hop_limit for family in BOTH if facts.of(family).hop_limit]
    exceeded = any("exceeded" in text for family in BOTH for text in facts.of(family).icmp)
    return (
        f"its packets leave with a hop limit of {min(least)}"
        if least and min(least) >= ENOUGH_HOPS and (not exceeded)
        else ""
    )


def past_the_router(facts: Facts) -> str:
    """Packets for clients behind a router are sent to neighbours, or not at all."""
    told = next((item.happened for item in facts.broken if "past the router" in item.happened), "")
    if told:
        return told
    silent = any(facts.of(family).worst is How.IGNORED and facts.takes(family) for family in BOTH)
    near = any("on the router itself is answered" in item.happened for item in facts.broken)
    return "clients on the link are answered, and those behind the router are not" if silent and near else ""


def lost_behind_router(facts: Facts) -> str:
    """Clients behind a router get nothing, over a family that a socket takes."""
    for family in BOTH:
        if facts.host.routed and facts.takes(family) and facts.of(family).worst is How.IGNORED:
            return f"{family.label} clients behind a router are ignored"
    return ""


# -- limits and crowds ------------------------------------------------------------------------------------------------


def hangs_up_beside_others(facts: Facts) -> str:
    """IPv6 connections are ended at once while another one of the same network is open, and IPv4 ones are not."""
    count, other = facts.ipv6.hung_up_beside, facts.ipv4.hung_up_beside
    if not count or other or not facts.ipv6.count(How.ANSWERED):
        return ""
    return f"{count} IPv6 connections were closed without an answer while another IPv6 client was there, no IPv4 one"


def ends_connections(facts: Facts) -> str:
    """The service ends the connections itself: nothing is blocked."""
    if ended(facts):
        return ended(facts)
    closed = sum(facts.of(family).count(*_ENDED) for family in BOTH)
    waiting = sum(facts.of(family).count(How.KEPT_WAITING, How.IGNORED) for family in BOTH)
    return f"it closed {closed} connections without an answer" if closed > waiting else ""


def keeps_waiting(facts: Facts) -> str:
    """Clients wait in vain on connections that the kernel has taken."""
    for family in BOTH:
        count = facts.of(family).count(How.KEPT_WAITING, How.IGNORED)
        if count:
            return f"{count} {family.label} clients were connected and got no answer"
    return ""


def something_grows(facts: Facts) -> str:
    """It holds more descriptors, processes or connections than before."""
    for item in facts.broken:
        if any(word in item.expected for word in ("descriptors", "waited for", "CLOSE_WAIT")):
            return f"{item.expected}, but {item.happened}"
    return ""


# -- datagrams --------------------------------------------------------------------------------------------------------


def wrong_source(facts: Facts) -> str:
    """Answers came from an address that was not asked."""
    for family in BOTH:
        if facts.of(family).wrong_source:
            return f"answers over {family.label} came from {', '.join(facts.of(family).wrong_source)}"
    return ""


def wrong_port(facts: Facts) -> str:
    """Answers came from a port that was not asked."""
    for family in BOTH:
        if facts.of(family).wrong_port:
            return f"answers over {family.label} came from port {', '.join(map(str, facts.of(family).wrong_port))}"
    return ""


def bad_checksum(facts: Facts) -> str:
    """Datagrams left without a right checksum."""
    return next((item.happened for item in facts.broken if "checksum" in item.expected), "")


def answers_nowhere(facts: Facts) -> str:
    """One family's datagrams come in at a socket of its own, and nothing goes out."""
    for family in BOTH:
        seen = facts.of(family)
        apart = {row.address for row in facts.takes(family)}.isdisjoint(
            row.address for row in facts.takes(family.other)
        )
        silent = seen.worst is How.IGNORED and not seen.count(How.ANSWERED)
        if apart and facts.takes(family) and facts.takes(family.other) and silent and facts.lost(family):
            return (
                f"requests over {family.label} reach a socket of its own on {where(facts)}, and nothing leaves; "
                f"{family.other.label} has another socket"
            )
    return ""


def large_only(facts: Facts) -> str:
    """Small exchanges are answered, and large ones are not."""
    for family in BOTH:
        own = [item for item in facts.exchanges if item.family is family]
        small = [item.size for item in own if item.how is How.ANSWERED]
        large = [item.size for item in own if item.how is How.IGNORED]
        if small and large and min(large) > max(small):
            return f"over {family.label} {max(small)} bytes are answered, and {min(large)} are not"
    return ""


def too_large_packets(facts: Facts) -> str:
    """Packets left that were larger than the path carries."""
    told = next((item.happened for item in facts.broken if "larger" in item.happened), "")
    return told or says(Sign.TOO_LARGE)(facts)


def small_are_lost_too(facts: Facts) -> str:
    """What fits one packet is not answered either."""
    lost = {item.family for item in facts.exchanges if item.how in {How.IGNORED, How.KEPT_WAITING}}
    for item in facts.exchanges:
        if item.family in lost and item.size <= ONE_PACKET and item.how in {How.IGNORED, How.KEPT_WAITING}:
            return f"{item.size} bytes over {item.family.label} are not answered either"
    return ""


def no_socket_for_it(facts: Facts) -> str:
    """No socket takes the family that is lost."""
    for family in BOTH:
        if facts.lost(family) and not facts.takes(family):
            return f"no socket of the service takes {family.label} on {where(facts)}"
    return ""


def negated(test: Test, sentence: str) -> Test:
    """Return the test that ``test`` does not hold."""
    return lambda facts: "" if test(facts) else sentence


UNICAST = about("LISTEN-012", "UDP-001", "UDP-002", "UDP-003", "UDP-004", "UDP-005", "UDP-006", "UDP-008")
"""Requirements whose requests are ordinary ones, of clients on the link."""


def asks_for_names(facts: Facts) -> str:
    """It asks for the names of its clients."""
    return "it asks the name server for the names of its clients (PTR)" if facts.reverse else ""


def _network(rule: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return the address or network that a rule names; None if none is found."""
    for word in re.split(r"[\s\"',;=]+", rule):
        with contextlib.suppress(ValueError):
            return ipaddress.ip_network(word, strict=False)
    return None


def rule_hits_others(facts: Facts) -> str:
    """Rules are wrong for clients that they do not name, or are wrong as networks only."""
    found = [_RULE.search(item.expected) for item in facts.broken]
    for match in found:
        named = _network(match["rule"]) if match else None
        if match is None or named is None:
            return ""
        client = ipaddress.ip_address(match["client"])
        if named.version != client.version or (client in named and "/" not in match["rule"]):
            return ""
    return f'the rule "{found[0]["rule"]}" is wrong for the client {found[0]["client"]}' if found and found[0] else ""


def oneway(facts: Facts) -> str:
    """The service answers nothing: what it does with a request is seen in its log alone."""
    return "it answers nothing" if facts.protocol == "oneway" else ""


def sender_is_dropped(facts: Facts) -> str:
    """What comes over one family reaches a socket, and is not shown."""
    family = next((item for item in BOTH if facts.lost(item) or facts.is_about(item)), None)
    if not oneway(facts) or family is None or not facts.takes(family):
        return ""
    return f"what comes over {family.label} reaches a socket of it, and is not shown"


def gets_others_answers(facts: Facts) -> str:
    """Clients get datagrams that answer none of their requests."""
    strays = next((item.happened for item in facts.broken if "answer none" in item.happened), "")
    return strays or next((item.happened for item in facts.broken if "from one port are all" in item.expected), "")


def by_shape(facts: Facts) -> str:
    """Clients of single addresses are dropped, others of the family are served."""
    for family in BOTH:
        own = [item for item in facts.exchanges if item.family is family]
        bad = sorted({item.source for item in own if item.how in {*_NOT_SERVED, How.KEPT_WAITING, How.IGNORED}})
        good = {item.source for item in own if item.how is How.ANSWERED}
        if bad and good and not set(bad) & good:
            return f"clients at {bad[0]} are not served, and those at {min(good)} are"
    return ""


def leads_past_filter(facts: Facts) -> str:
    """Only redirects lead to what is refused."""
    wrong = [item.expected.startswith("redirected") for item in facts.broken]
    return f"{facts.broken[0].happened}, by a redirect" if wrong and all(wrong) else ""


RULES = (
    Rule("RC-PKTINFO", ((DECISIVE, wrong_source),), (_is_tcp,)),
    Rule("RC-REPLYPORT", ((DECISIVE, wrong_port),), (_is_tcp,)),
    Rule("RC-NOCHECKSUM", ((DECISIVE, bad_checksum),), (_is_tcp,)),
    Rule(
        "RC-ADDRLEN",
        ((CERTAIN, both(shown_cut_in_binary, ipv4_client_before)), (CERTAIN, answer_goes_astray_later)),
    ),
    Rule(
        "RC-SOCKADDR",
        (
            (CERTAIN, answer_goes_astray),
            (DECISIVE, cut_target),
            (DECISIVE, shown_cut_at_length),
            (DECISIVE, shown_cut_in_binary),
            (DECISIVE, unpacked),
            (STRONG, both(shown_misread, about("INTEROP-001"))),
            (FITS, about("UDP-004")),
        ),
        (is_refused, answer_goes_astray_later),
    ),
    Rule(
        "RC-ACLTEXT",
        ((CERTAIN, says_mapped_not_allowed), (DECISIVE, about("SEC-001"))),
        (rule_hits_others,),
    ),
    Rule(
        "RC-MAPPED",
        (
            (DECISIVE, says_mapped),
            (STRONG, mapped_is_turned_away),
            (STRONG, both(about("INTEROP-001"), shown_mapped)),
            (HINT, about("SEC-001", "SEC-005")),
        ),
        (came_in_part, only_ipv6_is_wrong),
    ),
    Rule("RC-ACLPREFIX", ((DECISIVE, rule_hits_others),)),
    Rule("RC-LOCALHOSTBACKEND", ((DECISIVE, backend_fails), (FITS, gateway_error))),
    Rule("RC-CUTSHORT", ((DECISIVE, cut_short),)),
    Rule(
        "RC-ERRORANSWER",
        ((STRONG, error_answer_of_one_family), (STRONG, statuses_differ), (STRONG, error_status)),
        (is_udp, mapped_is_turned_away, about("SEC-001")),
    ),
    Rule("RC-BINDTODEVICE", ((DECISIVE, loopback_refused),)),
    Rule("RC-SCOPEDPEER", ((DECISIVE, link_local_lost),)),
    Rule(
        "RC-HOPLIMIT",
        ((DECISIVE, expires_on_the_way), (DECISIVE, small_hop_limit), (FITS, lost_behind_router)),
        (hop_limit_is_enough,),
    ),
    Rule("RC-DONTROUTE", ((STRONG, past_the_router),), (expires_on_the_way, small_hop_limit)),
    Rule("RC-PERPREFIX", ((DECISIVE, hangs_up_beside_others), (FITS, about("ROBUST-008"))), (about("ROBUST-010"),)),
    Rule(
        "RC-BLOCKING",
        ((FITS, keeps_waiting),),
        (ends_connections,),
        evident=False,
    ),
    Rule("RC-LEAK", ((STRONG, something_grows), (STRONG, says(Sign.TOO_MANY_FILES)))),
    Rule(
        "RC-REPLYSOCKET",
        ((STRONG, answers_nowhere),),
        (
            _is_tcp,
            oneway,
            large_only,
            answer_goes_astray,
            wrong_source,
            wrong_port,
            bad_checksum,
            came_late,
            negated(UNICAST, "its requests were not ordinary ones"),
            both(about("UDP-005", "UDP-008"), negated(small_are_lost_too, "only large requests were sent")),
        ),
    ),
    Rule(
        "RC-MTU",
        ((STRONG, large_only), (STRONG, too_large_packets), (FITS, about("UDP-005", "UDP-008", "LISTEN-017"))),
        (is_refused, no_socket_for_it, answer_goes_astray, small_are_lost_too, came_in_part),
    ),
    Rule("RC-REVERSELOOKUP", ((DECISIVE, asks_for_names),)),
    Rule(
        "RC-CLIENTKEY",
        ((DECISIVE, both(gets_others_answers, about("UDP-004", "INTEROP-007"))),),
        (answer_goes_astray, answers_nowhere),
    ),
    Rule(
        "RC-ADDRTEXT",
        ((STRONG, both(by_shape, about("INTEROP-007"))), (STRONG, sender_is_dropped)),
        (gets_others_answers,),
    ),
    Rule("RC-SSRF", ((FITS, about("SEC-006")),), (leads_past_filter,)),
    Rule("RC-REDIRECT", ((DECISIVE, leads_past_filter),)),
    Rule("RC-IDLE", ((FITS, about("ROBUST-010")),)),
    Rule("RC-ICMPLOOP", ((FITS, about("ROBUST-011")),)),
    Rule("RC-RELOAD", ((DECISIVE, about("LIFE-008")),)),
    Rule("RC-MULTICAST", ((DECISIVE, about("UDP-009")),), (no_socket_for_it,)),
    Rule("RC-SPOOF", ((FITS, about("SEC-003")),), (negated(takes(IPV6), "no socket takes IPv6"),)),
)
"""The causes in the order in which they are tried when equally much speaks for them."""
