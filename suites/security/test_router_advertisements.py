"""A rogue router gives the service's host addresses; the service keeps working."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from dualstack.deadline import Deadline
from dualstack.errors import ServiceError
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.lab.changes import AcceptRouters
from dualstack.prober.messages import HoldConnections, Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import flow_outlives_advertisements, served_amid_advertisements, udp_reply_address
from dualstack.world import ListenerWorld, World
from dualstack.world.comparing import excused
from dualstack.world.datagrams import DatagramClient, exchange_datagrams
from dualstack.world.rogue_router import (
    advertise_prefix,
    answers_within,
    remove_prefix_addresses,
    repeats_exchanges,
    require,
    withdraw_prefix,
)

PREFIXES = ("2001:db8:6104:1::", "2001:db8:6104:2::")
"""The advertised prefixes: from another part of the documentation prefix than the lab's addresses."""

ADVERTISEMENTS = 2
"""How many advertisements each prefix gets: one announces it, the other withdraws it."""

REACTION = 1.0
"""Seconds in which a service may react to addresses that are added or deprecated."""

RECOVERED = 10.0
"""Seconds within which IPv6 clients must be answered again."""


@Requirement(
    id="SEC-008",
    title="Router advertisements and temporary addresses do not break the service",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="While a neighbour advertises and withdraws a prefix, so that the service's host gets a further address "
    "and a temporary one, IPv4 clients are answered all the time, existing connections continue between the same "
    "addresses, and IPv6 clients are answered at the service's own address, within 10 s each time.",
    stimulus="Open a connection over each family; from the client's host send a router advertisement with a second "
    "prefix; when the kernel has made addresses of it, send another one that withdraws it. IPv4 clients come all the "
    "time, and an IPv6 client after each advertisement; then try an exchange on the open connections. If something "
    "fails, start the service again and do the same at the same pace without advertisements: what also fails there is "
    "not judged.",
    wire="Each IPv4 attempt is answered. After each router advertisement the last attempt over IPv6 is answered. On "
    "the open connections the service sends again after both of them, and sends no FIN or RST before. Each UDP client "
    "is answered from the address to which it sent its request.",
    cites=(
        "RFC 6104 §2, §4",
        "RFC 6105 §1",
        "RFC 8981 §3",
        "RFC 6724 §5",
        "RFC 4862 §5.5.3, §5.5.4",
        "RFC 4861 §6.1.2, §6.3.4",
    ),
    topologies=("dual-stack",),
    causes=("RC-NEWADDR", "RC-SNAPSHOT", "RC-PKTINFO"),
    needs=(Need.ANSWER, Need.REPLIES, Need.MANY, Need.NETWORK),
).attach
def test_router_advertisements(world: ListenerWorld) -> None:
    """Addresses that a rogue router gives the host, and withdraws, do not affect the service."""
    served = world.served()
    # Datagrams that leave from a temporary address, because the service chooses none, are UDP-002's subject.
    world.host.apply(AcceptRouters(prefer_temporary=world.is_tcp))
    pace = Pace()
    clients = go_through(world, served, pace)
    lost = set[Family]()
    if any(not finding.ok for finding in world.findings):
        lost = compare(world, served, pace)
    for family, client in clients.items():
        if family not in lost:
            world.shows(partial(flow_outlives_advertisements, client=client, count=ADVERTISEMENTS))
    shows_served(world, [family for family in served if family not in lost])


@dataclass(slots=True)
class Pace:
    """How long each step of a sequence took, so that a control can take as long.

    Attributes:
        changes: Seconds that each change of the host's addresses took, in order; a control consumes them in order.
        held: Seconds for which the clients that came first had to wait.
        control: Whether nothing is advertised: each change is a wait of the same length.
    """

    changes: list[float] = field(default_factory=list)
    held: float = 0.0
    control: bool = False

    def change(self, world: ListenerWorld, prefix: str, act: Callable[[World, str], None]) -> None:
        """Change the host's addresses, or wait as long as that took."""
        if self.control:
            seconds = self.changes.pop(0) if self.changes else 0.0
            world.service.wait_end(world.service.program, Deadline(seconds, "the service to end"))
            return
        began = time.monotonic()
        act(world, prefix)
        self.changes.append(time.monotonic() - began)


def go_through(world: ListenerWorld, served: list[Family], pace: Pace) -> dict[Family, tuple[str, int]]:
    """Change prefixes while connections are open and new clients come; return the TCP clients' addresses and ports."""
    began = time.monotonic()
    with ExitStack() as rest:
        together, clients = True, dict[Family, tuple[str, int]]()
        if world.is_tcp:
            clients = rest.enter_context(connections(world, served))
            together = world.client.dial(served[0], world.addresses(served[0])[0]).outcome is Outcome.ANSWERED
        else:
            rest.enter_context(associations(world, served))
        come_and_go(world, PREFIXES[0], served if together else (), pace)
        if pace.control:
            left = pace.held - (time.monotonic() - began)
            world.service.wait_end(world.service.program, Deadline(max(0.0, left), "the service to end"))
        else:
            pace.held = time.monotonic() - began
    if not together:  # it serves one client at a time, so new clients had to wait for the open connections
        come_and_go(world, PREFIXES[1], served, pace)
    world.survives("router advertisements")
    return clients


