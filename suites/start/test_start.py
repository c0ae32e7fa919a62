"""A service starts on an ordinary host. If it does not, nothing else can be judged."""

from dualstack.requirement import Level, Requirement, Role
from dualstack.world import StartWorld


@Requirement(
    id="START-001",
    title="Starts on an ordinary dual-stack host",
    level=Level.MUST,
    role=Role.SERVICE,
    statement="On a host that lacks nothing, the service becomes ready, and the port of each of its listeners is "
    "open. Each of its connectors succeeds, or sends at least one packet.",
    stimulus="Start the service as its manifest says, without any client. Then run each connector towards a name, an "
    "IPv4 literal and an IPv6 literal, as far as it takes them, until it succeeds or sends a packet. All other cases "
    "of what does not start are blocked.",
    wire="A connector that fails has sent at least one packet, such as a DNS query.",
    cites=("The manifest, which declares what the service has",),
    topologies=("dual-stack",),
    causes=("RC-DOUBLEBIND",),
).attach
def test_start(world: StartWorld) -> None:
    """The service becomes ready, its ports are open, and its connectors run."""
    world.require_start()
