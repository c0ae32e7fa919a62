"""Facts about IPv6 literals in listen addresses and targets."""

import ipaddress
import re

from dualstack.causes.given import Given, missed_literals, quotes
from dualstack.causes.rule import did_not_start, says
from dualstack.facts import Facts, Sign, matches
from dualstack.families import Family
from dualstack.finding import Symptom

IPV6 = Family.IPV6

_PREFIX = 8
"""Bytes of an IPv6 address in the first sixteen of a sockaddr_in6, after family, port and flow label."""

_JOINED = re.compile(r"ur[li]s?\b|url_|URISyntax|\bauthority\b|socket address|://", re.IGNORECASE)
"""What an error message names that has a host and a port."""


def no_ipv6_literal(facts: Facts) -> str:
    """No run towards an IPv6 literal failed, and no listen address is one."""
    configured = any(text.count(":") > 1 for text in facts.listen_addresses)
    missed = next(missed_literals(facts), None)
    return "" if missed or facts.listens or configured else "no run towards an IPv6 literal failed"


def asked_for_literal(facts: Facts) -> str:
    """It queried the name server for an address literal."""
    for given in missed_literals(facts):
        name = next((item for item in given.names if given.target.lower() in item and "[" not in item), "")
        port_added = f"{given.target.lower()}:{given.port}" in name
        if name and not port_added:
            return f"it queried the name server for {name}, although {given.target} is an address"
    return ""


def says_not_ipv4(facts: Facts) -> str:
    """Given an IPv6 literal, it reports that something is not an IPv4 address."""
    failed_start = any(text.count(":") > 1 for text in facts.listen_addresses) and did_not_start(facts)
    return says(Sign.NOT_IPV4)(facts) if failed_start or any(missed_literals(facts)) else ""


def bare_literal_not_found(facts: Facts) -> str:
    """It reports that the literal, without the port, was not found."""
    line = facts.says(Sign.NOT_FOUND)
    for given in missed_literals(facts):
        bare = re.search(rf"(?<!\[){re.escape(given.target)}(?![0-9a-f:\]])", line)
        if bare and (quotes(line, given.target) or f"{given.target}:{given.port}" not in line):
            return f'its output says "{line}"'
    return ""


def joined_without_brackets(facts: Facts) -> str:
    """Address and port are joined without brackets in the output, in a DNS query or as a target.

    A line that quotes the address alone says what the program has looked up; the other text is its own.
    """
    for given in missed_literals(facts):
        joined = f"{given.target}:{given.port}"
        pattern = re.compile(rf"(?<!\[){re.escape(joined)}")
        lines = (line for _, line in facts.signs if pattern.search(line) and not quotes(line, given.target))
        if line := next(lines, ""):
            return f'its output says "{line}"'
        if any(joined.lower() in name for name in given.names):
            return f"it queried the name server for {joined}"
        if _normal(joined) in {*facts.strangers, *given.tried}:
            return f"it tried {_normal(joined)}, which is {given.target} and :{given.port} read as one address"
    return ""


def rejoined(facts: Facts) -> str:
    """Given an address and its port apart, it reports that a URL, or the port in a text, is malformed.

    It was given no text to split, so it has joined one, without brackets.
    """
    for given in missed_literals(facts) if facts.apart else ():
        rest = given.target.partition(":")[2]
        alone = re.compile(rf"(?<![0-9a-f:]){re.escape(rest)}(?!\]?:{given.port})", re.IGNORECASE)
        lines = (line for line in facts.lines(Sign.BAD_PORT, Sign.BAD_ADDRESS) if _is_of_text(line))
        if line := next((line for line in lines if not alone.search(line)), ""):
            return f'it was given {given.target} apart from the port, and its output says "{line}"'
    return ""


def _is_of_text(line: str) -> bool:
    """Return whether a line is about a text of several parts, such as a URL, and not about an address alone."""
    return matches(Sign.BAD_PORT, line) or _JOINED.search(line) is not None


def port_lost(facts: Facts) -> str:
    """Its request names the port after an IPv4 address, and not after an IPv6 address."""
    return facts.happened(Symptom.PORT_LOST)


def encoded_brackets(facts: Facts) -> str:
    """Its request has the brackets of an IPv6 address in percent-encoding."""
    return facts.happened(Symptom.ENCODED_BRACKETS)


