"""The ports that a program opens, found in the socket table of its host."""

import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dualstack.deadline import Deadline
from dualstack.effect import serving
from dualstack.errors import HarnessError, HostCannot
from dualstack.lab.protocol import Host, Program
from dualstack.prober.messages import SocketRow
from dualstack.transport import Transport

_SETTLED = 0.2
"""Seconds without a new port after which a program is taken to have opened all its ports."""

_SETTLED_SHARE = 0.5
"""The same as a share of the time until its last port, if that is longer: what starts slowly opens its ports slowly."""

_LOCAL_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(frozen=True, slots=True)
class OpenPort:
    """A port on which a program listens or receives datagrams.

    Attributes:
        transport: TCP or UDP.
        port: The port.
        rows: Its sockets.
    """

    transport: Transport
    port: int
    rows: tuple[SocketRow, ...]

    @property
    def place(self) -> tuple[Transport, int]:
        """Which port it is."""
        return self.transport, self.port

    @property
    def is_local(self) -> bool:
        """Whether only clients on its own host reach it."""
        return bool(self.rows) and all(row.is_local for row in self.rows)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a program has opened.

    Attributes:
        ports: Its ports, in their order; none if it opened none in time.
        seconds: How long it took until the last one.
    """

    ports: tuple[OpenPort, ...]
    seconds: float


def await_ports(host: Host, program: Program, seconds: float) -> Opened:
    """Wait until a program has opened its ports: until no new one comes, it has ended, or the time is up."""
    found: tuple[OpenPort, ...] = ()
    began = changed = time.monotonic()

    def have_settled() -> bool:
        nonlocal found, changed
        now = open_ports(host)
        if now != found:
            found, changed = now, time.monotonic()
        calm = time.monotonic() - changed
        if not found:
            return calm >= _SETTLED and _has_ended(program)
        return calm >= max(_SETTLED, (changed - began) * _SETTLED_SHARE)

    Deadline(seconds, "the program to open a port").until(have_settled)
    return Opened(found, changed - began)


def _has_ended(program: Program) -> bool:
    """Return whether nothing of a program runs; what it left in the background may still open a port."""
    if program.poll() is None:
        return False
    with contextlib.suppress(HostCannot, HarnessError):
        usage = program.resource_usage()
        return usage.processes == usage.zombies
    return True


def open_ports(host: Host) -> tuple[OpenPort, ...]:
    """Return the ports of a host on which a program other than the harness receives."""
    by_port: dict[tuple[str, int], list[SocketRow]] = {}
    for row in _receiving(host.prober.sockets()):
        by_port.setdefault((row.transport, row.port), []).append(row)
    return tuple(
        OpenPort(Transport(transport), port, tuple(rows)) for (transport, port), rows in sorted(by_port.items())
    )


def _receiving(rows: Iterable[SocketRow]) -> Iterable[SocketRow]:
    """Yield the sockets of programs that receive connections or datagrams.

    A UDP socket on a port that the kernel has chosen asks others, such as a name server.
    """
    first, last = map(int, _LOCAL_PORTS.read_text(encoding="ascii").split())
    for row in serving(rows):
        chosen = row.transport == Transport.UDP.value and first <= row.port <= last
        if not row.peer and not row.is_of_harness and not chosen:
            yield row
