"""Facts about which sockets the service has, and which families they take."""

from dualstack.causes.rule import Test, did_not_start, ended, where
from dualstack.counting import count
from dualstack.facts import Facts, How, Sign
from dualstack.families import BOTH, WILDCARDS, Family, unmapped
from dualstack.finding import Symptom
from dualstack.prober.messages import SocketRow

IPV4, IPV6 = Family.IPV4, Family.IPV6

SHORT_QUEUE = 16
"""The queue of a listening socket that holds fewer connections is too short for concurrent clients."""


def _shown(rows: tuple[SocketRow, ...]) -> str:
    """Return the addresses of sockets."""
    return ", ".join(dict.fromkeys(row.address for row in rows))


def _on_wildcards(rows: tuple[SocketRow, ...]) -> list[SocketRow]:
    """Return the sockets that are bound to every address of a family, or of both."""
    return [row for row in rows if unmapped(row.address) in WILDCARDS]


def _concerned(facts: Facts, family: Family) -> bool:
    """Return whether the failure is about a family that should be served."""
    return family in facts.claimed and (facts.lost(family) or (facts.is_about(family) and not facts.served(family)))


def no_socket(family: Family) -> Test:
    """Return the test that the service has sockets on the port, and none of them takes a family that it should."""

    def test(facts: Facts) -> str:
        if not facts.on_port or facts.takes(family) or not _concerned(facts, family):
            return ""
        return f"no socket of the service takes {family.label} on {where(facts)}: it listens on {_shown(facts.on_port)}"

    return test


def ipv4_wildcard_only(facts: Facts) -> str:
    """It listens on the IPv4 wildcard and not over IPv6, in all its starts, or in one whose IPv6 clients it refused."""
    sentence = no_socket(IPV6)(facts)
    if not sentence:
        return _start_without(facts, IPV6)
    return sentence if any(row.address == IPV4.wildcard for row in facts.on_port) else ""


def _start_without(facts: Facts, family: Family) -> str:
    """Return that one start refused the clients of a family, and listened on the other one's wildcard alone."""
    for number, (_, rows) in enumerate(facts.openings, start=1) if _concerned(facts, family) else ():
        own = [item for item in facts.exchanges if (item.start, item.family, item.port) == (number, family, facts.port)]
        refused = bool(own) and all(item.how is How.REFUSED for item in own)
        wildcard = any(row.address == family.other.wildcard for row in rows)
        if refused and wildcard and not any(family in row.serves for row in rows):
            label = family.label
            listened = f"it listened on {_shown(rows)}"
            return f"when {label} clients were refused, it had no socket for {label} on {where(facts)}: {listened}"
    return ""


def ipv4_literal_only(facts: Facts) -> str:
    """It listens on single IPv4 addresses and not over IPv6."""
    sentence = no_socket(IPV6)(facts)
    return sentence if sentence and not any(row.address in WILDCARDS for row in facts.on_port) else ""


def takes(family: Family) -> Test:
    """Return the test that a socket of the service takes a family on the port."""

    def test(facts: Facts) -> str:
        rows = facts.takes(family)
        return f"its socket on {rows[0].address} takes {family.label}" if rows else ""

    return test


def takes_always(family: Family) -> Test:
    """Return the test that a socket takes a family, in every start in which its clients were refused."""
    return lambda facts: "" if _start_without(facts, family) else takes(family)(facts)


def served(family: Family) -> Test:
    """Return the test that a family is served."""
    return lambda facts: f"{family.label} clients are served" if facts.served(family) and not facts.lost(family) else ""


def nothing_seen(facts: Facts) -> str:
    """No socket of the service was seen on the port."""
    return "" if facts.on_port else f"no socket of the service was seen on {where(facts)}"


def came_late(facts: Facts) -> str:
    """A missing socket was opened later."""
    late = [family.label for family in BOTH if facts.of(family).late]
    return f"its socket for {' and '.join(late)} was opened only some time after it was ready" if late else ""


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
    own = "although the default of this host is off: the program or a library sets it"
    default = "as is the default of this host" if facts.host.v6only else own
    return f"its socket on :: has IPV6_V6ONLY on, {default}; no socket takes IPv4"