def compare(world: ListenerWorld, served: list[Family], pace: Pace) -> set[Family]:
    """Restart the service and repeat everything at the same pace without advertisements; excuse what fails there too.

    Returns:
        The families over which clients were not served in that control: their packets are not judged.
    """
    found, works = list(world.findings), dict(world.works)
    world.note("control: the same again, at the same pace, without router advertisements")
    world.service.stop()
    remove_prefix_addresses(world, PREFIXES)
    world.findings.clear()
    world.works.clear()
    try:
        world.service.start()
        go_through(world, served, replace(pace, control=True, changes=list(pace.changes)))
    except ServiceError as error:
        world.note(f"the control cannot run: {error}")
    judged = excused(found, world.findings, "without router advertisements")
    lost = {family for family in served if not world.works.get(family.value, True)}
    world.findings[:] = judged
    world.works.update(dict.fromkeys(works, True) if all(finding.ok for finding in judged) else works)
    return lost


def come_and_go(world: ListenerWorld, prefix: str, families: Sequence[Family], pace: Pace) -> None:
    """Announce and withdraw_prefix a prefix while clients of ``families`` come."""
    with ExitStack() as stack:
        if Family.IPV4 in families:
            stack.enter_context(repeats_exchanges(world, Family.IPV4))
        for change, when in (
            (advertise_prefix, "after the prefix was announced"),
            (withdraw_prefix, "after it was withdrawn"),
        ):
            pace.change(world, prefix, change)
            if world.service.wait_end(world.service.program, Deadline(REACTION, "the service to end")) is not None:
                return
            if Family.IPV6 in families:
                answers_within(world, Family.IPV6, RECOVERED, when)


@contextmanager
def connections(world: ListenerWorld, families: Sequence[Family]) -> Iterator[dict[Family, tuple[str, int]]]:
    """Open connections over ``families``, and require after the block that they still work.

    Yields:
        The clients' addresses and ports, by family.
    """
    dials = tuple(world.client.exchange(family) for family in families)
    with world.peer.prober.hold_connections(HoldConnections(dials)) as clients:
        for family, client in zip(families, clients.clients, strict=True):
            world.require(Finding(client.connected, f"an {family.label} client is connected", client.detail))
        world.note(f"{sum(client.connected for client in clients.clients)} connections are open and idle")
        ends = {
            family: (client.source, client.source_port)
            for family, client in zip(families, clients.clients, strict=True)
            if client.connected
        }
        yield ends
        for family, ended in zip(ends, clients.hung_up(), strict=True):
            happened = "the service has closed it" if ended else "it is open"
            require(world, family, f"the connection of an {family.label} client stays open", happened, ok=not ended)
        spoken = clients.speak(max(dial.timeout for dial in dials))
    for family, dialled in zip(ends, spoken, strict=True):
        still_works(world, family, "on the same connection", dialled.detail, ok=dialled.outcome is Outcome.ANSWERED)
        world.journal.waited += dialled.seconds


@contextmanager
def associations(world: ListenerWorld, families: Sequence[Family]) -> Iterator[None]:
    """Have UDP clients answered, and require after the block that they are answered from the same ports."""
    clients = [DatagramClient(world.addresses(family)[0], world.sources(family)[0]) for family in families]
    before = exchange_datagrams(world, clients, 1)
    yield
    again = [replace(client, source_port=result.port) for client, result in zip(clients, before, strict=True)]
    for family, result in zip(families, exchange_datagrams(world, again, 1), strict=True):
        still_works(world, family, "from the same port", result.fault or "it was answered", ok=not result.fault)


def still_works(world: ListenerWorld, family: Family, how: str, happened: str, *, ok: bool) -> None:
    """Require that an exchange that worked before the router advertisements works after them."""
    world.note(f"an exchange over {family.label}, {how} as before: {happened}")
    expected = f"an {family.label} client is answered {how} as before the router advertisements"
    require(world, family, expected, happened, ok=ok)


def shows_served(world: ListenerWorld, families: Sequence[Family]) -> None:
    """Require that the packets show each family's clients answered; IPv4 clients over TCP at once and always."""
    port = world.listener.port
    for family in families:
        if not world.is_tcp:
            world.shows(partial(udp_reply_address, port=port, family=family))
        elif family is Family.IPV4:
            world.shows_served(family)
        else:
            world.shows(partial(served_amid_advertisements, port=port, family=family))
