"""The hosts on the service's links: one on each of them, which may have link-local addresses alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from dualstack.families import BOTH, Family
from dualstack.lab.protocol import Host, Lab
from dualstack.protocols.application import Trait
from dualstack.wire.capture import Capture
from dualstack.wire.expect import answered, arrived
from dualstack.world.clients import Clients, zones_of
from dualstack.world.elsewhere import Elsewhere
from dualstack.world.listening import ListenerWorld


def neighbours(lab: Lab) -> list[Host]:
    """Return another host on each link of the service, in the order of its interfaces: the peer, if it is there."""
    own, usual = lab.plan.service, lab.plan.client
    names = [name for name in sorted(lab.hosts, key=lambda name: name != usual) if name != own]
    links = [one.link for one in lab.hosts[own].plan.interfaces]
    found = (next((name for name in names if link in zones_of(lab.hosts[name])), "") for link in links)
    return [lab.hosts[name] for name in found if name]


def clients_on(host: Host) -> Clients:
    """Return clients on a neighbour of the service, whose kernel chooses their addresses."""
    return Clients(host, inside=False, addresses=dict.fromkeys(BOTH, ()), sources=dict.fromkeys(BOTH, ()))


@contextmanager
def recorded(world: ListenerWorld, host: Host) -> Iterator[None]:
    """Record a neighbour's packets in the block, and then require that its attempts over IPv6 are answered.

    For the peer, whose packets the capture of the case has, nothing is done.
    """
    if host.name == world.peer.name:
        yield
        return
    listener = world.listener
    with Capture.start(host, world.folder / f"{host.name}.pcap") as capture:
        yield
        wire = world.with_answers(capture.stop())
    world.elsewhere.append(Elsewhere("neighbour", host, wire))
    world.note(f"the packets on the link of host {host.name!r} are in {host.name}.pcap")
    if Trait.ONE_WAY in listener.traits:
        world.shows(lambda wire: arrived(wire, listener.port, Family.IPV6), lambda: wire)
    else:
        world.shows(lambda wire: answered(wire, listener.port, Family.IPV6, transport=listener.transport), lambda: wire)
