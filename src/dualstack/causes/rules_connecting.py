"""Causes about names, texts of addresses, and how a connector reaches its server: what speaks for and against them."""

import ipaddress
import re
from collections.abc import Iterator

from dualstack.causes.rule import CERTAIN, DECISIVE, FITS, STRONG, Rule, about, both, did_not_start, says
from dualstack.facts import Facts, How, Run, Sign
from dualstack.families import BOTH, Family, unmapped

IPV4, IPV6 = Family.IPV4, Family.IPV6

_SLOW = 1.0
"""Seconds between two attempts from which on a client notices."""

_PREFIX = 8
"""How many bytes of an IPv6 address fit behind family, port and flow label in sixteen bytes."""


def failed(facts: Facts) -> Iterator[Run]:
    """Yield the runs of a connector that did not work."""
    return (run for run in facts.runs if not run.works)


def listens(facts: Facts) -> str:
    """The case is about a listener."""
    return "it is a listener" if facts.listens else ""


def no_run_failed(facts: Facts) -> str:
    """Every run worked, and promptly."""
    return "" if facts.listens or any(failed(facts)) or slow_attempts(facts) else "every run worked"


# -- names ------------------------------------------------------------------------------------------------------------


def never_asked(facts: Facts) -> str:
    """Of a name it asked for one record type only, although the host has the other family."""
    for run in failed(facts):
        for family in BOTH:
            if run.literal is None and run.asked == (family.other.record,) and family in facts.host.families:
                return f"for {run.target} it asked for {family.other.record}, and never for {family.record}"
    return ""


def gave_up_with_addresses(facts: Facts) -> str:
    """DNS gave it addresses, and it reports that the name is not found."""
    for run in failed(facts):
        line = facts.says(Sign.NOT_FOUND)
        if run.literal is None and line and not run.tried and run.known:
            return f'it was given {", ".join(run.known)} and made no attempt; its output says "{line}"'
    return ""


def not_found(facts: Facts) -> str:
    """It reports that a name is not found, at its start or in a run."""
    line = facts.says(Sign.NOT_FOUND)
    relevant = did_not_start(facts) if facts.listens else any(run.literal is None for run in failed(facts))
    return f'its output says "{line}"' if line and relevant else ""


def one_of_localhost(facts: Facts) -> str:
    """Told to listen on localhost it listens on one of its addresses."""
    named = any("localhost" in text for text in facts.told)
    rows = {row.address for row in facts.on_port}
    if not named or len(rows) != 1:
        return ""
    return f"it was told to listen on localhost, and listens on {rows.pop()} alone"


def one_address_known(facts: Facts) -> str:
    """It knew one address only, and tried that."""
    for run in failed(facts):
        if run.literal is None and len(run.known) == 1 and len(run.asked) == 1:
            return f"it asked for {run.asked[0]} only, so it knew one address, {run.known[0]}"
    return ""


# -- addresses of a name ----------------------------------------------------------------------------------------------


def stopped_at_first(facts: Facts) -> str:
    """It tried one address, which failed, and no other of those that it knew."""
    for run in failed(facts):
        addresses = {item.address for item in run.tried}
        if len(addresses) == 1 and run.untried and all(item.how is not How.ANSWERED for item in run.tried):
            how = run.tried[-1].how.name.lower()
            return f"it tried {run.tried[0].address} ({how}), and not {', '.join(run.untried)}"
    return ""


def unreachable_is_final(facts: Facts) -> str:
    """Its first address cannot be reached from this host, and it tried no other."""
    line = facts.says(Sign.NO_NETWORK, Sign.NO_HOST, Sign.NO_ADDRESS, Sign.NO_FAMILY)
    for run in failed(facts):
        if run.literal is None and run.known and not run.tried and line:
            return f'it tried none of {", ".join(run.known)} on the wire, and its output says "{line}"'
    return ""


def all_tried(facts: Facts) -> str:
    """Every address that it knew was tried in every run that failed."""
    runs = [run for run in failed(facts) if run.literal is None]
    if runs and all(run.known and not run.untried for run in runs):
        return "it tried every address that it was given"
    if not runs and slow_attempts(facts):
        return "it reached its server in the end"
    return ""


def some_of_a_family_left(facts: Facts) -> str:
    """It tried several addresses, and left others of the same families out."""
    for run in failed(facts):
        families = {item.family for item in run.tried}
        left = [item for item in run.untried if Family.of(item) in families]
        if len({item.address for item in run.tried}) > 1 and left:
            return f"it tried {len(run.tried)} addresses, and not {', '.join(left)}"
    return ""


def slow_attempts(facts: Facts) -> str:
    """Long pauses between attempts to different addresses."""
    for run in facts.runs:
        for one, other in zip(run.tried, run.tried[1:], strict=False):
            if other.address != one.address and other.at - one.at > _SLOW:
                return f"the attempt to {other.address} came {other.at - one.at:.1f} s after that to {one.address}"
    return ""


