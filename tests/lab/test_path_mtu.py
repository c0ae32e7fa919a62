"""The topology with a narrow hop: what crosses it, what the router reports, and what no host knows in advance."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family
from dualstack.lab.changes import AddAddress
from dualstack.lab.netns import NetnsLab
from dualstack.lab.proofs import judge
from dualstack.lab.proving import observe, prove
from dualstack.prober.messages import Dial, Outcome, Serve
from dualstack.topology import Topology
from dualstack.transport import AppProtocol, Transport
from dualstack.wire.capture import Capture
from dualstack.wire.expect import packets_too_big, path_mtu_heeded
from dualstack.wire.pathmtu import SETTLE_SECONDS

MakeLab = Callable[[Topology | str], NetnsLab]
EACH = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)
PORT, BULK, LINK, NARROW = 7990, 200_000, 1500, 1280


@EACH
def test_a_bulk_answer_crosses_the_hop(make_lab: MakeLab, tmp_path: Path, family: Family) -> None:
    """200 kB over TCP arrive: the first segments fit the link, and later ones the path MTU that the router reports."""
    lab = make_lab("pmtu-1280")
    prove(lab)
    service, peer = lab.hosts["service"], lab.hosts["peer"]
    with Capture.start(service, tmp_path / "x.pcap") as capture:
        with service.prober.serve(Serve((family.wildcard,), PORT, Transport.TCP, AppProtocol.ECHO)):
            address = service.plan.address(family)
            again = Deadline(3 * SETTLE_SECONDS, "what is sent later")
            while not again.expired:
                dialled = peer.prober.dial(Dial(family, address, PORT, protocol=AppProtocol.ECHO, token_size=BULK))
                assert dialled.outcome is Outcome.ANSWERED, dialled.detail
        wire = capture.stop()
    told = [(one.family, one.src, one.mtu) for one in packets_too_big(wire)]
    assert set(told) == {(family, lab.plan.hosts["router"].address(family), NARROW)}
    sizes = {own: {f.length for f in wire.frames if (f.outgoing_mac == wire.mac) is own} for own in (True, False)}
    assert [max(sizes[own]) for own in (True, False)] == [LINK, LINK], "neither end knew of the hop"
    finding = path_mtu_heeded(wire, NARROW, family)
    assert finding.ok, finding


@EACH
def test_a_large_datagram_is_lost_once(make_lab: MakeLab, family: Family) -> None:
    """Over IPv6 the first datagram, in fragments of the link's size, is lost; over IPv4 routers fragment again."""
    lab = make_lab("pmtu-1280")
    prove(lab)
    service, peer = lab.hosts["service"], lab.hosts["peer"]
    dial = Dial(family, service.plan.address(family), PORT, Transport.UDP, AppProtocol.ECHO, timeout=1, token_size=4000)
    with service.prober.serve(Serve((family.wildcard,), PORT, Transport.UDP, AppProtocol.ECHO)):
        outcomes = [peer.prober.dial(dial).outcome for _ in range(3)]
    first = Outcome.ANSWERED if family is Family.IPV4 else Outcome.SILENT
    assert outcomes == [first, Outcome.ANSWERED, Outcome.ANSWERED]


def test_no_host_learns_a_way_around_the_router(make_lab: MakeLab) -> None:
    """After traffic in both directions the router is still the first hop, with the same MTU: redirects are ignored."""
    lab = make_lab("pmtu-1280")
    service, peer = lab.hosts["service"], lab.hosts["peer"]
    for family in BOTH:
        dial = Dial(family, service.plan.address(family), PORT, protocol=AppProtocol.ECHO, token_size=BULK)
        with service.prober.serve(Serve((family.wildcard,), PORT, Transport.TCP, AppProtocol.ECHO)):
            assert peer.prober.dial(dial).outcome is Outcome.ANSWERED
    assert {"peer: behind-router", "peer: path-mtu"} < set(judge(lab.topology, observe(lab)))


def test_an_address_that_comes_later_is_behind_the_router_too(make_lab: MakeLab) -> None:
    """Routes exist for every address that a host can get, so a new address does not bypass the router."""
    lab = make_lab("pmtu-1280")
    service, peer = lab.hosts["service"], lab.hosts["peer"]
    late = service.plan.planned[Family.IPV6][1]
    service.apply(AddAddress(late))
    routes = {route.address: route.via for route in lab.plan.routes["peer"]}
    assert routes[late] == lab.plan.hosts["router"].address(Family.IPV6)
    with service.prober.serve(Serve((late,), PORT, Transport.TCP, AppProtocol.ECHO)):
        dialled = peer.prober.dial(Dial(Family.IPV6, late, PORT, protocol=AppProtocol.ECHO, token_size=BULK))
    assert dialled.outcome is Outcome.ANSWERED, dialled.detail


@EACH
def test_a_bulk_answer_is_lost_in_a_black_hole(make_lab: MakeLab, tmp_path: Path, family: Family) -> None:
    """Where the router is silent, the handshake and a small answer arrive, and of a bulk answer nothing ever does."""
    lab = make_lab("pmtu-blackhole")
    prove(lab)
    service, peer = lab.hosts["service"], lab.hosts["peer"]
    dial = Dial(family, service.plan.address(family), PORT, protocol=AppProtocol.ECHO, token_size=BULK, timeout=1)
    with Capture.start(service, tmp_path / "x.pcap") as capture:
        with service.prober.serve(Serve((family.wildcard,), PORT, Transport.TCP, AppProtocol.ECHO)):
            assert peer.prober.dial(replace(dial, token_size=100)).outcome is Outcome.ANSWERED
            lost = peer.prober.dial(dial)
        wire = capture.stop()
    assert (lost.outcome, lost.connected, lost.answer) == (Outcome.SILENT, True, "")
    assert not packets_too_big(wire)
    with pytest.raises(Inconclusive, match="there was no such hop"):
        path_mtu_heeded(wire, NARROW, family)
