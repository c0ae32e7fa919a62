"""The tunnel of a lab: what crosses the IPv4 link under it, beside what the service's host sees."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from dualstack.errors import HarnessError
from dualstack.families import Family
from dualstack.lab.protocol import Host, Lab
from dualstack.wire.capture import Capture
from dualstack.wire.evidence import CaptureData
from dualstack.wire.expect import tunnelled
from dualstack.world.base import World
from dualstack.world.elsewhere import Elsewhere

OUTER = "tunnel.pcap"
"""The capture of the IPv4 link under the tunnel, beside the case's own capture."""


def tunnel_ends(lab: Lab) -> tuple[Host, Host]:
    """Return the ends of the lab's tunnel: first the one on the service's link.

    Raises:
        HarnessError: The topology has no tunnel.
    """
    topology = lab.topology
    name = next((link for link, spec in topology.links.items() if spec.over), "")
    if not name:
        raise HarnessError(f"topology {topology.name} has no tunnel")
    own = lab.hosts["service"].plan.interfaces[0].link
    near, far = sorted(topology.ends(name), key=lambda end: own not in topology.host[end].on)
    return lab.hosts[near], lab.hosts[far]


@contextmanager
def outer_packets(world: World) -> Iterator[None]:
    """Record the link under the tunnel in the block, and then require that the port's packets crossed it in the tunnel.

    Nothing is required if the block raises an exception.
    """
    near, far = tunnel_ends(world.lab)
    ends = [next(address for address in end.plan.every(Family.IPV4)) for end in (near, far)]
    with Capture.start(far, world.folder / OUTER) as capture:
        yield
        wire = _of_link(capture.stop(), far, world.lab)
    world.elsewhere.append(Elsewhere("tunnel", far, wire))
    world.note(f"the packets on the IPv4 link under the tunnel are in {OUTER}")
    world.require(tunnelled(wire, ends[0], ends[1], world.element.port))


def _of_link(wire: CaptureData, end: Host, lab: Lab) -> CaptureData:
    """Return a capture with the packets alone that an end sends or gets on the link under the tunnel.

    In docker labs its interface there may carry those of its other link, too: the one is made on top of the other.
    """
    under = {link.over for link in lab.topology.links.values()}
    own = next(one.mac for one in end.plan.interfaces if one.link in under).lower()
    return replace(wire, frames=tuple(frame for frame in wire.frames if own in (frame.outgoing_mac, frame.next_mac)))
