"""When a lab's link carries packets: asked of the kernel, so that nobody has to sleep or to repair a lost first packet.

On a fresh bridge 10 to 20 % of labs lose the first ARP or neighbour solicitation and stall for a second. Two things
happen later than the system calls that ask for them: an interface's queue is opened when the kernel's link watcher has
seen the carrier (``operstate`` becomes UP), and the solicited-node group of an address is joined by a worker.
"""

import ipaddress
import select
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from dualstack.addressing import HostPlan
from dualstack.deadline import Deadline
from dualstack.families import Family
from dualstack.lab.netlink import FIRST_PORT_INDEX, INTERFACE, INTERFACE_INDEX, Namespace
from dualstack.prober import libc
from dualstack.topology import HostSpec, Topology

_TENTATIVE = 0x40
"""IFA_F_TENTATIVE."""

_POLL_SECONDS = 0.001
"""How long to wait for an event of a link before looking again: joining a group is announced by no event."""


def wait_until_ready(
    topology: Topology, plans: Mapping[str, HostPlan], switch: Namespace, hosts: Mapping[str, Namespace]
) -> None:
    """Wait until every port forwards and every host can send and be found; leaves the thread in a host's namespace.

    Raises:
        DeadlineExpired: It did not come about; the message says what was missing.
    """
    deadline = Deadline(5.0, "the lab's link to carry packets")
    namespaces = (switch, *hosts.values())
    lacks = [partial(_unready_port, switch, place) for place in range(len(hosts))]
    lacks += [partial(_unready_host, hosts[name], spec, plans[name]) for name, spec in topology.host.items()]
    with select.epoll() as events:
        for namespace in namespaces:
            events.register(namespace.events, select.EPOLLIN)
        for lack in lacks:
            while missing := lack():
                deadline.check(missing)
                _next_event(events, namespaces)


def _next_event(events: select.epoll, namespaces: Iterable[Namespace]) -> None:
    """Wait for a change of any link, shortly."""
    happened = {fd for fd, _ in events.poll(_POLL_SECONDS)}
    for namespace in namespaces:
        if namespace.events.fileno() in happened:
            namespace.events.recv(1 << 16)


def _unready_port(switch: Namespace, place: int) -> str:
    """Return what keeps a port of the bridge from forwarding, empty when nothing does."""
    state = switch.rtnl.state(FIRST_PORT_INDEX + place)
    return "" if state.up and state.forwarding else f"port {place} of the bridge does not forward"


def _unready_host(host: Namespace, spec: HostSpec, plan: HostPlan) -> str:
    """Return what keeps a host from sending and being found, empty when nothing does."""
    if not host.rtnl.state(INTERFACE_INDEX).up:
        return f"{INTERFACE} of {plan.name} is not up"
    if spec.disable_ipv6 or not (spec.ipv6 or spec.link_local):
        return ""
    libc.setns(host.fd, libc.CLONE_NEWNET)
    addresses = [line.split() for line in Path("/proc/thread-self/net/if_inet6").read_text().splitlines()]
    own = [fields for fields in addresses if fields[5] == INTERFACE]
    wanted = len(plan.configured[Family.IPV6]) + spec.link_local
    settled = [fields[0] for fields in own if not int(fields[4], 16) & _TENTATIVE]
    if len(settled) < wanted:
        return f"{len(settled)} of {wanted} IPv6 addresses of {plan.name} are usable"
    joined = Path("/proc/thread-self/net/igmp6").read_text()
    lost = [address for address in settled if f"ff0200000000000000000001ff{address[-6:]}" not in joined]
    return f"solicited-node group of {ipaddress.IPv6Address(bytes.fromhex(lost[0]))} not joined" if lost else ""
