"""A host of the namespace lab is changed while a case runs: its addresses, and IPv6 as a whole."""

import time
from collections.abc import Callable

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import HarnessError
from dualstack.families import BOTH, Family
from dualstack.lab.changes import AcceptRouters, AddAddress, RemoveAddress, SwitchIpv6
from dualstack.lab.netns import NetnsLab
from dualstack.lab.protocol import Host
from dualstack.lab.proving import prove
from dualstack.prober.messages import AddressRow, Advertise, Dial, Outcome, Serve
from dualstack.prober.messages.tables import ListRoutes
from dualstack.topology import Topology
from dualstack.transport import AppProtocol, Transport

MakeLab = Callable[[Topology | str], NetnsLab]

PORT = 7600

each_family = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)


def on_link(host: Host) -> set[str]:
    """Return the addresses of a host on the link, without link-local ones."""
    rows = [row for row in host.prober.addresses() if row.interface == host.interface]
    return {row.address for row in rows if not row.address.startswith("fe80:")}


def reach(lab: NetnsLab, address: str) -> Outcome:
    """Dial an address of the service's host, where a server is started for it."""
    family = Family.of(address)
    with lab.hosts["service"].prober.serve(Serve((family.wildcard,), PORT)):
        return lab.hosts["peer"].prober.dial(Dial(family, address, PORT, protocol=AppProtocol.ECHO)).outcome


@each_family
def test_an_address_is_added_and_removed(make_lab: MakeLab, family: Family) -> None:
    """An added address is reached at once, a removed one does not exist any more, and others stay."""
    lab = make_lab("dual-stack")
    prove(lab)
    host = lab.hosts["service"]
    before = on_link(host)
    new = host.plan.planned[family][1]
    host.apply(AddAddress(new))
    assert on_link(host) == before | {new}
    assert reach(lab, new) is Outcome.ANSWERED
    host.apply(RemoveAddress(new))
    assert on_link(host) == before


def test_a_host_loses_every_address_and_gets_them_back(make_lab: MakeLab) -> None:
    """A host without addresses on its link can get addresses of both families, and is reached again."""
    lab = make_lab("dual-stack")
    host = lab.hosts["service"]
    own = [address for family in BOTH for address in host.plan.configured[family]]
    for address in own:
        host.apply(RemoveAddress(address))
    assert on_link(host) == set()
    for address in own:
        host.apply(AddAddress(address))
    assert {reach(lab, address) for address in own} == {Outcome.ANSWERED}


def test_what_cannot_be_changed_is_an_error(make_lab: MakeLab) -> None:
    """An existing address cannot be added, a missing one cannot be removed, and the lab still works."""
    host = make_lab("dual-stack").hosts["service"]
    address = host.plan.address(Family.IPV6)
    with pytest.raises(HarnessError, match=f"add {address}: File exists"):
        host.apply(AddAddress(address))
    with pytest.raises(HarnessError, match=r"delete .+: Cannot assign requested address"):
        host.apply(RemoveAddress(host.plan.planned[Family.IPV6][1]))
    assert address in on_link(host)


def test_duplicates_are_looked_for(make_lab: MakeLab) -> None:
    """An address with detection is tentative for at least a second, and usable then."""
    lab = make_lab("dual-stack")
    host = lab.hosts["service"]
    new = host.plan.planned[Family.IPV6][1]
    began = time.monotonic()
    host.apply(AddAddress(new, detect=True))
    assert new in on_link(host)
    usable = Deadline(30, "the address to be usable").until(
        lambda: any(row.address == new and not row.tentative for row in host.prober.addresses())
    )
    assert usable
    assert time.monotonic() - began > 0.9
    assert reach(lab, new) is Outcome.ANSWERED


def test_a_duplicate_is_found(make_lab: MakeLab) -> None:
    """An address that a neighbour has stays unusable: duplicate address detection reaches the link."""
    lab = make_lab("dual-stack")
    host = lab.hosts["service"]
    taken = lab.hosts["peer"].plan.address(Family.IPV6)
    host.apply(AddAddress(taken, detect=True))
    found = Deadline(30, "the duplicate to be found").until(
        lambda: any(row.address == taken and row.duplicate for row in host.prober.addresses())
    )
    assert found


