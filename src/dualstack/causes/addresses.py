"""Facts about clients' addresses: how the service shows, stores and compares them."""

import contextlib
import ipaddress
import re

from dualstack.causes.answers import NOT_SERVED, WAITING, status_of
from dualstack.causes.datagrams import oneway
from dualstack.causes.rule import says
from dualstack.facts import Facts, How, Sign
from dualstack.families import BOTH, Family, unmapped
from dualstack.finding import Symptom

IPV4, IPV6 = Family.IPV4, Family.IPV6

_DOTTED = re.compile(r"\d+\.\d+\.\d+\.\d+")

_IPV4_COLUMN = range(13, 17)
"""Lengths of text fields that are made for an IPv4 address."""

_DIGITS = re.compile(r"[0-9]|:")
"""What every address has, and no word for a missing one."""


def _is_too_long(client: str, text: str) -> bool:
    """Return whether a text is the beginning of a client's address, cut at the length of a field and not at a colon."""
    begins = client.startswith(text) and len(text) < len(client)
    return begins and (len(text) in _IPV4_COLUMN or (len(text) > max(_IPV4_COLUMN) and client[len(text)] != ":"))


def shown_cut_at_length(facts: Facts) -> str:
    """A client's address was cut at the length of a field for IPv4 addresses, or of one that is too short for all."""
    for client, shown in shown_wrong(facts):
        text = shown.strip("[]")
        if _is_too_long(client, text):
            return f'it shows "{shown}" for the client {client}: the first {len(text)} characters'
    return ""


def _is_cut(client: str, shown: str) -> bool:
    """Return whether only the first bytes of the shown address are right and the others are zero."""
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


def shown_cut_as_text(facts: Facts) -> str:
    """A client's address was cut at the length of an IPv4 field, and not after whole bytes."""
    for client, shown in shown_wrong(facts):
        text = shown.strip("[]")
        if len(text) in _IPV4_COLUMN and client.startswith(text) and not _is_cut(client, text):
            return f'it shows "{shown}" for the client {client}: its text is cut'
    return ""


def ipv4_client_before(facts: Facts) -> str:
    """An IPv4 client was served before an IPv6 one whose address is wrong."""
    wrong = {client for client, _ in shown_wrong(facts)}
    before = False
    for item in facts.exchanges:
        if before and item.source in wrong and item.family is IPV6:
            return "an IPv4 client was served before"
        before = before or (item.family is IPV4 and item.how is How.ANSWERED)
    return ""


def cut_before_any_ipv4(facts: Facts) -> str:
    """An IPv6 client was served before any IPv4 one, and no IPv6 client was shown right: the order does not matter."""
    served = next((item for item in facts.exchanges if item.how is How.ANSWERED), None)
    pairs = [(client, shown) for client, shown in facts.shown if ":" in client]
    if served is None or served.family is not IPV6 or not pairs or not {*pairs} <= {*shown_wrong(facts)}:
        return ""
    return f'it shows "{pairs[0][1]}" for its first client too, {pairs[0][0]}'


def mapped_counted_together(facts: Facts) -> str:
    """Clients of different IPv4 networks, which come to its IPv6 socket, lock one another out."""
    return facts.judged(Symptom.IPV4_COUNTED_TOGETHER) if facts.maps_ipv4 else ""


def shown_misread(facts: Facts) -> str:
    """An IPv4 client was shown with another IPv4 address."""
    for client, shown in shown_wrong(facts):
        if ":" not in client and ":" not in shown:
            return f'it shows "{shown}" for the client {client}'
    return ""


def shown_as_ipv4(facts: Facts) -> str:
    """An IPv6 client was shown with an IPv4 address."""
    for client, shown in shown_wrong(facts):
        text = shown.strip("[]")
        if ":" in client and ":" not in text and _DOTTED.fullmatch(text):
            return f'it shows "{shown}", an IPv4 address, for the client {client}'
    return ""


def shown_mapped(facts: Facts) -> str:
    """An IPv4 client was shown in its IPv4-mapped form."""
    found = next((shown for _, shown in facts.shown if shown.lower().strip("[]").startswith("::ffff:")), "")
    return f'it shows "{found}" for an IPv4 client' if found else ""


def answer_goes_astray(facts: Facts) -> str:
    """The host sends to an address that is the beginning of a client's, followed by zeros."""
    clients = {item.source for item in facts.exchanges if ":" in item.source} | set(facts.clients)
    for stranger in facts.strangers:
        if ":" in stranger and any(_is_cut(client, stranger) for client in clients):
            return f"its host sends to {stranger}: the first bytes of a client's address, followed by zeros"
    return ""


def answer_goes_astray_later(facts: Facts) -> str:
    """IPv6 clients are answered at first; after an IPv4 client, their answers go to a wrong address."""
    answered = facts.ipv6.count(How.ANSWERED) and facts.ipv4.count(How.ANSWERED)
    return answer_goes_astray(facts) if answered and facts.ipv6.count(How.IGNORED) else ""


unpacked = says(Sign.UNPACKED)


def other_length_said(facts: Facts) -> str:
    """IPv6 clients are turned away, or end the service, and its output says that an address has another length."""
    return says(Sign.OTHER_LENGTH)(facts) if _turns_ipv6_away(facts) else ""


