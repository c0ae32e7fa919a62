"""Facts about starts that fail: errors of bind(), and families that the host lacks."""

import re

from dualstack.causes.connecting import failed
from dualstack.causes.rule import about, did_not_start, ended, says, where
from dualstack.causes.sockets import ipv4_literal_only
from dualstack.counting import some
from dualstack.facts import Facts, Sign, Start
from dualstack.families import BOTH, WILDCARDS, Family, unmapped
from dualstack.finding import Symptom

IPV4, IPV6 = Family.IPV4, Family.IPV6

BIND_ERRORS = (Sign.IN_USE, Sign.NO_FAMILY, Sign.NO_ADDRESS)

RESTARTS = about("LIFE-001", "LIFE-002")
"""Requirements in which connections of an earlier start may keep the port busy."""

_ADDRESS = re.compile(r"(?:[0-9a-f]{0,4}:){2,}[0-9a-f.]*", re.IGNORECASE)
"""What may be an IPv6 address, or a time."""


def names_ipv6(line: str) -> bool:
    """Return whether a line has the word IPv6 or an IPv6 address, also with a port as in ``:::8080``."""
    if re.search(r"\bIPv6\b", line, re.IGNORECASE):
        return True
    found = [match.group().rstrip(".") for match in _ADDRESS.finditer(line)]
    return any(text.startswith(":::") or _is_ipv6(text) or _is_ipv6(text.rstrip(":")) for text in found)


def _is_ipv6(text: str) -> bool:
    """Return whether a text is an IPv6 address."""
    try:
        return Family.of(text) is IPV6
    except ValueError:
        return False


def busy_after_restart(facts: Facts) -> str:
    """A start finds the port in use that an earlier start of the same program had until it was stopped."""
    line = facts.bind_error(Sign.IN_USE)
    if not line or facts.foreign:
        return ""
    before: list[Start] = []
    for start in facts.starts:
        known = not start.is_pair or any(item.bind == start.bind for item in before)
        if not start.ready and any(item.ready and not item.ended for item in before) and known:
            return f'the output of the next start says "{line}"'
        before.append(start)
    return f'the output of the next start says "{line}"' if RESTARTS(facts) else ""


def runs_on_without(facts: Facts) -> str:
    """Its port is taken in one family, and it keeps running without it."""
    if not facts.foreign or facts.start.ended or facts.requirement != "LISTEN-009":
        return ""
    own = [row.address for row in facts.table if (row.port, row.transport) == (facts.port, facts.transport)]
    has = f"it listens on {some(dict.fromkeys(own))}" if own else f"it has no socket on {where(facts)}"
    return f"a foreign socket has its port in one family, and it keeps running: {has}"


def ends_unreported(facts: Facts) -> str:
    """Its port is taken in one family, and it ends without a message, or with the status of a success."""
    sentence = facts.happened(Symptom.ENDS_UNREPORTED)
    return f"a foreign socket has its port in one family: {sentence}" if sentence else ""


def names_bind_error_and_runs(facts: Facts) -> str:
    """It names an error of bind(), and serves one family alone, without a socket of the other; no connector does."""
    line = "" if facts.runs else facts.bind_error(*BIND_ERRORS)
    missing = facts.one_lost
    if not line or missing is None or facts.takes(missing) or facts.ended:
        return ""
    return f'it keeps running, and its output says "{line}"'


def names_ipv6_bind_error(facts: Facts) -> str:
    """It reports an error of bind() for an IPv6 address: it has tried to open an IPv6 socket."""
    line = next(filter(names_ipv6, facts.bind_errors(Sign.IN_USE, Sign.NO_ADDRESS)), "")
    return f'its output says "{line}"' if line else ""


def no_pair_seen(facts: Facts) -> str:
    """Its first start fails, and nothing shows that it opens sockets of both families on one port."""
    own = any(unmapped(row.address) in WILDCARDS for row in facts.on_port)
    shown = names_ipv6_bind_error(facts) or own or facts.start.is_pair
    return "" if shown else "nothing shows that it opens a socket for each family"


