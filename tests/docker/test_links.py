"""The world with two links, made of containers: two prefixes on one Ethernet, and a router with two interfaces."""

from collections.abc import Callable
from pathlib import Path

from dualstack.families import BOTH, Family
from dualstack.lab.docker.backend import DockerLab
from dualstack.lab.docker.engine import Engine
from dualstack.lab.proving import prove
from dualstack.prober.messages import Dial, Outcome, Serve
from dualstack.topology import Topology
from dualstack.transport import AppProtocol
from dualstack.wire.capture import Capture

MakeLab = Callable[[Topology | str], DockerLab]
PORT = 7990


def test_packets_cross_the_router_and_lose_one_hop(make_lab: MakeLab, tmp_path: Path) -> None:
    """The service's host gets the client's packets from the router's interface on its link, with a hop limit of 63."""
    lab = make_lab("two-links")
    assert {"peer: ipv4-hops", "peer: ipv6-hops", "router: forwards"} < set(prove(lab))
    service, peer, router = (lab.plan.hosts[name] for name in ("service", "peer", "router"))
    for family in BOTH:
        dial = Dial(family, service.address(family), PORT, protocol=AppProtocol.ECHO)
        with Capture.start(lab.hosts["service"], tmp_path / f"{family.value}.pcap") as capture:
            with lab.hosts["service"].prober.serve(Serve((family.wildcard,), PORT)):
                assert lab.hosts["peer"].prober.dial(dial).outcome is Outcome.ANSWERED
            wire = capture.stop()
        assert wire.mac == service.mac
        came = [frame for frame in wire.frames if frame.kind == "tcp" and frame.outgoing_mac != wire.mac]
        assert {frame.src for frame in came} <= set(peer.configured[family])
        assert {frame.hop_limit for frame in came} == {63}
        left = {frame.next_mac for frame in wire.frames if frame.kind == "tcp" and frame.outgoing_mac == wire.mac}
        assert left == {router.mac}


def test_hosts_have_the_addresses_of_their_links_only(engine: Engine, make_lab: MakeLab) -> None:
    """The engine's network has room for both links, and each interface has the prefix length of its link alone."""
    lab = make_lab("two-links")
    found = engine.api.inspect_network(lab.network.identity)
    assert {pool["Subnet"] for pool in found["IPAM"]["Config"]} == {str(lab.network.ipv4), str(lab.network.ipv6)}
    assert (lab.network.ipv4.prefixlen, lab.network.ipv6.prefixlen) == (23, 63)
    for name, host in lab.hosts.items():
        rows = [row for row in host.prober.addresses() if row.interface != "lo"]
        own = {(row.interface, row.address, row.prefix_length) for row in rows if not row.address.startswith("fe80:")}
        lengths = {Family.IPV4: 24, Family.IPV6: 64}
        assert own == {
            (f"eth{place}", address, lengths[family])
            for place, one in enumerate(lab.plan.hosts[name].interfaces)
            for family in BOTH
            for address in one.configured[family]
        }
