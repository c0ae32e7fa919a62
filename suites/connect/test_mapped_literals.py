"""A connector that is given an IPv4-mapped address connects over IPv4, or reports an error."""

from dualstack.errors import NothingToJudge
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.evidence import CaptureData
from dualstack.wire.expect import attempts, no_mapped_on_wire
from dualstack.world import ConnectorWorld
from dualstack.world.connecting import Run

SOON = 2.0
"""Seconds within which a connector must give up, in addition to twice the time of an ordinary run."""


@Requirement(
    id="INTEROP-003",
    title="An IPv4-mapped target is dialled over IPv4",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="Given an IPv4-mapped IPv6 address (::ffff:a.b.c.d) as its target, the service connects to a.b.c.d over "
    "IPv4, or reports at once that it cannot. It neither hangs nor reports a success that did not happen.",
    stimulus="The server listens on its IPv4 address. As a control, run the connector with that address: it must "
    "succeed (CONNECT-002), and shows how long it takes. Then run it with the IPv4-mapped form of the address (in "
    "brackets if a port follows it).",
    wire="Every connection attempt is IPv4; no IPv4-mapped address appears on the wire.",
    cites=("RFC 3493 §3.7", "RFC 4038 §4.2", "RFC 4291 §2.5.5.2"),
    topologies=("dual-stack",),
    causes=("RC-MAPPEDTARGET",),
    needs=(Need.BOTH, Need.LITERALS),
).attach
def test_mapped_literal(world: ConnectorWorld) -> None:
    """An IPv4-mapped literal soon leads to an IPv4 connection or to an error."""
    address = world.peer.plan.address(Family.IPV4)
    with world.serve(Family.IPV4) as serving:
        usual = world.connector_runs.run(address, serving)
        if usual.problem:
            raise NothingToJudge(
                f"the connector does not reach the plain IPv4 address {address} either (CONNECT-002): {usual.problem}"
            )
        # Twice the usual time is the margin for a busy machine.
        run = world.connector_runs.run(f"::ffff:{address}", serving)
        world.require(succeeds_or_says(run, SOON + 2 * usual.seconds, runs_on=world.connector.runs_on))
    world.shows(lambda wire: over_ipv4(wire, world))
    world.shows(no_mapped_on_wire)


def succeeds_or_says(run: Run, within: float, *, runs_on: bool = False) -> Finding:
    """Return whether a run succeeded, or ended by itself with an error in time; a daemon may write it and run on."""
    expected = f"given an IPv4-mapped address it connects, or fails by itself with an error within {within:.1f} s"
    if not run.problem:
        return Finding(True, expected, f"it connected: {run.reached}")
    if runs_on and run.how is None:  # its report is a line of output, and it tries again
        return Finding(run.said, expected, f"after {run.seconds:.1f} s: {run.problem}")
    ended = run.how is not None and not run.how.signal and run.seconds <= within
    loud = bool(run.fault) and run.how is not None and (run.how.code != 0 or run.said)
    return Finding(ended and loud, expected, f"after {run.seconds:.1f} s: {run.problem}")


def over_ipv4(wire: CaptureData, world: ConnectorWorld) -> Finding:
    """Return whether every attempt was over IPv4; true if there was none, which the run's own finding covers.

    Raises:
        Inconclusive: The capture is not whole.
    """
    wire.require_whole()
    port = world.connector.port
    made = attempts(wire, port, world.connector.transport)
    others = [attempt for attempt in made if attempt.family is not Family.IPV4]
    happened = "; ".join(f"{attempt.family.label}: {attempt}" for attempt in others or made)
    return Finding(not others, f"every attempt to reach port {port} is IPv4", happened or "it made none")
