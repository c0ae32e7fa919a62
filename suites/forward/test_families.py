"""A relay connects clients of one family to a server of the other one."""

from dualstack.errors import NothingToJudge
from dualstack.families import BOTH, Family
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import RelayWorld


def relay_between(world: RelayWorld, front: Family, back: Family) -> None:
    """Relay a client of one family to a server of another, which is configured by its address and by a name."""
    with world.serve(back) as server:
        if world.relay.literals:
            world.passes(front, back, server, target=world.server.plan.address(back))
        if world.relay.names:
            with world.named({back: "ok"}) as name:
                world.passes(front, back, server, target=name)
        world.shows_front(front)
        world.shows_back(back)


@Requirement(
    id="FORWARD-001",
    title="Relays IPv4 clients to an IPv6 server",
    level=Level.MUST,
    role=Role.RELAY,
    statement="A relay that accepts a client over IPv4 reaches a server over IPv6, whether its configuration has the "
    "server's address or a name that has this address.",
    stimulus="The server has an IPv6 address alone. Configure the relay with this address, then with a name that has "
    "an AAAA record alone; a client dials the relay over IPv4 and sends new bytes.",
    wire="On the client's host each attempt is IPv4 and answered; on the server's host each attempt of the relay is "
    "IPv6 and answered. The server receives the client's bytes, and the client the server's answer.",
    cites=("RFC 4038 §4.3, §5.1", "RFC 6540 §2", "draft-ietf-v6ops-ipv6-app-testing"),
    topologies=("relay-4-to-6", "relay"),
    causes=("RC-WRONGFAMILYSOURCE", "RC-SOCKADDR", "RC-TARGET", "RC-SPLIT", "RC-RESOLVER"),
    needs=(Need.NETWORK, Need.IPV4, Need.TO_IPV6, Need.ANSWER, Need.REPLIES),
).attach
def test_ipv4_client_and_ipv6_server(world: RelayWorld) -> None:
    """An IPv4 client is answered by an IPv6 server."""
    relay_between(world, Family.IPV4, Family.IPV6)


@Requirement(
    id="FORWARD-002",
    title="Relays IPv6 clients to an IPv4 server",
    level=Level.MUST,
    role=Role.RELAY,
    statement="A relay that accepts a client over IPv6 reaches a server over IPv4, whether its configuration has the "
    "server's address or a name that has this address.",
    stimulus="The server has an IPv4 address alone. Configure the relay with this address, then with a name that has "
    "an A record alone; a client dials the relay over IPv6 and sends new bytes.",
    wire="On the client's host each attempt is IPv6 and answered; on the server's host each attempt of the relay is "
    "IPv4 and answered. The server receives the client's bytes, and the client the server's answer.",
    cites=("RFC 4038 §4.2, §5.1", "RFC 6540 §2", "draft-ietf-v6ops-ipv6-app-testing"),
    topologies=("relay-6-to-4", "relay"),
    causes=("RC-WRONGFAMILYSOURCE", "RC-TARGET", "RC-RESOLVER"),
    needs=(Need.NETWORK, Need.IPV6, Need.TO_IPV4, Need.ANSWER, Need.REPLIES),
).attach
def test_ipv6_client_and_ipv4_server(world: RelayWorld) -> None:
    """An IPv6 client is answered by an IPv4 server."""
    relay_between(world, Family.IPV6, Family.IPV4)


@Requirement(
    id="FORWARD-020",
    title="Relays clients to a server of their own family",
    level=Level.MUST,
    role=Role.RELAY,
    statement="A relay serves clients of each family that its host has, and reaches a server over the same family. If "
    "its host has one family alone, and the server's name has addresses of both, the relay uses that one, also for "
    "clients that come through NAT64.",
    stimulus="Of a dual-stack relay, the server has one family alone and the client dials over the same one; then the "
    "same over the other family. Of a relay on a host with one family, the server and its name have both. Configure "
    "the relay with the server's address, then with its name.",
    wire="On the client's host and on the server's host each attempt over these families is answered. The server "
    "receives the client's bytes, and the client the server's answer.",
    cites=("RFC 6724 §6 rule 1", "RFC 4038 §5.1", "draft-ietf-v6ops-ipv6-app-testing-05 §3.2"),
    topologies=("relay", "relay-ipv4-only", "relay-ipv6-only-strict", "relay-nat64"),
    causes=(
        "RC-FIRSTADDR",
        "RC-SOCKADDR",
        "RC-NOINET6",
        "RC-V4SOCK",
        "RC-WRONGFAMILYSOURCE",
        "RC-TARGET",
        "RC-RESOLVER",
    ),
    needs=(Need.NETWORK, Need.ANSWER, Need.REPLIES),
).attach
def test_client_and_server_of_one_family(world: RelayWorld) -> None:
    """A client is answered by a server over the client's family, also where the relay's host has no other one."""
    own = [family for family in world.families if family in world.relay.families]
    if not own:
        raise NothingToJudge("it does not claim the family that its host has for clients and for servers")
    for family in own:
        has = (family,) if len(world.lab.topology.families()) > 1 else BOTH
        with world.serve(*has) as server:
            if world.relay.literals:
                world.passes(family, family, server, target=world.server.plan.address(family))
            if world.relay.names:
                with world.named(dict.fromkeys(has, "ok")) as name:
                    world.passes(family, family, server, target=name)
            world.service.stop()  # before its server goes: one that connects again at once would be refused
    for family in own:
        world.shows_front(family)
        world.shows_back(family)
