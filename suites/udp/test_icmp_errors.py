"""A datagram service survives ICMP errors from clients that have gone, and empty datagrams."""

from functools import partial

from dualstack.families import Family
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import udp_survives_errors
from dualstack.world import ListenerWorld
from dualstack.world.datagrams import DatagramClient, exchange_datagrams
from dualstack.world.used_up_limits import answers_when_limits_are_over

GONE, EMPTY = 10, 3
"""How many requests come from closed ports, and how many datagrams are empty, over each family."""

AFTERWARDS = 2
"""How many exchanges follow: an error may surface only at the second next call."""


def disturb(world: ListenerWorld, families: list[Family], *, times: int, empty: bool) -> None:
    """Send these datagrams over each family; then require that ordinary clients are answered over all families."""
    for family in families:
        client = DatagramClient(
            world.addresses(family)[0], world.peer.plan.configured[family][0], port_closed=True, empty=empty
        )
        exchange_datagrams(world, [client], times)
    answers_when_limits_are_over(world, families, times=AFTERWARDS)


@Requirement(
    id="UDP-007",
    title="ICMP errors and empty datagrams do not stop the server",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="The service keeps answering after ICMP errors about its answers, caused by clients that have gone, and "
    "after empty datagrams.",
    stimulus="Over each family that is served send ten requests from a client whose port is closed when the answers "
    "arrive, then try ordinary exchanges; send three empty datagrams, and try exchanges again. An exchange that fails "
    "is tried again after 2 s, when a limit of answers is over.",
    wire="ICMP port unreachable (IPv4: type 3 code 3, IPv6: type 1 code 4) reaches the service, and it answers later.",
    cites=("RFC 1122 §4.1.3.3", "RFC 8085 §5.2", "udp(7): ECONNREFUSED", "recv(2)"),
    topologies=("dual-stack",),
    causes=("RC-UDPERROR", "RC-EINTR"),
    needs=(Need.UDP, Need.REPLIES, Need.MANY, Need.NETWORK),
).attach
def test_icmp_errors_and_empty_datagrams(world: ListenerWorld) -> None:
    """Clients that have gone, and empty datagrams, do not affect other clients."""
    world.service.start()
    served = world.served()
    disturb(world, served, times=GONE, empty=False)
    disturb(world, served, times=EMPTY, empty=True)
    for family in served:
        world.shows(partial(udp_survives_errors, port=world.listener.port, family=family))
