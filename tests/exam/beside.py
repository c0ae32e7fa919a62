"""Real components beside ours: programs of a root file system, in a network namespace that ends with the test.

`ask` starts this file as a program in new namespaces, with the order of a test as JSON on its standard input; it
answers with JSON.
"""

import asyncio
import contextlib
import itertools
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from dnslib import QTYPE, RR, SOA, A, DNSRecord
from pyroute2 import IPRoute

from dualstack.content import ROOT
from dualstack.deadline import Deadline
from dualstack.prober import libc
from dualstack.prober.dns64 import WELL_KNOWN_ADDRESSES, WELL_KNOWN_NAME
from dualstack.prober.messages import Names
from dualstack.prober.nameserver import DnsServer
from dualstack.prober.zone import Answer, Zone
from dualstack.rootfs import find_root
from dualstack.rootfs.enclosure import enclosed

TAYGA, UNBOUND = "tayga", "unbound"
"""The Debian packages, and the programs in them."""

TUN_DEVICE = "nat64"
"""The interface of tayga."""

WITNESS = 253
"""The protocol number of witnesses; it is for experiments (RFC 3692), and no checksum covers the addresses."""

ASKED, UPSTREAM = 5300, 5301
"""The ports of unbound and of the server that it asks."""

_NO_TUN = 77
"""The exit code that means that there is no TUN device."""

_DEADLINE = 20.0
_ETH_P_ALL, _ETH_P_IP, _ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
_OUTGOING = 4
_LOOPBACK = 1
_TTL = 300
_MOST = 1 << 16
_TUN = os.makedev(10, 200)


def ask(program: str, order: Mapping[str, Any]) -> Any:
    """Return the answer of a real component to an order.

    The test fails in CI, and is skipped elsewhere, if its root file system is missing, or if root can use no TUN
    device. Other users often must not use one.
    """
    in_ci = os.environ.get("CI") == "true"
    root = find_root([program])
    if root is None:
        _leave(f"no root file system with {program}: make rootfs", fail=in_ci)
    command = ["unshare", "--net", sys.executable, "-m", "tests.exam.beside", program, str(root)]
    done = subprocess.run(
        enclosed(command), input=json.dumps(order), capture_output=True, text=True, check=False, cwd=ROOT, timeout=120
    )
    if done.returncode == _NO_TUN:
        _leave(done.stderr.strip(), fail=in_ci and not os.geteuid())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _leave(reason: str, *, fail: bool) -> None:
    """Fail or skip the test."""
    (pytest.fail if fail else pytest.skip)(reason)


class Upstream:
    """The zone of the lab, and the name that shows the prefix as it is without DNS64 (RFC 8880)."""

    def __init__(self, a: tuple[str, ...], aaaa: tuple[str, ...]) -> None:
        """Take the addresses of names with behaviour ``ok``."""
        self._zone = Zone(a, aaaa)

    def answer(self, query: DNSRecord) -> Answer:
        """Return the answer to a query."""
        name = str(query.q.qname).lower().rstrip(".")
        if name != WELL_KNOWN_NAME:
            return self._zone.answer(query)
        reply = query.reply(ra=0, aa=1)
        if query.q.qtype == QTYPE.A:
            for address in WELL_KNOWN_ADDRESSES:
                reply.add_answer(RR(name, QTYPE.A, rdata=A(address), ttl=_TTL))
        else:
            reply.add_auth(RR(name, QTYPE.SOA, rdata=SOA("ns.arpa", "hostmaster.arpa", (1, 2, 3, 4, _TTL)), ttl=_TTL))
        return Answer(reply)


class _Line:
    """The kernel's end of the TUN device: a packet goes in, and what the translator makes of it comes out."""

    def __init__(self, tap: socket.socket, witness: bytes) -> None:
        """Take the packet socket of the device, and an IPv4 header for a payload of 8 bytes."""
        self._tap = tap
        self._witness = witness
        self._numbers = itertools.count(1)

    def wait_until_ready(self, is_running: Callable[[], bool]) -> None:
        """Wait until the translator translates.

        Raises:
            DeadlineExpired: It does not, or it has ended.
        """
        deadline = Deadline(_DEADLINE, "the translation of a packet")
        self._tap.settimeout(0.05)
        while is_running():
            with contextlib.suppress(OSError):  # nothing has come yet, or no program reads the device yet
                self._until(self._send_witness())
                self._tap.settimeout(_DEADLINE)
                return
            deadline.check()
        raise deadline.error("the translator has ended")

    def through(self, packet: bytes) -> list[bytes]:
        """Return what comes out for a packet: all before the translation of the witness that follows it.

        Raises:
            TimeoutError: The witness does not come out.
        """
        self._send(packet)
        return self._until(self._send_witness())

    def _send_witness(self) -> int:
        """Send a witness; return its number."""
        number = next(self._numbers)
        self._send(self._witness + number.to_bytes(8, "big"))
        return number

    def _send(self, packet: bytes) -> None:
        """Send a packet to the translator."""
        protocol = _ETH_P_IP if packet[0] >> 4 == 4 else _ETH_P_IPV6
        self._tap.sendto(packet, (TUN_DEVICE, protocol))

    def _until(self, number: int) -> list[bytes]:
        """Return the packets that come out before a witness; those before an earlier one are none of them."""
        found: list[bytes] = []
        while True:
            packet, (_, _, kind, *_) = self._tap.recvfrom(_MOST)
            if kind == _OUTGOING:
                continue
            if packet[0] >> 4 != 6 or packet[6] != WITNESS:
                found.append(packet)
            elif int.from_bytes(packet[-8:], "big") == number:
                return found


