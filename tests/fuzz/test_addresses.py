"""Addresses: any plan is free of overlaps, and any text for an address stands for this address."""

import ipaddress
import itertools
import re

from hypothesis import assume, given
from hypothesis import strategies as st

from dualstack.addressing import plan_addresses
from dualstack.families import BOTH, Family, endpoint, unmapped
from dualstack.manifest.shown import shown_address
from dualstack.prober.sockets import socket_address
from dualstack.rfc6052 import LENGTHS, embed
from dualstack.topology import Attachment, HostSpec, LinkSpec, Topology, hosts_across, load_topology
from dualstack.world.notations import network_without, notations, wide_network

GROUPS = st.lists(st.sampled_from([0, 0, 0, 1, 0xDB8, 0xFFFF]) | st.integers(0, 0xFFFF), min_size=8, max_size=8)
"""The groups of an IPv6 address; many are zero, as in real addresses."""

IPV4 = st.ip_addresses(v=4)
IPV6 = GROUPS.map(lambda groups: ipaddress.IPv6Address(b"".join(group.to_bytes(2, "big") for group in groups)))
PORT = st.integers(1, 65535)


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """Return a topology of two to six hosts; in some of them one host routes for another."""
    count = st.integers(0, 8)
    names = ["service", "peer", "third", "fourth", "fifth", "sixth"][: draw(st.integers(2, 6))]
    hosts = {name: HostSpec(ipv4=draw(count), ipv6=draw(count)) for name in names}
    if len(names) > 2 and draw(st.booleans()):
        hosts["third"] = HostSpec(ipv4=1, ipv6=1)
        mtu = draw(st.sampled_from([1280, 1400, 1500]))
        hosts["peer"] = hosts["peer"].model_copy(update={"via": "third", "mtu": mtu})
    return load_topology("dual-stack").model_copy(update={"name": "any", "host": hosts})


@given(topology=topologies(), ipv4=st.integers(0, 0xFFFFFF), ipv6=st.integers(0, 2**64 - 1))
def test_plans_do_not_overlap(topology: Topology, ipv4: int, ipv6: int) -> None:
    """Each planned address is usable in its network and belongs to one host only; so do hardware addresses."""
    networks = ipaddress.IPv4Network((ipv4 << 8, 24)), ipaddress.IPv6Network((ipv6 << 64, 64))
    plan = plan_addresses(topology, *networks)
    assert list(plan.hosts) == list(topology.host)
    texts = [text for host in plan.hosts.values() for family in BOTH for text in host.planned[family]]
    assert len(set(texts)) == len(texts)
    assert len({host.mac for host in plan.hosts.values()}) == len(plan.hosts)
    for text in texts:
        address = ipaddress.ip_address(text)
        network = networks[Family.of(address) is Family.IPV6]
        assert address in network
        assert address not in (network.network_address, network.broadcast_address)
        assert str(address) == text
    for name, host in plan.hosts.items():
        for family in BOTH:
            assert len(host.configured[family]) == topology.host[name].addresses(family)
            assert host.planned[family][: len(host.configured[family])] == host.configured[family]


@given(topology=topologies())
def test_routes_lead_to_hosts_over_the_router(topology: Topology) -> None:
    """Each route leads to a planned address of another host, by an address of the router; there is one for each."""
    plan = plan_addresses(topology)
    owner = {text: name for name, host in plan.hosts.items() for family in BOTH for text in host.planned[family]}
    for name, routes in plan.routes.items():
        assert len({route.address for route in routes}) == len(routes)
        assert all(owner[route.address] != name for route in routes)
        assert {owner[route.via] for route in routes if route.via} <= topology.routers
        assert not any(route.via for route in routes if name in topology.routers)
        assert {route.mtu for route in routes} <= {0, topology.path_mtu()}
    if not topology.routers:
        assert set(plan.routes.values()) == {()}


@st.composite
def linked_topologies(draw: st.DrawFn) -> Topology:
    """Return a topology of one to four links, of which routers connect some, and of hosts on any of them."""
    names = ["lan", "dmz", "wifi", "lte"][: draw(st.integers(1, 4))]
    links = {name: LinkSpec(ipv4=draw(st.booleans()), ipv6=draw(st.booleans())) for name in names}
    hosts = {}
    for host in ("service", "peer", "third", "fourth", "fifth")[: draw(st.integers(2, 5))]:
        own = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        on = {
            name: Attachment(
                ipv4=draw(st.integers(0, 8)) if links[name].ipv4 else 0,
                ipv6=draw(st.integers(0, 8)) if links[name].ipv6 else 0,
            )
            for name in own
        }
        hosts[host] = HostSpec(on=on, functions=("forward",) if draw(st.booleans()) else ())
    return load_topology("dual-stack").model_copy(update={"name": "any", "link": links, "host": hosts})


@given(topology=linked_topologies())
def test_plans_of_links_do_not_overlap(topology: Topology) -> None:
    """The prefixes of links do not overlap; each address is in that of its link, and is planned once."""
    plan = plan_addresses(topology)
    for family in BOTH:
        spans = sorted(
            (int(network[0]), int(network[-1])) for network in (one.network(family) for one in plan.links.values())
        )
        assert all(last < first for (_, last), (first, _) in itertools.pairwise(spans))
    interfaces = [one for host in plan.hosts.values() for one in host.interfaces]
    texts = [text for one in interfaces for family in BOTH for text in one.planned[family]]
    assert len(set(texts)) == len(texts)
    assert len({one.mac for one in interfaces}) == len(interfaces)
    for one in interfaces:
        for family in BOTH:
            assert all(
                ipaddress.ip_address(text) in plan.links[one.link].network(family) for text in one.planned[family]
            )


