"""Clients are served whatever their addresses and source ports look like."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address

from dualstack.families import Family, endpoint
from dualstack.finding import Finding, Symptom
from dualstack.protocols.application import Trait
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.concurrent_clients import add_client_addresses, dial_together, failures
from dualstack.world.limits import wait_out_limits
from dualstack.world.shown_to_clients import shows_clients_themselves

FIRST, CONTROL, SECOND = range(20001, 20006), range(20011, 20016), range(20021, 20026)
"""Source ports outside the range from which the kernel takes others; one for each time that clients share one."""


def shapes(world: ListenerWorld) -> dict[Family, dict[str, str]]:
    """Return unusual client addresses by family, each with what is unusual about it."""
    plan = world.lab.plan
    ipv4 = int(IPv4Address(world.peer.plan.configured[Family.IPV4][0]))
    ipv6 = {
        0xFFFFFFFF: "its last four bytes are ff",
        0xC1D2_E3F4_FFFF_FFFF: "a temporary one, long as text, with the same last four bytes as another client's",
        0x1000_0000_0000_0000: "its last seven bytes are 0, and its text ends in ::",
        0x0200_5EFF_FE10_0099: "made of a hardware address (EUI-64)",
        0xFFFF_0000_0000 | ipv4: "its last bytes look IPv4-mapped: ffff and an IPv4 client's address",
    }
    return {
        Family.IPV4: {str(plan.ipv4[250]): "its last byte is fa"},
        Family.IPV6: {str(plan.ipv6[number]): what for number, what in ipv6.items()},
    }


@Requirement(
    id="INTEROP-007",
    title="Clients with unusual addresses are served",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service serves its clients whatever their addresses look like as bytes and as text, and does not "
    "confuse two clients that have the same source port or the same last bytes of the address, or that come at the "
    "same time: it does not show one the address of the other.",
    stimulus="Start the service on a dual-stack host. Give the client's host unusual addresses: high last bytes, zero "
    "bytes at the end, long text, EUI-64, bits that look IPv4-mapped; try an exchange from each. Then some of them "
    "send requests at the same time from one source port. If the service shows its clients' addresses, clients of "
    "both families at other addresses come at the same time, and their answers or the log are searched for each "
    "other's addresses. A failure counts only if it happens twice, and ordinary clients are served in between.",
    wire="Each attempt of a family whose clients are all served is answered over that family.",
    cites=("RFC 4291 §2.2, §2.5.1", "RFC 5952 §2, §4", "RFC 8981 §3", "RFC 3493 §3.3, §6.1"),
    topologies=("dual-stack",),
    causes=("RC-CLIENTKEY", "RC-ADDRTEXT", "RC-SOCKADDR", "RC-SHAREDBUFFER"),
    needs=(Need.MANY, Need.NETWORK),
).attach
def test_clients_of_every_shape(world: ListenerWorld) -> None:
    """Clients with unusual addresses are served like others, one after the other and at the same time."""
    world.service.start()
    served = world.served()
    unusual = {family: own for family, own in shapes(world).items() if family in served}
    add_client_addresses(world, [address for own in unusual.values() for address in own])
    unanswered: list[str] = []
    for family, own in unusual.items():
        for address, what in own.items():
            world.require(is_served(world, family, address, what, unanswered))
    if world.listener.clients >= len(alike(world, served)) > 1 and all(finding.ok for finding in world.findings):
        world.require(are_told_apart(world, alike(world, served), unanswered))
        if not unanswered:
            shows_clients_themselves(world, served)
    if not unanswered and all(finding.ok for finding in world.findings):
        for family in served:
            world.shows_served(family)


def alike(world: ListenerWorld, families: Sequence[Family]) -> list[str]:
    """Return client addresses of these families that differ only in parts that a program may ignore.

    The first two IPv6 addresses end in the same bytes, the third in those of the IPv4 address. Over UDP only the first
    two are used: UDP-004 is about clients that share a port.
    """
    if Trait.ONE_WAY in world.listener.traits:  # without answers, clients cannot get each other's
        return []
    one, other, _, _, mapped = shapes(world)[Family.IPV6]
    ipv4 = world.peer.plan.configured[Family.IPV4][0]
    chosen = [one, other, mapped, ipv4] if world.is_tcp else [one, other]
    return [address for address in chosen if Family.of(address) in families]


def is_served(world: ListenerWorld, family: Family, source: str, what: str, unanswered: list[str]) -> Finding:
    """Return whether a client with an unusual address is served; one failure is allowed, or if others fail too.

    A failure that does not count is added to ``unanswered``: the packets show it, and prove nothing.
    """
    ordinary = world.client.exchange(family)
    dial = replace(ordinary, source=source)
    dialled = world.client.carry_out(dial)
    happened = dialled.detail
    if not world.client.is_served(dialled):
        unanswered.append(happened)
        if not world.client.is_served(world.client.carry_out(ordinary)):
            happened += f"; a client at {ordinary.source} is not served either, so the address is not the reason"
            return Finding(True, f"a client at {source} is served like one at {ordinary.source}", happened)
        dialled = world.client.carry_out(dial)
        happened = f"{dialled.detail}, twice; a client at {ordinary.source} is served in between"
    ok = world.client.is_served(dialled)
    where = endpoint(dial.address, dial.port)
    return Finding(ok, f"a client at {source} ({what}) is answered at {where}", dialled.detail if ok else happened)


def are_told_apart(world: ListenerWorld, sources: Sequence[str], unanswered: list[str]) -> Finding:
    """Return whether clients that share a source port and come at the same time each get their own answers.

    If not, ordinary clients are the control: as often, over TCP each with a different port, over UDP with one port. A
    service that limits how much it answers fails them too. A failure that does not count is added to ``unanswered``.
    """
    expected = f"clients at {', '.join(sources)} that come at the same time from one port are all answered"
    fault = fails_together(world, sources, FIRST)
    if not fault:
        return Finding(True, expected, "all were")
    unanswered.append(fault)
    # Over UDP the ordinary clients share a port too: how the service treats that is the subject of UDP-004.
    wait_out_limits()
    control = fails_together(world, ordinary(world, sources), [0] * len(CONTROL) if world.is_tcp else CONTROL)
    if control:
        return Finding(
            True, expected, f"ordinary clients are not all answered either, so the port is not the reason: {control}"
        )
    wait_out_limits()
    fault = fails_together(world, sources, SECOND)
    happened = f"twice some were not, although ordinary clients in between were: {fault}"
    return Finding(not fault, expected, happened, symptoms=(Symptom.OTHERS_ANSWERS,))


def fails_together(world: ListenerWorld, sources: Sequence[str], ports: Iterable[int]) -> str:
    """Return what went wrong at the first of these ports at which some were not answered; empty if all always were.

    On a busy machine a service may take them one after the other, and so not confuse them: one time proves little.
    """
    return next(filter(None, (failures(dial_together(world, sources, port)) for port in ports)), "")


def ordinary(world: ListenerWorld, sources: Sequence[str]) -> list[str]:
    """Return as many ordinary addresses of the same families."""
    own = world.peer.plan.configured
    return [own[family][number % len(own[family])] for number, family in enumerate(map(Family.of, sources))]
