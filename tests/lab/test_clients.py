"""Where a listener's clients are: on the link, or on its host with the loopback addresses of the topology."""

from collections.abc import Callable

import pytest

from dualstack.families import BOTH, Family
from dualstack.lab.changes import AddAddress
from dualstack.lab.netns import NetnsLab
from dualstack.manifest import Scope
from dualstack.prober.messages import Dial, Hold, Outcome
from dualstack.world.clients import clients_of, link_local, local_clients, remote_clients, router_clients, with_zones
from dualstack.world.neighbours import clients_on, neighbours

MakeLab = Callable[[str], NetnsLab]
PORT = 7999


@pytest.mark.parametrize(
    ("topology", "families"),
    [
        ("dual-stack", BOTH),
        ("ipv4-only", BOTH),
        ("ipv6-only", BOTH),
        ("ipv4-only-disable-ipv6", (Family.IPV4,)),
        ("ipv6-only-strict", (Family.IPV6,)),
    ],
)
def test_loopback_clients_dial_what_there_is(make_lab: MakeLab, topology: str, families: tuple[Family, ...]) -> None:
    """A loopback listener's clients are on its host; each of their addresses can be bound and dialled."""
    lab = make_lab(topology)
    clients = clients_of(Scope.LOOPBACK, lab)
    assert clients.inside
    assert clients.host is lab.hosts["service"]
    assert clients.sources == clients.addresses
    assert clients.addresses == {family: (family.loopback,) if family in families else () for family in BOTH}
    for family in families:
        with clients.host.prober.hold(Hold(family, family.loopback, PORT)):
            dialled = clients.host.prober.dial(Dial(family, family.loopback, PORT, source=family.loopback))
            assert dialled.outcome is Outcome.ANSWERED, dialled.detail


def test_network_clients_are_the_peer(make_lab: MakeLab) -> None:
    """A network listener's clients are on the peer and dial every address of the service's host on the link."""
    lab = make_lab("multi-address")
    clients = clients_of(Scope.NETWORK, lab)
    assert not clients.inside
    assert clients.host is lab.hosts["peer"]
    assert [len(clients.addresses[family]) for family in BOTH] == [3, 3]
    assert clients.sources == lab.hosts["peer"].plan.configured


def test_a_client_at_the_router_is_on_the_service_s_link(make_lab: MakeLab) -> None:
    """If clients are behind a router, the router is a client too, with its addresses on the service's link."""
    lab = make_lab("routed")
    near = router_clients(lab)
    assert not near.inside
    assert near.host is lab.hosts["router"]
    for family in BOTH:
        (address,), (source,) = near.addresses[family], near.sources[family]
        with lab.hosts["service"].prober.hold(Hold(family, address, PORT)):
            dialled = near.host.prober.dial(Dial(family, address, PORT, source=source))
        assert dialled.outcome is Outcome.ANSWERED, dialled.detail


def test_an_unplanned_address_is_a_client_s(make_lab: MakeLab) -> None:
    """The client's host can get any address of the lab's networks, and dials from it at once."""
    lab = make_lab("dual-stack")
    service, peer = lab.hosts["service"], lab.hosts["peer"]
    for family, extra in ((Family.IPV4, str(lab.plan.ipv4[250])), (Family.IPV6, str(lab.plan.ipv6[1 << 60]))):
        peer.apply(AddAddress(extra))
        address = service.plan.address(family)
        with service.prober.hold(Hold(family, address, PORT)):
            dialled = peer.prober.dial(Dial(family, address, PORT, source=extra))
        assert (dialled.outcome, dialled.source) == (Outcome.ANSWERED, extra), dialled.detail


def test_link_local_addresses_can_be_dialled(make_lab: MakeLab) -> None:
    """The service's link-local address is reached from the link and from its own host; IPv4-only worlds have none."""
    lab = make_lab("dual-stack")
    with lab.hosts["service"].prober.hold(Hold(Family.IPV6, "::", PORT)):
        for clients in (remote_clients(lab), local_clients(lab)):
            (address,) = link_local(lab, clients)
            dialled = clients.host.prober.dial(Dial(Family.IPV6, address, PORT))
            assert dialled.outcome is Outcome.ANSWERED, dialled.detail
    other = make_lab("ipv4-only")
    assert link_local(other, remote_clients(other)) == ()


def test_a_neighbour_on_each_link_has_the_same_address(make_lab: MakeLab) -> None:
    """Neighbours on two links have one link-local address; with the zone of each link another one is reached."""
    lab = make_lab("link-local")
    service, (near, far) = lab.hosts["service"], neighbours(lab)
    assert (near.name, far.name) == ("peer", "other")
    (first,), (second,) = (with_zones(host, service) for host in (near, far))
    assert (first, second) == ("fe80::5eff:fe10:2%eth0", "fe80::5eff:fe10:2%eth1")
    with far.prober.hold(Hold(Family.IPV6, "::", PORT)):
        assert service.prober.dial(Dial(Family.IPV6, second, PORT)).outcome is Outcome.ANSWERED
        assert service.prober.dial(Dial(Family.IPV6, first, PORT)).outcome is Outcome.REFUSED


def test_clients_on_each_link_dial_the_address_there(make_lab: MakeLab) -> None:
    """A neighbour dials the service's link-local address on its own link, with its own interface as the zone."""
    lab = make_lab("link-local")
    dialled = [link_local(lab, clients_on(host)) for host in neighbours(lab)]
    assert dialled == [("fe80::5eff:fe10:1%eth0",), ("fe80::5eff:fe10:101%eth0",)]
    with lab.hosts["service"].prober.hold(Hold(Family.IPV6, "::", PORT)):
        for host, (address,) in zip(neighbours(lab), dialled, strict=True):
            assert host.prober.dial(Dial(Family.IPV6, address, PORT)).outcome is Outcome.ANSWERED


def test_the_neighbour_of_other_topologies_is_the_peer(make_lab: MakeLab) -> None:
    """Where one link has several hosts, the neighbour is the peer."""
    assert [host.name for host in neighbours(make_lab("relay"))] == ["peer"]
