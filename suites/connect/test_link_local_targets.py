"""Targets with a zone: a connector reaches a link-local address, and keeps the zone to itself."""

import re
from contextlib import ExitStack

from dualstack.errors import NothingToJudge
from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.lab.protocol import Host
from dualstack.prober.client import ServerHandle
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ConnectorWorld
from dualstack.world.connecting import Run
from dualstack.world.neighbours import neighbours
from dualstack.world.unusual_servers import link_local_target, serve_link_local

ENCODED = "%25"
"""The percent sign of a zone in a URL (RFC 6874 §2, which RFC 9844 has replaced)."""

ZONE = re.compile(r"fe80:[0-9a-f:]*%[^\s\]]*", re.IGNORECASE)


def reach(world: ConnectorWorld, server: Host, serving: ServerHandle) -> Run:
    """Run the connector towards a server's link-local address with its zone, and again with %25; return the last run.

    The second form is tried only if the first one does not connect, and if the target is in a URL.
    """
    target = link_local_target(world, server)
    run = world.connector_runs.run(target, serving)
    if run.problem and not run.reached and any("{target}" in text for text in world.connector.texts):
        run = world.connector_runs.run(target.replace("%", ENCODED), serving)
    return run


@Requirement(
    id="CONNECT-010",
    title="Connects to a link-local address with its zone",
    level=Level.OBSERVE,
    role=Role.CONNECTOR,
    statement="Given a link-local IPv6 address with its zone, such as fe80::1%eth0, the service connects to it. It "
    "must do so if its manifest says zones = true.",
    stimulus="The server listens on its link-local address; run the connector with this address and the name of its "
    "own interface as the zone. If it does not connect and the target is part of a URL, run it again with %25 for the "
    "percent sign. On a host with two links, a server on each of them has the same address: run the connector towards "
    "each.",
    wire="If it connects: every connection attempt is IPv6.",
    cites=("RFC 4007 §11", "RFC 9844 §3", "RFC 6874 §2"),
    topologies=("dual-stack", "link-local"),
    causes=("RC-ZONE",),
    needs=(Need.IPV6, Need.LITERALS, Need.ZONES),
).attach
def test_link_local_target(world: ConnectorWorld) -> None:
    """The server's link-local address is reached with its zone, on each link."""
    servers, runs = neighbours(world.lab), []
    with ExitStack() as stack:
        serving = [stack.enter_context(serve_link_local(world, server)) for server in servers]
        for server, handle in zip(servers, serving, strict=True):
            runs.append(reach(world, server, handle))
            target, _, _ = world.connector_runs.done[-1]
            world.require(reached(world, runs[-1], target))
    if all(run.reached for run in runs):
        world.shows_connected(Family.IPV6)


def reached(world: ConnectorWorld, run: Run, target: str) -> Finding:
    """Return whether a run has reached the server of its target; it must if the manifest says zones = true."""
    return Finding(
        bool(run.reached) and (not run.problem or bool(run.unspoken)),
        f"it connects to {endpoint(target, world.connector.port)}",
        run.problem or f"it succeeded: {run.reached}",
        level=Level.MUST.value if world.connector.zones else "",
    )


@Requirement(
    id="ADDR-006",
    title="Sends no zone to its server",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="A zone has a meaning only on the host itself. Given a link-local address with its zone as the target, "
    "the service does not send the zone in its requests.",
    stimulus="The server listens on its link-local address; run the connector with this address and its zone, as in "
    "CONNECT-010. A connector that does not connect is not judged.",
    wire="No claim: the evidence is the request that reached the server.",
    cites=("RFC 4007 §11.2", "RFC 9844 §4", "RFC 6874 §4"),
    topologies=("dual-stack",),
    causes=("RC-ZONELEAK",),
    needs=(Need.IPV6, Need.LITERALS, Need.ZONES, Need.NAMES_SERVER),
).attach
def test_zone_is_not_sent(world: ConnectorWorld) -> None:
    """The requests that reach the server have no zone."""
    server = world.peer
    with serve_link_local(world, server) as serving:
        run = reach(world, server, serving)
    if not run.heads:
        raise NothingToJudge(f"it sends no request to a link-local address (CONNECT-010): {run.problem}")
    world.require(sends_no_zone(run.heads))


def sends_no_zone(heads: tuple[str, ...]) -> Finding:
    """Return whether no line of these requests has a link-local address with a zone."""
    lines = [line for head in heads for line in head.splitlines() if ZONE.search(line)]
    happened = f"it sends {' and '.join(map(repr, lines[:4]))}" if lines else "there is none"
    return Finding(not lines, "no zone is in its requests", happened)