def bound_to_one_address(facts: Facts) -> str:
    """Clients of a family are refused, and all sockets that take the family are bound to other addresses."""
    if facts.inside or _specific(facts.listen_addresses):
        return ""
    if facts.on_port and all(row.is_local for row in facts.on_port) and any(facts.lost(family) for family in BOTH):
        places = " and ".join(sorted({row.address for row in facts.on_port}))
        return f"it listens on loopback addresses alone ({places}): no other host can reach it"
    for family in BOTH:
        own = {row.address for row in facts.takes(family)}
        dialled = {item.address for item in facts.exchanges if item.family is family and item.how is How.REFUSED}
        if facts.lost(family) and own and dialled and not any(unmapped(one) in WILDCARDS for one in own):
            return f"it takes {family.label} only on {' and '.join(sorted(own))}, and refuses clients at {min(dialled)}"
    return ""


def bound_to_each_address(facts: Facts) -> str:
    """Its sockets are bound to single addresses, of which none is configured, to loopback and others alike."""
    rows = facts.on_port
    own, loopbacks = {row.address for row in rows}, {family.loopback for family in BOTH}
    if _specific(facts.listen_addresses) or _on_wildcards(rows) or not own & loopbacks or own <= loopbacks:
        return ""
    return f"it has a socket for each address that its host had when it started: {_shown(rows)}"


def queue_is_short(facts: Facts) -> str:
    """Concurrent clients of a family got no answer, and the queue of its listening socket holds few connections."""
    for family in BOTH:
        waiting = facts.of(family).count(How.KEPT_WAITING, How.IGNORED)
        queues = [row.backlog for row in facts.takes(family) if row.backlog is not None]
        if waiting and queues and max(queues) < SHORT_QUEUE:
            return (
                f"{count(waiting, f'{family.label} client')} got no answer, and the queue of its listening socket for "
                f"{family.label} holds {count(max(queues), 'connection')}"
            )
    return ""


def v6only_missing(facts: Facts) -> str:
    """It should serve IPv6 only, and its wildcard socket takes IPv4 too."""
    rows = [row for row in facts.on_port if row.address == IPV6.wildcard and row.v6only is False]
    only = IPV4 not in facts.claimed or facts.requirement == "LISTEN-007"
    return "its socket on :: has IPV6_V6ONLY off, so it takes IPv4 too" if rows and only else ""


