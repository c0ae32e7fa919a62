"""What a host's kernel reports: gathered inside the host, judged by `proofs` outside.

`serve` is an entry point. Each request and each answer is one JSON object a line:

* ``{"do": "look", "confined": bool, "listen": [address, ...], "watch": [interface, ...]}`` → ``facts``: `Facts`;
  ``ports``: for each address the TCP port that listens from now on, 0 if it cannot be bound. From now on the frames on
  the interfaces to watch are counted;
* ``{"do": "dial", "targets": [[address, port], ...], "routes": [address, ...], "seconds": seconds for all}`` →
  ``targets``: the outcome of each connection; ``routes``: whether the kernel has a route to each address. Every outcome
  is an empty text or the errno's name;
* ``{"do": "probe", "targets": [[address, far address], ...], "largest": bytes, "fits": bytes}`` → ``paths``: the result
  of `path_probe.probe_path` for each;
* ``{"do": "cross", "targets": [[address, hop limit], ...], "seconds": for all probes}`` → ``crossings``: the result of
  `path_probe.cross` for each;
* ``{"do": "solicit", "interface": name}`` → ``prefixes``: those that a router advertises there (PREF64, RFC 8781);
* ``{"do": "accepted", "port": port}`` → ``peers``: the addresses of those whose connections that port has taken since
  it was last asked, in order;
* ``{"do": "count"}`` → ``frames``: for each watched interface what `tap.count` returns.
"""

import array
import errno
import fcntl
import json
import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dualstack.deadline import Deadline
from dualstack.families import BOTH, Family
from dualstack.lab.ipv6_addresses import ipv6_addresses
from dualstack.lab.path_probe import cross, probe_path
from dualstack.lab.reaching import dial, find_route, listen
from dualstack.lab.tap import count, watch
from dualstack.lab.translating.advertising import solicit
from dualstack.prober.seccomp import restrict

_NET = "/proc/thread-self/net"
_SYSCTL = "/proc/sys/net/ipv6"

_FORWARDING = {
    Family.IPV4: Path("/proc/sys/net/ipv4/ip_forward"),
    Family.IPV6: Path(_SYSCTL, "conf/all/forwarding"),
}

_SIOCGIFCONF, _SIOCGIFMTU = 0x8912, 0x8921
_IFREQ = 40
"""Bytes of a struct ifreq where a pointer has 64 bits."""

_DIAL_TIMEOUT = 1.0
"""Seconds for all connections, or all probes, of one request that does not say otherwise."""

_RA_TIMEOUT = 4.0
"""Seconds for a router advertisement: a process sends it, which a busy machine may delay."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one host's kernel reports.

    Attributes:
        addresses: Interface and address of every configured address.
        unusable: The IPv6 addresses that are tentative or duplicates.
        interfaces: The names of all interfaces.
        default_routes: The default routes in the kernel's tables.
        v6only: IPV6_V6ONLY of a fresh AF_INET6 socket; None if there is no such socket.
        disable_ipv6: net.ipv6.conf.*.disable_ipv6, by interface.
        bind: The outcome of binding the loopback address, by family: empty, or the errno's name.
        inet6: The outcome of socket(AF_INET6).
        confined_inet6: The same in a child that is confined as a service is; None if it was not tried.
        mtus: The MTU of each interface, in bytes.
        forwards: Whether it forwards packets, by family.
    """

    addresses: tuple[tuple[str, str], ...]
    unusable: tuple[str, ...]
    interfaces: tuple[str, ...]
    default_routes: tuple[str, ...]
    v6only: bool | None
    disable_ipv6: dict[str, bool]
    bind: dict[str, str]
    inet6: str
    confined_inet6: str | None
    mtus: dict[str, int]
    forwards: dict[str, bool]

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Facts":
        """Return the facts that `serve` sent."""
        sequences = ("unusable", "interfaces", "default_routes")
        pairs = tuple((interface, address) for interface, address in data["addresses"])
        return cls(**(data | {"addresses": pairs} | {name: tuple(data[name]) for name in sequences}))


def look(*, confined: bool) -> Facts:
    """Return the facts of the network namespace that this process is in."""
    ipv6 = ipv6_addresses()
    interfaces = tuple(name for _, name in socket.if_nameindex())
    return Facts(
        addresses=(*_ipv4_addresses(), *((address.interface, str(address)) for address in ipv6)),
        unusable=tuple(str(address) for address in ipv6 if not address.usable),
        interfaces=interfaces,
        default_routes=tuple(_default_routes()),
        v6only=_v6only(),
        disable_ipv6=_disable_ipv6(),
        bind={family.value: _outcome(partial(_bind, family)) for family in BOTH},
        inet6=_outcome(_inet6),
        confined_inet6=_in_confined_child() if confined else None,
        mtus={name: _mtu(name) for name in interfaces},
        forwards={family.value: _forwards(path) for family, path in _FORWARDING.items()},
    )


def _outcome(attempt: Callable[[], object]) -> str:
    """Return an empty text if ``attempt`` succeeds, or the name of the errno with which it fails."""
    try:
        attempt()
    except TimeoutError:
        return "ETIMEDOUT"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return ""