def waits_for_mapped(facts: Facts) -> str:
    """Configured with an IPv4-mapped address, it runs without a socket and without any output."""
    mapped = any("::ffff:" in text.lower() for text in facts.listen_addresses)
    stuck = not facts.start.ready and not facts.start.ended and not facts.on_port
    return "it has no socket on its listen address, keeps running, and reports no error" if mapped and stuck else ""


def no_ipv6_sockets(facts: Facts) -> str:
    """The host has no IPv6 sockets."""
    return "" if facts.host.ipv6_sockets else "this host has no IPv6 sockets (EAFNOSUPPORT)"


def no_ipv6_here(facts: Facts) -> str:
    """The host has no IPv6 sockets, or no IPv6 address."""
    return no_ipv6_sockets(facts) or "this host has no IPv6 address" * (
        IPV6 not in facts.host.families or facts.host.ipv6_disabled
    )


no_family_said = says(Sign.NO_FAMILY)


def foreign(facts: Facts) -> str:
    """A foreign socket had the port."""
    return "a foreign socket had its port" if facts.foreign else ""


def host_is_complete(facts: Facts) -> str:
    """The host has IPv6, and it was not switched off."""
    gone = no_ipv6_here(facts) or facts.requirement == "LIFE-005"
    return "" if gone else "this host has IPv6"


def bound_to_loopback_missing(facts: Facts) -> str:
    """A loopback address is missing, and the output reports a missing address."""
    return _without_loopback(facts, facts.says(Sign.LOOPBACK, Sign.NO_ADDRESS))


def may_need_loopback(facts: Facts) -> str:
    """A loopback address is missing, and the output reports that something cannot be reached."""
    return _without_loopback(facts, facts.says(Sign.NO_NETWORK))


def _without_loopback(facts: Facts, line: str) -> str:
    """Return that the host lacks a loopback address, with a line of the output of a service that did not stay up."""
    gone = [family.loopback for family in BOTH if family not in facts.host.loopbacks]
    if not gone or not line or not (did_not_start(facts) or ended(facts)):
        return ""
    return f'this host has no {" and no ".join(gone)}, and its output says "{line}"'


def loopbacks_present(facts: Facts) -> str:
    """The host has both loopback addresses."""
    return "this host has 127.0.0.1 and ::1" if len(facts.host.loopbacks) == len(BOTH) else ""


def names_ipv4_address(facts: Facts) -> str:
    """On a host without IPv4, the output reports a missing address or network."""
    line = facts.says(Sign.NO_NETWORK, Sign.NO_ADDRESS)
    if IPV4 in facts.host.families or not line or not (did_not_start(facts) or ended(facts)):
        return ""
    return f'this host has no IPv4 address, and its output says "{line}"'


def reaches_for_ipv4(facts: Facts) -> str:
    """On a host with IPv6 and 127.0.0.1 alone, the output reports a missing network: it starts on a host with IPv4."""
    other = facts.host.families == {IPV6} and loopbacks_present(facts) and facts.says(Sign.NO_NETWORK)
    return names_ipv4_address(facts) if other else ""


def has_ipv4(facts: Facts) -> str:
    """The host has IPv4, and the service does not listen on single IPv4 addresses only."""
    return "this host has IPv4" if IPV4 in facts.host.families and not ipv4_literal_only(facts) else ""


def moved_while_tentative(facts: Facts) -> str:
    """Its listen address was not usable yet, and it gave up."""
    line = facts.says(Sign.NO_ADDRESS)
    return f'its listen address was not usable yet, and its output says "{line}"' if line else ""


def says_no_ipv6_sockets(facts: Facts) -> str:
    """The host has no IPv6 sockets, and it says so."""
    line = facts.says(Sign.NO_FAMILY)
    return (
        f'this host has no IPv6 sockets, and its output says "{line}"'
        if (line and not facts.host.ipv6_sockets and any(failed(facts)))
        else ""
    )
