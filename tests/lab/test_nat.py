"""Labs with NAT44: who sees whom at which address, and who reaches nobody."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from dualstack.addressing import plan_addresses
from dualstack.errors import BrokenLab
from dualstack.families import Family
from dualstack.lab.functions import FUNCTIONS
from dualstack.lab.functions.crossing import dialled_at, seen_at
from dualstack.lab.functions.function import Passage, Site
from dualstack.lab.functions.nat44 import NAT44
from dualstack.lab.netns import NetnsLab
from dualstack.lab.proving import prove
from dualstack.prober.messages import Dial, Dialled, Serve
from dualstack.topology import Topology, load_topology
from dualstack.transport import AppProtocol
from dualstack.world.translated import is_translated, near_clients

MakeLab = Callable[[Topology | str], NetnsLab]
PORT = 7000
HIDING = ["nat44", "nat444", "nat44-clients", "nat444-clients"]


def dial(lab: NetnsLab, source: str, target: str, address: str = "") -> Dialled:
    """Dial an address from a host; the server is on every address of another one, whose first one is the default."""
    own = lab.hosts[target].plan
    with lab.hosts[target].prober.serve(Serve(own.every(Family.IPV4) + own.every(Family.IPV6), PORT)):
        address = address or own.address(Family.IPV4)
        request = Dial(Family.of(address), address, PORT, protocol=AppProtocol.ECHO, timeout=2.0)
        return lab.hosts[source].prober.dial(request)


@pytest.mark.parametrize("name", HIDING)
def test_the_server_sees_the_router(make_lab: MakeLab, name: str) -> None:
    """Over IPv4 a server outside sees the outer address of the last router, over IPv6 the client's own."""
    lab = make_lab(name)
    inside, outside = ("service", "peer") if name in {"nat44", "nat444"} else ("peer", "service")
    expected = seen_at(lab.topology, lab.plan, inside, outside)
    last = "cgn" if "444" in name else "router"
    assert set(expected[Family.IPV4]) <= set(lab.plan.hosts[last].every(Family.IPV4))
    assert expected[Family.IPV6] == lab.plan.hosts[inside].configured[Family.IPV6]
    for family in Family:
        address = lab.hosts[outside].plan.address(family)
        with lab.hosts[outside].prober.serve(Serve((address,), PORT)) as serving:
            request = Dial(family, address, PORT, protocol=AppProtocol.ECHO, timeout=5.0)
            assert lab.hosts[inside].prober.dial(request).connected
            assert serving.accepted()[0].peer in expected[family]


@pytest.mark.parametrize("name", HIDING)
def test_nobody_gets_in_over_ipv4(make_lab: MakeLab, name: str) -> None:
    """Outside there is no route to a hidden address, and the router's outer address refuses; IPv6 is open both ways."""
    lab = make_lab(name)
    inside, outside = ("service", "peer") if name in {"nat44", "nat444"} else ("peer", "service")
    assert dial(lab, outside, inside).errno == "ENETUNREACH"
    outer = seen_at(lab.topology, lab.plan, inside, outside)[Family.IPV4][0]
    assert dial(lab, outside, inside, outer).errno == "ECONNREFUSED"
    assert dial(lab, outside, inside, lab.hosts[inside].plan.address(Family.IPV6)).connected


def test_two_hosts_share_one_address(make_lab: MakeLab) -> None:
    """Connections from both addresses of a hidden host arrive from one, with different ports."""
    lab = make_lab("nat44-clients")
    address = lab.hosts["service"].plan.address(Family.IPV4)
    with lab.hosts["service"].prober.serve(Serve((address,), PORT)) as serving:
        for source in lab.hosts["peer"].plan.configured[Family.IPV4]:
            request = Dial(Family.IPV4, address, PORT, source=source, protocol=AppProtocol.ECHO, timeout=5.0)
            assert lab.hosts["peer"].prober.dial(request).connected
        assert len({client.peer for client in serving.accepted()}) == 1


@pytest.mark.parametrize(
    ("name", "translated"),
    [
        ("nat44-clients", {Family.IPV4}),
        ("nat444-clients", {Family.IPV4}),
        ("nat64-clients", {Family.IPV4}),
        ("nat64-dns64", {Family.IPV6}),
        ("dual-stack", set()),
    ],
)
def test_near_clients_share_no_address(make_lab: MakeLab, name: str, translated: set[Family]) -> None:
    """Where clients are translated, a near client has an address at which the service sees none of them."""
    lab = make_lab(name)
    own = lab.topology.families("service")
    assert {family for family in own if is_translated(lab, family)} == translated
    for family in translated:
        shown = seen_at(lab.topology, lab.plan, "peer", "service")[family]
        assert shown
        assert not set(shown) & set(near_clients(lab, family).sources[family])


def test_a_router_that_does_not_translate_breaks_the_lab(make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof fails if the server sees another address than the router's outer one."""
    lab = make_lab("nat44")
    prove(lab)
    own, router = (lab.plan.hosts[name].every(Family.IPV4) for name in ("service", "router"))

    def passages(site: Site) -> tuple[Passage, ...]:
        return tuple(replace(one, seen=own[0] if one.seen else "") for one in NAT44.passages(site))

    wrong = {**FUNCTIONS, "nat44": replace(NAT44, passages=passages)}
    monkeypatch.setattr("dualstack.lab.functions.FUNCTIONS", wrong)
    with pytest.raises(BrokenLab, match=rf"'nat44' failed on host 'router'.*seen as {router[1]}, not as {own[0]}"):
        prove(lab)


@pytest.mark.parametrize(
    ("name", "client", "host", "at", "seen"),
    [
        ("dual-stack", "peer", "service", "198.51.100.1", "198.51.100.33"),
        ("nat444", "service", "peer", "198.18.2.33", "198.18.2.97"),
        ("nat44-clients", "peer", "service", "198.18.0.1", "198.18.0.65"),
        ("nat64-clients", "peer", "service", "2001:db8:64::c612:1", "198.18.2.1"),
    ],
)
def test_addresses_across(name: str, client: str, host: str, at: str, seen: str) -> None:
    """What a client dials and what a host sees follow from the topology: NAT44 changes one, NAT64 both."""
    topology = load_topology(name)
    plan = plan_addresses(topology)
    family = Family.IPV4
    assert dialled_at(topology, plan, client, host)[family][0] == at
    assert seen_at(topology, plan, client, host)[family][0] == seen
