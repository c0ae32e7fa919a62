"""Causes about how a service opens its sockets: what speaks for them and against them."""

from dualstack.causes.rule import (
    CERTAIN,
    DECISIVE,
    FITS,
    STRONG,
    Rule,
    Test,
    about,
    both,
    did_not_start,
    ended,
    lost,
    says,
    where,
)
from dualstack.causes.rules_connecting import says_no_ipv6_sockets
from dualstack.facts import Facts, How, Sign
from dualstack.families import BOTH, Family, unmapped

IPV4, IPV6 = Family.IPV4, Family.IPV6
WILDCARDS = {IPV4.wildcard, IPV6.wildcard}

RESTARTS = about("LIFE-001", "LIFE-002")
"""Requirements in which the port is busy on purpose: by what the service left."""

BIND_ERRORS = (Sign.IN_USE, Sign.NO_FAMILY, Sign.NO_ADDRESS)


def _listening(facts: Facts) -> str:
    """Return where the service listens."""
    return ", ".join(dict.fromkeys(row.address for row in facts.on_port))


def _concerned(facts: Facts, family: Family) -> bool:
    """Return whether the failure is about a family that should be served."""
    return family in facts.claimed and (facts.lost(family) or (facts.is_about(family) and not facts.served(family)))


def no_socket(family: Family) -> Test:
    """Return the test that the service has sockets on the port, and none of them takes a family that it should."""

    def test(facts: Facts) -> str:
        if not facts.on_port or facts.takes(family) or not _concerned(facts, family):
            return ""
        return f"no socket of the service takes {family.label} on {where(facts)}: it listens on {_listening(facts)}"

    return test


def ipv4_wildcard_only(facts: Facts) -> str:
    """Its sockets are IPv4 ones on every address."""
    told = no_socket(IPV6)(facts)
    return told if told and any(row.address == IPV4.wildcard for row in facts.on_port) else ""


def ipv4_literal_only(facts: Facts) -> str:
    """Its sockets are IPv4 ones on single addresses."""
    told = no_socket(IPV6)(facts)
    return told if told and not any(row.address in WILDCARDS for row in facts.on_port) else ""


def takes(family: Family) -> Test:
    """Return the test that a socket of the service takes a family on the port."""

    def test(facts: Facts) -> str:
        rows = facts.takes(family)
        return f"its socket on {rows[0].address} takes {family.label}" if rows else ""

    return test


def served(family: Family) -> Test:
    """Return the test that a family is served."""
    return lambda facts: f"{family.label} clients are served" if facts.served(family) and not facts.lost(family) else ""


def nothing_seen(facts: Facts) -> str:
    """No socket of the service was seen on the port."""
    return "" if facts.on_port else f"no socket of the service was seen on {where(facts)}"


def came_late(facts: Facts) -> str:
    """A socket that was missing came later."""
    late = [family.label for family in BOTH if facts.of(family).late]
    return f"its socket for {' and '.join(late)} appeared only after it had been ready for a while" if late else ""


def refused_then_answered(facts: Facts) -> str:
    """Clients of one start were refused at first, and were answered later."""
    for family in BOTH:
        own = [item for item in facts.exchanges if item.family is family and item.port == facts.port]
        for early in own:
            later = [
                item
                for item in own
                if item.start == early.start and item.address == early.address and item.how is How.ANSWERED
            ]
            if early.how is How.REFUSED and own.index(early) < min((own.index(item) for item in later), default=-1):
                return f"{family.label} clients were refused at first and answered later, without a restart"
    return ""


def default_v6only(facts: Facts) -> str:
    """IPv4 is lost, and the IPv6 wildcard socket is IPv6-only."""
    rows = [row for row in facts.on_port if row.address == IPV6.wildcard and row.v6only]
    if not rows or facts.takes(IPV4) or not _concerned(facts, IPV4):
        return ""
    default = ", as is the default of this host" if facts.host.v6only else ""
    return f"its socket on :: has IPV6_V6ONLY on{default}, and no socket takes IPv4"


def v6only_missing(facts: Facts) -> str:
    """It was to serve IPv6 only, and its wildcard socket takes IPv4 too."""
    rows = [row for row in facts.on_port if row.address == IPV6.wildcard and row.v6only is False]
    only = IPV4 not in facts.claimed or facts.requirement == "LISTEN-007"
    return "its socket on :: has IPV6_V6ONLY off, so it takes IPv4 too" if rows and only else ""