def waits_for_dead_address(facts: Facts) -> str:
    """It was still waiting for an address that never answers."""
    for run in failed(facts):
        if run.timed_out and run.tried and run.tried[-1].how is How.IGNORED and run.literal is None:
            return f"after {run.seconds:.1f} s it was still waiting for {run.tried[-1].address}"
    return ""


def quick_and_complete(facts: Facts) -> str:
    """No run waited long."""
    long = slow_attempts(facts) or waits_for_dead_address(facts) or any(run.seconds > _SLOW for run in facts.runs)
    return "" if long or facts.listens else "no run waited longer than a second"


def several_requests(facts: Facts) -> str:
    """It sent its request on several connections."""
    for run in facts.runs:
        spoken = [item.address for item in run.tried if item.sent]
        if len(spoken) > 1 and run.literal is None:
            return f"it sent its request on {len(spoken)} connections: {', '.join(spoken)}"
    return ""


# -- literals ---------------------------------------------------------------------------------------------------------


def ipv6_literals(facts: Facts) -> list[Run]:
    """Return the failed runs towards an IPv6 literal."""
    return [run for run in failed(facts) if run.literal is IPV6]


def no_ipv6_literal(facts: Facts) -> str:
    """No run towards an IPv6 literal failed, and no listen address is one."""
    told = any(text.count(":") > 1 for text in facts.told)
    return "" if ipv6_literals(facts) or facts.listens or told else "no run towards an IPv6 literal failed"


def asked_for_literal(facts: Facts) -> str:
    """It asked the name server for the text of an address."""
    for run in ipv6_literals(facts):
        name = next((item for item in run.names if run.target.lower() in item and "[" not in item), "")
        port_added = f"{run.target.lower()}:{facts.port}" in name
        if name and not port_added:
            return f"it asked the name server for {name}, although {run.target} is an address"
    return ""


def says_not_ipv4(facts: Facts) -> str:
    """Given an IPv6 literal it says that something is no IPv4 address."""
    told = any(text.count(":") > 1 for text in facts.told) and did_not_start(facts)
    return says(Sign.NOT_IPV4)(facts) if told or ipv6_literals(facts) else ""


def bare_literal_not_found(facts: Facts) -> str:
    """It reports that a literal, as it was given, is not found."""
    line = facts.says(Sign.NOT_FOUND)
    for run in ipv6_literals(facts):
        bare = re.search(rf"(?<!\[){re.escape(run.target)}(?![0-9a-f:\]])", line)
        if bare and f"{run.target}:{facts.port}" not in line:
            return f'its output says "{line}"'
    return ""


def joined_without_brackets(facts: Facts) -> str:
    """An address and a port appear joined without brackets, in the output, in a question or as a target."""
    for run in ipv6_literals(facts):
        joined = f"{run.target}:{facts.port}"
        line = next((line for _, line in facts.signs if re.search(rf"(?<!\[){re.escape(joined)}", line)), "")
        if line:
            return f'its output says "{line}"'
        if any(joined.lower() in name for name in run.names):
            return f"it asked the name server for {joined}"
        if _normal(joined) in {*facts.strangers, *(item.address for item in run.tried)}:
            return f"it tried {_normal(joined)}, which is {run.target} and :{facts.port} in one"
    return ""


def too_many_colons(facts: Facts) -> str:
    """It complains about the colons of an address."""
    return says(Sign.COLONS)(facts) if facts.broken else ""


def brackets_left_on(facts: Facts) -> str:
    """It looked up a text that begins with a bracket."""
    for run in ipv6_literals(facts):
        name = next((item for item in run.names if "[" in item), "")
        if name:
            return f"it asked the name server for {name}"
        line = facts.says(Sign.NOT_FOUND)
        if re.search(r"\[[0-9a-f]*(?:[\s:'\"]|$)|\[[0-9a-f:]+\](?!:\d)", line):
            return f'its output says "{line}"'
    return ""


def port_misread(facts: Facts) -> str:
    """It complains about a port or an address, with an IPv6 literal before it."""
    line = facts.says(Sign.BAD_PORT, Sign.BAD_ADDRESS)
    told = did_not_start(facts) if facts.listens else ipv6_literals(facts)
    return f'its output says "{line}"' if line and told else ""


def listens_although_malformed(facts: Facts) -> str:
    """A malformed listen address is taken."""
    wrong = [item for item in facts.broken if "malformed" in item.expected]
    return f"{wrong[0].happened}, although the listen address is malformed" if wrong else ""


def literal_not_started(facts: Facts) -> str:
    """It does not start with an IPv6 literal as its listen address."""
    return did_not_start(facts) if facts.requirement == "LISTEN-011" else ""


