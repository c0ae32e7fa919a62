"""What a process inside a host sees of itself: an entry point for tests."""

import json
import socket
from pathlib import Path


def serve(stream: socket.socket) -> None:
    """Send one line of JSON: capabilities, the hardware address, and the host's files."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    seen: dict[str, object] = {"effective": int(status["CapEff"], 16), "permitted": int(status["CapPrm"], 16)}
    seen["mac"] = Path("/sys/class/net/eth0/address").read_text(encoding="ascii").strip()
    seen |= {name: Path("/etc", name).read_text(encoding="utf-8") for name in ("resolv.conf", "hosts")}
    stream.sendall(json.dumps(seen).encode() + b"\n")
