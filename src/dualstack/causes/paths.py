"""Facts about the path to clients: loopback, link-local addresses, routers."""

from dualstack.causes.answers import NOT_SERVED, WAITING
from dualstack.facts import Facts, How
from dualstack.families import BOTH, WILDCARDS, Family
from dualstack.finding import Symptom

IPV4, IPV6 = Family.IPV4, Family.IPV6

ENOUGH_HOPS = 32
"""A hop limit that reaches any other network; kernels start with 64."""


def loopback_refused(facts: Facts) -> str:
    """A wildcard socket serves clients on the link, and refuses those at its family's loopback address."""
    for family in BOTH:
        own = [item for item in facts.exchanges if item.family is family and item.port == facts.port]
        inside = [item for item in own if item.address == family.loopback and item.how is How.REFUSED]
        outside = any(item.how is How.ANSWERED and not item.inside for item in own)
        rows = [row for row in facts.takes(family) if row.address in WILDCARDS]
        if inside and rows and (outside or facts.of(family).works is not False or facts.is_about(family)):
            return f"its socket on {rows[0].address} refuses clients at {family.loopback}, and serves others"
    return ""


def link_local_lost(facts: Facts) -> str:
    """Link-local clients are not served, other IPv6 clients are."""
    own = [item for item in facts.exchanges if item.family is IPV6 and item.port == facts.port]
    near = [item for item in own if item.address.startswith("fe80:") or item.source.startswith("fe80:")]
    answered = {item.address for item in near if item.how is How.ANSWERED}
    bad = [item for item in near if item.how in {*NOT_SERVED, *WAITING} and item.address not in answered]
    good = any(item.how is How.ANSWERED for item in own if item not in near)
    return f"link-local clients are {bad[0].how.value}, and other IPv6 clients are served" if bad and good else ""


def expires_on_the_way(facts: Facts) -> str:
    """Routers report that packets of the service exceeded their hop limit."""
    for family in BOTH:
        if facts.of(family).expired:
            return f"a router answers {facts.of(family).expired} to its {family.label} packets"
    return ""


def small_hop_limit(facts: Facts) -> str:
    """Packets leave with a hop limit that is too small for other networks."""
    for family in BOTH:
        least = facts.of(family).hop_limit
        if 0 < least < ENOUGH_HOPS and facts.host.routed:
            return f"its {family.label} packets leave with a hop limit of {least}"
    return ""


def hop_limit_is_enough(facts: Facts) -> str:
    """Every packet that was seen has a large enough hop limit."""
    least = [facts.of(family).hop_limit for family in BOTH if facts.of(family).hop_limit]
    enough = least and min(least) >= ENOUGH_HOPS and not expires_on_the_way(facts)
    return f"its packets leave with a hop limit of {min(least)}" if enough else ""


def past_the_router(facts: Facts) -> str:
    """Packets for clients behind a router bypass the router, or are not sent."""
    if sentence := facts.happened(Symptom.BYPASSED_ROUTER):
        return sentence
    silent = any(facts.of(family).worst is How.IGNORED and facts.takes(family) for family in BOTH)
    near = silent and facts.happened(Symptom.ROUTER_SERVED)
    return "clients on the link are answered, and those behind the router are not" if near else ""


def lost_behind_router(facts: Facts) -> str:
    """Clients behind a router get no answer, over a family that a socket takes."""
    for family in BOTH:
        if facts.host.routed and facts.takes(family) and facts.of(family).worst is How.IGNORED:
            return f"{family.label} clients behind a router are ignored"
    return ""