def too_many_colons(facts: Facts) -> str:
    """It reports too many colons in an address."""
    return says(Sign.COLONS)(facts) if facts.broken else ""


def brackets_kept(facts: Facts) -> str:
    """It looked up its whole target in brackets, which are no part of the address, or refuses that text as a host."""
    for given in missed_literals(facts):
        whole = f"[{given.target}]"
        if any(item.rstrip(".") == whole for item in given.names):
            return f"it queried the name server for {whole}"
        line = facts.says(Sign.NOT_FOUND)
        if re.search(rf"{re.escape(whole)}(?!:\d)", line, re.IGNORECASE):
            return f'its output says "{line}"'
        alone = re.compile(rf"(?<![/@]){re.escape(whole)}(?!:\d|/)", re.IGNORECASE)  # not as in a URL
        if line := next((line for line in facts.lines(Sign.BAD_ADDRESS) if alone.search(line)), ""):
            return f'its output says "{line}"'
    return ""


def cut_at_bracket(facts: Facts) -> str:
    """It looked up a part of its target that begins with a bracket."""
    for given in missed_literals(facts) if not brackets_kept(facts) else ():
        name = next((item for item in given.names if "[" in item), "")
        if name:
            return f"it queried the name server for {name}"
        line = facts.says(Sign.NOT_FOUND)
        if re.search(r"\[[0-9a-f]*(?:[\s:'\"]|$)|\[[0-9a-f:]+\](?!:\d)", line):
            return f'its output says "{line}"'
        line = next((line for line in facts.lines(Sign.BAD_ADDRESS, Sign.BAD_PORT) if _is_opened(line, given)), "")
        if line:
            return f'its output says "{line}": [{given.target}] was cut at a colon'
    return ""


def _is_opened(line: str, given: Given) -> bool:
    """Return whether a line has a bracket and the first groups of a target, and nothing of the rest."""
    groups = given.target.split(":")
    heads = ("[" + ":".join(groups[:number]) for number in range(1, len(groups)))
    return any(re.search(rf"{re.escape(head)}:?(?![0-9a-f:\]])", line, re.IGNORECASE) for head in heads)


def cut_at_colon(facts: Facts) -> str:
    """Its output has the target without its first group: host and port were cut at the first colon."""
    for given in missed_literals(facts) if not rejoined(facts) else ():
        head, _, rest = given.target.partition(":")
        cut = re.compile(rf"(?<!{re.escape(head)}:)(?<![0-9a-f:]){re.escape(rest)}\]?:{given.port}", re.IGNORECASE)
        line = next((line for _, line in facts.signs if cut.search(line)), "")
        if line:
            return f'its output says "{line}": {given.target} was cut at its first colon'
    return ""


def port_misread(facts: Facts) -> str:
    """It reports an invalid port or address, after it was given an IPv6 literal."""
    line = facts.says(Sign.BAD_PORT, Sign.BAD_ADDRESS)
    concerned = did_not_start(facts) if facts.listens else any(missed_literals(facts)) and not rejoined(facts)
    return f'its output says "{line}"' if line and concerned else ""


def listens_although_malformed(facts: Facts) -> str:
    """A malformed listen address is accepted."""
    sentence = facts.happened(Symptom.MALFORMED_ADDRESS)
    return f"{sentence}, although the listen address is malformed" if sentence else ""


def literal_not_started(facts: Facts) -> str:
    """It does not start with an IPv6 literal as its listen address."""
    return did_not_start(facts) if facts.requirement == "LISTEN-011" else ""


def some_forms_missed(facts: Facts) -> str:
    """Of the forms of one IPv6 address, it reached the server with some, and not with others."""
    given = [run for run in facts.runs if run.literal is IPV6]
    works = [run.target for run in given if run.works]
    missed = [run.target for run in given if not run.works]
    return f"it reaches {works[0]}, and not {missed[0]}, which is the same address" if works and missed else ""


def cut_target(facts: Facts) -> str:
    """It tried an address that is the beginning of its target, followed by zeros."""
    for given in missed_literals(facts):
        begins = ipaddress.IPv6Address(given.target).packed[:_PREFIX]
        cut = str(ipaddress.IPv6Address(begins + bytes(_PREFIX)))
        if cut in {*facts.strangers, *given.tried}:
            return f"it tried {cut}, which is the first half of {given.target}"
    return ""


def _normal(text: str) -> str:
    """Return the canonical text of an IPv6 address; empty if the text is not one."""
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        return ""