def _specific(listen_addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Return the listen addresses that are single addresses."""
    found = []
    for text in (text.strip("[]").split("%")[0] for text in listen_addresses):
        try:
            Family.of(text)
        except ValueError:
            continue
        if unmapped(text) not in WILDCARDS:
            found.append(text)
    return tuple(found)


def wider_than_asked(facts: Facts) -> str:
    """One of its sockets takes more than is configured."""
    for start, rows in facts.openings:
        specific, wide = _specific(start.listen_addresses), _on_wildcards(rows)
        if specific and wide:
            return f"its listen address is {specific[0]}, and it listens on {wide[0].address}"
    wildcards = _on_wildcards(facts.on_port)
    if facts.inside and wildcards:
        return f"it should serve only clients on its own host, and listens on {wildcards[0].address}"
    for family in BOTH:
        if family not in facts.claimed and facts.takes(family):
            return f"its socket on {facts.takes(family)[0].address} takes {family.label}, which it does not claim"
    return ""


def listens_elsewhere(facts: Facts) -> str:
    """Configured with an IPv6 address alone, it listens on another address instead."""
    return facts.happened(Symptom.LISTENS_ELSEWHERE)


def other_port_open(facts: Facts) -> str:
    """It has another, undeclared port open on every address."""
    rows = _on_wildcards(facts.undeclared)
    return f"it also listens on {rows[0].address} port {rows[0].port}, which is not declared" if rows else ""


def family_on_other_port(facts: Facts) -> str:
    """A family that the port lacks is taken by a socket on another port, and the service has one listener only."""
    return "" if facts.declared - {facts.port} else some_port_takes_family(facts)


def some_port_takes_family(facts: Facts) -> str:
    """A family that the port lacks is taken by a socket on a port of no listener; of several, any may own it."""
    for family in BOTH:
        if family in facts.claimed and not facts.takes(family):
            row = next((row for row in facts.undeclared if family in row.serves), None)
            if row is not None and facts.on_port:
                return f"{family.label} is taken by its socket on {row.address} port {row.port}, not on {facts.port}"
    return ""


def collides_with_itself(facts: Facts) -> str:
    """Its output says that the port is in use, although no other program has it; a connector has no such port."""
    line = facts.bind_error(Sign.IN_USE) if facts.listens or facts.relays else ""
    concerned = any(facts.lost(family) for family in BOTH) or did_not_start(facts) or ended(facts)
    if not line or facts.foreign or not concerned:
        return ""
    return f'no other program has the port, and its output says "{line}"'


def half_a_pair(facts: Facts) -> str:
    """Configured with both wildcards, it has a socket for only one of them."""
    for start, rows in facts.openings if facts.one_lost is IPV6 else ():
        if start.is_pair:
            own = " and ".join(sorted({row.address for row in rows}))
            return f"its listen addresses are 0.0.0.0 and ::, and it listens on {own or 'nothing'}"
    return ""


def one_covers_other(facts: Facts) -> str:
    """Two of its sockets on the port take the same clients, at the same time."""
    there = {row.address for row in facts.table if _is_own(facts, row)}
    for number, (_, rows) in enumerate(facts.openings, start=1):
        for family in BOTH:
            addresses = sorted({row.address for row in _on_wildcards(rows) if family in row.serves})
            one_after_other = number == len(facts.openings) and there and not there.issuperset(addresses)
            if len(addresses) > 1 and not one_after_other:
                return f"its sockets on {' and on '.join(addresses)} both take {family.label}"
    return ""


def ipv6_address_on_ipv4_socket(facts: Facts) -> str:
    """Its listen address is an IPv6 one, beside no IPv4 wildcard, and its sockets are IPv4 sockets."""
    for start, rows in facts.openings if facts.host.ipv6_sockets else ():
        wanted = [text for text in start.listen_addresses if ":" in text and "::ffff:" not in text.lower()]
        wanted = [text for text in wanted if text.strip("[]") in {"::", "::0", "*"} or text.count(":") > 1]
        beside = any(text.startswith(IPV4.wildcard) for text in start.listen_addresses)
        if wanted and rows and not beside and not any(IPV6 in row.serves for row in rows):
            return f"its listen address is {wanted[0]}, and it listens on {_shown(rows)}"
    return ""


def no_socket_for_it(facts: Facts) -> str:
    """No socket takes the family that is lost."""
    for family in BOTH:
        if facts.lost(family) and not facts.takes(family):
            return f"no socket of the service takes {family.label} on {where(facts)}"
    return ""


def closed_while_running(facts: Facts) -> str:
    """A family was served, and its socket is gone although the service runs and has one for the other family."""
    there = {family for row in facts.table if _is_own(facts, row) for family in row.serves}
    for family in BOTH if not facts.ended else ():
        seen = facts.of(family)
        had = any(family in row.serves for row in facts.openings[-1][1])  # not a start that never had it
        gone = had and family not in there and family.other in there
        if gone and seen.count(How.ANSWERED) and seen.count(How.REFUSED):
            label = family.label
            return f"{label} clients were answered at first; later the service runs, and no socket takes {label}"
    return ""


def connected_to_a_client(facts: Facts) -> str:
    """Its UDP socket for a family has one client as its peer, and no other one takes that family."""
    for row in facts.connected if not facts.ended else ():
        others = [other for other in facts.table if _is_own(facts, other) and row.serves & other.serves]
        if not others:
            return f"its socket on {row.address} port {row.port} is connected to {row.peer}, and takes no other client"
    return ""


def _is_own(facts: Facts, row: SocketRow) -> bool:
    """Return whether a socket is on the port in question."""
    return (row.port, row.transport) == (facts.port, facts.transport)
