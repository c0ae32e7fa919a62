"""The least possible cost of a lab: the same objects, settings and readiness check, with hand-packed rtnetlink only.

``python benchmarks/floor.py`` reads numbers of labs from standard input and prints the seconds that each number took.
``python benchmarks/floor.py drain`` reads lines. It answers each when the kernel has removed every namespace that was
closed before, with the seconds that this took: the kernel removes namespaces after a lab has ended.
"""

import os
import select
import socket
import struct
import sys
import time
from pathlib import Path

from dualstack.addressing import Plan, plan_addresses
from dualstack.families import BOTH, Family
from dualstack.lab import sysctl
from dualstack.lab.namespaces import enter_namespaces, run_as_first_process
from dualstack.lab.offload import offloads_off
from dualstack.lab.setup import namespace_settings
from dualstack.prober import libc
from dualstack.topology import HostSpec, Topology

NEWLINK, DELLINK, GETLINK, NEWADDR = 16, 17, 18, 20
REQUEST, ACK, CREATE, EXCLUSIVE = 0x1, 0x4, 0x400, 0x200
UP = 1
IFNAME, MASTER, OPERSTATE, LINKINFO, NET_NS_FD, EXT_MASK, ADDRESS = 3, 10, 16, 18, 28, 29, 1
KIND, DATA, SLAVE_DATA = 1, 2, 5
OPERSTATE_UP, FORWARDING = 6, 3


def topology_of_three() -> Topology:
    """Return a topology of three dual-stack hosts."""
    hosts = {name: HostSpec() for name in ("service", "peer", "third")}
    return Topology(name="three", title="Three", represents="three", summary="", host=hosts)


def attribute(kind: int, value: bytes) -> bytes:
    """Pack one attribute."""
    return struct.pack("=HH", len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def message(kind: int, flags: int, body: bytes) -> bytes:
    """Pack one message that asks for an acknowledgement."""
    return struct.pack("=IHHII", 16 + len(body), kind, REQUEST | ACK | flags, 1, 0) + body


def link(index: int, flags: int, *attributes: bytes, family: int = 0) -> bytes:
    """Pack a struct ifinfomsg and its attributes."""
    return struct.pack("=BxHiII", family, 0, index, flags, flags) + b"".join(attributes)


def text(kind: int, value: str) -> bytes:
    """Pack a string attribute."""
    return attribute(kind, value.encode() + b"\0")


class Kernel:
    """An rtnetlink socket of the namespace in which it is made."""

    def __init__(self) -> None:
        """Open it."""
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)

    def do(self, *messages: bytes) -> None:
        """Send messages in one piece and check every acknowledgement."""
        self.socket.send(b"".join(messages))
        waiting = len(messages)
        while waiting:
            data = self.socket.recv(1 << 16)
            while data:
                length, kind = struct.unpack_from("=IH", data)
                if kind == 2:
                    (error,) = struct.unpack_from("=i", data, 16)
                    if error:
                        raise OSError(-error, os.strerror(-error))
                    waiting -= 1
                data = data[(length + 3) & ~3 :]

    def link(self, index: int) -> dict[int, bytes]:
        """Return the attributes of a link, without its statistics."""
        body = link(index, 0, attribute(EXT_MASK, struct.pack("=I", 8)))
        self.socket.send(struct.pack("=IHHII", 16 + len(body), GETLINK, REQUEST, 1, 0) + body)
        return attributes(self.socket.recv(1 << 16)[32:])


