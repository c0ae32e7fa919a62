"""A silent connection is kept equally long over both families."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf

from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.prober.messages import Idle, Idled, Outcome, Stage, alike_until
from dualstack.protocols.application import Trait
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld

CLIENTS = 2
"""How many clients of each family are silent from the start, and how many after an exchange; fewer if `clients` is."""

STAGES = {
    Stage.CONNECTED: "on which nothing was sent",
    Stage.ANSWERED: "after an exchange",
}
"""When clients become silent, in words."""


@Requirement(
    id="ROBUST-010",
    title="Idle connections are kept equally long over both families",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="A connection on which nothing is sent, or nothing more after an exchange, is kept equally long over "
    "IPv6 and over IPv4; the service chooses how long. This includes connections of HTTP/1.1 that the client asks to "
    "keep.",
    stimulus="Start the service. Two clients of each family connect and send nothing, and two try an exchange and "
    "send nothing more, all at the same time; watch their connections for 3.5 s (timeouts.idle), and longer while "
    "connections are still ending. If the manifest's clients is below 5, the latter connect after the former.",
    wire="No claim: the evidence is when each client's connection ends.",
    cites=("RFC 9293 §3.9.1.5", "RFC 9112 §9.5", "RFC 6540 §2"),
    topologies=("dual-stack",),
    causes=("RC-IDLE",),
    needs=(Need.TCP, Need.BOTH, Need.MANY, Need.NETWORK, Need.TWO_CLIENTS),
).attach
def test_idle_connections_live_alike(world: ListenerWorld) -> None:
    """Silent connections of both families end at about the same time, or not while they are watched."""
    world.service.start()
    families = world.served()
    if len(families) < len(BOTH):
        what = f"only {families[0].label} is served, which is left to the requirements on reachability"
        world.require(Finding(True, "connections of both families are kept equally long", what))
        return
    room = world.listener.clients - 1
    kept = int(Trait.KEEPS in world.listener.traits)
    exchanges = [replace(world.client.exchange(family), kept=kept) for family in families]
    dials = exchanges * min(CLIENTS, room)
    seconds = world.subject.manifest.timeouts.idle
    idle = [Idle(tuple(dials), stage, seconds) for stage in STAGES]
    together = [idle] if room >= CLIENTS * len(STAGES) else [[one] for one in idle]
    results = [rows for requests in together for rows in world.peer.prober.call_all(requests)]
    compared = 0
    for (stage, what), rows in zip(STAGES.items(), results, strict=True):
        lives = {
            family: [row for row, dial in zip(rows, dials, strict=True) if dial.family is family and counts(stage, row)]
            for family in families
        }
        if all(lives.values()):
            compared += 1
            finding = alike(lives, what)
            world.note(finding.happened)
            world.require(finding)
    if not compared:
        raise Inconclusive("there were no silent connections over both families")


def counts(stage: Stage, row: Idled) -> bool:
    """Return whether a client had a silent connection at its stage."""
    return row.connected and (stage is Stage.CONNECTED or row.outcome is Outcome.ANSWERED)


def alike(lives: Mapping[Family, Sequence[Idled]], what: str) -> Finding:
    """Return whether silent connections of both families are kept equally long; ``what`` names their stage."""
    bounds = {family: (longest(rows), shortest(rows)) for family, rows in lives.items()}
    earlier = [
        family for family, (last, _) in bounds.items() if last < inf and bounds[family.other][1] > alike_until(last)
    ]
    happened = "; ".join(f"over {family.label} {in_words(rows)}" for family, rows in lives.items())
    return Finding(not earlier, f"connections {what} are kept equally long over both families", happened)


def longest(rows: Sequence[Idled]) -> float:
    """Return the longest lifetime of these connections in seconds; infinity if one did not end."""
    return max(row.lived if row.ended else inf for row in rows)


def shortest(rows: Sequence[Idled]) -> float:
    """Return the shortest lifetime of these connections in seconds."""
    return min(row.lived for row in rows)


def in_words(rows: Sequence[Idled]) -> str:
    """Return the lifetimes of these connections in words."""
    ends = [f"{row.lived:.1f} s" for row in rows if row.ended]
    left = [row.lived for row in rows if not row.ended]
    kept = [f"{len(left)} open after {min(left):.1f} s"] if left else []
    return ", ".join([*([f"ended by the service after {' and '.join(ends)}"] if ends else []), *kept])