def shown_wrong(facts: Facts) -> list[tuple[str, str]]:
    """Return the clients' addresses that were shown otherwise, with what was shown."""
    return [(client, shown) for client, shown in facts.shown if unmapped(shown.strip("[]")) != client]


def shown_cut_at_colon(facts: Facts) -> str:
    """A client's IPv6 address was shown up to one of its colons."""
    for client, shown in shown_wrong(facts):
        text = shown.strip("[]")
        if ":" in client and text and client.startswith(text) and client[len(text) :].startswith(":"):
            return f'it shows "{shown}" for the client {client}: its text up to a colon'
    return ""


def cut_target(facts: Facts) -> str:
    """It went to an address that is the beginning of its target, and then zeros."""
    for run in ipv6_literals(facts):
        begins = ipaddress.IPv6Address(run.target).packed[:_PREFIX]
        cut = str(ipaddress.IPv6Address(begins + bytes(_PREFIX)))
        if cut in {*facts.strangers, *(item.address for item in run.tried)}:
            return f"it tried {cut}, which is the first half of {run.target}"
    return ""


def _normal(text: str) -> str:
    """Return the canonical text of an IPv6 address; empty if it is none."""
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        return ""


def mapped_target(facts: Facts) -> str:
    """A run towards an IPv4-mapped literal failed."""
    for run in failed(facts):
        if run.literal is not None and unmapped(run.target) != run.target and "." in unmapped(run.target):
            return f"given {run.target} it made {len(run.tried)} attempts, and did not succeed"
    return ""


# -- families of sockets ----------------------------------------------------------------------------------------------


def socket_of_other_family(facts: Facts) -> str:
    """It complains that an address is of another family than its socket."""
    line = facts.says(Sign.OTHER_FAMILY)
    if line and any(failed(facts)):
        return f'its output says "{line}"'
    line = facts.says(Sign.NO_FAMILY, Sign.INVALID)
    complete = facts.host.ipv6_sockets and len(facts.host.families) == len(BOTH)
    return (
        f'this host has both families, and its output says "{line}"'
        if line and complete and any(failed(facts)) and not facts.listens
        else ""
    )


def says_no_ipv6_sockets(facts: Facts) -> str:
    """The host has no IPv6 sockets, and it says so."""
    line = facts.says(Sign.NO_FAMILY)
    return (
        f'this host has no IPv6 sockets, and its output says "{line}"'
        if (line and not facts.host.ipv6_sockets and any(failed(facts)))
        else ""
    )


def ipv4_target_on_ipv6_only_host(facts: Facts) -> str:
    """On a host without IPv4 it tried an IPv4 address that no name gave it."""
    known = {address for run in facts.runs for address in run.known}
    for run in failed(facts):
        own = [item.address for item in run.tried if item.family is IPV4 and item.address not in known]
        if own and IPV4 not in facts.host.families:
            return f"it tried {own[0]}, which no name server gave it"
    return ""


RULES = (
    Rule("RC-RACEALL", ((DECISIVE, several_requests),)),
    Rule("RC-WRONGFAMILYSOURCE", ((DECISIVE, socket_of_other_family),), (says_no_ipv6_sockets,)),
    Rule(
        "RC-INETATON",
        ((DECISIVE, asked_for_literal), (DECISIVE, says_not_ipv4), (STRONG, bare_literal_not_found)),
        (no_ipv6_literal, joined_without_brackets),
    ),
    Rule(
        "RC-BRACKET",
        ((CERTAIN, joined_without_brackets), (DECISIVE, too_many_colons), (DECISIVE, about("CONNECT-017"))),
    ),
    Rule(
        "RC-SPLIT",
        (
            (DECISIVE, brackets_left_on),
            (DECISIVE, shown_cut_at_colon),
            (STRONG, port_misread),
            (STRONG, listens_although_malformed),
            (FITS, literal_not_started),
        ),
        (no_ipv6_literal, joined_without_brackets),
    ),
    Rule(
        "RC-RESOLVER",
        ((DECISIVE, never_asked), (STRONG, gave_up_with_addresses), (STRONG, one_of_localhost), (FITS, not_found)),
    ),
    Rule(
        "RC-RESOLVERORDER",
        ((DECISIVE, some_of_a_family_left),),
        (listens,),
    ),
    Rule(
        "RC-NOHE",
        ((DECISIVE, slow_attempts), (STRONG, waits_for_dead_address)),
        (listens, quick_and_complete),
    ),
    Rule(
        "RC-FIRSTADDR",
        ((STRONG, stopped_at_first), (STRONG, unreachable_is_final)),
        (listens, all_tried, one_address_known, some_of_a_family_left, no_run_failed),
    ),
    Rule("RC-MAPPEDTARGET", ((FITS, both(about("INTEROP-003"), mapped_target)),), (listens,)),
)
"""The causes in the order in which they are tried when equally much speaks for them."""