@given(topology=linked_topologies())
def test_next_hops_are_on_a_common_link(topology: Topology) -> None:
    """Each route's next hop is a configured address of a router on the link of its interface; none is for own links."""
    plan = plan_addresses(topology)
    for name, routes in plan.routes.items():
        own = plan.hosts[name].interfaces
        assert len({route.address for route in routes}) == len(routes)
        for route in routes:
            link, family = own[route.interface].link, Family.of(route.via)
            router = plan.owner(route.via)
            assert router != name
            assert "forward" in topology.host[router].functions
            assert [one.link for one in plan.hosts[router].interfaces if route.via in one.configured[family]] == [link]
            assert own[route.interface].configured[family]
            assert route.address not in {
                str(plan.links[one.link].network(family)) for one in own if one.configured[family]
            }


@given(topology=linked_topologies())
def test_routes_arrive(topology: Topology) -> None:
    """Packets that follow the routes to another link arrive after the number of routers that is planned."""
    plan = plan_addresses(topology)
    for name in topology.host:
        for family in BOTH:
            for _, link, hop in hosts_across(topology, name, family):
                at, passed = name, 0
                network = plan.links[link].network(family)
                while link not in {one.link for one in plan.hosts[at].interfaces if one.configured[family]}:
                    (route,) = (route for route in plan.routes[at] if route.address == str(network))
                    at, passed = plan.owner(route.via), passed + 1
                assert passed == hop.routers


@given(address=IPV4 | IPV6)
def test_textual_forms_are_the_same_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """No form is the canonical one or another form, and each is read as the address."""
    found = list(notations(str(address)).values())
    assert len({*found, str(address)}) == len(found) + 1
    assert {ipaddress.ip_address(form) for form in found} <= {address}
    assert not found or isinstance(address, ipaddress.IPv6Address)


@given(pair=st.tuples(IPV4, IPV4) | st.tuples(IPV6, IPV6))
def test_networks_tell_addresses_apart(pair: tuple[ipaddress.IPv4Address, ipaddress.IPv4Address]) -> None:
    """The network has the first address and not the second, and is the largest one; the wide network has the first."""
    inside, outside = pair
    assert inside in ipaddress.ip_network(wide_network(str(inside)))
    assume(inside != outside)
    network = ipaddress.ip_network(network_without(str(inside), str(outside)))
    assert inside in network
    assert outside not in network
    assert outside in network.supernet()


@given(address=IPV4 | IPV6, port=PORT)
def test_endpoints_are_read_back(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> None:
    """Address and port of an endpoint can be told apart, and the socket API takes both."""
    text = endpoint(str(address), port)
    match = re.fullmatch(r"\[(.+)\]:(\d+)|([^:]+):(\d+)", text)
    assert match is not None
    assert ipaddress.ip_address(match[1] or match[3]) == address
    assert int(match[2] or match[4]) == port
    assert socket_address(Family.of(address), str(address), port)[:2] == (str(address), port)


@given(address=IPV4, other=IPV6)
def test_mapped_addresses_are_read_back(address: ipaddress.IPv4Address, other: ipaddress.IPv6Address) -> None:
    """The IPv4 address comes out of each text of its mapped form; any other address stays what it is."""
    mapped = ipaddress.IPv6Address(0xFFFF << 32 | int(address))
    for text in (str(mapped), mapped.exploded, f"::ffff:{address}", f"::FFFF:{address}", str(address)):
        assert unmapped(text) == str(address)
    assume(other.ipv4_mapped is None)
    assert unmapped(other.exploded) == str(other)


@given(client=IPV4 | IPV6, port=PORT)
def test_shown_clients_are_read_back(client: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> None:
    """A client's address is found in each form in which services show it, with or without port, slash and zone."""
    bare = str(client)
    forms = [bare, endpoint(bare, port), f"/{endpoint(bare, port)}", f"[{bare}]"]
    if isinstance(client, ipaddress.IPv6Address):
        forms += [
            f"{bare}%eth0",
            f"[{bare}%eth0]:{port}",
            f"/{':'.join(f'{int(g, 16):x}' for g in client.exploded.split(':'))}:{port}",
        ]
    for form in forms:
        assert ipaddress.ip_address(shown_address(form, bare)) == client, form


@given(prefix=IPV6, length=st.sampled_from(LENGTHS), address=IPV4)
def test_embedded_addresses_are_read_back(
    prefix: ipaddress.IPv6Address, length: int, address: ipaddress.IPv4Address
) -> None:
    """The prefix stays, bits 64 to 71 are zero unless the prefix has them, and the IPv4 address is around them."""
    network = ipaddress.IPv6Network((prefix, length), strict=False)
    octets = ipaddress.IPv6Address(embed(network, address)).packed
    assert ipaddress.IPv6Address(octets) in network
    assert length == max(LENGTHS) or octets[8] == 0
    behind = [octet for at, octet in enumerate(octets) if at >= length // 8 and at != 8]
    assert bytes(behind[:4]) == address.packed
