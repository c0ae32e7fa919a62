"""Worlds without a lab: the test itself decides the results of prober, program and wire."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dualstack.addressing import plan_addresses
from dualstack.families import BOTH
from dualstack.lab.protocol import Backend, Lab, Program
from dualstack.lab.roles import ByRole
from dualstack.manifest import subjects_of
from dualstack.plan import PlannedCase
from dualstack.prober.messages import AddressRow, Dial, Dialled, Exit, Log, Outcome, SocketRow
from dualstack.prober.messages.naming import WriteHosts
from dualstack.requirement import Level, Requirement, Role
from dualstack.topology import load_topology
from dualstack.wire.evidence import CaptureData, read_capture
from dualstack.wire.frames import parse
from dualstack.wire.pcap import HEADER, RECORD
from dualstack.world.base import World

SERVICE = 'schema = 1\n[service]\nname = "made-up"\ncommand = ["./server", "{acl}"]\n'

REQUIREMENT = Requirement(
    id="LISTEN-001",
    title="x",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="x",
    stimulus="x",
    wire="x",
    cites=("x",),
    topologies=("dual-stack",),
    causes=("RC-V6ONLY",),
)

DIALLED = Dialled(Outcome.ANSWERED, "", True, "", 0, "", "", 0.0, "so it went")


@dataclass
class MadeUpProber:
    """A prober with fixed results.

    Attributes:
        dialled: How every dial ends.
        rows: The socket table.
        tables: The addresses of the host, one table for each read.
        dials: What was dialled.
        hosts: The contents of ``/etc/hosts``.
    """

    dialled: Dialled = DIALLED
    rows: list[SocketRow] = field(default_factory=list)
    dials: list[Dial] = field(default_factory=list)
    tables: list[list[AddressRow]] = field(default_factory=list)
    hosts: str = "127.0.0.1 localhost\n"

    def dial(self, dial: Dial) -> Dialled:
        """Note the dial and return its result."""
        self.dials.append(dial)
        return self.dialled

    def addresses(self) -> Sequence[AddressRow]:
        """Return the next table of addresses."""
        return self.tables.pop(0)

    def call(self, request: WriteHosts) -> str:
        """Replace ``/etc/hosts``; return what it was."""
        before, self.hosts = self.hosts, request.text
        return before

    def sockets(self) -> Sequence[SocketRow]:
        """Return the table."""
        return self.rows


@dataclass
class MadeUpProgram:
    """A program that has ended, or not."""

    exit: Exit | None = None
    text: str = ""

    def poll(self) -> Exit | None:
        """Return how it ended."""
        return self.exit

    def log(self) -> Log:
        """Return what it wrote."""
        return Log(self.text, len(self.text))


@dataclass
class MadeUp:
    """A world, and how a test controls it."""

    world: Any
    prober: MadeUpProber

    def outcome(self, outcome: Outcome, answer: str = "") -> None:
        """Make every later dial end like this."""
        self.prober.dialled = replace(DIALLED, outcome=outcome, answer=answer)

    def wire(self, *packets: Any, witnessed: bool = True) -> None:
        """Make these packets the whole capture."""
        frames = tuple(parse(bytes(packet), number=number) for number, packet in enumerate(packets, 1))
        seen = frozenset(BOTH) if witnessed else frozenset()
        self.world._wire = CaptureData(Path("made.pcap"), frames, seen, mac="02:00:5e:10:00:01")

    def program(self, end: Exit | None, text: str = "") -> None:
        """Make the service one that was started, and that has ended like this."""
        self.world.service._program = cast("Program", MadeUpProgram(end, text))


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[..., MadeUp]:
    """Return a function that makes a world of a kind, around a service with this manifest, in a topology."""

    def make(kind: type[World], text: str, topology: str = "dual-stack") -> MadeUp:
        path = tmp_path / "service.toml"
        path.write_text((SERVICE if "acl" in text else SERVICE.replace(', "{acl}"', "")) + text)
        (subject,) = subjects_of(path)
        case = PlannedCase(REQUIREMENT, subject, "main", topology)
        backend = SimpleNamespace(name="netns")
        world = kind(case, cast("Backend", backend), tmp_path)
        loaded = load_topology(topology)
        plan, prober = plan_addresses(loaded), MadeUpProber()
        hosts = {
            name: SimpleNamespace(name=name, spec=spec, plan=plan.hosts[name], interface="eth0", prober=prober)
            for name, spec in loaded.host.items()
        }
        world._lab = cast("Lab", SimpleNamespace(topology=loaded, plan=plan, hosts=ByRole(hosts, loaded)))
        return MadeUp(world, prober)

    return make


@pytest.fixture
def make_pcap(tmp_path: Path) -> Callable[..., CaptureData]:
    """Return a function that makes a `CaptureData` whose file holds these packets."""

    def make(*packets: Any) -> CaptureData:
        path = tmp_path / "made.pcap"
        records = (RECORD.pack(1, 0, len(bytes(packet)), len(bytes(packet))) + bytes(packet) for packet in packets)
        path.write_bytes(HEADER + b"".join(records))
        return read_capture(path, nonce="", mac="02:00:5e:10:00:01")

    return make
