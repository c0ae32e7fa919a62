"""A service allows the clients of one IPv6 network as much as one IPv4 client, and does not count networks together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from dualstack.errors import NothingToJudge
from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.transport import Transport
from dualstack.world import ListenerWorld
from dualstack.world.client_networks import of_one_site, of_several_ipv4_networks, of_several_sites, route_all
from dualstack.world.concurrent_clients import add_client_addresses, dial_together, failures
from dualstack.world.limits import wait_out_limits

COUNT = 16
"""How many clients come at the same time, unless the service is made for fewer."""

TRIES = 3
"""How many times they come, until one of them is not served."""

FIRST_IDENTIFIER = 0x9001
"""The interface identifier of the first client; no host of a topology uses these."""

FIRST_NUMBER = 220
"""The number of the first of `COUNT` IPv4 addresses of the link that no host of a topology has."""

NEW = 245, 246, 247
"""Numbers of IPv4 addresses of the link that no host has: one for each comparison, from which no client has come."""


@Requirement(
    id="ROBUST-008",
    title="Clients of one network, and of several, do not lock one another out",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="At least as many clients of one IPv6 network (/64) are served at the same time as of one IPv4 address. "
    "A network has many hosts, and one host has many addresses: a limit per /64 that is meant for a single client "
    "locks neighbours out. Of several networks of one /48, as many clients are served as of networks of several "
    "/48s, and as of different IPv4 addresses: each may be another host, so a limit must not count a /56, a /48 or "
    "more as one client. Of different IPv4 networks, too, as many clients are served as of different IPv6 ones: a "
    "socket for both families shows their addresses IPv4-mapped, and all mapped addresses have the same first bytes.",
    stimulus="Start the service on a dual-stack host. 16 clients come at the same time (fewer if its manifest says "
    "so), each from a different address of one /64, up to three times. If some are not served, as many come as often "
    "from one IPv4 address, or from one IPv6 address if the service does not serve IPv4; then those of the /64 come "
    "again. Then they come each from a different /64 of one /60; if some are not served, as many come each from a "
    "different /48. If some of these are not served either, as many come each from a different IPv4 address. Last, "
    "as many come each from a different IPv4 network; if some are not served, as many come each from a different /48.",
    wire="No claim: the evidence is each client's answer.",
    cites=("RFC 6177 §2", "RFC 7934 §4, §5", "RFC 8273 §1", "RFC 8981 §3.6"),
    topologies=("dual-stack",),
    causes=("RC-PERPREFIX", "RC-MAPPEDPREFIX"),
    needs=(Need.IPV6, Need.ANSWER, Need.REPLIES, Need.MANY, Need.NETWORK),
).attach
def test_clients_of_one_prefix(world: ListenerWorld) -> None:
    """As many clients of one /64 are served as of one address, and as many of several /64s as of several /48s."""
    world.service.start()
    served = world.served()
    if Family.IPV6 not in served:
        raise NothingToJudge("no IPv6 client is served")
    own, count = world.lab.plan.ipv6, min(COUNT, world.listener.clients)
    family = Family.IPV4 if Family.IPV4 in served else Family.IPV6
    single = world.peer.plan.configured[family][0]
    sources = [str(own[FIRST_IDENTIFIER + number]) for number in range(count)]
    add_client_addresses(world, sources)
    within = compare(world, sources, lambda: [single] * count)
    if within.lost:
        world.count(family, served=True)
    report(world, within, "of one /64", "of one address", f"at {single}", new=NEW[0])
    route_all(world, Family.IPV6)
    sources = of_one_site(own, count, FIRST_IDENTIFIER)
    add_client_addresses(world, sources)
    apart = compare(world, sources, partial(come_from_several_sites, world, count))
    if apart.lost and not apart.least:  # such as one that serves only the networks of its own host
        world.note("clients of other networks are not judged: none is served, of whatever network")
        return
    report(world, apart, "of different /64s of one /48", "of different /48s", "of different /48s", new=NEW[1])
    if Family.IPV4 not in served:
        return
    if apart.lost and apart.least < count:
        sites = of_several_sites(own, count, FIRST_IDENTIFIER)
        wide = compare(world, sites, partial(come_from_several_addresses, world, count))
        report(
            world, wide, "of different /48s", "of different IPv4 addresses", "of different IPv4 addresses", new=NEW[2]
        )
    else:
        judge_ipv4_networks(world, count)


def judge_ipv4_networks(world: ListenerWorld, count: int) -> None:
    """Require that as many clients of different IPv4 networks are served as of different IPv6 ones."""
    route_all(world, Family.IPV4)
    sources = of_several_ipv4_networks(world.lab.plan.ipv4, count)
    add_client_addresses(world, sources)
    found = compare(world, sources, partial(come_from_several_sites, world, count))
    if found.lost and not found.answered:  # such as one that serves only the networks of its own host
        world.note("clients of other IPv4 networks are not judged: none is served")
        return
    report(world, found, "of different IPv4 networks", "of different /48s", "of different /48s", family=Family.IPV4)


def come_from_several_sites(world: ListenerWorld, count: int) -> list[str]:
    """Give the client's host addresses in several /48s; return them."""
    sources = of_several_sites(world.lab.plan.ipv6, count, FIRST_IDENTIFIER)
    add_client_addresses(world, sources)
    return sources