def _specific(facts: Facts) -> tuple[str, ...]:
    """Return the listen addresses of the last start that are single addresses."""
    told = (text.strip("[]").split("%")[0] for text in facts.told)
    found = []
    for text in told:
        try:
            Family.of(text)
        except ValueError:
            continue
        if unmapped(text) not in WILDCARDS:
            found.append(text)
    return tuple(found)


def wider_than_asked(facts: Facts) -> str:
    """One of its sockets takes more than was asked for."""
    wildcards = [row for row in facts.on_port if unmapped(row.address) in WILDCARDS]
    specific = _specific(facts)
    if specific and wildcards:
        return f"it was told to listen on {specific[0]}, and listens on {wildcards[0].address}"
    if facts.inside and wildcards:
        return f"it is for clients on its own host, and listens on {wildcards[0].address}"
    for family in BOTH:
        if family not in facts.claimed and facts.takes(family):
            return f"its socket on {facts.takes(family)[0].address} takes {family.label}, which it does not claim"
    return ""


def other_port_open(facts: Facts) -> str:
    """It has another port open, on every address."""
    rows = [row for row in facts.undeclared if unmapped(row.address) in WILDCARDS]
    return f"it also listens on {rows[0].address} port {rows[0].port}, which is not declared" if rows else ""


def family_on_other_port(facts: Facts) -> str:
    """A family that the port lacks is taken by a socket on another port."""
    for family in BOTH:
        if family in facts.claimed and not facts.takes(family):
            row = next((row for row in facts.undeclared if family in row.serves), None)
            if row is not None and facts.on_port:
                return f"{family.label} is taken by its socket on {row.address} port {row.port}, not on {facts.port}"
    return ""


def collides_with_itself(facts: Facts) -> str:
    """Its own output says that the port is taken, and nobody else has it."""
    line = facts.says(Sign.IN_USE)
    concerned = any(facts.lost(family) for family in BOTH) or did_not_start(facts) or ended(facts)
    if not line or facts.foreign or not concerned:
        return ""
    return f'the port is free, and its output says "{line}"' if line else ""


def half_a_pair(facts: Facts) -> str:
    """Told to listen on both wildcards it has a socket for one of them."""
    told = {text.strip("[]") for text in facts.told}
    rows = {row.address for row in facts.on_port}
    if not told >= WILDCARDS or facts.one_lost is not IPV6:
        return ""
    return f"it was told to listen on 0.0.0.0 and on ::, and listens on {' and '.join(sorted(rows)) or 'nothing'}"


def one_covers_other(facts: Facts) -> str:
    """Two of its sockets on the port take the same clients."""
    for family in BOTH:
        addresses = sorted({row.address for row in facts.takes(family) if unmapped(row.address) in WILDCARDS})
        if len(addresses) > 1:
            return f"its sockets on {' and on '.join(addresses)} both take {family.label}"
    return ""


def runs_on_without(facts: Facts) -> str:
    """Its port is taken in one family, and it runs on with what is left."""
    if not facts.foreign or facts.start.ended or facts.requirement != "LISTEN-009":
        return ""
    rows = facts.table
    has = f"it listens on {', '.join(f'{row.address} port {row.port}' for row in rows)}" if rows else "it has no socket"
    return f"a foreign socket has its port in one family, and it runs on: {has}"


def names_bind_error_and_runs(facts: Facts) -> str:
    """It names an error of bind() and serves one family alone."""
    line = facts.says(*BIND_ERRORS)
    return f'it runs on, and its output says "{line}"' if line and facts.one_lost and not facts.ended else ""


def waits_for_mapped(facts: Facts) -> str:
    """Told an IPv4-mapped address it runs without a socket and without a word."""
    mapped = any("::ffff:" in text.lower() for text in facts.told)
    stuck = not facts.start.ready and not facts.start.ended and not facts.on_port
    return "it has no socket on its listen address, runs on, and says nothing" if mapped and stuck else ""


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
    """The host has IPv6, and nothing took it away."""
    gone = no_ipv6_here(facts) or facts.requirement == "LIFE-005" or no_family_said(facts)
    return "" if gone else "this host has IPv6"


