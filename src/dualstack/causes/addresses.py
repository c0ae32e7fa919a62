"""Facts about clients' addresses: how the service shows, stores and compares them."""

import contextlib
import ipaddress
import re

from dualstack.causes.answers import NOT_SERVED
from dualstack.causes.datagrams import oneway
from dualstack.causes.rule import says
from dualstack.facts import Facts, How, Sign
from dualstack.families import BOTH, Family, unmapped

IPV4, IPV6 = Family.IPV4, Family.IPV6

_IPV4_COLUMN = range(13, 17)
"""Lengths of text fields that are made for an IPv4 address."""


def shown_cut_at_length(facts: Facts) -> str:
    """A client's address was cut at the length of an IPv4 field."""
    for client, shown in shown_wrong(facts):
        text = shown.strip("[]")
        if len(text) in _IPV4_COLUMN and client.startswith(text):
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


def _network(rule: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return the address or network that a rule names; None if there is none."""
    for word in re.split(r"[\s\"',;=]+", rule):
        with contextlib.suppress(ValueError):
            return ipaddress.ip_network(word, strict=False)
    return None


def rule_hits_others(facts: Facts) -> str:
    """Every wrong rule is wrong for a client that it does not name, or is a network rule."""
    if not facts.misjudged or len(facts.misjudged) != len(facts.broken):
        return ""
    for source, rule in facts.misjudged:
        named, client = _network(rule), ipaddress.ip_address(source)
        if named is None or named.version != client.version or (client in named and "/" not in rule):
            return ""
    source, rule = facts.misjudged[0]
    return f'the rule "{rule}" is wrong for the client {source}'


def sender_is_dropped(facts: Facts) -> str:
    """Requests over one family reach a socket, but the output does not show them."""
    family = next((item for item in BOTH if facts.lost(item) or facts.is_about(item)), None)
    if not oneway(facts) or family is None or not facts.takes(family):
        return ""
    return f"requests over {family.label} reach one of its sockets, but its output does not show them"


def by_shape(facts: Facts) -> str:
    """Clients at some addresses are dropped, others of the family are served."""
    for family in BOTH:
        own = [item for item in facts.exchanges if item.family is family]
        bad = sorted({item.source for item in own if item.how in {*NOT_SERVED, How.KEPT_WAITING, How.IGNORED}})
        good = {item.source for item in own if item.how is How.ANSWERED}
        if bad and good and not set(bad) & good:
            return f"clients at {bad[0]} are not served, and those at {min(good)} are"
    return ""


def shown_wrong(facts: Facts) -> list[tuple[str, str]]:
    """Return pairs of a client's address and a different address that the service showed for it."""
    return [(client, shown) for client, shown in facts.shown if unmapped(shown.strip("[]")) != client]


def shown_cut_at_colon(facts: Facts) -> str:
    """A client's IPv6 address was shown up to one of its colons."""
    for client, shown in shown_wrong(facts):
        text = shown.strip("[]")
        if ":" in client and text and client.startswith(text) and client[len(text) :].startswith(":"):
            return f'it shows "{shown}" for the client {client}: its text up to a colon'
    return ""