def come_from_several_addresses(world: ListenerWorld, count: int) -> list[str]:
    """Give the client's host as many IPv4 addresses of the link; return them."""
    sources = [str(world.lab.plan.ipv4[FIRST_NUMBER + number]) for number in range(count)]
    add_client_addresses(world, sources)
    return sources


@dataclass(frozen=True, slots=True)
class Compared:
    """How many of equally many clients are served.

    Attributes:
        sources: The addresses of the clients.
        answered: How many are served.
        lost: What the first of the others sees; empty if all are served.
        least: How many clients of the control are served; 0 if all clients are, and there is no control.
    """

    sources: tuple[str, ...]
    answered: int
    lost: str
    least: int

    @property
    def count(self) -> int:
        """How many clients there are."""
        return len(self.sources)


def compare(world: ListenerWorld, sources: Sequence[str], control: Callable[[], Sequence[str]]) -> Compared:
    """Run concurrent clients, up to `TRIES` times; if some are not served, run as many of a control, and them again.

    Before the control, and before they come again, a limit of what clients may do in a time is waited out.
    """
    answered, lost, rounds = until_lost(world, sources, TRIES)
    least = 0
    if lost:
        wait_out_limits()
        least, _, _ = until_lost(world, control(), rounds)
        if answered < least:
            wait_out_limits()
            answered, lost, _ = until_lost(world, sources, rounds)
    return Compared(tuple(sources), answered, lost, least)


def until_lost(world: ListenerWorld, sources: Sequence[str], rounds: int) -> tuple[int, str, int]:
    """Run concurrent clients until one is not served: on a busy machine each may have gone before the next one comes.

    Returns:
        How many of the last round are served, what the first of the others saw, and how many rounds there were.
    """
    number = 0
    while True:
        number += 1
        answered, lost = count_served(world, sources)
        if lost or number == rounds:
            return answered, lost, number


def report(
    world: ListenerWorld,
    found: Compared,
    which: str,
    others: str,
    where: str,
    *,
    new: int | None = None,
    family: Family = Family.IPV6,
) -> None:
    """Require that as many clients of a family are served as of the control.

    Args:
        world: The world of the case.
        found: How many are served.
        which: The clients in words.
        others: Those of the control.
        where: Where these come from.
        new: The host number of a new IPv4 client, which must be served; None if the control consists of new clients.
        family: The family of the clients.

    Raises:
        NothingToJudge: Its queue is too short for them, it loses only datagrams that come together, or it serves no
            client at a new address, of whatever family.
    """
    ok = found.answered >= found.least
    if not ok and (queue := shortest_queue(world, family)) < found.count:
        raise NothingToJudge(f"its queue for {family.label} connections holds {queue}: ROBUST-005 is about that")
    if not ok and world.listener.transport is Transport.UDP and are_served_in_turn(world, family, found.sources):
        raise NothingToJudge(
            "the same clients are served one after the other: UDP-010 is about those that come together"
        )
    if not ok and new is not None and Family.IPV4 in world.client.usual and not is_new_client_served(world, new):
        raise NothingToJudge("a client at a new IPv4 address is not served either: it is no matter of networks")
    world.count(family, served=ok)
    beside = f"; of {found.count} clients {where}, {found.least} are; {found.lost}" if found.lost else ""
    expected = f"of {found.count} concurrent clients {which}, at least as many are served as {others}"
    symptoms = (Symptom.IPV4_COUNTED_TOGETHER,) if family is Family.IPV4 and not ok else ()
    world.require(Finding(ok, expected, f"{found.answered} are{beside}", symptoms=symptoms))


def are_served_in_turn(world: ListenerWorld, family: Family, sources: Sequence[str]) -> bool:
    """Return whether the clients are served one after the other, without a pause in which a limit would end."""
    wait_out_limits()
    target = world.addresses(family)[0]
    return all(world.client.is_served(world.client.dial(family, target, source=one)) for one in sources)


def is_new_client_served(world: ListenerWorld, number: int) -> bool:
    """Return whether an IPv4 client is served from whose address none has come before, now or 2 s later.

    It is taken for served if no IPv4 client is served at an address from which one has come before.
    """
    if not world.client.is_served(world.client.carry_out(world.client.exchange(Family.IPV4))):
        return True
    source = str(world.lab.plan.ipv4[number])
    add_client_addresses(world, [source])
    for _ in range(2):
        if world.client.is_served(world.client.dial(Family.IPV4, world.addresses(Family.IPV4)[0], source=source)):
            return True
        wait_out_limits()
    return False


def shortest_queue(world: ListenerWorld, family: Family) -> int:
    """Return how many connections the socket that takes a family holds until they are accepted; `COUNT` if unknown."""
    rows = world.service.sockets.read()
    own = [row for row in rows if row.port == world.listener.port and family in row.serves]
    return min((row.backlog for row in own if row.backlog is not None), default=COUNT)


def count_served(world: ListenerWorld, sources: Sequence[str]) -> tuple[int, str]:
    """Run concurrent clients; return how many are served, and what the first of the others saw.

    Raises:
        NothingToJudge: They get each other's answers, so that which of them are served is a matter of chance.
    """
    came = dial_together(world, sources)
    if any(one.confused for one in came):
        raise NothingToJudge("clients get each other's answers: UDP-004 and FORWARD-009 are about that")
    others = [one for one in came if not one.answered]
    return len(came) - len(others), failures(others[:1])
