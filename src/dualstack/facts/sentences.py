"""Facts as plain sentences, for readers who look for the cause themselves."""

import re
from collections.abc import Iterable, Iterator

from dualstack.counting import some, verb
from dualstack.facts.model import Facts, fare_alike
from dualstack.facts.values import FamilyFacts, How, Run
from dualstack.families import BOTH, Family, endpoint

_MOST_TRIED = 4
ALIKE = "Clients of both families fare the same, so neither family is the cause"
"""What the sentence begins with that says so."""

_WAITED = 0.1  # seconds: a start that was not waited for says nothing

_OF_OUTPUT = frozenset({"ADDR-003", "ADDR-004", "ADDR-005", "ADDR-006", "CONNECT-017"})
"""Requirements on what an output or a request shows: queries and attempts say nothing about that."""

_OF_STRANGERS = frozenset({"SEC-003", "SEC-007"})
"""Requirements whose datagrams come from no client, or go to a foreign socket: no result of a client says anything."""

_OF_RESTARTS = "LIFE-"
"""How requirements begin in which the lab asks until the service, a family or an address is back."""


def sentences(facts: Facts, *, explained: bool = False) -> tuple[str, ...]:
    """Return what was recorded, one sentence each, the most important first.

    Args:
        facts: What was recorded.
        explained: Whether a cause is known, for which an output that is missing is no evidence.
    """
    return tuple(
        dict.fromkeys(
            [
                *_of_components(facts),
                *_of_families(facts),
                *([_alike(facts)] if fare_alike(facts) and not explained else []),
                *_of_sockets(facts),
                *_of_starts(facts),
                *_of_runs(facts),
                *_of_output(facts),
                *_of_host(facts),
                *(["It wrote nothing."] if facts.silent and not explained else []),
            ]
        )
    )


def _alike(facts: Facts) -> str:
    """Return that the service makes no difference between the families, and what may be wrong instead."""
    keys = ", send and expect" if facts.protocol == "exchange" else ""
    return f"{ALIKE}: check protocol{keys} of this listener in the manifest."


