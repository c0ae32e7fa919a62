"""A neighbour that takes itself for a router gives the service's host addresses; the service goes on."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from dualstack.deadline import Deadline
from dualstack.errors import ServiceError
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import Linger, Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import flow_outlives_advertisements, served_amid_advertisements, udp_reply_address
from dualstack.world import ListenerWorld, World
from dualstack.world.advertised import announce, forget, keeps_coming, require, served_within, withdraw
from dualstack.world.comparing import excused
from dualstack.world.volleys import Ask, volley

PREFIXES = ("2001:db8:6104:1::", "2001:db8:6104:2::")
"""What is advertised: from another part of the documentation prefix than the lab's own addresses."""

ADVERTISEMENTS = 2
"""How many come for each prefix: one announces it, the other withdraws it."""

REACTION = 1.0
"""Seconds that a service is given to do what it does about addresses that come or are deprecated."""

RECOVERED = 10.0
"""Seconds within which IPv6 clients must be answered again."""


@Requirement(
    id="SEC-008",
    title="Router advertisements and temporary addresses do not break the service",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="When a neighbour advertises a prefix, so that the service's host has a further address and a temporary "
    "one, and withdraws it, IPv4 clients are answered all the time, connections that were there before go on between "
    "the same addresses, and IPv6 clients are answered at the service's own address, within 10 s each time.",
    stimulus="Open a connection over each family; from the peer send a router advertisement with a second prefix; when "
    "the kernel has made addresses of it, send another one that withdraws it. Let IPv4 clients come all the time and "
    "an IPv6 client after each advertisement; then hold an exchange on the connections. If something fails, start the "
    "service again and do the same at the same pace without advertisements: what fails there, too, is not judged.",
    wire="Each IPv4 attempt is answered. After each router advertisement the last attempt over IPv6 is answered. On "
    "the connections the service goes on sending after both of them, and no FIN or RST before. Each UDP client is "
    "answered from the address that it asked.",
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
    """Addresses that a stranger on the link gives the host, and takes back, do not concern the service."""
    served = world.served()
    # Whose datagrams leave from a temporary address, because nothing says from where, is UDP-002's business.
    world.host.accept_routers(prefer_temporary=world.is_tcp)
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
        changes: Seconds that each change of the host's addresses took, in order; a control takes them from the front.
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
            world.ended(world.program, Deadline(seconds, "the service to end"))
            return
        began = time.monotonic()
        act(world, prefix)
        self.changes.append(time.monotonic() - began)


def go_through(world: ListenerWorld, served: list[Family], pace: Pace) -> dict[Family, tuple[str, int]]:
    """Have clients wait while prefixes come and go and other clients come; return the first ones' ends over TCP."""
    began = time.monotonic()
    with ExitStack() as rest:
        together, clients = True, dict[Family, tuple[str, int]]()
        if world.is_tcp:
            clients = rest.enter_context(connections(world, served))
            together = world.dial(served[0], world.addresses(served[0])[0]).outcome is Outcome.ANSWERED
        else:
            rest.enter_context(associations(world, served))
        come_and_go(world, PREFIXES[0], served if together else (), pace)
        if pace.control:
            left = pace.held - (time.monotonic() - began)
            world.ended(world.program, Deadline(max(0.0, left), "the service to end"))
        else:
            pace.held = time.monotonic() - began
    if not together:  # it serves one client after the other, so that those who come had to wait for those who stay
        come_and_go(world, PREFIXES[1], served, pace)
    world.survives("router advertisements")
    return clients


def compare(world: ListenerWorld, served: list[Family], pace: Pace) -> set[Family]:
    """Do the same at the same pace, with the service started again, and advertise nothing; excuse what is the same.

    Returns:
        The families over which clients were not served in that control: of them the packets show nothing.
    """
    found, works = list(world.findings), dict(world.works)
    world.note("control: the same again, at the same pace, without router advertisements")
    world.stop()
    forget(world, PREFIXES)
    world.findings.clear()
    world.works.clear()
    try:
        world.start()
        go_through(world, served, replace(pace, control=True, changes=list(pace.changes)))
    except ServiceError as error:
        world.note(f"the control cannot be held: {error}")
    judged = excused(found, world.findings, "without router advertisements")
    lost = {family for family in served if not world.works.get(family.value, True)}
    world.findings[:] = judged
    world.works.update(dict.fromkeys(works, True) if all(finding.ok for finding in judged) else works)
    return lost


def come_and_go(world: ListenerWorld, prefix: str, families: Sequence[Family], pace: Pace) -> None:
    """Have a prefix announced and withdrawn; clients of ``families`` come meanwhile."""
    with ExitStack() as stack:
        if Family.IPV4 in families:
            stack.enter_context(keeps_coming(world, Family.IPV4))
        for change, when in ((announce, "after the prefix came"), (withdraw, "after it was withdrawn")):
            pace.change(world, prefix, change)
            if world.ended(world.program, Deadline(REACTION, "the service to end")) is not None:
                return
            if Family.IPV6 in families:
                served_within(world, Family.IPV6, RECOVERED, when)


@contextmanager
def connections(world: ListenerWorld, families: Sequence[Family]) -> Iterator[dict[Family, tuple[str, int]]]:
    """Have connections over ``families`` before something happens, and require that they work after it.

    Yields:
        The clients' addresses and ports, by family.
    """
    dials = tuple(world.exchange(family) for family in families)
    with world.peer.prober.linger(Linger(dials)) as clients:
        for family, client in zip(families, clients.clients, strict=True):
            world.require(Finding(client.connected, f"an {family.label} client is connected", client.detail))
        world.note(
            f"{sum(client.connected for client in clients.clients)} connections are open; nothing is said on them"
        )
        ends = {
            family: (client.source, client.source_port)
            for family, client in zip(families, clients.clients, strict=True)
            if client.connected
        }
        yield ends
        for family, ended in zip(ends, clients.hung_up(), strict=True):
            happened = "the service has ended it" if ended else "it is open"
            require(world, family, f"the connection of an {family.label} client stays open", happened, ok=not ended)
        spoken = clients.speak(max(dial.timeout for dial in dials))
    for family, dialled in zip(ends, spoken, strict=True):
        goes_on(world, family, "on the same connection", dialled.detail, ok=dialled.outcome is Outcome.ANSWERED)
        world.waited += dialled.seconds


@contextmanager
def associations(world: ListenerWorld, families: Sequence[Family]) -> Iterator[None]:
    """Have UDP clients asked and answered before something happens, and require that they are answered after it."""
    asks = [Ask(world.addresses(family)[0], world.sources(family)[0]) for family in families]
    before = volley(world, asks, 1)
    yield
    after = volley(world, [replace(ask, source_port=told.port) for ask, told in zip(asks, before, strict=True)], 1)
    for family, told in zip(families, after, strict=True):
        goes_on(world, family, "from the same port", told.fault or "it was answered", ok=not told.fault)


def goes_on(world: ListenerWorld, family: Family, how: str, happened: str, *, ok: bool) -> None:
    """Require that what was there before the router advertisements works after them."""
    world.note(f"an exchange over {family.label}, {how} as before: {happened}")
    expected = f"an {family.label} client is answered {how} as before the router advertisements"
    require(world, family, expected, happened, ok=ok)


def shows_served(world: ListenerWorld, families: Sequence[Family]) -> None:
    """Require that the wire shows each family's clients answered: over TCP those of IPv4 at once and always."""
    port = world.listener.port
    for family in families:
        if not world.is_tcp:
            world.shows(partial(udp_reply_address, port=port, family=family))
        elif family is Family.IPV4:
            world.shows_served(family)
        else:
            world.shows(partial(served_amid_advertisements, port=port, family=family))
