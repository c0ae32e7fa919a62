"""Facts about clients that wait: whether the service accepts them, and whether others are served meanwhile."""

from dualstack.causes.answers import ENDED, WAITING
from dualstack.causes.rule import ended
from dualstack.counting import count, verb
from dualstack.facts import Exchange, Facts, How
from dualstack.families import BOTH, Family


def ends_connections(facts: Facts) -> str:
    """The service closes the connections itself: nothing is blocked."""
    if ended(facts):
        return ended(facts)
    closed = sum(facts.of(family).count(*ENDED) for family in BOTH)
    waiting = sum(facts.of(family).count(*WAITING) for family in BOTH)
    return f"it closed {count(closed, 'connection')} without an answer" if closed > waiting else ""


def no_client_waits(facts: Facts) -> str:
    """Every client of the lost families got an answer or an end of its connection: nothing is blocked."""
    lost = [facts.of(family) for family in BOTH if facts.lost(family)]
    none_waits = bool(lost) and all(item.hows and not item.count(*WAITING) for item in lost)
    return "its clients got an answer at once" if none_waits else ""


def keeps_waiting(facts: Facts) -> str:
    """Clients get no answer on connections that the kernel accepted."""
    for family in BOTH:
        waiting = facts.of(family).count(*WAITING)
        if waiting:
            were = verb(waiting, "was", "were")
            return f"{count(waiting, f'{family.label} client')} {were} connected and got no answer"
    return ""


def socket_not_accepted(facts: Facts) -> str:
    """Clients of one family reach a separate socket and get no answer at all; those of the other are served."""
    family = facts.one_lost
    if family is None or facts.transport != "tcp" or facts.ended or facts.of(family).worst is not How.KEPT_WAITING:
        return ""
    own, other = ({row.address for row in facts.takes(one)} for one in (family, family.other))
    if not own or own & other or facts.of(family).count(How.ANSWERED) or accepted_in_vain(facts):
        return ""
    return (
        f"{family.label} clients are connected to a separate socket on {min(own)} and get no answer, "
        f"{family.other.label} clients are served"
    )


def accepted_in_vain(facts: Facts) -> str:
    """Clients of one family are accepted, and get no answer at all; those of the other are served."""
    family = facts.one_lost
    if family is None or facts.transport != "tcp" or facts.ended or facts.of(family).worst is not How.KEPT_WAITING:
        return ""
    queues = [row.waiting for row in facts.table if row in facts.takes(family)]
    if not queues or any(queues) or None in queues or facts.of(family).count(How.ANSWERED):
        return ""
    return f"{family.label} clients are accepted and get no answer, {family.other.label} clients are served"


def never_accepted(facts: Facts) -> str:
    """Clients of a family are connected and get no answer, and connections wait on a socket that takes the family."""
    if facts.transport != "tcp" or facts.ended:
        return ""
    for row in facts.table:
        for family in row.serves if row.waiting and row.port == facts.port and row.transport == "tcp" else ():
            if facts.lost(family) and facts.of(family).worst is How.KEPT_WAITING:
                number = row.waiting or 0
                waits, them = verb(number, "waits", "wait"), verb(number, "it", "them")
                return (
                    f"{count(number, 'connection')} {waits} on its socket on {row.address}, "
                    f"and it does not accept {them}"
                )
    return ""


def came_first_only(facts: Facts) -> str:
    """All clients of a lost family that failed came before any client of the start was answered.

    So they do not show that the service treats the families differently. A wrong answer is one: it was ready.
    """
    served: set[int] = set()
    seen: dict[Family, list[bool]] = {family: [] for family in BOTH if facts.lost(family)}
    for item in facts.exchanges if not any(item.how is How.WRONG for item in facts.exchanges) else ():
        if item.how is How.ANSWERED and item.port == facts.port:
            served.add(item.start)
        elif item.family in seen and item.port == facts.port:
            seen[item.family].append(item.start in served)
    family = next((family for family, failed in seen.items() if failed and not any(failed)), None)
    return f"no {family.label} client failed after another client had been answered" if family else ""


def first_clients_wait(facts: Facts) -> str:
    """The first clients get no answer, and a later one of the same address and the same start does."""
    waits = {How.KEPT_WAITING} if facts.transport == "tcp" else {*WAITING}
    own = [item for item in facts.exchanges if item.port == facts.port]
    for number, first in enumerate(own) if came_first_only(facts) and not facts.ended else ():
        later = (item.how is How.ANSWERED and _is_same(item, first) for item in own[number + 1 :])
        if facts.lost(first.family) and facts.takes(first.family) and first.how in waits and any(later):
            return f"{first.family.label} clients got no answer at first and are answered later, without a restart"
    return ""


def _is_same(item: Exchange, other: Exchange) -> bool:
    """Return whether two clients dialled the same address of the same start."""
    return (item.start, item.address) == (other.start, other.address)


def served_in_turns(facts: Facts) -> str:
    """Some clients at one address are served; later ones are accepted and get no answer, and nothing has ended."""
    for family in BOTH:
        own = [item for item in facts.exchanges if item.family is family and not item.inside]
        for first in own if facts.lost(family) and facts.transport == "tcp" and not facts.ended else ():
            later = [
                item for item in own[own.index(first) :] if (item.start, item.address) == (first.start, first.address)
            ]
            if first.how is How.ANSWERED and any(item.how is How.KEPT_WAITING for item in later):
                return f"of equal {family.label} clients the first was served, and a later one got no answer"
    return ""