def test_ipv6_is_switched_off_and_on(make_lab: MakeLab) -> None:
    """Off removes every IPv6 address and no IPv4 address; on restores ::1 and link-local, others can be added."""
    lab = make_lab("dual-stack")
    host = lab.hosts["service"]
    ipv4, ipv6 = (host.plan.address(family) for family in BOTH)
    host.apply(SwitchIpv6(enabled=False))
    assert host.prober.sysctl("net.ipv6.conf.eth0.disable_ipv6") == "1"
    assert not [row for row in host.prober.addresses() if row.family == "ipv6"]
    assert reach(lab, ipv4) is Outcome.ANSWERED
    host.apply(SwitchIpv6(enabled=True))
    given = {row.address[:4] for row in host.prober.addresses() if row.family == "ipv6"}
    assert given == {"::1", "fe80"}
    host.apply(AddAddress(ipv6))
    assert reach(lab, ipv6) is Outcome.ANSWERED
    assert not [row for row in lab.hosts["peer"].prober.addresses() if row.tentative]


PREFIX = "2001:db8:6104:7::"


def advertise(lab: NetnsLab, lifetime: int) -> None:
    """Have the peer advertise a prefix, or withdraw it with a lifetime of 0."""
    peer = lab.hosts["peer"]
    peer.prober.call(Advertise(PREFIX, peer.interface, lifetime, lifetime // 2))


def advertised(host: Host) -> list[AddressRow]:
    """Return the addresses of a host in the prefix."""
    return [row for row in host.prober.addresses() if row.address.startswith(PREFIX.removesuffix("::"))]


def default_routers(host: Host) -> set[str]:
    """Return the default routers of a host over IPv6."""
    routes = host.prober.call(ListRoutes())
    return {row.gateway for row in routes if (row.family, row.destination) == ("ipv6", "default")}


def test_router_advertisements_are_taken_and_withdrawn(make_lab: MakeLab) -> None:
    """A host that accepts them gets two addresses, checked and later deprecated, and a default router."""
    lab = make_lab("dual-stack")
    host, peer = lab.hosts["service"], lab.hosts["peer"]
    before = on_link(peer)
    host.apply(AcceptRouters(prefer_temporary=True))
    advertise(lab, 3600)
    assert Deadline(30, "the addresses").until(
        lambda: [row.temporary for row in sorted(advertised(host), key=lambda row: row.temporary)] == [False, True]
    )
    assert all(row.tentative for row in advertised(host))
    assert Deadline(30, "the addresses to be usable").until(
        lambda: not any(row.tentative or row.deprecated for row in advertised(host))
    )
    assert default_routers(host) == {"fe80::5eff:fe10:2"}
    advertise(lab, 0)
    assert Deadline(30, "the withdrawal").until(lambda: all(row.deprecated for row in advertised(host)))
    assert len(advertised(host)) == 2
    assert default_routers(host) == set()
    assert {row.deprecated for row in host.prober.addresses() if row not in advertised(host)} == {False}
    assert on_link(peer) == before


@pytest.mark.parametrize("prefer", [False, True])
def test_temporary_addresses_are_preferred_if_so_wished(make_lab: MakeLab, *, prefer: bool) -> None:
    """Without a bound source (RFC 6724 §5 rule 7) packets leave from the temporary address, or from the public one."""
    lab = make_lab("dual-stack")
    host = lab.hosts["service"]
    host.apply(AcceptRouters(prefer_temporary=prefer))
    advertise(lab, 3600)
    assert Deadline(30, "the addresses to be usable").until(
        lambda: [row.tentative for row in advertised(host)] == [False, False]
    )
    target = lab.hosts["peer"].plan.address(Family.IPV6)
    dialled = host.prober.dial(Dial(Family.IPV6, target, PORT, Transport.UDP, AppProtocol.ECHO, timeout=0.1))
    temporary = {row.address for row in advertised(host) if row.temporary}
    assert {dialled.source} == (temporary if prefer else {host.plan.address(Family.IPV6)})


def test_hosts_believe_no_router_unless_they_are_told_to(make_lab: MakeLab) -> None:
    """An advertisement on the link changes no host of an ordinary lab."""
    lab = make_lab("dual-stack")
    before = {name: on_link(host) for name, host in lab.hosts.items()}
    advertise(lab, 3600)
    assert {reach(lab, address) for address in lab.hosts["service"].plan.configured[Family.IPV6]} == {Outcome.ANSWERED}
    assert {name: on_link(host) for name, host in lab.hosts.items()} == before
    assert [default_routers(host) for host in lab.hosts.values()] == [set(), set()]
    prove(lab)
