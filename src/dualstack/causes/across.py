"""What the cases of one service say about each other's causes, once all of them have run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from dualstack.causes.across_families import families_settled
from dualstack.facts import ALIKE, How
from dualstack.families import BOTH
from dualstack.results import Record
from dualstack.verdict import SPEAKS, Verdict

_ONLY_FIRST, _ONE_FAILURE = "RC-FIRSTADDR", "RC-ERRORFINAL"

_RESOLVER, _NOT_PARSED = "RC-RESOLVER", "RC-INETATON"

_OF_LOCALHOST = "DNS-011"
"""Where the addresses are not seen that a connector tries."""

_ASKED_LOCALHOST = "For localhost it queried "
"""What the evidence begins with of a connector that asks a name server for localhost."""

_TYPES = frozenset(family.record for family in BOTH)

_ACCEPTED = (How.HUNG_UP, How.RESET, How.KEPT_WAITING)
"""What becomes of clients that are accepted and get nothing. A service that closes may reset too: it is one way."""

_OF_ONE_FAMILY = frozenset({"RC-MAPPED", "RC-ERRORANSWER"})
"""Causes that need a difference between the families."""

_FARED = tuple(f"{family.label} clients are " for family in BOTH)

_ENDED = "the service ends"

_NO_LOOPBACK, _LITERAL = "RC-LOOPBACK", "RC-LITERAL"

_NO_IPV6_SOCKET = ("RC-V4SOCK", "RC-LIBBUILD")
"""Causes of a missing IPv6 socket that hold wherever the service runs."""

_STRICT, _IPV6_ONLY = "ipv6-only-strict", "ipv6-only"
"""Two worlds that differ in 127.0.0.1 alone."""


def settled(records: Iterable[Record]) -> tuple[Record, ...]:
    """Return the records with the causes that other cases of the same element show.

    A service that starts on a host with IPv6 and 127.0.0.1 alone, and not without 127.0.0.1, needs that, as does one
    that has no IPv6 socket without it; one that does not start on either needs another IPv4 address. A connector that
    has tried addresses of both families in one case does not try the first one only: if it stops after another failure
    here, then one kind of failure ends its attempts. One that never tries addresses of one family, in no case, has one
    cause for that. One that queries both types of addresses has a resolver for both
    families; one that never queries both refuses address literals for the same reason. A listener that accepts the
    clients of a family and does not answer them, for a known cause where it serves the other family, does so for that
    cause on hosts without the other family too.
    """
    records = _unserved_settled(_alike_settled(_loopback_settled(tuple(records))))
    return families_settled(_resolver_settled(_attempts_settled(records)))


def _attempts_settled(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Return the records of connectors that have tried addresses of both families in another case."""
    tried: dict[tuple[str, str], str] = {}
    for record in records:
        for sentence in _both_tried(record):
            tried.setdefault(_element(record), sentence)
    return tuple(_without_only_first(record, tried.get(_element(record), "")) for record in records)


