"""An IPv4-mapped address in a real packet is seen on the link.

No service of the zoo can send one: a confined service has no raw socket. So the host's prober does it here.
"""

from collections.abc import Callable
from pathlib import Path

from dualstack.families import Family
from dualstack.lab.netns import NetnsLab
from dualstack.prober.messages import SpoofedDatagram
from dualstack.topology import Topology
from dualstack.wire.capture import Capture
from dualstack.wire.expect import no_mapped_on_wire

MakeLab = Callable[[Topology | str], NetnsLab]


def test_a_mapped_source_on_the_link_is_found(make_lab: MakeLab, tmp_path: Path) -> None:
    """Of two captures only the one with a packet from ::ffff:a.b.c.d breaks what SEC-005 requires of the wire."""
    lab = make_lab("dual-stack")
    service, peer = lab.hosts["service"], lab.hosts["peer"]
    found = []
    for number, sources in enumerate(((), ("::ffff:198.51.100.33",))):
        with Capture.start(service, tmp_path / f"{number}.pcap") as capture:
            for source in sources:
                service.prober.call(SpoofedDatagram(source, 4001, peer.plan.address(Family.IPV6), 4002, "x"))
            found.append(no_mapped_on_wire(capture.stop()))
    assert [finding.ok for finding in found] == [True, False]
    assert "::ffff:198.51.100.33" in found[1].packets[0]