def attributes(data: bytes) -> dict[int, bytes]:
    """Unpack attributes."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def build(topology: Topology, plan: Plan) -> list[int]:
    """Make a lab, wait until it is ready, and return the descriptors that keep it alive."""
    switch_fd, switch = namespace(sysctl.switch_settings())
    info = text(KIND, "bridge") + attribute(
        DATA, attribute(5, struct.pack("=I", 0)) + attribute(23, struct.pack("=B", 0))
    )
    create = CREATE | EXCLUSIVE
    switch.do(message(NEWLINK, create, link(2, UP, text(IFNAME, "link"), attribute(LINKINFO, info))))
    fds, hosts = [switch_fd], []
    for place, name in enumerate(topology.host):
        fd, host = namespace(namespace_settings(topology, name))
        mac = bytes.fromhex(plan.hosts[name].mac.replace(":", ""))
        peer = link(2, 0, text(IFNAME, "eth0"), attribute(ADDRESS, mac), attribute(NET_NS_FD, struct.pack("=I", fd)))
        info = text(KIND, "veth") + attribute(DATA, attribute(1, peer))
        port = link(
            3 + place,
            UP,
            text(IFNAME, f"port{place}"),
            attribute(MASTER, struct.pack("=I", 2)),
            attribute(LINKINFO, info),
        )
        switch.do(message(NEWLINK, create, port))
        offloads_off("eth0")
        addresses = [address(plan, family, a) for family in BOTH for a in plan.hosts[name].configured[family]]
        host.do(message(NEWLINK, 0, link(1, UP)), *addresses, message(NEWLINK, 0, link(2, UP)))
        fds.append(fd)
        hosts.append((fd, host, plan.hosts[name].configured[Family.IPV6]))
    wait_until_ready(switch, hosts)
    for kernel in (switch, *(host for _, host, _ in hosts)):
        kernel.socket.close()
    return fds


def namespace(settings: dict[str, str]) -> tuple[int, Kernel]:
    """Make a namespace and stay in it."""
    libc.unshare(libc.CLONE_NEWNET)
    sysctl.apply(settings)
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY), Kernel()


def address(plan: Plan, family: Family, literal: str) -> bytes:
    """Pack the message that adds an address to a host's interface."""
    packed = socket.inet_pton(family.af, literal)
    flags = 2 if family is Family.IPV6 else 0
    header = struct.pack("=BBBBi", family.af, plan.prefix_length(family), flags, 0, 2)
    body = header + attribute(2, packed) + attribute(1, packed)
    return message(NEWADDR, CREATE | EXCLUSIVE, body)


def wait_until_ready(switch: Kernel, hosts: list[tuple[int, Kernel, tuple[str, ...]]]) -> None:
    """Wait until ports forward, interfaces are up and solicited-node groups are joined."""
    for place, (fd, host, addresses) in enumerate(hosts):
        while not port_ready(switch, place):
            select.select([], [], [], 0.001)
        while not host_ready(fd, host, addresses):
            select.select([], [], [], 0.001)


def port_ready(switch: Kernel, place: int) -> bool:
    """Return whether a port of the bridge is up and forwards."""
    port = switch.link(3 + place)
    slave = attributes(attributes(port[LINKINFO])[SLAVE_DATA])
    return port[OPERSTATE][0] == OPERSTATE_UP and slave[1][0] == FORWARDING


def host_ready(fd: int, host: Kernel, addresses: tuple[str, ...]) -> bool:
    """Return whether a host's interface is up, its addresses usable and its solicited-node groups joined."""
    if host.link(2)[OPERSTATE][0] != OPERSTATE_UP:
        return False
    libc.setns(fd, libc.CLONE_NEWNET)
    rows = [line.split() for line in Path("/proc/thread-self/net/if_inet6").read_text().splitlines()]
    usable = [row[0] for row in rows if row[5] == "eth0" and not int(row[4], 16) & 0x40]
    groups = Path("/proc/thread-self/net/igmp6").read_text()
    joined = all(f"ff0200000000000000000001ff{one[-6:]}" in groups for one in usable)
    return len(usable) == len(addresses) + 1 and joined


def serve(_: int) -> None:
    """Read numbers from standard input; make that many labs and print the seconds."""
    libc.mount("none", "/", flags=libc.MS_REC | libc.MS_PRIVATE)
    libc.mount("proc", "/proc", "proc")
    topology = topology_of_three()
    plan = plan_addresses(topology)
    for line in sys.stdin:
        started = time.perf_counter()
        for _ in range(int(line)):
            for fd in build(topology, plan):
                os.close(fd)
        sys.stdout.write(f"{time.perf_counter() - started}\n")
        sys.stdout.flush()


def serve_drain(_: int) -> None:
    """Wait, for each line, until the kernel has removed all namespaces; it removes them in the order of their ends."""
    libc.mount("none", "/", flags=libc.MS_REC | libc.MS_PRIVATE)
    libc.mount("proc", "/proc", "proc")
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    here = Kernel()
    events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    events.bind((0, 1))
    for _line in sys.stdin:
        started = time.perf_counter()
        fd, there = namespace({})
        libc.setns(home)
        there.socket.close()
        peer = link(0, 0, text(IFNAME, "far"), attribute(NET_NS_FD, struct.pack("=I", fd)))
        info = text(KIND, "veth") + attribute(DATA, attribute(1, peer))
        here.do(message(NEWLINK, CREATE | EXCLUSIVE, link(0, 0, text(IFNAME, "near"), attribute(LINKINFO, info))))
        os.close(fd)
        while struct.unpack_from("=IH", events.recv(1 << 16))[1] != DELLINK:
            pass
        sys.stdout.write(f"{time.perf_counter() - started}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    enter_namespaces()
    run_as_first_process(serve_drain if sys.argv[1:] == ["drain"] else serve, os.getppid())
