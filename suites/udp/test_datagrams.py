"""Datagrams over IPv6 have checksums, and large ones arrive whole over both families."""

from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.prober.messages import Dialled, Outcome
from dualstack.protocols.application import Trait
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.topology import LINK_MTU
from dualstack.wire.expect import path_mtu_heeded, udp6_checksum, udp_datagrams, udp_large_answer
from dualstack.world import ListenerWorld

LARGE = 4000
"""How many bytes are sent if the answer is as long as the request: three packets of 1500 bytes."""

UNFRAGMENTED = 1400
"""The same over IPv4 on a path with a small MTU: one packet, which Linux sends with DF set by default."""

HEADERS = {Family.IPV4: 28, Family.IPV6: 48}
"""Bytes of the IP and UDP headers."""

TIMES = 3

ENOUGH = 2
"""How many must arrive if the path MTU is below the link MTU: the first one teaches the host the path MTU."""

LOST_SECONDS = 1.0
"""Timeout for the first one there, in seconds."""

SIZES = (2, 250, 1000)
"""Bytes of requests that fit one packet: programs may send small and large answers in different ways."""


@Requirement(
    id="UDP-005",
    title="Large datagrams over IPv6",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="An answer that is larger than a packet arrives whole over IPv6: the sending host fragments it, since "
    "routers do not, or the service keeps its datagrams at 1232 bytes or less.",
    stimulus="Over IPv6 try an ordinary exchange; if it is not answered, there is nothing to judge. Then try three "
    "exchanges whose answer has 4000 bytes, or that the manifest names as large_send. Where a router on the path "
    "forwards packets of at most 1280 bytes and has to report that first, two must be answered.",
    wire="The answers leave in fragments (next header 44), or in packets of at most 1280 bytes. Soon after the first "
    "ICMPv6 Packet Too Big no larger packet leaves.",
    cites=("RFC 8200 §4.5, §5", "RFC 8085 §3.2", "RFC 8201 §4"),
    topologies=("dual-stack", "pmtu-1280"),
    causes=("RC-MTU",),
    needs=(Need.UDP, Need.REPLIES, Need.IPV6, Need.LARGE, Need.NETWORK),
).attach
def test_large_datagrams(world: ListenerWorld) -> None:
    """Answers of more than one packet arrive whole over IPv6."""
    large_answers(world, Family.IPV6)


@Requirement(
    id="UDP-008",
    title="Large datagrams over IPv4",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="An answer that is larger than a packet arrives whole over IPv4: the sending host fragments it, and "
    "heeds what routers report about the path.",
    stimulus="Over IPv4 try an ordinary exchange; if it is not answered, there is nothing to judge. Then try three "
    "exchanges whose answer has 4000 bytes, or that the manifest names as large_send. Where a router on the path "
    "forwards packets of at most 1280 bytes, the answers have 1400 bytes, and two must arrive: the first may be lost, "
    "since routers report 'fragmentation needed' for packets that they may not fragment.",
    wire="The answers leave in fragments, or in packets of at most 1500 bytes.",
    cites=("RFC 791 §3.2", "RFC 1191 §3", "RFC 8085 §3.2", "ip(7): IP_MTU_DISCOVER"),
    topologies=("dual-stack", "pmtu-1280"),
    causes=("RC-MTU",),
    needs=(Need.UDP, Need.IPV4, Need.LARGE, Need.NETWORK),
).attach
def test_large_datagrams_over_ipv4(world: ListenerWorld) -> None:
    """Answers of more than one packet arrive whole over IPv4."""
    large_answers(world, Family.IPV4)


def nothing_answered(family: Family) -> NothingToJudge:
    """Return the exception for a family over which no request is answered."""
    return NothingToJudge(
        f"no request over {family.label} is answered at all; the requirements on reachability cover that"
    )


def large_answers(world: ListenerWorld, family: Family) -> None:
    """Require that large answers arrive whole over one family, in packets that the path carries."""
    world.service.start()
    listener = world.listener
    address = world.addresses(family)[0]
    if world.client.dial(family, address).outcome is not Outcome.ANSWERED:
        raise nothing_answered(family)
    mtu = world.lab.topology.path_mtu()
    if mtu < LINK_MTU:
        dialled = _most_are_answered(world, family, address)
        if family is Family.IPV6:  # IPv4 routers may fragment, and then report nothing
            world.shows(lambda wire: path_mtu_heeded(wire, mtu))
    else:
        dialled = world.answers(family, address, times=TIMES, size=LARGE, send=listener.large_send)
    one_packet = mtu - HEADERS[family]
    if dialled.outcome is Outcome.ANSWERED and len(dialled.answer) <= one_packet:
        raise Inconclusive(f"the answer to large_send has only {len(dialled.answer)} bytes, which fit one packet")
    world.shows(lambda wire: udp_large_answer(wire, listener.port, family))


def _most_are_answered(world: ListenerWorld, family: Family, address: str) -> Dialled:
    """Require that large answers arrive once the service's host knows the path MTU; return the last exchange."""
    exchange = world.subject.manifest.timeouts.exchange
    size = LARGE if family is Family.IPV6 else UNFRAGMENTED
    dialled = [
        world.client.dial(family, address, size=size, send=world.listener.large_send, timeout=timeout)
        for timeout in (min(LOST_SECONDS, exchange), *[exchange] * (TIMES - 1))
    ]
    answered = [one.outcome is Outcome.ANSWERED for one in dialled]
    ok = sum(answered) >= ENOUGH
    world.works[family.value] = ok
    expected = f"{ENOUGH} of {TIMES} large answers arrive from {endpoint(address, world.listener.port)}"
    lost = [one.detail for one, arrived in zip(dialled, answered, strict=True) if not arrived]
    happened = f"{sum(answered)} of {TIMES} arrived" + (f"; the last that did not: {lost[-1]}" if lost else "")
    how = world.service.program.poll()
    world.require(
        Finding(ok, expected, happened + (f"; the service {how}{world.service.last_log_line()}" if how else ""))
    )
    return dialled[-1]


@Requirement(
    id="UDP-006",
    title="UDP checksum present over IPv6",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="Every UDP datagram that the service sends over IPv6 has a checksum: the IPv6 header has none, and "
    "hosts drop datagrams without one.",
    stimulus="Over IPv6 try exchanges of several sizes. If no datagram leaves the service's port, there is nothing to "
    "judge.",
    wire="Every datagram from the service's port has a correct checksum, never zero.",
    cites=("RFC 8200 §8.1", "RFC 6935 §5", "RFC 8085 §3.4.1"),
    topologies=("dual-stack",),
    causes=("RC-NOCHECKSUM",),
    needs=(Need.UDP, Need.REPLIES, Need.IPV6, Need.NETWORK),
).attach
def test_checksum_over_ipv6(world: ListenerWorld) -> None:
    """Answers of every size have a correct checksum."""
    world.service.start()
    for size in SIZES if Trait.DECLARED not in world.listener.traits else SIZES[:1]:
        # Whether the client is served is the subject of LISTEN-012 and UDP-005; any datagram has a checksum to judge.
        world.client.dial(Family.IPV6, world.addresses(Family.IPV6)[0], size=size)
    if not udp_datagrams(world.wire(), world.listener.port, Family.IPV6):
        raise nothing_answered(Family.IPV6)
    world.shows(lambda wire: udp6_checksum(wire, world.listener.port))
