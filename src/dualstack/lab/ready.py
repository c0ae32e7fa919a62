"""When a lab's link carries packets: read from the kernel, so that no packet is lost and no sleep is needed.

On a new bridge 10 to 20 % of labs lose the first ARP request or neighbour solicitation and stall for a second. Two
things happen later than the system calls that ask for them: the queue of an interface is opened when the kernel's link
watcher has seen the carrier (``operstate`` becomes UP), and a worker joins the solicited-node group of an address.
"""

import contextlib
import select
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from dualstack.deadline import Deadline
from dualstack.lab.ipv6_addresses import LOOK_SECONDS, unready_addresses, unrouted_address
from dualstack.lab.netlink import INTERFACE_INDEX, Namespace, count_links, device_index, port_index
from dualstack.lab.setup import HostSetup, InterfaceSetup
from dualstack.prober import libc


def wait_until_ready(setups: Sequence[HostSetup], switch: Namespace, hosts: Mapping[str, Namespace]) -> None:
    """Wait until every port forwards and every host can send and be found; leave the thread in a host's namespace.

    Raises:
        DeadlineExpired: They are not ready in time; the message says what was missing.
    """
    deadline = Deadline(5.0, "the lab's link to carry packets")
    namespaces = (switch, *hosts.values())
    links = count_links(setups)
    own = [(setup.name, number, one) for setup in setups for number, one in enumerate(setup.interfaces)]
    checks = [partial(_unready_port, switch, links, place) for place in range(len(own))]
    checks += [partial(_unready_interface, hosts[name], name, number, one) for name, number, one in own]
    devices = [(setup, one.name) for setup in setups for one in setup.devices]
    checks += [partial(_unready_device, hosts[setup.name], setup, name) for setup, name in devices]
    with select.epoll() as events:
        for namespace in namespaces:
            events.register(namespace.events, select.EPOLLIN)
        for check in checks:
            while missing := check():
                deadline.check(missing)
                _next_event(events, namespaces)


def _next_event(events: select.epoll, namespaces: Iterable[Namespace]) -> None:
    """Wait for a change of any link, for a millisecond at most."""
    happened = {fd for fd, _ in events.poll(LOOK_SECONDS)}
    for namespace in namespaces:
        if namespace.events.fileno() in happened:
            with contextlib.suppress(OSError):  # ENOBUFS: events were lost, and everything is looked at again
                namespace.events.recv(1 << 16)


def _unready_port(switch: Namespace, links: int, place: int) -> str:
    """Return why a port of a bridge does not forward; empty if it does."""
    state = switch.rtnl.state(port_index(links, place))
    return "" if state.up and state.forwarding else f"port {place} of the bridge does not forward"


def _unready_device(host: Namespace, setup: HostSetup, name: str) -> str:
    """Return why a host cannot send over a device, or be found at its addresses; empty if it can."""
    if not host.rtnl.state(device_index(setup, name)).up:
        return f"{name} of {setup.name} is not up"
    libc.setns(host.fd, libc.CLONE_NEWNET)
    device = next(one for one in setup.devices if one.name == name)
    missing = unrouted_address([address for address, _ in device.addresses])
    return f"{name} of {setup.name} does not accept packets for {missing} yet" if missing else ""


def _unready_interface(host: Namespace, name: str, number: int, own: InterfaceSetup) -> str:
    """Return why a host cannot send or be found on a link; empty if it can."""
    if not host.rtnl.state(INTERFACE_INDEX + number).up:
        return f"eth{number} of {name} is not up"
    if not own.ipv6_addresses:
        return ""
    libc.setns(host.fd, libc.CLONE_NEWNET)
    missing = unready_addresses(f"eth{number}", own.ipv6_addresses)
    return f"{name}: {missing}" if missing else ""
