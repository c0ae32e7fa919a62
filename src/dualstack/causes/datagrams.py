"""Facts about datagrams: their source, their port, their size."""

import re
from collections.abc import Collection

from dualstack.causes.answers import came_in_part
from dualstack.causes.rule import about, says, where
from dualstack.counting import some, verb
from dualstack.facts import Facts, How, Sign
from dualstack.families import BOTH, Family
from dualstack.finding import Symptom

IPV6 = Family.IPV6


_SENDS = re.compile(r"\b(?:send|write)(?:to|msg)?\b", re.IGNORECASE)
"""The name of a call that sends."""


def wrong_source(facts: Facts) -> str:
    """Answers came from an address to which no request was sent, or only earlier ones."""
    for family in BOTH:
        if facts.of(family).wrong_source:
            return f"answers over {family.label} came from {', '.join(facts.of(family).wrong_source)}"
    return facts.happened(Symptom.OTHER_SOURCE)


def _ports(ports: Collection[int]) -> str:
    """Return some ports in words."""
    return f"{verb(len(ports), 'port', 'ports')} {some(ports)}"


def wrong_port(facts: Facts) -> str:
    """Answers came from a port to which no request was sent."""
    for family in BOTH:
        if facts.of(family).wrong_port:
            return f"answers over {family.label} came from {_ports(facts.of(family).wrong_port)}"
    return ""


def bad_checksum(facts: Facts) -> str:
    """Datagrams left without a correct checksum."""
    return facts.judged(Symptom.BAD_CHECKSUM)


def answers_nowhere(facts: Facts) -> str:
    """Requests of one family reach a listener's own socket, and nothing is sent."""
    for family in BOTH if facts.listens else ():
        seen = facts.of(family)
        apart = {row.address for row in facts.takes(family)}.isdisjoint(
            row.address for row in facts.takes(family.other)
        )
        silent = seen.worst is How.IGNORED and not seen.count(How.ANSWERED)
        if apart and facts.takes(family) and facts.takes(family.other) and silent and facts.lost(family):
            return (
                f"requests over {family.label} reach a separate socket on {where(facts)}, and nothing leaves; "
                f"{family.other.label} has another socket"
            )
    return ""


def answers_anybody(facts: Facts) -> str:
    """It sends back what anybody sends: such a service has no access rules unless its manifest declares them."""
    return "it answers anybody" if facts.protocol in {"echo", "upper"} else ""


def sent_on_other_socket(facts: Facts) -> str:
    """Nothing is sent to the clients of one family, and the output says that an address does not fit the socket."""
    refused = next(filter(_SENDS.search, facts.lines(Sign.NO_FAMILY, Sign.INVALID)), "")
    line = facts.says(Sign.OTHER_FAMILY) or refused
    return f'nothing leaves, and its output says "{line}"' if line and answers_nowhere(facts) else ""


def length_refused(facts: Facts) -> str:
    """IPv6 clients get no answer, and its output says that a call that sends got an invalid argument.

    The kernel checks the length of an IPv6 address before anything else; on a socket of the other family the error is
    EAFNOSUPPORT. (Node refuses an address of the other family itself, with EINVAL.)
    """
    line = facts.says(Sign.INVALID)
    sent = re.search(r"\bsend(?:to|msg)\b", line)  # Node writes "send"
    return f'its output says "{line}"' if sent and facts.lost(IPV6) and facts.ipv6.worst is How.IGNORED else ""


def large_only(facts: Facts) -> str:
    """Exchanges of one packet are answered, and those of several packets are not."""
    for family in BOTH:
        own = [item for item in facts.exchanges if item.family is family]
        small = [item.size for item in own if item.how is How.ANSWERED]
        large = [item.size for item in own if item.how is How.IGNORED]
        if small and large and min(large) > max(small):
            return f"over {family.label} {max(small)} bytes are answered, and {min(large)} bytes are not"
        lost = [item for item in own if item.how is How.IGNORED]
        if any(item.asks_large for item in lost) and any(item.how is How.ANSWERED for item in own if not item.is_large):
            return f"over {family.label} small answers arrive, and the answer to large_send does not"
    return ""


def too_large_packets(facts: Facts) -> str:
    """Packets left that were larger than the path MTU."""
    return facts.judged(Symptom.LARGE_PACKET) or says(Sign.TOO_LARGE)(facts)


def small_are_lost_too(facts: Facts) -> str:
    """Requests that fit one packet are not answered either."""
    for item in facts.exchanges:
        if not item.is_large and item.how in {How.IGNORED, How.KEPT_WAITING}:
            return f"requests of {item.size} bytes over {item.family.label} are not answered either"
    return ""


UNICAST = about("LISTEN-012", "UDP-001", "UDP-002", "UDP-003", "UDP-004", "UDP-005", "UDP-006", "UDP-008")
"""Requirements with ordinary requests of clients on the link."""


def oneway(facts: Facts) -> str:
    """The protocol is one-way: requests are seen only in the service's output."""
    return "it sends no answers" if facts.protocol == "oneway" else ""


def gets_others_answers(facts: Facts) -> str:
    """Clients get datagrams that answer none of their requests."""
    return facts.judged(Symptom.OTHERS_ANSWERS)


def cut(facts: Facts) -> str:
    """A large answer came in one datagram, and is shorter than it should be: no packet was lost."""
    if facts.transport != "udp":
        return ""
    if part := came_in_part(facts):
        return part
    for item in facts.exchanges:
        if item.how is How.WRONG and item.is_large and item.answer:
            return f"an {item.family.label} client got a datagram as the answer to a large request, and it is not whole"
    return ""