def _ipv4_addresses() -> list[tuple[str, str]]:
    """Return interface and address of every IPv4 address, secondary ones too (SIOCGIFCONF)."""
    room = array.array("B", bytes(64 * _IFREQ))
    address, length = room.buffer_info()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, _SIOCGIFCONF, struct.pack("iP", length, address))
    used = struct.unpack("iP", answer)[0]
    found = []
    for start in range(0, used, _IFREQ):
        record = room[start : start + _IFREQ].tobytes()
        found.append((record[:16].rstrip(b"\0").decode(), socket.inet_ntoa(record[20:24])))
    return found


def _mtu(interface: str) -> int:
    """Return the MTU of an interface (SIOCGIFMTU)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, _SIOCGIFMTU, struct.pack("16si20x", interface.encode(), 0))
    return int(struct.unpack_from("i", answer, 16)[0])


def _forwards(path: Path) -> bool:
    """Return whether a setting that makes the kernel forward packets is on; not without the family."""
    return path.exists() and path.read_text() == "1\n"


def _default_routes() -> list[str]:
    """Return every default route but those that only reject (on lo)."""
    rows4 = [line.split() for line in _table("route")[1:]]
    rows6 = [line.split() for line in _table("ipv6_route")]
    routes = [f"0.0.0.0/0 dev {row[0]}" for row in rows4 if row[1] == row[7] == "00000000"]
    return routes + [
        f"::/0 dev {row[9]}" for row in rows6 if int(row[0], 16) == int(row[1], 16) == 0 and row[9] != "lo"
    ]


def _table(name: str) -> list[str]:
    """Return the lines of a table of this network namespace; none when the kernel has no IPv6."""
    path = Path(_NET, name)
    return path.read_text().splitlines() if path.exists() else []


def _disable_ipv6() -> dict[str, bool]:
    """Return net.ipv6.conf.*.disable_ipv6."""
    folder = Path(_SYSCTL, "conf")
    if not folder.exists():
        return {}
    return {entry.name: (entry / "disable_ipv6").read_text() == "1\n" for entry in folder.iterdir()}


def _inet6() -> None:
    """Make an AF_INET6 socket."""
    socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close()


def _v6only() -> bool | None:
    """Return IPV6_V6ONLY of a fresh socket."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as fresh:
            return bool(fresh.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))
    except OSError:
        return None


def _bind(family: Family) -> None:
    """Bind the loopback address of a family."""
    with socket.socket(family.af, socket.SOCK_STREAM) as one:
        one.bind((family.loopback, 0))


def _in_confined_child() -> str:
    """Return the outcome of socket(AF_INET6) in a child that is confined as a service without AF_INET6 is."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            restrict(af_inet6=False)
            os.write(write, _outcome(_inet6).encode() or b"-")
        except Exception as error:  # noqa: BLE001 - reported to the parent, whose proof then fails
            os.write(write, repr(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as answer:  # noqa: PTH123 - a descriptor
        text = answer.read().decode()
    os.waitpid(child, 0)
    return text.removeprefix("-")


class _Answers:
    """What this process can be asked: a method for each request."""

    def __init__(self) -> None:
        """Listen and watch nowhere."""
        self._listeners: list[socket.socket | None] = []
        self._taps: dict[str, socket.socket] = {}

    def look(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return what the kernel reports, listen and watch."""
        self._taps = {interface: watch(interface) for interface in request["watch"]}
        self._listeners = [listen(address) for address in request["listen"]]
        ports = [listener.getsockname()[1] if listener else 0 for listener in self._listeners]
        return {"facts": asdict(look(confined=request["confined"])), "ports": ports}

    def dial(self, request: dict[str, Any]) -> dict[str, Any]:
        """Dial addresses and look routes up."""
        deadline = Deadline(request.get("seconds", _DIAL_TIMEOUT), "the answers of the other hosts")
        targets = [_outcome(partial(dial, address, port, deadline)) for address, port in request["targets"]]
        return {"targets": targets, "routes": [_outcome(partial(find_route, item)) for item in request["routes"]]}

    def probe(self, request: dict[str, Any]) -> dict[str, Any]:
        """Probe the paths that a router on the link routes."""
        deadline = Deadline(_DIAL_TIMEOUT, "the answers of routers")
        sizes = request["largest"], request["fits"]
        return {"paths": [probe_path(target, far, *sizes, deadline) for target, far in request["targets"]]}

    def cross(self, request: dict[str, Any]) -> dict[str, Any]:
        """Probe the paths to other links."""
        deadline = Deadline(request.get("seconds", _DIAL_TIMEOUT), "the answers of routers")
        return {"crossings": [cross(target, hops, deadline) for target, hops in request["targets"]]}

    def solicit(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask for a router advertisement."""
        return {"prefixes": solicit(request["interface"], Deadline(_RA_TIMEOUT, "a router advertisement"))}

    def accepted(self, request: dict[str, Any]) -> dict[str, Any]:
        """Accept what waits on a port; return who it is from."""
        peers = []
        for listener in (one for one in self._listeners if one and one.getsockname()[1] == request["port"]):
            listener.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    connection, peer = listener.accept()
                    connection.close()
                    peers.append(peer[0])
        return {"peers": peers}

    def count(self, _: dict[str, Any]) -> dict[str, Any]:
        """Return what was seen on the watched interfaces."""
        return {"frames": {interface: count(tap) for interface, tap in self._taps.items()}}


def serve(stream: socket.socket) -> None:
    """Answer requests of `proving` until the stream ends."""
    answers = _Answers()
    with stream.makefile("rb") as lines:
        for line in lines:
            request = json.loads(line)
            stream.sendall(json.dumps(getattr(answers, request["do"])(request)).encode() + b"\n")
