"""Labs with several links: what crosses their router, and what stays on a link."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dualstack.families import BOTH, Family
from dualstack.lab.netns import NetnsLab
from dualstack.lab.proving import observe, prove
from dualstack.prober.messages import Dial, Outcome, Serve
from dualstack.topology import Attachment, HostSpec, LinkSpec, Roles, Topology, load_topology
from dualstack.transport import AppProtocol
from dualstack.wire.capture import Capture

MakeLab = Callable[[Topology | str], NetnsLab]
EACH = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)
PORT = 7990


def linked(links: dict[str, LinkSpec], hosts: dict[str, dict[str, tuple[int, int]]], **more: Any) -> Topology:
    """Return a topology; each host has numbers of IPv4 and IPv6 addresses on its links, and two make a router."""
    made = {
        name: HostSpec(
            on={link: Attachment(ipv4=ipv4, ipv6=ipv6) for link, (ipv4, ipv6) in on.items()},
            functions=("forward",) if len(on) > 1 else (),
        )
        for name, on in hosts.items()
    }
    return Topology(name="linked", title="x", represents="x", summary="x", link=links, host=made, **more)


def one_family_link(family: Family) -> Topology:
    """Return a topology whose clients are on a link that carries one family only; the service's link carries both."""
    only = LinkSpec(ipv4=family is Family.IPV4, ipv6=family is Family.IPV6)
    own = (int(only.ipv4), int(only.ipv6))
    hosts = {"service": {"lan": (1, 1)}, "peer": {"only": own}, "router": {"lan": (1, 1), "only": own}}
    return linked({"lan": LinkSpec(), "only": only}, hosts)


def echo(lab: NetnsLab, client: str, server: str, address: str) -> Outcome:
    """Return the outcome of an exchange between two hosts."""
    family = Family.of(address)
    with lab.hosts[server].prober.serve(Serve((family.wildcard,), PORT)):
        return lab.hosts[client].prober.dial(Dial(family, address, PORT, protocol=AppProtocol.ECHO)).outcome


@EACH
def test_packets_cross_the_router_and_lose_one_hop(make_lab: MakeLab, tmp_path: Path, family: Family) -> None:
    """The service's host gets the client's packets from the router, with a hop limit of 63 and the client's address."""
    lab = make_lab("two-links")
    prove(lab)
    service, peer, router = (lab.plan.hosts[name] for name in ("service", "peer", "router"))
    with Capture.start(lab.hosts["service"], tmp_path / "x.pcap") as capture:
        assert echo(lab, "peer", "service", service.address(family)) is Outcome.ANSWERED
        wire = capture.stop()
    assert wire.mac == service.mac
    came = [frame for frame in wire.frames if frame.kind == "tcp" and frame.outgoing_mac != wire.mac]
    assert {frame.src for frame in came} <= set(peer.configured[family])
    assert {frame.hop_limit for frame in came} == {63}
    left = {frame.next_mac for frame in wire.frames if frame.kind == "tcp" and frame.outgoing_mac == wire.mac}
    assert left == {router.mac}, "the interface on the service's link, not the other one"


def test_neighbours_are_looked_for_on_their_own_link(make_lab: MakeLab, tmp_path: Path) -> None:
    """No ARP and no neighbour discovery of the clients' link is seen on the service's link."""
    lab = make_lab("two-links")
    with Capture.start(lab.hosts["service"], tmp_path / "x.pcap") as capture:
        prove(lab)
        wire = capture.stop()
    own = {one.mac for host in lab.plan.hosts.values() for one in host.interfaces if one.link == "servers"}
    assert {frame.outgoing_mac for frame in wire.frames if frame.outgoing_mac} <= own


@EACH
def test_a_link_of_one_family(make_lab: MakeLab, family: Family) -> None:
    """A link that carries one family only is proved, and hosts on it are reached over this family alone."""
    other = Family.IPV6 if family is Family.IPV4 else Family.IPV4
    lab = make_lab(one_family_link(family))
    proved = set(prove(lab))
    assert {f"peer: no-{other.value}-packets", f"router: no-{other.value}-packets"} <= proved
    assert {f"peer: {family.value}-hops", f"peer: {other.value}-unreachable"} <= proved
    assert not {f"peer: {other.value}-hops", f"service: no-{other.value}-packets"} & proved
    assert echo(lab, "peer", "service", lab.plan.hosts["service"].address(family)) is Outcome.ANSWERED
    assert echo(lab, "peer", "service", lab.plan.hosts["service"].address(other)) is not Outcome.ANSWERED
    rows = lab.hosts["router"].prober.addresses()
    assert {Family.of(row.address) for row in rows if row.interface == "eth1"} == {family}


def test_two_routers_between_three_links(make_lab: MakeLab) -> None:
    """A path over two routers needs a hop limit of 3, and is proved in both directions."""
    hosts = {
        "service": {"one": (1, 1)},
        "first": {"one": (1, 1), "two": (1, 1)},
        "second": {"two": (1, 1), "three": (2, 2)},
        "peer": {"three": (2, 2)},
    }
    lab = make_lab(linked({"one": LinkSpec(), "two": LinkSpec(), "three": LinkSpec()}, hosts))
    prove(lab)
    crossings = {(item.source, item.target): item.hops for item in observe(lab)["peer"].crossings}
    own = lab.plan.hosts["service"]
    assert {crossings["peer", own.address(family)] for family in BOTH} == {3}


def test_the_mtu_of_a_link(make_lab: MakeLab) -> None:
    """Every interface on a link has the MTU of the link, and the lab is proved with it."""
    topology = load_topology("two-links")
    lab = make_lab(topology.model_copy(update={"link": {**topology.link, "clients": LinkSpec(mtu=1280)}}))
    proved = prove(lab)
    assert "peer: link-mtu" in proved
    assert lab.topology.path_mtu() == 1280
    mtus = {name: one.facts.mtus for name, one in observe(lab).items()}
    assert mtus["router"] | {"lo": 0} == {"lo": 0, "eth0": 1500, "eth1": 1280}
    assert (mtus["service"]["eth0"], mtus["peer"]["eth0"]) == (1500, 1280)


def test_hosts_are_found_by_their_roles(make_lab: MakeLab) -> None:
    """Suites find the hosts that have the roles of service and client, whatever their names are."""
    hosts = {"web": {"lan": (1, 1)}, "phone": {"wifi": (1, 1)}, "box": {"lan": (1, 1), "wifi": (1, 1)}}
    roles = Roles(service="web", client="phone")
    lab = make_lab(linked({"lan": LinkSpec(), "wifi": LinkSpec()}, hosts, roles=roles))
    prove(lab)
    assert list(lab.hosts) == ["web", "phone", "box"]
    assert [lab.hosts[role].name for role in ("service", "peer")] == ["web", "phone"]
    assert lab.topology.families() == BOTH
    with pytest.raises(KeyError, match="router"):
        lab.hosts["router"]