def not_ipv4_said(facts: Facts) -> str:
    """IPv6 clients are turned away, or end the service, and its output says that something is not an IPv4 address."""
    return says(Sign.NOT_IPV4)(facts) if _turns_ipv6_away(facts) else ""


def _turns_ipv6_away(facts: Facts) -> bool:
    """Return whether a listener closes the connections of IPv6 clients alone, or ends when they come."""
    closes = facts.ipv6.worst in NOT_SERVED and not facts.lost(IPV4)
    return facts.listens and facts.lost(IPV6) and (closes or facts.ended is not None)


def long_ones_not_shown(facts: Facts) -> str:
    """It shows no address for a client whose text is too long for an IPv4 field, and it shows those of others.

    In C, ``(null)`` is what inet_ntop() returns for an address that does not fit.
    """
    wrong = [(client, shown) for client, shown in shown_wrong(facts) if not _DIGITS.search(shown)]
    shown = [client for client, shown in facts.shown if unmapped(shown.strip("[]")) == client]
    for client, text in wrong:
        others = min(map(len, shown), default=len(client)) < len(client)
        if len(client) >= max(_IPV4_COLUMN) and (others or text == "(null)"):
            return f'it shows "{text}" for the client {client}, whose text has {len(client)} characters'
    return ""


def _network(rule: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return the address or network that a rule names; None if there is none."""
    for word in re.split(r"[\s\"',;=]+", rule):
        with contextlib.suppress(ValueError):
            return ipaddress.ip_network(word, strict=False)
    return None


def _is_single(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """Return whether a network is one address."""
    return network.prefixlen == network.max_prefixlen


def rule_hits_others(facts: Facts) -> str:
    """Every wrong rule is wrong for a client that it does not name, or is a network rule; not by likeness of texts."""
    if not facts.misjudged or len(facts.misjudged) != len(facts.broken) or rule_hits_similar_texts(facts):
        return ""
    for source, rule in facts.misjudged:
        named, client = _network(rule), ipaddress.ip_address(source)
        if named is None or named.version != client.version or (client in named and _is_single(named)):
            return ""
    source, rule = facts.misjudged[0]
    return f'the rule "{rule}" is wrong for the client {source}'


def rule_is_forgotten(facts: Facts) -> str:
    """A client is denied rightly, and no longer after a client that the rule admits: it is compared rightly."""
    return facts.happened(Symptom.RULE_FORGOTTEN)


def rule_hits_similar_texts(facts: Facts) -> str:
    """Every wrong rule names one address with which the client's address, as text, begins, or the reverse."""
    for source, rule in facts.misjudged:
        named = _network(rule)
        if named is None or not _is_single(named):
            return ""
        texts = sorted((source, str(named.network_address)), key=len)
        if texts[0] == texts[1] or not texts[1].startswith(texts[0]):
            return ""
    found = (
        f'the rule "{rule}" is wrong for the client {source}, and one of the two addresses begins with the other one'
        for source, rule in facts.misjudged
    )
    return next(found, "")


def sender_is_dropped(facts: Facts) -> str:
    """Requests over one family reach a socket, but the output does not show them."""
    unseen = {item.family for item in facts.exchanges if item.how is not How.ANSWERED and item.port == facts.port}
    family = next((item for item in BOTH if facts.lost(item) or (facts.is_about(item) and item in unseen)), None)
    if not oneway(facts) or family is None or not facts.takes(family):
        return ""
    return f"requests over {family.label} reach one of its sockets, but its output does not show them"


def by_shape(facts: Facts) -> str:
    """Clients at some addresses are dropped, others of the family are served."""
    for family in BOTH:
        own = [item for item in facts.exchanges if item.family is family]
        bad = sorted({item.source for item in own if item.how in {*NOT_SERVED, *WAITING}})
        good = {item.source for item in own if item.how is How.ANSWERED and status_of(item)[:1] not in {"4", "5"}}
        if good:  # a status is an error only if others get none
            bad = sorted({*bad, *(item.source for item in own if status_of(item)[:1] in {"4", "5"})})
        if bad and good and not set(bad) & good:
            return f"clients at {bad[0]} are not served, and those at {min(good)} are"
    return ""


def mixed_up(facts: Facts) -> str:
    """A client was shown, or logged with, the address of another one that came at the same time."""
    return facts.judged(Symptom.OTHERS_ADDRESS)


def shown_wrong(facts: Facts) -> list[tuple[str, str]]:
    """Return pairs of a client's address and a different address that the service showed for it."""
    return [(client, shown) for client, shown in facts.shown if unmapped(shown.strip("[]")) != client]


def shown_cut_at_colon(facts: Facts) -> str:
    """A client's IPv6 address was shown up to one of its colons, or from one of them."""
    for client, shown in shown_wrong(facts):
        text = shown.removeprefix("%5B").strip("[]")  # gRPC escapes the brackets
        if ":" in client and text and client.startswith(text) and client[len(text) :].startswith(":"):
            return f'it shows "{shown}" for the client {client}: its text up to a colon'
        if ":" in client and text and client.endswith(f":{text}"):
            return f'it shows "{shown}" for the client {client}: its text after a colon'
    return ""