def _loopback_settled(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Return the records of services that do not start without 127.0.0.1 with the right one of two causes."""
    beside = {
        (*_element(record), record.requirement): record
        for record in records
        if record.topology == _IPV6_ONLY and (record.verdict is Verdict.PASS or record.not_ready)
    }
    return tuple(_with_loopback(record, beside.get((*_element(record), record.requirement))) for record in records)


def _with_loopback(record: Record, beside: Record | None) -> Record:
    """Return a record with the right cause, given the one of a host that has 127.0.0.1, if there is one."""
    if beside is None or record.topology != _STRICT or record.verdict not in SPEAKS:
        return record
    if not record.not_ready:
        return record if beside.not_ready else _without_ipv6_socket(record)
    others = tuple(code for code in record.causes if code not in {_NO_LOOPBACK, _LITERAL})
    if beside.not_ready:
        return replace(record, causes=(_LITERAL, *others)) if len(others) < len(record.causes) else record
    because = "It starts on a host with IPv6 and 127.0.0.1 alone, and not on this one, which has no 127.0.0.1."
    return replace(record, causes=(_NO_LOOPBACK, *others), facts=(because, *record.facts))


def _resolver_settled(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Return the records with what the queries of all cases show about the resolver of each connector."""
    asked: dict[tuple[str, str], dict[tuple[str, ...], str]] = {}
    for record in records:
        for chart in record.charts:
            types = {lane.label for lane in chart.lanes if not lane.family} & _TYPES
            if types:
                asked.setdefault(_element(record), {}).setdefault(tuple(sorted(types)), record.requirement)
    return tuple(_with_resolver(record, asked.get(_element(record), {})) for record in records)


def _with_resolver(record: Record, asked: Mapping[tuple[str, ...], str]) -> Record:
    """Return a record with the right order of causes, given the types that its connector queried, and in which case."""
    causes, at = record.causes, asked.get(tuple(sorted(_TYPES)), "")
    asks = any(text.startswith(_ASKED_LOCALHOST) for text in record.facts[:1])
    if at and record.requirement == _OF_LOCALHOST and {_RESOLVER, _ONLY_FIRST} <= {*causes} and not asks:
        both = f"In {at} it queried both types of addresses."
        return replace(
            record,
            causes=tuple(code for code in causes if code != _RESOLVER),
            facts=(*record.facts[:1], both, *record.facts[1:]),
        )
    if len(asked) == 1 and not at and causes[:1] == (_NOT_PARSED,) and _RESOLVER in causes:
        ((types, where),) = asked.items()
        others = (code for code in causes if code != _RESOLVER)
        return replace(
            record, causes=(_RESOLVER, *others), facts=(f"In {where} it queried {types[0]} alone.", *record.facts)
        )
    return record


def _without_ipv6_socket(record: Record) -> Record:
    """Return the record of a service that opens no IPv6 socket for want of 127.0.0.1, and does where that exists."""
    if record.causes[:1] != _NO_IPV6_SOCKET[:1]:
        return record
    because = "It serves IPv6 on a host with IPv6 and 127.0.0.1 alone, and has no IPv6 socket on this one without it."
    others = tuple(code for code in record.causes if code not in _NO_IPV6_SOCKET)
    return replace(record, causes=(_NO_LOOPBACK, *others), facts=(because, *record.facts))


def _unserved_settled(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Return the records in which a family is accepted and not served, for a cause that another case has shown."""
    known: dict[tuple[object, ...], Record] = {}
    for record in records:
        way = _accepted_in_vain(record.facts[:1]) if record.causes and _is_ordinary(record) else None
        if way is not None:
            known.setdefault((*_element(record), *way), record)
    return tuple(_with_shown(record, known) for record in records)


def _with_shown(record: Record, known: Mapping[tuple[object, ...], Record]) -> Record:
    """Return a record without a cause with that of another case, if the same family is lost there in the same way."""
    way = _accepted_in_vain(record.facts) if not record.causes and _is_ordinary(record) else None
    other = known.get((*_element(record), *way)) if way is not None else None
    if other is None:
        return record
    because = f"In {other.requirement} on {other.topology}: {other.facts[0]}"
    return replace(record, causes=other.causes[:1], facts=(because, *record.facts))


def _alike_settled(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Return the records without causes of one family, where a case with both shows that they fare the same."""
    both: dict[tuple[str, str], Record] = {}
    for record in records:
        if any(text.startswith(ALIKE) for text in record.facts):
            both.setdefault(_element(record), record)
    return tuple(_without_one_family(record, both.get(_element(record))) for record in records)


def _without_one_family(record: Record, both: Record | None) -> Record:
    """Return a record without causes of one family, if its clients fare as those of both families do elsewhere."""
    others = tuple(code for code in record.causes if code not in _OF_ONE_FAMILY)
    fared = [text for text in record.facts if text.startswith(_FARED)]
    if both is None or len(others) == len(record.causes) or not fared or not {*fared} <= {*both.facts}:
        return record
    alike = next(text for text in both.facts if text.startswith(ALIKE))
    because = f"In {both.requirement} on {both.topology}: {alike}"
    return replace(record, causes=others, facts=(because, *record.facts))


def _is_ordinary(record: Record) -> bool:
    """Return whether a record is of a failed case about ordinary clients of a service that became ready."""
    return record.verdict in SPEAKS and record.requirement.startswith("LISTEN-") and not record.not_ready


def _accepted_in_vain(facts: Sequence[str]) -> tuple[str, bool | str] | None:
    """Return the family whose clients get nothing, and whether they wait or end the service; None if there is none."""
    for family in BOTH:
        shown = facts[0] if facts else ""
        if shown.startswith("The service ") and shown.endswith(f" when an {family.label} client was connected."):
            return family.label, _ENDED
    ended = any(text.startswith("It ended by itself after it was ready") for text in facts)
    for family in BOTH:
        for how in _ACCEPTED:
            begin = f"{family.label} clients are {how.value}"
            if any(text.startswith(begin) and "answered" not in text[len(begin) :] for text in facts):
                return family.label, _ENDED if ended else how is How.KEPT_WAITING
    return None


def _element(record: Record) -> tuple[str, str]:
    """Return the service and the element that a record is about."""
    return record.subject, record.element


def _both_tried(record: Record) -> Iterator[str]:
    """Yield a sentence for each run of a case that tried addresses of both families."""
    for chart in record.charts:
        lanes = [lane for lane in chart.lanes if lane.family]
        other = next((lane for lane in lanes if lane.family != lanes[0].family), None)
        if other:
            first = lanes[0]
            yield f"in {record.requirement} it tried {first.label} ({first.result}) and {other.label}"


def _without_only_first(record: Record, sentence: str) -> Record:
    """Return a record without `_ONLY_FIRST`, if its connector tried addresses of both families in another case.

    Who tries addresses of one family only may never try the other one.
    """
    if not sentence or _ONLY_FIRST not in record.causes:
        return record
    at = record.causes.index(_ONLY_FIRST)
    others = tuple(code for code in record.causes if code not in {_ONLY_FIRST, _ONE_FAILURE})
    if record.requirement == _OF_LOCALHOST:
        return replace(record, causes=tuple(code for code in record.causes if code != _ONLY_FIRST))
    because = (f"{record.facts[0].removesuffix('.')}; {sentence}.",) if record.facts and not at else ()
    return replace(
        record,
        causes=(*others[:at], _ONE_FAILURE, *others[at:]),
        facts=(*because, *record.facts[len(because) :]),
    )
