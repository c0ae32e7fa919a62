"""A connector tries IPv6 first where both families work."""

from collections.abc import Sequence

from dualstack.errors import NothingToJudge
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.dns import dns_answers
from dualstack.wire.evidence import CaptureData
from dualstack.wire.expect import Attempt
from dualstack.world import ConnectorWorld
from dualstack.world.run_attempts import attempts_by_run

RUNS = 4
"""How often the connector is run: one that shuffles the addresses begins with IPv6 in half of its runs.

A late answer to AAAA can make a run begin with IPv4. A run that had the answer in time is not excused.
"""

SLOW = 1.5
"""Seconds of a run above which it is not repeated if it begins with IPv6."""

AT_ONCE = 0.010
"""Seconds within which attempts over both families count as begun together (RFC 8305 §5)."""


@Requirement(
    id="CONNECT-009",
    title="Prefers IPv6 when both families work",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="If a name has A and AAAA records, and both addresses answer, the service tries IPv6 first. Attempts "
    "that begin within 10 ms of each other count as begun together: DNS-004 is about those.",
    stimulus="A name has an A and an AAAA record, and the server listens on both addresses. Run the connector four "
    "times, or once if that takes more than 1.5 s and it begins with IPv6.",
    wire="In one of the runs, the first attempt is IPv6, or an IPv6 attempt begins within 10 ms of it; this holds for "
    "each run whose AAAA answer came before its first attempt.",
    cites=("RFC 6724 §2.1, §6", "RFC 8305 §2, §4"),
    topologies=("dual-stack",),
    causes=("RC-RESOLVERORDER", "RC-RESOLVER"),
    needs=(Need.BOTH, Need.NAMES),
).attach
def test_ipv6_first(world: ConnectorWorld) -> None:
    """A name that is reachable over both families is tried over IPv6 first."""
    with world.serve(*BOTH) as serving:
        for _ in range(RUNS):
            with world.names(a="ok", aaaa="ok") as name:
                run = world.connector_runs.run(name, serving)
            if run.seconds > SLOW and run.dialled and Family.of(run.dialled[0]) is Family.IPV6:
                break
    wire = world.wire()
    runs = zip(attempts_by_run(wire, world.connector_runs), world.connector_runs.done, strict=True)
    made = [(own, answered_at(wire, name)) for own, (name, _, _) in runs if own]
    if not made:
        raise NothingToJudge("it makes no attempt to reach a name that has addresses of both families")
    world.require(prefers_ipv6(made))


def answered_at(wire: CaptureData, name: str) -> float:
    """Return when the first IPv6 address of a name came, in seconds since the epoch; infinity if none did."""
    came = (item.time for item in dns_answers(wire) if item.name == name and item.type == "AAAA" and item.answers)
    return min(came, default=float("inf"))


def prefers_ipv6(runs: Sequence[tuple[Sequence[Attempt], float]]) -> Finding:
    """Return whether one of the runs began with IPv6, and each that could.

    Args:
        runs: The attempts of each run, in order, and when it had an IPv6 address.
    """
    gaps = [(gap(own), own[0].time >= known) for own, known in runs]
    wrong = [item for item, informed in gaps if informed and item > AT_ONCE]
    least = max(wrong) if wrong else min(item for item, _ in gaps)
    if least == float("inf"):
        happened = "it made no IPv6 attempt"
    elif least == -float("inf"):
        happened = "it made an IPv6 attempt, and no IPv4 attempt"
    else:
        when = f"{abs(least) * 1000:.1f} ms {'before' if least < 0 else 'after'}"
        happened = f"the first IPv6 attempt began {when} the first IPv4 attempt"
    if wrong:
        happened += ", although the AAAA answer had come before"
    elif len(runs) > 1:
        happened += f" (the best of {len(runs)} runs)"
    return Finding(least <= AT_ONCE, "the first attempt is over IPv6", happened)


def gap(own: Sequence[Attempt]) -> float:
    """Return the seconds from the first IPv4 attempt of a run to its first IPv6 attempt, infinite if one is missing."""
    first = {family: next((item.time for item in own if item.family is family), float("inf")) for family in BOTH}
    return first[Family.IPV6] - first[Family.IPV4]