def once(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the sentences, each once, without those that only repeat the beginning of an earlier one."""
    kept: list[str] = []
    for text in texts:
        begins = text.removesuffix(".")
        if not any(one == text or one.startswith((f"{begins}, ", f"{begins}: ")) for one in kept):
            kept.append(text)
    return tuple(kept)


def _of_components(facts: Facts) -> Iterator[str]:
    """Yield which component did not start or ended."""
    if facts.component:
        yield f"{facts.component[0].upper()}{facts.component[1:]}."


def _of_families(facts: Facts) -> Iterator[str]:
    """Yield the results of the clients of each family."""
    if not facts.listens:
        return
    for family in BOTH:
        seen = facts.of(family)
        if seen.hows and facts.requirement not in _OF_STRANGERS:
            yield f"{family.label} clients are {_fared(facts, seen)}."
        for text in seen.icmp:
            yield f"{family.label} clients get {text}."
        if seen.wrong_source:
            yield f"{family.label} clients got answers from {', '.join(seen.wrong_source)}, which they did not ask."
        if seen.wrong_port:
            ports = f"{verb(len(seen.wrong_port), 'port', 'ports')} {some(seen.wrong_port)}"
            yield f"{family.label} clients got answers from {ports}, which they did not ask."
    if facts.strangers:
        yield f"Its host sends to {', '.join(facts.strangers)}, which is not a client's address."
    if facts.reverse:
        yield "It queries the name server for the names of its clients (PTR)."


def _fared(facts: Facts, seen: FamilyFacts) -> str:
    """Return the results of clients, failures first and by frequency, with numbers if there are several.

    Without numbers where most of these clients are the lab's, which asks again and again until the service is back.
    Answers that are not what is required do not read as if they were.
    """
    results = sorted(seen.hows, key=lambda item: (item[0] is How.ANSWERED, -item[1]))
    if len(results) == 1:
        how = results[0][0]
        return _result(How.WRONG if how is How.ANSWERED and seen.works is False else how, facts.transport)
    if facts.ended or facts.requirement.startswith(_OF_RESTARTS):
        return f"{', or '.join(_result(how, facts.transport) for how, _ in results)}, at different times"
    return "; ".join(f"{_result(how, facts.transport)} ({number})" for how, number in results)


def _result(how: How, transport: str) -> str:
    """Return a result in words; no datagram is accepted."""
    return (How.IGNORED if how is How.KEPT_WAITING and transport == "udp" else how).value


def _of_sockets(facts: Facts) -> Iterator[str]:
    """Yield which sockets the service has."""
    if not facts.listens:
        return
    where = f"{facts.transport.upper()} port {facts.port}"
    rows = facts.on_port
    if not rows:
        if facts.starts:
            yield f"No socket of the service was seen on {where}."
    else:
        listed = ", ".join(dict.fromkeys(_socket(row.address, row.v6only, row.family) for row in rows))
        yield f"On {where} the service listens on {listed}."
        for address in facts.gone:
            yield f"Its socket on {f'[{address}]' if ':' in address else address} was there at first, and is gone."
        for family in BOTH:
            if family in facts.claimed and not facts.takes(family):
                yield f"No socket of the service takes {family.label} on {where}."
    if facts.undeclared and not all(facts.takes(family) for family in facts.claimed):
        others = ", ".join(dict.fromkeys(endpoint(row.address, row.port) for row in facts.undeclared))
        yield f"It also listens on {others}."


def _socket(address: str, v6only: bool | None, family: str) -> str:  # noqa: FBT001 - as a row of the table has it
    """Return a listening address, with IPV6_V6ONLY if it is the IPv6 wildcard."""
    if family == Family.IPV6.value and address == Family.IPV6.wildcard and v6only is not None:
        return f"{address} (IPV6_V6ONLY {'on' if v6only else 'off'})"
    return address


def _of_starts(facts: Facts) -> Iterator[str]:
    """Yield how the service started and ended."""
    ended = facts.ended
    if ended is not None:
        when = "after it was ready" if ended.ready else "before it was ready"
        yield f"It ended by itself {when}: it {ended.ended}."
        yield from _answered_after_end(facts)
    elif facts.starts and not facts.start.ready and not facts.component and facts.start.seconds >= _WAITED:
        yield f"It was not ready after {facts.start.seconds:.1f} s, and was still running."
    if facts.foreign:
        yield "A foreign socket was bound to its port in one family."
    for family in BOTH:
        if facts.of(family).late:
            yield f"Its socket for {family.label} was opened only some time after it was ready."
    for client, shown in facts.shown:
        yield f'It shows "{shown}" for the client {client}.'


def _answered_after_end(facts: Facts) -> Iterator[str]:
    """Yield that the client with which a start ended is answered as the first one of a later start."""
    own = [item for item in facts.exchanges if item.port == facts.port]
    first = {item.start: item for item in reversed(own)}
    for number, start in enumerate(facts.starts, 1):
        last = next((item for item in own if item.start == number and item.how is not How.ANSWERED), None)
        later = [item for item in first.values() if item.start > number and last is not None and item.is_like(last)]
        if last is not None and start.ended and any(item.how is How.ANSWERED for item in later):
            label = last.family.label
            yield f"The {label} client with which it ended is answered after a new start: its family is not the cause."
            return


def _of_runs(facts: Facts) -> Iterator[str]:
    """Yield what the failed runs of a connector did, or which names a relay looked up."""
    texts = [item.text for item in facts.broken]
    for name, types in facts.asked:
        if any(_names(text, name) for text in texts):
            yield f"For {name} it queried {' and '.join(types)}."
    for run in _concerned(facts) if facts.requirement not in _OF_OUTPUT else ():
        if run.literal is None:
            yield f"For {run.target} it queried {' and '.join(run.asked) or 'no record'}."
        elif run.names:
            yield f"It queried the name server for {', '.join(run.names)}, although {run.target} is an address."
        if run.tried or not run.may_be_inside:
            yield _tried(run)
        if run.known and run.untried:
            yield f"It did not try {', '.join(run.untried)}."
        if run.timed_out:
            yield f"It was still running after {run.seconds:.1f} s."


def _concerned(facts: Facts) -> list[Run]:
    """Return the runs with a target that failed findings name, those that failed if any did; else all that failed."""
    texts = [item.text for item in facts.broken]
    named = [run for run in facts.runs if any(_names(text, run.target) for text in texts)]
    failed = [run for run in facts.runs if not run.works]
    return [run for run in failed if run in named] or named or failed


def _names(text: str, target: str) -> bool:
    """Return whether a text has a target, not as a part of a longer address or name."""
    return re.search(rf"(?<![\w:.-]){re.escape(target)}(?![\w-]|\.\w)", text) is not None


def _tried(run: Run) -> str:
    """Return which addresses a run tried, when, and with what result."""
    if not run.tried:
        return f"For {run.target} it made no connection attempt."
    tried = [f"{item.address} after {item.at:.2f} s ({item.how.result})" for item in run.tried[:_MOST_TRIED]]
    more = len(run.tried) - len(tried)
    return f"It tried {', '.join(tried)}{f' and {more} more' if more else ''}."


def _of_output(facts: Facts) -> Iterator[str]:
    """Yield the output lines that report failures, one of each kind."""
    for sign in list(dict(facts.signs))[:4]:
        line = facts.bind_error(sign) or facts.says(sign)
        yield f'Its output says {sign.value}: "{line}".'


def _of_host(facts: Facts) -> Iterator[str]:
    """Yield what the host lacks."""
    host = facts.host
    missing = [family.label for family in BOTH if family not in host.families]
    if host.link_local:
        missing = [label for label in missing if label != Family.IPV6.label]
    if not host.ipv6_sockets:
        yield "This host has no IPv6 sockets: socket(AF_INET6) fails with EAFNOSUPPORT."
    elif missing:
        yield f"This host has no {' and no '.join(missing)} address on its link."
    if host.link_local:
        yield "Its only IPv6 addresses on its link are link-local (fe80::/10)."
    gone = [family.loopback for family in BOTH if family not in host.loopbacks]
    if gone:
        yield f"This host has no {' and no '.join(gone)}."
    if host.v6only:
        yield "IPV6_V6ONLY is on by default on this host."
