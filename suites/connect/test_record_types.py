"""A connector asks the name server for both types of addresses."""

from collections.abc import Sequence

from dualstack.families import BOTH
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.dissect import Dns
from dualstack.wire.dns import dns_queries
from dualstack.world import ConnectorWorld


@Requirement(
    id="DNS-001",
    title="Asks for AAAA and A on a dual-stack host",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="On a host with both families, the service asks for both AAAA and A when it looks up a name. The order "
    "of the two questions and the time between them are reported, not judged.",
    stimulus="A name has an A and an AAAA record, and the server listens on both addresses; run the connector.",
    wire="There is an AAAA query and an A query for the name.",
    cites=("RFC 8305 §3", "RFC 3493 §6.1"),
    topologies=("dual-stack",),
    causes=("RC-RESOLVER",),
    needs=(Need.BOTH, Need.NAMES),
).attach
def test_asks_for_both_types(world: ConnectorWorld) -> None:
    """Both types of addresses of a name are asked for."""
    with world.names(a="ok", aaaa="ok") as name, world.serve(*BOTH) as serving:
        world.connector_runs.run(name, serving)
    asked = [item for item in dns_queries(world.wire()) if item.name.rstrip(".").lower() == name]
    world.require(asks_for_both(asked))


def asks_for_both(asked: Sequence[Dns]) -> Finding:
    """Return whether the queries for one name have both types; their order and the time between them are shown."""
    first: dict[str, float] = {}
    for item in asked:
        first.setdefault(item.type, item.time)
    wanted = [kind for kind in first if kind in {family.record for family in BOTH}]
    happened = f"it asked for {', then '.join(first) or 'nothing'}"
    if len(wanted) == len(BOTH):
        one, other = wanted
        happened += f"; {other} followed {one} after {(first[other] - first[one]) * 1000:.1f} ms"
    return Finding(len(wanted) == len(BOTH), "it asks for both AAAA and A", happened)
