"""How the tests of packet evidence get captures: synthesised ones, and real ones from a network namespace."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dualstack.families import BOTH, Family
from dualstack.wire.evidence import CaptureData, read_capture
from dualstack.wire.pcap import HEADER, RECORD
from dualstack.wire.witness import witnesses

MAC = "02:00:5e:10:00:01"
START = 1_700_000_000.0
NONCE = "feedbeef"

ENTER = """
import importlib, socket, sys
module, _, function = sys.argv[2].partition(":")
getattr(importlib.import_module(module), function)(socket.socket(fileno=int(sys.argv[1])))
"""

SETTLE = """
import subprocess, sys
for command in sys.argv[1:]:
    subprocess.run(command.split(), check=True)
print("ready", flush=True)
sys.stdin.read()
"""


def write_pcap(path: Path, packets: Sequence[tuple[float, bytes]]) -> None:
    """Write frames with their times in seconds."""
    with path.open("wb") as file:
        file.write(HEADER)
        for time, data in packets:
            seconds = int(time)  # apart, because together they have more digits than a float
            file.write(RECORD.pack(seconds, round((time - seconds) * 1e9), len(data), len(data)) + data)


@pytest.fixture
def make_capture(tmp_path: Path) -> Callable[..., CaptureData]:
    """Return a function that makes a `CaptureData` of scapy packets, as a capture with witnesses would be."""

    def make(
        *packets: tuple[float, Any],
        witnessed: Sequence[Family] = BOTH,
        drops: int = 0,
        cut: int = 0,
        mac: str = MAC,
    ) -> CaptureData:
        raw = bytes.fromhex(mac.replace(":", ""))
        records = [(START, witnesses(raw, "start", NONCE)[family]) for family in witnessed]
        records += [(START + at, bytes(packet)) for at, packet in packets]
        records += [(START + 100, witnesses(raw, "stop", NONCE)[family]) for family in witnessed]
        path = tmp_path / "made.pcap"
        write_pcap(path, records)
        if cut:
            path.write_bytes(path.read_bytes()[:-cut])
        return read_capture(path, nonce=NONCE, mac=mac, drops=drops)

    return make


class NetnsHost:
    """A network namespace that looks like a lab host to a capture."""

    def __init__(self, interface: str, commands: Sequence[str]) -> None:
        """Make user, mount and network namespaces and run ``commands`` inside."""
        self.name = "service"
        self.interface = interface
        self.recorders: list[subprocess.Popen[bytes]] = []
        self._holder = subprocess.Popen(
            ["unshare", "-Urnm", sys.executable, "-c", SETTLE, *commands],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"ready\n":
            self.close()
            pytest.skip("this machine makes no user and network namespaces for us")
        self._enter = ["nsenter", "--preserve-credentials", "-U", "-n", "-m", "-t", str(self._holder.pid)]

    def place(self, path: Path) -> str:
        """Return the path itself: the namespace shares the machine's files."""
        return str(path)

    def fetch(self, path: Path) -> None:
        """Do nothing: it is here already."""

    def inside(self, entry: str) -> socket.socket:
        """Run ``module:function`` in the namespaces; return the stream to it."""
        ours, theirs = socket.socketpair()
        with theirs:
            self.recorders.append(
                subprocess.Popen(
                    [*self._enter, sys.executable, "-c", ENTER, str(theirs.fileno()), entry],
                    pass_fds=[theirs.fileno()],
                ),
            )
        return ours

    def run(self, *command: str) -> None:
        """Run a command in the namespaces, to its end."""
        subprocess.run([*self._enter, *command], check=True, timeout=30)

    def python(self, code: str) -> None:
        """Run Python code in the namespaces, to its end."""
        self.run(sys.executable, "-c", code)

    def close(self) -> None:
        """End everything in the namespaces, and so the namespaces."""
        for process in self.recorders:
            process.kill()
            process.wait()
        with self._holder:
            self._holder.kill()


@pytest.fixture
def loopback_host() -> Iterator[NetnsHost]:
    """A namespace whose recorded interface is lo: both ends of every connection are here."""
    host = NetnsHost("lo", ["ip link set lo up"])
    yield host
    host.close()


@pytest.fixture
def veth_host() -> Iterator[NetnsHost]:
    """A namespace with a veth pair, eth0 and peer0, both up."""
    commands = ["ip link add eth0 type veth peer name peer0", "ip link set eth0 up", "ip link set peer0 up"]
    host = NetnsHost("eth0", [*commands, "ip address add 198.51.100.1/24 dev eth0"])
    yield host
    host.close()
