"""The world with a narrow hop, made of containers: one link, with a router that no packet can bypass."""

from collections.abc import Callable
from pathlib import Path

from dualstack.deadline import Deadline
from dualstack.families import BOTH, Family
from dualstack.lab.docker.backend import DockerBackend, DockerLab
from dualstack.lab.proofs import judge
from dualstack.lab.proving import observe, prove
from dualstack.prober.messages import Dial, Outcome, Serve
from dualstack.topology import Topology, load_topology
from dualstack.transport import AppProtocol, Transport
from dualstack.wire.capture import Capture
from dualstack.wire.expect import packets_too_big, path_mtu_heeded
from dualstack.wire.pathmtu import SETTLE_SECONDS

MakeLab = Callable[[Topology | str], DockerLab]
PORT, BULK, LINK, NARROW = 7990, 200_000, 1500, 1280


def test_what_crosses_the_hop(make_lab: MakeLab, tmp_path: Path) -> None:
    """Bulk answers over TCP arrive, a large datagram is lost once over IPv6, and the router is not got around."""
    lab = make_lab("pmtu-1280")
    prove(lab)
    service, peer = lab.hosts["service"], lab.hosts["peer"]
    for family in BOTH:
        address = service.plan.address(family)
        datagram = Dial(family, address, PORT, Transport.UDP, AppProtocol.ECHO, timeout=1, token_size=4000)
        bulk = Dial(family, address, PORT, protocol=AppProtocol.ECHO, token_size=BULK)
        with Capture.start(service, tmp_path / f"{family.value}.pcap") as capture:
            with service.prober.serve(Serve((family.wildcard,), PORT, Transport.UDP, AppProtocol.ECHO)):
                outcomes = [peer.prober.dial(datagram).outcome for _ in range(3)]
            with service.prober.serve(Serve((family.wildcard,), PORT, Transport.TCP, AppProtocol.ECHO)):
                again = Deadline(3 * SETTLE_SECONDS, "what is sent later")
                while not again.expired:
                    assert peer.prober.dial(bulk).outcome is Outcome.ANSWERED
            wire = capture.stop()
        first = Outcome.ANSWERED if family is Family.IPV4 else Outcome.SILENT
        assert outcomes == [first, Outcome.ANSWERED, Outcome.ANSWERED]
        told = {(one.src, one.mtu) for one in packets_too_big(wire)}
        assert told == {(lab.plan.hosts["router"].address(family), NARROW)}
        assert max(frame.length for frame in wire.frames) <= LINK, "segmentation offload is off"
        finding = path_mtu_heeded(wire, NARROW, family)
        assert finding.ok, finding
    assert {"peer: behind-router", "peer: path-mtu"} < set(judge(lab.topology, observe(lab)))


def test_a_lab_with_a_router_serves_one_case(backend: DockerBackend) -> None:
    """What a router has said is remembered by kernels for minutes, so such a lab is not used again."""
    lab = backend.up(load_topology("pmtu-1280"))
    lab.close()
    backend.settle_idle()
    again = backend.up(load_topology("pmtu-1280"))
    assert again is not lab
    assert again.network.identity != lab.network.identity
    again.close()
