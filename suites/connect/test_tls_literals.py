"""TLS to an address literal: the literal is no server name, and the certificate must be for the address."""

from dualstack.families import Family, endpoint
from dualstack.finding import Finding, Symptom
from dualstack.prober.client import ServerHandle
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ConnectorWorld
from dualstack.world.connecting import Run


@Requirement(
    id="CONNECT-015",
    title="TLS to an address verifies the address, and sends no server name",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="Given an address literal, the service sends no literal as server name (SNI). It accepts a certificate "
    "that names this address, and refuses one that names another address.",
    stimulus="The server listens on its address of each family that the connector claims; run the connector with each "
    "address, first with a certificate for this address, then with one for another address of the same family. The "
    "authority that it trusts has issued both.",
    wire="No claim: the evidence is the handshake that reached the server.",
    cites=("RFC 6066 §3", "RFC 9525 §6.5", "RFC 5280 §4.2.1.6"),
    topologies=("dual-stack",),
    causes=("RC-SNI",),
    needs=(Need.TLS, Need.LITERALS),
).attach
def test_literals_in_tls(world: ConnectorWorld) -> None:
    """The right certificate is accepted, the one of another address is not, and no literal is sent as a name."""
    with world.serve(*world.families) as serving:
        for family in world.families:
            address, other = world.peer.plan.planned[family][:2]
            connected = world.connect(address, serving, family)
            _, _, run = world.connector_runs.done[-1]
            if run.reached:
                world.require(sends_no_literal(run, address))
            if connected:
                world.require(refuses(world, serving, address, other))


def sends_no_literal(run: Run, address: str) -> Finding:
    """Return whether a run towards an address sent no literal as server name."""
    literals = [name for name in run.server_names if is_literal(name)]
    named = " and ".join(map(repr, literals or run.server_names))
    happened = f"it sent the server name {named}" if named else "it sent no server name"
    return Finding(not literals, f"for {address} it sends no literal as server name (SNI)", happened)


def is_literal(name: str) -> bool:
    """Return whether a server name is an address, also in brackets, with a zone or a port, or before a dot."""
    bare = name.rstrip(".")
    bare = bare[1:].partition("]")[0] if bare.startswith("[") else bare
    bare = bare.rpartition(":")[0] if bare.count(":") == 1 else bare
    try:
        Family.of(bare)
    except ValueError:
        return False
    return True


def refuses(world: ConnectorWorld, serving: ServerHandle, address: str, other: str) -> Finding:
    """Return whether the connector, towards an address, refuses a certificate for another one."""
    run = world.connector_runs.run(address, serving, certificate_for=other)
    where = endpoint(address, world.connector.port)
    expected = f"at {where} it refuses a certificate that is for {other}"
    if run.problem:
        return Finding(True, expected, run.problem)
    return Finding(False, expected, f"it accepted it: {run.reached}", symptoms=(Symptom.OTHER_CERTIFICATE,))
