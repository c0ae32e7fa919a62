"""An IPv4-mapped source in a real IPv6 packet does not prove an IPv4 client."""

import re

from dualstack.deadline import Deadline
from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.families import Family, unmapped
from dualstack.finding import Finding
from dualstack.manifest.shown import shown_address
from dualstack.prober.client import ServerHandle
from dualstack.prober.messages import Outcome, Serve, SpoofedDatagram
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.transport import AppProtocol, Transport
from dualstack.wire.expect import udp_spoofed_unanswered
from dualstack.world import ListenerWorld
from dualstack.world.datagrams import request

SOURCE_PORT = 20001

TIMES = 3
"""How many datagrams come from each spoofed source."""

CONTROL_SECONDS = 5.0


@Requirement(
    id="SEC-003",
    title="Spoofed IPv4-mapped source in real IPv6 datagrams",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A datagram that arrives over IPv6 with an IPv4-mapped source address is not treated as one from that "
    "IPv4 client, and no answer is sent to the IPv4 address. IPV6_V6ONLY does not block such datagrams.",
    stimulus="Over IPv6 send requests whose source is the mapped form of an IPv4 address of the link, and of "
    "127.0.0.1; a control on the same host shows that they reach sockets. Then try ordinary exchanges.",
    wire="Nothing leaves the service's port for a spoofed address, neither over IPv4 nor to its mapped form.",
    cites=("RFC 4942 §2.2", "RFC 4291 §2.5.5.2", "draft-itojun-v6ops-v4mapped-harmful-02"),
    topologies=("dual-stack",),
    causes=("RC-SPOOF",),
    needs=(Need.UDP, Need.IPV6, Need.MANY, Need.NETWORK),
).attach
def test_spoofed_mapped_source(world: ListenerWorld) -> None:
    """A spoofed IPv4-mapped source gets no answer and is not shown as an IPv4 client."""
    world.service.start()
    listener, address = world.listener, world.addresses(Family.IPV6)[0]
    before = {family: world.client.dial(family, world.addresses(family)[0]).outcome for family in world.families}
    if world.service.program.poll() is not None:
        raise NothingToJudge("it ends when ordinary clients come: the requirements on reachability cover that")
    sources = (world.peer.plan.configured[Family.IPV4][1], Family.IPV4.loopback)
    taken = {item.port for item in world.subject.listen}
    control_port = next(port for port in range(40001, 65536) if port not in taken)
    control = Serve((Family.IPV6.wildcard,), control_port, Transport.UDP, AppProtocol.CONNECT)
    with world.host.prober.serve(control) as serving:
        for source in sources:
            text = request(world, address).request.decode("latin-1")
            for port in (listener.port,) * TIMES + (control_port,):
                world.peer.prober.call(SpoofedDatagram(f"::ffff:{source}", SOURCE_PORT, address, port, text))
            world.note(f"send {TIMES} requests over IPv6 with the source ::ffff:{source}")
        await_control(serving, sources)
    for family in world.families:  # IPv6 last: its answer comes after the service has handled the spoofed requests
        dialled = world.client.dial(family, world.addresses(family)[0])
        lost = before[family] is Outcome.ANSWERED and dialled.outcome is not Outcome.ANSWERED
        world.require(
            Finding(
                not lost,
                f"{family.label} clients are served as before",
                f"{dialled.detail}{world.service.last_log_line()}",
            )
        )
        world.client.shown_address(dialled)
    world.require(not_named(world, sources))
    world.shows(lambda wire: udp_spoofed_unanswered(wire, listener.port, sources))


def await_control(serving: ServerHandle, sources: tuple[str, ...]) -> None:
    """Wait until the control has received a datagram from each spoofed source.

    Raises:
        Inconclusive: It does not, so this kernel delivers no such datagrams.
    """
    deadline = Deadline(CONTROL_SECONDS, "the control to receive the spoofed datagrams")
    wanted = {f"::ffff:{source}" for source in sources}
    while not wanted <= {client.peer for client in serving.accepted()}:
        if deadline.expired:
            raise Inconclusive("the control received no spoofed datagram: this kernel does not deliver them")


def not_named(world: ListenerWorld, sources: tuple[str, ...]) -> Finding:
    """Return whether the service shows no spoofed source as an IPv4 client's address; true if it shows no addresses.

    The mapped form is the source that the packet has: it counts only if the service shows IPv4 clients in that form.
    """
    pattern = world.listener.peer_log
    shown = {match[1] for match in re.finditer(pattern, world.service.log.text, re.MULTILINE)} if pattern else set()
    plain = {text: _plain(text) for text in shown}
    clients = set(world.peer.plan.configured[Family.IPV4]) - set(sources)
    mapped = any(_is_mapped(text) and address in clients for text, address in plain.items())
    named = sorted(text for text, address in plain.items() if address in sources and (mapped or not _is_mapped(text)))
    return Finding(
        not named,
        "no spoofed address is shown as an IPv4 client's",
        f"shown: {', '.join(named)}" if named else f"none is; {len(shown)} addresses are shown",
    )


def _plain(caught: str) -> str:
    """Return the address that a line of the log shows, unmapped; other text is returned unchanged."""
    try:
        return unmapped(shown_address(caught, ""))
    except ValueError:
        return caught


def _is_mapped(caught: str) -> bool:
    """Return whether a line of the log shows the mapped form of an IPv4 address."""
    try:
        return shown_address(caught, "") != _plain(caught)
    except ValueError:
        return False
