"""Another program on the service's host takes neither the service's datagrams nor its connections."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from dualstack.errors import HostCannot, NothingToJudge
from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.prober.messages import Dialled, Hold, Outcome, SocketRow
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.transport import AppProtocol
from dualstack.world import ListenerWorld

CONNECTIONS = 16
"""How many clients connect while a foreign socket shares the port: chance does not spare it all of them."""


def dial_loopback(world: ListenerWorld, family: Family) -> Dialled:
    """Try an exchange with the service at the loopback address, from its own host."""
    return world.host.prober.dial(replace(world.client.exchange(family), address=family.loopback, source=""))


def reach(world: ListenerWorld, family: Family, where: str) -> bool:
    """Return whether a client is answered at ``where``; the wildcard stands for the host's first address."""
    if where == family.loopback:
        return dial_loopback(world, family).outcome is Outcome.ANSWERED
    address = world.addresses(family)[0]
    return world.client.dial(family, address).outcome is Outcome.ANSWERED


def served(world: ListenerWorld) -> list[tuple[Family, str]]:
    """Start the service; return the families and addresses that another socket could bind and that reach the service.

    Raises:
        NothingToJudge: No client on the link is served.
    """
    world.service.start()
    found = []
    for family in world.served():
        found += [(family, family.wildcard), (family, world.addresses(family)[0])]
        if reach(world, family, family.loopback):
            found.append((family, family.loopback))
    return found


@Requirement(
    id="SEC-007",
    title="A UDP port cannot be taken over by SO_REUSEADDR",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="Another program on the same host that sets SO_REUSEADDR and binds the service's UDP port, at the "
    "wildcard or at one address, gets none of the service's datagrams. A service that joins a multicast group shares "
    "its port with the group's other members on purpose and is not judged.",
    stimulus="While the service runs, bind a foreign socket with SO_REUSEADDR to its port, at the wildcard, the "
    "loopback address and the link's address of each family that is served. If that succeeds, try an exchange with "
    "the service.",
    wire="No claim: the evidence is how bind() fails (EADDRINUSE), or else who answers.",
    cites=("socket(7): SO_REUSEADDR", "bind(2): EADDRINUSE", "RFC 6762 §15"),
    topologies=("dual-stack",),
    causes=("RC-SHAREDPORT",),
    needs=(Need.UDP, Need.REPLIES, Need.MANY, Need.NETWORK, Need.NO_MULTICAST),
).attach
def test_port_cannot_be_taken_over(world: ListenerWorld) -> None:
    """If a foreign socket can bind the port, the service still answers its clients."""
    listener = world.listener
    for family, address in served(world):
        place = endpoint(address, listener.port)
        held = world.host.prober.try_hold(Hold(family, address, listener.port, listener.transport, reuse_address=True))
        if held is None:
            happened, ok = "the bind fails: EADDRINUSE", True
        else:
            with held:
                ok = reach(world, family, address)
            happened = "the bind succeeds, but the service still answers" if ok else "it takes the service's datagrams"
        world.journal.note_foreign(f"with SO_REUSEADDR binds {place}: {happened}")
        world.require(Finding(ok, f"a foreign socket gets nothing at {place}", happened))


@Requirement(
    id="SEC-009",
    title="A TCP port cannot be shared by SO_REUSEPORT",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="Another program of the same user that sets SO_REUSEPORT and listens on the service's TCP port, at the "
    "wildcard or at one address, gets none of its connections: neither a second instance of the service nor another "
    "program takes some of its clients without an error. A service that itself has several sockets for one address "
    "shares its port on purpose and is not judged.",
    stimulus="While the service runs, a foreign socket with SO_REUSEPORT listens on its port, at the wildcard, the "
    "loopback address and the link's address of each family that is served. If that succeeds, 16 clients connect.",
    wire="No claim: the evidence is how bind() or listen() fails (EADDRINUSE), or else which socket has the "
    "connections.",
    cites=("socket(7): SO_REUSEPORT", "bind(2): EADDRINUSE"),
    topologies=("dual-stack",),
    causes=("RC-REUSEPORT",),
    needs=(Need.TCP, Need.MANY, Need.NETWORK),
).attach
def test_port_cannot_be_shared(world: ListenerWorld) -> None:
    """If a foreign socket can listen on the port, the service still gets all its clients."""
    port = world.listener.port
    for family, address in served(world):
        place = endpoint(address, port)
        try:
            held = world.host.prober.try_hold(Hold(family, address, port, reuse_address=False, reuse_port=True))
        except HostCannot:
            raise NothingToJudge("in this lab no other program can be of the user that the service runs as") from None
        if held is None:
            taken, happened = 0, "it cannot listen there: EADDRINUSE"
        else:
            with held:
                connect(world, family, address)
                taken = held.taken()
            happened = f"it listens there, and gets {taken} of {CONNECTIONS} clients"
        world.journal.note_foreign(f"with SO_REUSEPORT listens on {place}: {happened}")
        world.require(sharing(world.service.sockets.read(), port, place, happened, taken))


def connect(world: ListenerWorld, family: Family, where: str) -> None:
    """Connect `CONNECTIONS` clients at the same time; the wildcard stands for the host's first address."""
    inside = where == family.loopback
    dial = replace(
        world.client.exchange(family, protocol=AppProtocol.CONNECT), timeout=world.subject.manifest.timeouts.refuse
    )
    if inside:
        dial = replace(dial, address=where, source="")
    (world.host if inside else world.clients.host).prober.dial_all([dial] * CONNECTIONS)


def sharing(rows: Iterable[SocketRow], port: int, place: str, happened: str, taken: int) -> Finding:
    """Return the finding about a foreign socket that got ``taken`` clients; ``rows`` are the service's sockets."""
    own = Counter((row.family, row.address) for row in rows if (row.transport, row.port) == ("tcp", port))
    shared = [f"{count} sockets on {endpoint(address, port)}" for (_, address), count in own.items() if count > 1]
    expected = f"a foreign socket with SO_REUSEPORT at {place} gets no client of the service"
    if shared:
        happened += f"; the service itself has {' and '.join(shared)}, so that it shares its port on purpose"
    return Finding(not taken or bool(shared), expected, happened)
