"""Classify 300,000 packets by family and kind: our classifier against scapy's rdpcap and tshark, in one run.

Each runs in a separate process, and the kernel reports its peak memory (wait4). rdpcap gets only a slice, because it
needs most of a minute for all packets. Times exclude the start of the interpreter and the import of scapy; tshark's
time is its whole run. Usage: ``python benchmarks/classification.py``; exit code 1 if a target is missed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PACKETS = 300_000
SLICE = 10_000
ROUNDS = 3
"""How many times our classifier runs; the median counts."""

TARGETS = {"packets/s": 1_000_000.0, "MiB": 40.0, "times rdpcap": 100.0, "times tshark": 10.0}

GENERATE = """
import random, struct, sys
from scapy.all import ARP, DNS, DNSQR, Dot1Q, Ether, ICMP, ICMPv6EchoRequest, ICMPv6ND_NS, IP, IPv6, Raw, TCP, UDP
from dualstack.wire.pcap import HEADER, RECORD
path, slice_path, packets, slice_packets = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
random.seed(6)
def body():
    return Raw(random.randbytes(random.randrange(20, 270)))
def four():
    return Ether(src="02:00:5e:10:00:01", dst="02:00:5e:10:00:02") / IP(src="198.51.100.1", dst="198.51.100.33")
def six():
    return Ether(src="02:00:5e:10:00:01", dst="02:00:5e:10:00:02") / IPv6(src="2001:db8::1", dst="2001:db8::2")
kinds = [
    (34, lambda: four() / TCP(sport=random.randrange(1024, 65536), dport=8080, flags="PA") / body()),
    (34, lambda: six() / TCP(sport=random.randrange(1024, 65536), dport=8080, flags="PA") / body()),
    (12, lambda: four() / UDP(sport=random.randrange(6000, 65536), dport=8081) / body()),
    (12, lambda: six() / UDP(sport=random.randrange(6000, 65536), dport=8081) / body()),
    (2, lambda: four() / ICMP() / body()),
    (2, lambda: six() / ICMPv6EchoRequest(data=b"x" * 100)),
    (2, lambda: six() / ICMPv6ND_NS(tgt="2001:db8::2")),
    (1, lambda: Ether() / ARP(psrc="198.51.100.1", pdst="198.51.100.33")),
    (1, lambda: six() / UDP(sport=5353, dport=5353) / DNS(qd=DNSQR(qname="x.local"))),
]
pool = [bytes(make()) for weight, make in kinds for _ in range(weight * 10)]
for name, number in ((path, packets), (slice_path, slice_packets)):
    with open(name, "wb") as file:
        file.write(HEADER)
        for at in range(number):
            data = random.choice(pool)
            file.write(RECORD.pack(1700000000 + at // 1000, at % 1000 * 1000000, len(data), len(data)) + data)
"""

OURS = """
import sys, time
from pathlib import Path
from dualstack.wire.counts import classify
start = time.perf_counter()
counts = classify(Path(sys.argv[1]))
print(time.perf_counter() - start, counts.total)
"""

RDPCAP = """
import sys, time
from scapy.all import rdpcap
start = time.perf_counter()
packets = rdpcap(sys.argv[1])
print(time.perf_counter() - start, len(packets))
"""

FIELDS = ("frame.number", "frame.time_epoch", "eth.src", "ip.src", "ipv6.src", "frame.protocols")


@dataclass(frozen=True, slots=True)
class Measured:
    """What one classifier needed.

    Attributes:
        name: The name of the classifier.
        packets: The number of packets that it read.
        seconds: The time that it needed.
        mebibytes: Its peak resident memory, in MiB.
    """

    name: str
    packets: int
    seconds: float
    mebibytes: float

    @property
    def rate(self) -> float:
        """Packets per second."""
        return self.packets / self.seconds

    def __str__(self) -> str:
        """Return a line of the table."""
        return f"{self.name:24} {self.seconds:8.3f} s {self.rate:12,.0f} packets/s {self.mebibytes:8.1f} MiB"


def main() -> int:
    """Measure, print the table and return 1 if a target is missed."""
    with tempfile.TemporaryDirectory() as folder:
        path, part = Path(folder, "all.pcap"), Path(folder, "slice.pcap")
        subprocess.run([sys.executable, "-c", GENERATE, path, part, str(PACKETS), str(SLICE)], check=True)
        print(f"{PACKETS:,} packets, {path.stat().st_size / PACKETS - 16:.0f} bytes each")
        ours = sorted((python("dualstack", OURS, path) for _ in range(ROUNDS)), key=lambda one: one.seconds)[
            ROUNDS // 2
        ]
        rdpcap = python(f"scapy rdpcap ({SLICE:,})", RDPCAP, part)
        arguments = [word for field in FIELDS for word in ("-e", field)]
        command = ["tshark", "-n", "-r", str(path), "-T", "fields", *arguments]
        tshark = measure("tshark -T fields", command) if shutil.which("tshark") else None
    reached = {"packets/s": ours.rate, "MiB": ours.mebibytes, "times rdpcap": ours.rate / rdpcap.rate}
    if tshark is not None:
        reached["times tshark"] = ours.rate / tshark.rate
    for measured in (ours, rdpcap, tshark or "tshark: not installed (Debian: tshark)"):
        print(measured)
    targets = {name: target for name, target in TARGETS.items() if name in reached}
    missed = [name for name, target in targets.items() if (reached[name] > target) is (name == "MiB")]
    for name, target in targets.items():
        bound = "≤" if name == "MiB" else "≥"
        print(f"{name:13} {reached[name]:14,.1f}  target {bound} {target:,.0f}  {'MISSED' if name in missed else 'ok'}")
    return 1 if missed else 0


def python(name: str, code: str, path: Path) -> Measured:
    """Measure Python code that prints its seconds and its number of packets."""
    return measure(name, [sys.executable, "-c", code, str(path)], own_clock=True)


def measure(name: str, command: Sequence[str], *, own_clock: bool = False) -> Measured:
    """Run a command to its end and return what it needed; without ``own_clock`` it prints one line for each packet."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{name} exited with {process.returncode}")
        output.seek(0)
        if own_clock:
            took, number = output.read().split()
            return Measured(name, int(number), float(took), usage.ru_maxrss / 1024)
        return Measured(name, sum(1 for _ in output), seconds, usage.ru_maxrss / 1024)


if __name__ == "__main__":
    sys.exit(main())
