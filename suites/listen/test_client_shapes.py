"""Clients are served whatever their addresses and source ports look like."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address

from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.manifest import Protocol
from dualstack.prober.messages import Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.newcomers import come_together, failures, give_addresses

FIRST, SECOND, THIRD = 20001, 20002, 20003
"""Source ports outside of the range from which the kernel takes others; one for each time that clients share one."""


def shapes(world: ListenerWorld) -> dict[Family, dict[str, str]]:
    """Return addresses of unusual shapes by family, each with what is unusual."""
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
    title="Clients of every shape are served",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service serves its clients whatever their addresses look like as bytes and as text, and does not take "
    "two clients for one because they have the same source port or the same last bytes of the address.",
    stimulus="Start the service on a dual-stack host. Give the client's host addresses of unusual shapes: high last "
    "bytes, bytes of 0 at the end, long text, EUI-64, bits that look IPv4-mapped; hold an exchange from each. Then let "
    "some of them come at the same time with one source port. A failure counts only if it happens twice, and ordinary "
    "clients are served in between.",
    wire="Each attempt of a family whose clients are all served is answered over it.",
    cites=("RFC 4291 §2.2, §2.5.1", "RFC 5952 §2, §4", "RFC 8981 §3", "RFC 3493 §3.3, §6.1"),
    topologies=("dual-stack",),
    causes=("RC-CLIENTKEY", "RC-ADDRTEXT", "RC-SOCKADDR"),
    needs=(Need.MANY, Need.NETWORK),
).attach
def test_clients_of_every_shape(world: ListenerWorld) -> None:
    """Unusual addresses are served as ordinary ones are, one after the other and at the same time."""
    world.start()
    served = world.served()
    unusual = {family: own for family, own in shapes(world).items() if family in served}
    give_addresses(world, [address for own in unusual.values() for address in own])
    for family, own in unusual.items():
        for address, what in own.items():
            world.require(is_served(world, family, address, what))
    if world.listener.clients >= len(alike(world, served)) > 1 and all(finding.ok for finding in world.findings):
        world.require(are_told_apart(world, alike(world, served)))
    if all(finding.ok for finding in world.findings):
        for family in served:
            world.shows_served(family)


def alike(world: ListenerWorld, families: Sequence[Family]) -> list[str]:
    """Return the addresses of clients of these families that differ where programs may not look.

    The first two IPv6 ones end in the same bytes, the last one in those of the IPv4 client. Over UDP the two are alone:
    UDP-004 is about the ports of others.
    """
    if world.listener.protocol is Protocol.ONEWAY:  # without answers none can be another's
        return []
    one, other, _, _, mapped = shapes(world)[Family.IPV6]
    ipv4 = world.peer.plan.configured[Family.IPV4][0]
    chosen = [one, other, mapped, ipv4] if world.is_tcp else [one, other]
    return [address for address in chosen if Family.of(address) in families]


def is_served(world: ListenerWorld, family: Family, source: str, what: str) -> Finding:
    """Return whether a client with an unusual address is served; it may fail once, or as often as ordinary ones do."""
    ordinary = world.exchange(family)
    dial = replace(ordinary, source=source)
    dialled = world.carry_out(dial)
    happened = dialled.detail
    if dialled.outcome is not Outcome.ANSWERED:
        if world.carry_out(ordinary).outcome is not Outcome.ANSWERED:
            happened += f"; a client at {ordinary.source} is not served then either, so its address is not the reason"
            return Finding(True, f"a client at {source} is served as one at {ordinary.source}", happened)
        dialled = world.carry_out(dial)
        happened = f"{dialled.detail}, twice; a client at {ordinary.source} is served in between"
    ok = dialled.outcome is Outcome.ANSWERED
    where = endpoint(dial.address, dial.port)
    return Finding(ok, f"a client at {source} ({what}) is answered at {where}", dialled.detail if ok else happened)


def are_told_apart(world: ListenerWorld, sources: Sequence[str]) -> Finding:
    """Return whether clients with one source port that come at the same time get their own answers.

    Where they do not, ordinary clients must: over TCP with ports of their own, over UDP with one port.
    """
    expected = f"clients at {', '.join(sources)} that come at the same time from one port are all answered"
    if not failures(come_together(world, sources, FIRST)):
        return Finding(True, expected, "all were")
    # Over UDP ordinary clients share a port too: what a service makes of that is what UDP-004 is about.
    control = failures(come_together(world, ordinary(world, sources), 0 if world.is_tcp else SECOND))
    if control:
        return Finding(
            True, expected, f"ordinary clients are not all answered either, so it is not the port: {control}"
        )
    fault = failures(come_together(world, sources, THIRD))
    return Finding(not fault, expected, f"twice some were not, ordinary clients in between were: {fault}")


def ordinary(world: ListenerWorld, sources: Sequence[str]) -> list[str]:
    """Return as many ordinary addresses of the same families."""
    own = world.peer.plan.configured
    return [own[family][number % len(own[family])] for number, family in enumerate(map(Family.of, sources))]