def _run_tayga(root: Path, order: Mapping[str, Any]) -> list[list[str]]:
    """Return the packets that tayga makes of each packet of the order."""
    _give_tun(root / "dev")
    (root / "dev" / "tayga.conf").write_text(order["settings"], encoding="utf-8")
    tayga = ["unshare", f"--root={root}", "/usr/sbin/tayga", "--config", "/dev/tayga.conf"]
    subprocess.run([*tayga, "--mktun"], stdout=sys.stderr, check=True)
    with IPRoute() as route:
        route.link("set", index=route.link_lookup(ifname=TUN_DEVICE)[0], state="up")
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as tap,
        subprocess.Popen([*tayga, "-d"], stdout=sys.stderr) as program,
    ):
        try:
            tap.bind((TUN_DEVICE, _ETH_P_ALL))
            line = _Line(tap, bytes.fromhex(order["witness"]))
            line.wait_until_ready(lambda: program.poll() is None)
            return [[made.hex() for made in line.through(bytes.fromhex(packet))] for packet in order["packets"]]
        finally:
            program.kill()


def _give_tun(devices: Path) -> None:
    """Make /dev/net/tun, and end this program if it cannot be used."""
    place = devices / "net" / "tun"
    place.parent.mkdir()
    try:
        if Path("/dev/net/tun").exists():
            _bind(Path("/dev/net/tun"), place)
        else:
            os.mknod(place, stat.S_IFCHR | 0o600, _TUN)
        os.close(os.open(place, os.O_RDWR))
    except OSError as error:
        print(f"no TUN device: /dev/net/tun: {error.strerror}", file=sys.stderr)  # noqa: T201 - the reason
        sys.exit(_NO_TUN)


def _run_unbound(root: Path, order: Mapping[str, Any]) -> list[str]:
    """Return the answers of unbound to the queries of the order."""
    with IPRoute() as route:
        route.link("set", index=_LOOPBACK, state="up")
    (root / "dev" / "unbound.conf").write_text(order["settings"], encoding="utf-8")
    return asyncio.run(_answers(root, order))


async def _answers(root: Path, order: Mapping[str, Any]) -> list[str]:
    """Start the server that unbound asks, then unbound; return the answers."""
    a, aaaa = tuple(order["a"]), tuple(order["aaaa"])
    server = DnsServer(Names(("127.0.0.1",), a, aaaa, port=UPSTREAM))
    server._zone = Upstream(a, aaaa)  # type: ignore[assignment]
    unbound = ["unshare", f"--root={root}", "/usr/sbin/unbound", "-d", "-p", "-c", "/dev/unbound.conf"]
    program = await asyncio.create_subprocess_exec(*unbound, stderr=asyncio.subprocess.PIPE)
    assert program.stderr is not None
    try:
        async for line in program.stderr:
            sys.stderr.write(line.decode())
            if b"start of service" in line:
                break
        queries = [bytes.fromhex(query) for query in order["queries"]]
        return [(await asyncio.to_thread(_exchange, query)).hex() for query in queries]
    finally:
        with contextlib.suppress(ProcessLookupError):
            program.kill()
        await program.wait()
        server.close()


def _exchange(query: bytes) -> bytes:
    """Return the answer to one query."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(_DEADLINE)
        asking.connect(("127.0.0.1", ASKED))
        asking.send(query)
        return asking.recv(_MOST)


def _bind(source: Path, place: Path) -> None:
    """Show a file at another place."""
    place.touch()
    libc.mount(str(source), str(place), flags=libc.MS_BIND)


def main(program: str, folder: str) -> None:
    """Obey the order on standard input; print the answer."""
    root = Path(folder)
    libc.mount("tmpfs", str(root / "dev"), "tmpfs")
    for name in ("null", "urandom"):
        _bind(Path("/dev", name), root / "dev" / name)
    obey = {TAYGA: _run_tayga, UNBOUND: _run_unbound}[program]
    print(json.dumps(obey(root, json.load(sys.stdin))))  # noqa: T201 - the answer


if __name__ == "__main__":
    main(*sys.argv[1:])
