"""What a client over UDP does if an address of its server does not answer."""

from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ConnectorWorld
from dualstack.world.associations import Sockets
from dualstack.world.connecting import Run


@Requirement(
    id="CONNECT-019",
    title="What happens over UDP if an address does not answer",
    level=Level.OBSERVE,
    role=Role.CONNECTOR,
    statement="No connection tells a client over UDP that an address works: it learns that from an answer, or from an "
    "ICMP error. A client may then use another address of the name; RFC 8305 is about connections and does not ask "
    "for it.",
    stimulus="A name has an A and an AAAA record, and the server listens on one family only, each way round. First the "
    "other address refuses datagrams (ICMP port unreachable), then it takes them and does not answer. Run the "
    "connector each time.",
    wire="No claim: whether the exchange completes over the other family, and how long that takes, is reported.",
    cites=("RFC 8085 §5.1", "RFC 6724 §2", "RFC 4038 §6.3.2"),
    topologies=("dual-stack",),
    causes=("RC-FIRSTADDR",),
    needs=(Need.BOTH, Need.NAMES, Need.UDP, Need.ANSWER),
).attach
def test_other_address_over_udp(world: ConnectorWorld) -> None:
    """What the connector does with an address that refuses datagrams, or is silent, is recorded."""
    for how in ("refuses datagrams", "takes datagrams and does not answer"):
        for family in reversed(BOTH):
            silent = [] if "refuses" in how else [(world.peer.plan.address(family), world.connector.port)]
            with (
                world.serve(family.other) as serving,
                Sockets(world.peer, silent),
                world.names(a="ok", aaaa="ok") as name,
            ):
                run = world.connector_runs.run(name, serving)
            world.require(seen(run, f"its {family.label} address {how}"))


def seen(run: Run, how: str) -> Finding:
    """Return what a run did, as an observation."""
    over = " and ".join(dict.fromkeys(Family.of(address).label for address in run.dialled))
    worked = f"it is answered over {over} after {run.seconds:.1f} s"
    return Finding(True, f"a name has both addresses, and {how}", run.problem or worked)
