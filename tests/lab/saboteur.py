"""Entry points that break a lab from the inside; the supervisor of the tests' backend can import them."""

import json
import os
import select
import socket
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute

from dualstack.errors import HarnessError
from dualstack.families import Family
from dualstack.lab import facts, nftables, sysctl
from dualstack.lab.docker.configure import configure
from dualstack.lab.path_probe import cross
from dualstack.prober.seccomp import restrict


def obey(stream: socket.socket) -> None:
    """Carry out one list of changes, each ``[what, how, fields]``, and answer a line when they are done."""
    with stream.makefile("rb") as lines, IPRoute() as route:
        for what, how, fields in json.loads(lines.readline()):
            _change(route, what, how, fields)
    stream.sendall(b"done\n")


def _change(route: IPRoute, what: str, how: str, fields: dict[str, Any]) -> None:
    """Change an address, a route, a link, a neighbour or a setting, or delete the filters of a router."""
    if what == "sysctl":
        Path("/proc/sys/net", how).write_text(fields["value"])
        return
    if what == "nftables":
        for family in map(Family, fields["families"]):
            nftables.send(nftables.delete_filter(how, family))
        return
    getattr(route, what)(how, **fields)


def serve_without_inet6(stream: socket.socket) -> None:
    """Report the kernel's facts in a process without AF_INET6."""
    restrict(af_inet6=False)
    facts.serve(stream)


def serve_with_open_sandbox(stream: socket.socket) -> None:
    """Report the kernel's facts with a sandbox without its filter."""

    def unrestricted(*, af_inet6: bool) -> None:
        """Remove nothing."""

    vars(facts)["restrict"] = unrestricted
    facts.serve(stream)


def serve_with_ipv4_frame(stream: socket.socket) -> None:
    """Report the kernel's facts, and send an ARP request on eth0 before paths are probed."""
    _serve_with_frame(stream, 0x0806)


def serve_with_ipv6_frame(stream: socket.socket) -> None:
    """Report the kernel's facts, and send an IPv6 packet on eth0 before paths are probed."""
    _serve_with_frame(stream, 0x86DD)


def _serve_with_frame(stream: socket.socket, kind: int) -> None:
    """Report the kernel's facts, and broadcast a frame of an EtherType on eth0 before paths are probed."""

    def noisy(*arguments: Any) -> tuple[str, str]:
        """Send the frame, then probe."""
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as raw:
            raw.sendto(bytes(40), ("eth0", kind, 0, 0, b"\xff" * 6))
        return cross(*arguments)

    vars(facts)["cross"] = noisy
    facts.serve(stream)


def write_odd_setting(stream: socket.socket) -> None:
    """Try to apply a setting that reads back as something else, and one that does not exist; send the errors."""
    told = []
    for settings in ({"ipv4/ip_unprivileged_port_start": "00"}, {"ipv6/no_such_thing": "1"}):
        try:
            sysctl.apply(settings)
            told.append("")
        except HarnessError as error:
            told.append(str(error))
    stream.sendall(json.dumps(told).encode() + b"\n")


def look_around(stream: socket.socket) -> None:
    """Send what a process in a host sees of the machine."""
    seen = {
        "hostname": socket.gethostname(),
        "files": {
            name: Path("/etc", name).read_text() for name in ("resolv.conf", "hosts", "nsswitch.conf", "hostname")
        },
        "interfaces": sorted(name for _, name in socket.if_nameindex()),
        "sysfs": sorted(entry.name for entry in Path("/sys/class/net").iterdir()),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())) - 1,
        "localhost": sorted({row[4][0] for row in socket.getaddrinfo("localhost", 80)}),
        "uid": os.getuid(),
    }
    stream.sendall(json.dumps(seen).encode() + b"\n")


def wait_for_the_end(stream: socket.socket) -> None:
    """Run until the stream ends."""
    stream.sendall(b"here\n")
    stream.recv(1)


def fail(_: socket.socket) -> None:
    """Raise."""
    raise RuntimeError("as asked")


def configure_as_container(stream: socket.socket) -> None:
    """Configure the host as the supervisor of a pause container does: kernel settings, then the request."""
    with stream.makefile("rb") as lines:
        asked = json.loads(lines.readline())
    sysctl.apply(asked["settings"])
    configure(asked["request"] | {"files": {}})
    stream.sendall(b"done\n")


def neighbours(stream: socket.socket) -> None:
    """Send address and hardware address of every neighbour that was found."""
    with IPRoute() as route:
        rows = [dict(row["attrs"]) for row in route.get_neighbours()]
    found = [(row["NDA_DST"], row["NDA_LLADDR"]) for row in rows if "NDA_LLADDR" in row]
    stream.sendall(json.dumps(found).encode() + b"\n")


def refuse(stream: socket.socket) -> None:
    """Answer as a daemon to which the machine refuses something."""
    stream.makefile("rb").readline()
    stream.sendall(json.dumps({"error": "no packet sockets here", "cannot": True}).encode() + b"\n")


def echoed(stream: socket.socket) -> None:
    """Send bytes to a server that echoes them; answer how many came back, and whether they are the same."""
    asked = json.loads(stream.makefile("rb").readline())
    data = os.urandom(asked["size"])
    with socket.create_connection((asked["address"], asked["port"]), timeout=20) as connection:
        connection.setblocking(False)
        sent, received = 0, b""
        while len(received) < len(data):
            readable, writable, _ = select.select([connection], [connection] if sent < len(data) else [], [], 20)
            if writable:
                sent += connection.send(data[sent : sent + (1 << 16)])
            if readable and not (piece := connection.recv(1 << 16)):
                break
            received += piece if readable else b""
    stream.sendall(json.dumps([len(received), received == data]).encode() + b"\n")


def own_address(stream: socket.socket) -> None:
    """Answer the source address towards a host, and the MTU of the path."""
    address = json.loads(stream.makefile("rb").readline())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect((address, 9))
        found = [one.getsockname()[0], one.getsockopt(socket.IPPROTO_IP, 14)]  # IP_MTU
    stream.sendall(json.dumps(found).encode() + b"\n")
