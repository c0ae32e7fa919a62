"""A connector does not wait for DNS answers that it does not need."""

from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.families import BOTH
from dualstack.finding import Finding
from dualstack.manifest import Connect
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.dialling import tried
from dualstack.wire.dns import dns_answers
from dualstack.wire.evidence import CaptureData
from dualstack.world import ConnectorWorld
from dualstack.world.run_attempts import delays_from_query

PROMPT = 1.0
"""Seconds from the first query to the first attempt."""

TRIES = 3
"""How often a slow run is repeated: a client that waits is slow every time, a busy machine is not."""

LATE = 500
"""Milliseconds after which A is answered."""


@Requirement(
    id="DNS-014",
    title="Whether it waits for a late A answer",
    level=Level.OBSERVE,
    role=Role.CONNECTOR,
    statement="A client that has an AAAA answer should try IPv6 at once, whatever becomes of the A query. Clients that "
    "call getaddrinfo() cannot: it returns when both answers are there.",
    stimulus="The lab's name server answers AAAA at once and A after 500 ms, and the server listens on both addresses; "
    "run the connector.",
    wire="The time from the AAAA answer to the first attempt, and whether the A answer came before that.",
    cites=("RFC 8305 §3",),
    topologies=("dual-stack",),
    causes=("RC-RESOLVER",),
    needs=(Need.BOTH, Need.NAMES),
).attach
def test_late_a(world: ConnectorWorld) -> None:
    """What the connector does between the AAAA answer and a late A answer is recorded."""
    with world.serve(*BOTH) as serving, world.names(a=f"delay-{LATE}", aaaa="ok") as name:
        run = world.connector_runs.run(name, serving)
    if run.problem:
        raise NothingToJudge(f"it does not connect to a name with both addresses: {run.problem}")
    world.shows(lambda wire: waits_for_a(wire, world.connector, name))


def waits_for_a(wire: CaptureData, connector: Connect, name: str) -> Finding:
    """Return how long after the AAAA answer the first attempt began, and whether the A answer came before it.

    Raises:
        NothingToJudge: It asked for no AAAA.
        Inconclusive: No attempt followed the answer.
    """
    answers = [item for item in dns_answers(wire) if item.name == name]
    known = {kind: min((item.time for item in answers if item.type == kind), default=None) for kind in ("A", "AAAA")}
    if known["AAAA"] is None:
        raise NothingToJudge("it does not ask for AAAA, which DNS-001 is about")
    begun = tried(wire, connector.port, connector.transport)
    first = next((item for item in begun if item.time >= known["AAAA"]), None)
    if first is None:
        raise Inconclusive(f"{wire.name}: no attempt followed the AAAA answer, so there is no delay to record")
    word = "waits" if known["A"] is not None and known["A"] <= first.time else "does not wait"
    delay = (first.time - known["AAAA"]) * 1000
    happened = f"it {word} for the A answer: it tries {first.family.label} {delay:.0f} ms after the AAAA answer"
    return Finding(True, f"the A answer comes {LATE} ms after the AAAA answer", happened)


@Requirement(
    id="DNS-015",
    title="An unanswered HTTPS query delays nothing",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="A client that asks for the HTTPS record of a name (RFC 9460) and gets no answer tries the addresses of "
    "the name without waiting for it: its first attempt begins within 1 s of its first query.",
    stimulus="The lab's name server answers A and AAAA with the server's addresses and ignores HTTPS queries. Run the "
    "connector, and up to two more times if it takes longer. For one that sends no HTTPS query there is nothing to "
    "judge.",
    wire="The first attempt begins within 1 s of the first DNS query of the run.",
    cites=("RFC 9460 §5", "RFC 8305 §3", "draft-ietf-happy-happyeyeballs-v3-04 §4.2"),
    topologies=("dual-stack",),
    causes=("RC-RESOLVER",),
    needs=(Need.HTTP, Need.NAMES),
).attach
def test_unanswered_https(world: ConnectorWorld) -> None:
    """A client that asks for HTTPS does not wait for an answer that does not come."""
    names = []
    with world.serve(*world.families) as serving:
        for _ in range(TRIES):
            began = world.journal.seconds
            with world.names(a="ok", aaaa="ok", https="drop") as name:
                names.append(name)
                connected = world.connect(name, serving)
            asks = any(query.record == "HTTPS" for query in world.journal.queries)
            if not connected or not asks or world.journal.seconds - began <= PROMPT:
                break
    if not asks:
        raise NothingToJudge("it sends no HTTPS query")
    world.shows(lambda wire: begins_promptly(wire, world.connector, names))


def begins_promptly(wire: CaptureData, connector: Connect, names: list[str]) -> Finding:
    """Return whether, in the fastest run, the first attempt begins soon enough after the first query of the run.

    Raises:
        Inconclusive: No attempt followed a query.
    """
    delays = delays_from_query(wire, connector, names)
    return Finding(
        min(delays) <= PROMPT,
        f"the first attempt begins within {PROMPT:g} s of the first query, although HTTPS is not answered",
        f"it began after {min(delays):.1f} s",
    )
