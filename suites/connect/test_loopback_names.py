"""A connector reaches a server on its own host by the name localhost, at whichever loopback address it listens."""

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ConnectorWorld
from dualstack.world.connecting import Run
from dualstack.world.unusual_servers import localhost_is, serve_inside

IPV4, IPV6 = Family.IPV4, Family.IPV6


@Requirement(
    id="DNS-011",
    title='"localhost" is reached at either loopback address',
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement='Given the target "localhost", the service reaches a server on its own host that listens on 127.0.0.1 '
    "only, and one that listens on ::1 only.",
    stimulus="A server on the service's own host listens on one loopback address, and then on the other one; run the "
    "connector towards localhost each time. The hosts file gives this name both addresses, ::1 first. If both runs "
    "connect: the same with 127.0.0.1 first, and then with the one address at which the server listens.",
    wire="No claim: no packet reaches the link. The evidence is the connection that the server accepted.",
    cites=("RFC 6761 §6.3", "RFC 6724 §6", "RFC 8305 §5"),
    topologies=("dual-stack",),
    causes=("RC-FIRSTADDR", "RC-RESOLVER"),
    needs=(Need.BOTH, Need.NAMES, Need.TCP),
).attach
def test_either_loopback(world: ConnectorWorld) -> None:
    """A server on one loopback address is reached by the name localhost."""
    for named in ((IPV6, IPV4), (IPV4, IPV6), (IPV6,), (IPV4,)):
        for family in named:
            with localhost_is(world, *named), serve_inside(world, family) as serving:
                run = world.connector_runs.run("localhost", serving)
            finding = reaches(run, family, " and ".join(item.loopback for item in named))
            world.count(family, served=finding.ok)
            world.require(finding)
        if not all(finding.ok for finding in world.findings):
            return  # the other files would show the same, and each run of a daemon takes its timeout


def reaches(run: Run, family: Family, named: str) -> Finding:
    """Return whether a run reached the server; the exchange is not required if the server cannot speak with it."""
    expected = f"given localhost, which is {named}, it reaches a server that listens on {family.loopback} only"
    return Finding(bool(run.reached) and (not run.problem or bool(run.unspoken)), expected, run.problem or run.reached)
