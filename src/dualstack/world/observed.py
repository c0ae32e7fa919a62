"""The results of clients and connectors, as facts."""

import re
from dataclasses import replace
from typing import Any

from dualstack.facts import Exchange, How, Tried
from dualstack.facts import Run as RunFacts
from dualstack.prober.messages import Dial, Dialled, Outcome
from dualstack.protocols.application import Trait
from dualstack.protocols.registry import traits_of
from dualstack.transport import Transport
from dualstack.wire.attempts import Fate
from dualstack.wire.dissect import Dns
from dualstack.wire.dns import dns_answers, dns_queries
from dualstack.wire.evidence import CaptureData
from dualstack.wire.flows import Flow, flows
from dualstack.world.run_attempts import parts_by_run
from dualstack.world.runs import ConnectorRuns, Run

_ANSWER_KEPT = 400

_ANSWER_LIMIT = 64 << 10
"""How many bytes of an answer are kept: the rest of a longer one is unknown."""

_LENGTH = re.compile(r"(?im)^content-length:[ \t]*(\d{1,12})[ \t]*\r?$")

_TIMED_OUT = 0.9
"""The part of its timeout after which an exchange without an answer counts as timed out."""

_RESET_WITHIN = 0.01
"""Seconds in which a kernel resets a connection that is established although its socket was closed."""

_PLAIN = {
    Outcome.ANSWERED: How.ANSWERED,
    Outcome.REFUSED: How.REFUSED,
    Outcome.UNREACHABLE: How.UNREACHABLE,
    Outcome.WRONG: How.WRONG,
}

_FATES = {
    Fate.ANSWERED: How.ANSWERED,
    Fate.REFUSED: How.REFUSED,
    Fate.ICMP_ERROR: How.UNREACHABLE,
    Fate.UNANSWERED: How.IGNORED,
}


def exchange_of(dial: Dial, dialled: Dialled, *, start: int, inside: bool, asks_large: bool = False) -> Exchange:
    """Return one exchange as a fact."""
    return Exchange(
        family=dial.family,
        address=dial.address,
        port=dial.port,
        how=how_of(dial, dialled),
        seconds=dialled.seconds,
        size=len(dialled.sent),
        answer=dialled.answer[:_ANSWER_KEPT],
        start=start,
        inside=inside,
        source=dialled.source,
        source_port=dialled.source_port,
        missing=_missing(dialled) if traits_of(dial.protocol) & {Trait.HTTP, Trait.DECLARED} else 0,
        tls=dialled.tls,
        asks_large=asks_large,
    )


def _missing(dialled: Dialled) -> int:
    """Return how many bytes of its Content-Length an HTTP answer lacks; 0 if the answer was not kept completely."""
    head, found, body = dialled.answer.partition("\r\n\r\n")
    length = _LENGTH.search(head)
    whole = len(dialled.answer) < _ANSWER_LIMIT and dialled.outcome is not Outcome.ANSWERED
    if not whole or not found or length is None or not head.startswith("HTTP/"):
        return 0
    return max(0, int(length[1]) - len(body))


def how_of(dial: Dial, dialled: Dialled) -> How:
    """Return how an exchange ended; without an answer, whether the service closed it or the client timed out."""
    if dialled.outcome in _PLAIN:
        return _PLAIN[dialled.outcome]
    if dialled.answers:  # on a kept connection the first request was answered
        return How.ANSWERED
    if not dialled.connected:
        return How.IGNORED
    if dialled.errno in {"ECONNRESET", "EPIPE"}:
        return How.RESET
    return How.KEPT_WAITING if dialled.seconds >= dial.timeout * _TIMED_OUT else How.HUNG_UP


def runs_of(runs: ConnectorRuns, wire: CaptureData | None) -> tuple[RunFacts, ...]:
    """Return the runs of a connector, with what each of them put on the wire."""
    made: tuple[Flow, ...] = ()
    asked: tuple[Dns, ...] = ()
    answers: tuple[Dns, ...] = ()
    if wire is not None:
        port, transport = runs.connector.port, runs.connector.transport
        made = tuple(item for part in parts_by_run(wire, runs) for item in flows(part, port, transport))
        asked, answers = dns_queries(wire), dns_answers(wire)
    ends = [*(began for _, began, _ in runs.done[1:]), float("inf")][: len(runs.done)]
    found = []
    for (host, began, run), end in zip(runs.done, ends, strict=True):
        own = [item for item in made if began <= item.attempt.time < end]
        known = [item for item in answers if began <= item.time < end]
        questions = [item for item in asked if began <= item.time < end]
        found.append(replace(_lookups(host, questions, known), tried=_attempts(own, began), **_end(run)))
    return tuple(found)


def _lookups(host: str, asked: list[Dns], answers: list[Dns]) -> RunFacts:
    """Return a run towards ``host`` with its DNS questions and the answers to them."""
    known = [text for item in answers if item.type in {"A", "AAAA"} for text in item.answers if _is_address(text)]
    return RunFacts(
        target=host,
        works=False,
        asked=tuple(dict.fromkeys(item.type for item in asked if item.type in {"A", "AAAA"})),
        names=tuple(dict.fromkeys(item.name for item in asked)),
        known=tuple(dict.fromkeys(known)),
        truncated=any(item.truncated for item in answers),
        asked_over_tcp=any(item.transport == "tcp" for item in asked),
    )


def _end(run: Run) -> dict[str, Any]:
    """Return how a run ended."""
    return {
        "works": not run.problem,
        "reports_success": not run.fault,
        "seconds": run.seconds,
        "timed_out": run.how is None and bool(run.fault),
    }


def _attempts(made: list[Flow], began: float) -> tuple[Tried, ...]:
    """Return the attempts of a run that began at this time."""
    return tuple(
        Tried(
            family=item.family,
            address=item.attempt.dst,
            at=item.attempt.time - began,
            how=_FATES[item.attempt.fate],
            sent=item.sent if item.attempt.transport is Transport.TCP else 0,
            after=item.attempt.after or 0.0,
            kept=is_kept(item),
        )
        for item in made
    )


def is_kept(flow: Flow) -> bool:
    """Return whether a client kept an established connection; its kernel resets one whose socket is closed already."""
    decided, ended = flow.attempt.decided, flow.client_ended
    if not flow.established or decided is None:
        return False
    return bool(flow.sent) or ended is None or ended - decided > _RESET_WITHIN


def _is_address(text: str) -> bool:
    """Return whether the data of a DNS answer is an address, not a name."""
    return ":" in text or text.replace(".", "").isdigit()
