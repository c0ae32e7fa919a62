"""An HTTP client names its server in the Host header correctly."""

from dualstack.errors import Inconclusive
from dualstack.families import endpoint
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ConnectorWorld
from dualstack.world.host_header import host_fault


@Requirement(
    id="CONNECT-017",
    title="The Host header is a host with an optional port",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="A request over HTTP/1.1 has one Host header, and its value is a host with an optional port: an IPv6 "
    "address is in brackets and has no zone.",
    stimulus="The server listens on its address of each family that the connector claims; run the connector with "
    "these addresses (the IPv6 address in brackets if a port follows it) and with a name, as far as it takes them. A "
    "run that does not connect at all is left to the other requirements.",
    wire="No claim: the evidence is the request that reached the server.",
    cites=("RFC 9110 §7.2", "RFC 9112 §3.2", "RFC 3986 §3.2.2", "RFC 6874 §4"),
    topologies=("dual-stack",),
    causes=("RC-HOSTHEADER",),
    needs=(Need.HTTP, Need.TCP),
).attach
def test_host_header(world: ConnectorWorld) -> None:
    """Every request that reaches the server names it correctly."""
    connector = world.connector
    with world.serve(*world.families) as serving:
        if connector.literals:
            for family in world.families:
                address = world.peer.plan.address(family)
                require_host(world, address, world.connector_runs.run(address, serving).heads)
        if connector.names:
            records = {family.record.lower(): "ok" for family in world.families}
            with world.names(**records) as name:
                require_host(world, name, world.connector_runs.run(name, serving).heads)
    if not world.findings:
        raise Inconclusive("no request of the connector reached the server, so there is no Host header to judge")


def require_host(world: ConnectorWorld, asked: str, heads: tuple[str, ...]) -> None:
    """Require that every request of one run names the server correctly; a run without requests is not judged."""
    for head in heads[:1]:
        faults = [fault for item in heads if (fault := host_fault(item, asked))]
        line, *fields = head.split("\r\n")
        named = next((field for field in fields if field.lower().startswith("host:")), line)
        where = endpoint(asked, world.connector.port)
        world.require(
            Finding(not faults, f"the request to {where} names it in its Host header", "; ".join(faults) or named)
        )
