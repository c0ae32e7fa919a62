"""A service allows the clients of one IPv6 network as much as one IPv4 client."""

from collections.abc import Sequence

from dualstack.errors import NothingToJudge
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.concurrent_clients import add_client_addresses, dial_together, failures

COUNT = 16
"""How many clients of one /64 come at the same time, unless the service is made for fewer."""

TRIES = 3
"""How many times they come, until one of them is not served."""

FIRST_IDENTIFIER = 0x9001
"""The interface identifier of the first client; no host of a topology uses these."""


@Requirement(
    id="ROBUST-008",
    title="Clients of one /64 do not lock one another out",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="At least as many clients of one IPv6 network (/64) are served at the same time as of one IPv4 address. "
    "A network has many hosts, and one host has many addresses: a limit per /64 that is meant for a single client "
    "locks neighbours out.",
    stimulus="Start the service on a dual-stack host. 16 clients come at the same time (fewer if its manifest says "
    "so), each from a different address of one /64, up to three times. If some are not served, as many come from one "
    "IPv4 address, or from one IPv6 address if the service does not serve IPv4; then those of the /64 come again.",
    wire="No claim: the evidence is each client's answer.",
    cites=("RFC 6177 §2", "RFC 7934 §4, §5", "RFC 8981 §3.6"),
    topologies=("dual-stack",),
    causes=("RC-PERPREFIX",),
    needs=(Need.IPV6, Need.ANSWER, Need.REPLIES, Need.MANY, Need.NETWORK),
).attach
def test_clients_of_one_prefix(world: ListenerWorld) -> None:
    """As many clients of one /64 are served as of one address."""
    world.service.start()
    served = world.served()
    count = min(COUNT, world.listener.clients)
    if Family.IPV6 not in served:
        raise NothingToJudge("no IPv6 client is served")
    sources = [str(world.lab.plan.ipv6[FIRST_IDENTIFIER + number]) for number in range(count)]
    add_client_addresses(world, sources)
    answered, lost = count_served(world, sources)
    for _ in range(TRIES - 1):
        if not lost:  # on a busy machine each client may have gone before the next one comes
            answered, lost = count_served(world, sources)
    least, control = 0, ""
    if lost:
        family = Family.IPV4 if Family.IPV4 in served else Family.IPV6
        control = world.peer.plan.configured[family][0]
        least, _ = count_served(world, [control] * count)
        if answered < least:
            answered, lost = count_served(world, sources)
        world.works[family.value] = True
    ok = answered >= least
    world.works[Family.IPV6.value] = ok
    beside = f"; of {count} clients at {control}, {least} are" if control else ""
    expected = f"of {count} concurrent clients of one /64, at least as many are served as of one address"
    world.require(Finding(ok, expected, f"{answered} are{beside}" + (f"; {lost}" if lost else "")))


def count_served(world: ListenerWorld, sources: Sequence[str]) -> tuple[int, str]:
    """Run concurrent clients; return how many are served, and what the first of the others saw."""
    came = dial_together(world, sources)
    others = [one for one in came if not one.answered]
    return len(came) - len(others), failures(others[:1])