def bound_to_loopback_missing(facts: Facts) -> str:
    """A loopback address is missing, and it complains about an address that is not there."""
    gone = [family.loopback for family in BOTH if family not in facts.host.loopbacks]
    line = facts.says(Sign.LOOPBACK, Sign.NO_ADDRESS, Sign.NO_NETWORK)
    if not gone or not line or not did_not_start(facts):
        return ""
    return f'this host has no {" and no ".join(gone)}, and its output says "{line}"'


def loopbacks_present(facts: Facts) -> str:
    """The host has both loopback addresses."""
    return "this host has 127.0.0.1 and ::1" if len(facts.host.loopbacks) == len(BOTH) else ""


def names_ipv4_address(facts: Facts) -> str:
    """On a host without IPv4 it complains that an address or network is missing."""
    line = facts.says(Sign.NO_NETWORK, Sign.NO_ADDRESS)
    if IPV4 in facts.host.families or not line or not did_not_start(facts):
        return ""
    return f'this host has no IPv4 address, and its output says "{line}"'


def has_ipv4(facts: Facts) -> str:
    """The host has IPv4 and the failure is not about a literal that it listens on."""
    return "this host has IPv4" if IPV4 in facts.host.families and not ipv4_literal_only(facts) else ""


def told_ipv6_got_ipv4(facts: Facts) -> str:
    """It was told to listen on an IPv6 address, and its sockets are IPv4 ones."""
    told = [text for text in facts.told if ":" in text and "::ffff:" not in text.lower()]
    told = [text for text in told if text.strip("[]") in {"::", "::0", "*"} or text.count(":") > 1]
    if not told or not facts.on_port or facts.takes(IPV6) or not facts.host.ipv6_sockets:
        return ""
    return f"it was told to listen on {told[0]}, and listens on {_listening(facts)}"


def moved_while_tentative(facts: Facts) -> str:
    """Its listen address was not usable yet, and it gave up."""
    line = facts.says(Sign.NO_ADDRESS)
    return f'its listen address was not usable yet, and its output says "{line}"' if line else ""


RULES = (
    Rule("RC-EARLYREADY", ((CERTAIN, came_late), (DECISIVE, refused_then_answered))),
    Rule(
        "RC-TWOPORTS",
        ((DECISIVE, family_on_other_port),),
        (foreign,),
    ),
    Rule(
        "RC-V4SOCK",
        ((STRONG, ipv4_wildcard_only), (FITS, no_socket(IPV6))),
        (takes(IPV6), nothing_seen, came_late, served(IPV6)),
    ),
    Rule("RC-LIBBUILD", ((STRONG, both(says(Sign.NO_IPV6), lost(IPV6))), (STRONG, told_ipv6_got_ipv4)), (takes(IPV6),)),
    Rule(
        "RC-V6ONLY",
        ((STRONG, default_v6only), (STRONG, v6only_missing)),
        (nothing_seen,),
    ),
    Rule("RC-EXPOSE", ((STRONG, wider_than_asked), (FITS, other_port_open))),
    Rule(
        "RC-DOUBLEBIND",
        ((DECISIVE, collides_with_itself), (DECISIVE, half_a_pair)),
        (RESTARTS, foreign),
    ),
    Rule("RC-REUSEPORT", ((DECISIVE, one_covers_other), (FITS, about("SEC-009")))),
    Rule(
        "RC-BINDSWALLOWED",
        (
            (DECISIVE, runs_on_without),
            (STRONG, names_bind_error_and_runs),
            (STRONG, waits_for_mapped),
            (FITS, about("LISTEN-009")),
        ),
    ),
    Rule(
        "RC-NOINET6",
        (
            (DECISIVE, both(no_family_said, did_not_start)),
            (DECISIVE, says_no_ipv6_sockets),
            (STRONG, both(did_not_start, no_ipv6_sockets)),
            (FITS, both(ended, no_ipv6_here)),
        ),
        (host_is_complete,),
    ),
    Rule(
        "RC-LOOPBACK",
        ((DECISIVE, bound_to_loopback_missing),),
        (loopbacks_present,),
    ),
    Rule("RC-LITERAL", ((STRONG, ipv4_literal_only), (FITS, names_ipv4_address)), (has_ipv4,)),
    Rule("RC-BINDEARLY", ((DECISIVE, both(moved_while_tentative, about("LIFE-004"))),), evident=False),
)
"""The causes in the order in which they are tried when equally much speaks for them."""
