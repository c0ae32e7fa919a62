"""What every world has: a proved lab, a capture, notes of what was done, findings, and their judgement."""

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from dualstack.deadline import Deadline
from dualstack.errors import HarnessError, Inconclusive, RequirementBroken
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.kinds import DOCKER
from dualstack.lab.protocol import Backend, Host, Lab
from dualstack.lab.proving import prove
from dualstack.manifest import Connect, Listen, Subject, Transport
from dualstack.plan import PlannedCase
from dualstack.prober.messages import SocketRow
from dualstack.requirement import Level
from dualstack.service import SCRATCH
from dualstack.topology import load_topology
from dualstack.wire.capture import Capture
from dualstack.wire.evidence import Wire
from dualstack.wire.expect import no_family_from

KERNEL_NOISE = frozenset({"ND", "MLD", "RS/RA", "IGMP"})
"""What a kernel sends by itself, whatever services do."""

_DETECTION = 10.0
"""Seconds that the detection of duplicates may take; the kernel takes up to 2 s for it."""

_LOG_SHOWN = 16 * 1024
"""How many characters of a service's output a record carries: the last ones."""


class World:
    """One case's lab with its capture, from lab up to the last packet.

    A test acts, then holds the `wire` against what it saw, and hands every finding to `require`. What it did is kept
    for the record, also when it fails half-way.

    Attributes:
        case: The planned case.
        steps: What was done, in order.
        findings: What was expected and what happened.
        works: What the application saw, by family.
        sockets: The service's socket table when it was last looked at.
        command: How the service was last started, as a shell line.
        waited: Seconds spent waiting for the service itself.
    """

    def __init__(self, case: PlannedCase, backend: Backend, folder: Path) -> None:
        """Prepare a world; nothing is made before it is entered.

        Args:
            case: The planned case.
            backend: Who makes the lab.
            folder: Where the case's evidence is kept.
        """
        self.case = case
        self.steps: list[str] = []
        self.findings: list[Finding] = []
        self.works: dict[str, bool] = {}
        self.sockets: tuple[SocketRow, ...] = ()
        self.command = ""
        self.waited = 0.0
        self._logs: list[str] = []
        self._backend = backend
        self._folder = folder
        self._began = time.monotonic()
        self._lab: Lab | None = None
        self._capture: Capture | None = None
        self._wire: Wire | None = None

    def __enter__(self) -> Self:
        """Make the lab, prove it, and start the capture.

        Raises:
            BrokenLab: A proof failed.
            HostCannot: This machine cannot make it.
        """
        self._began = time.monotonic()
        self._lab = self._backend.up(load_topology(self.case.topology))
        try:
            prove(self._lab)
            self._capture = Capture.start(self.host, self._folder / "capture.pcap")
        except BaseException:
            self._lab.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the service and the capture, and remove the lab; evidence is kept whatever happened.

        Somebody who interrupts the run does not wait for the service to stop: it ends with the lab.
        """
        try:
            if kind is None or issubclass(kind, Exception):
                self._end()
        except HarnessError as late:
            if not isinstance(error, HarnessError):
                raise
            self.note(str(late))  # a consequence of the first one, which says more
        finally:
            if self._capture is not None:
                self._capture.close()
            self.lab.close()

    @property
    def lab(self) -> Lab:
        """The lab."""
        if self._lab is None:
            raise HarnessError("the world has not been entered")
        return self._lab

    @property
    def host(self) -> Host:
        """The host that the service runs on."""
        return self.lab.hosts["service"]

    @property
    def peer(self) -> Host:
        """The host that the service's peer is on."""
        return self.lab.hosts["peer"]

    @property
    def unstarted(self) -> bool:
        """Whether the case never saw what it is about start; whether it starts at all is START-001's matter."""
        return False

    @property
    def contained(self) -> bool:
        """Whether the service runs in its container image."""
        return self._backend.name == DOCKER

    @property
    def subject(self) -> Subject:
        """The service."""
        return self.case.subject

    @property
    def element(self) -> Listen | Connect:
        """The listener or connector that the case is about."""
        elements: tuple[Listen | Connect, ...] = (*self.subject.listen, *self.subject.manifest.connect)
        return next(item for item in elements if item.name == self.case.element)

    @property
    def is_tcp(self) -> bool:
        """Whether the listener or connector is TCP."""
        return self.element.transport is Transport.TCP

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that the listener or connector claims and this world has."""
        return tuple(family for family in self.lab.topology.families() if family in self.element.families)

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports whose packets tell the case's story."""
        return (self.element.port,)

    def scratch(self, number: int) -> str:
        """Return the private folder of the service's start with that number; it exists only inside the lab."""
        return f"{SCRATCH}-{number}"

    def note(self, what: str) -> None:
        """Add a step to the record, with the time since the case began."""
        self.steps.append(f"+{self.seconds:.3f} s  {what}")

    @property
    def seconds(self) -> float:
        """How long the case has taken so far."""
        return time.monotonic() - self._began

    @property
    def output(self) -> str:
        """The tail of everything that the service has written."""
        return "\n".join(text.rstrip("\n") for text in self._logs if text)[-_LOG_SHOWN:]

    # -- the host's network ------------------------------------------------------------------------------------------

    def add_address(self, address: str, *, detect: bool = False) -> None:
        """Give the service's host an address; with ``detect`` an IPv6 one is tentative at first (RFC 4862 §5.4)."""
        self.host.add_address(address, detect=detect)
        self.note(f"the host is given {address}" + (", which is tentative" if detect else ""))

    def remove_address(self, address: str) -> None:
        """Take an address from the service's host."""
        self.host.remove_address(address)
        self.note(f"{address} is taken from the host")

    def set_ipv6(self, *, enabled: bool) -> None:
        """Switch IPv6 off or on for the service's host; off takes its addresses on gives none back."""
        self.host.set_ipv6(enabled=enabled)
        self.note(f"IPv6 is switched {'on' if enabled else 'off'} (disable_ipv6={int(not enabled)})")

    def await_usable(self, address: str) -> None:
        """Wait until an address of the service's host is not tentative any more.

        Raises:
            DeadlineExpired: It is not there, or still tentative.
        """
        deadline = Deadline(_DETECTION, f"{address} to be usable")
        rows = self.host.prober.addresses
        if not deadline.until(lambda: any(row.address == address and not row.tentative for row in rows())):
            raise deadline.error()
        self.note(f"{address} is usable")

    # -- evidence and judgement ----------------------------------------------------------------------------------------

    def require(self, finding: Finding) -> None:
        """Add a finding; one that is not as expected breaks the requirement at the end of the case."""
        self.findings.append(finding)

    def shows(self, predicate: Callable[[Wire], Finding]) -> None:
        """Require what the wire must show.

        Where the application has failed already, missing packets say nothing more; where it has not, they leave the
        case without evidence.

        Raises:
            Inconclusive: There is no evidence, although the application saw none of it fail.
        """
        try:
            self.require(predicate(self.wire()))
        except Inconclusive:
            if all(finding.ok for finding in self.findings):
                raise

    def shows_no_family(self, family: Family) -> None:
        """Require that no packet of ``family`` left the service's host but what its kernel sends by itself.

        For IPv4 nothing is excused: a kernel without an IPv4 address sends neither ARP nor IPv4.
        """
        allowed = KERNEL_NOISE if family is Family.IPV6 else frozenset[str]()
        self.shows(lambda wire: no_family_from(wire, wire.mac, family, allow=allowed))

    def wire(self) -> Wire:
        """End the service and the capture, and return what was on the wire."""
        self._end()
        if self._wire is None:
            raise HarnessError("the capture never ran")
        return self._wire

    @property
    def captured(self) -> Wire | None:
        """What was on the wire, once the capture has ended."""
        return self._wire

    def conclude(self) -> None:
        """Raise what the findings amount to.

        Raises:
            RequirementBroken: One of them is not as expected.
            HarnessError: There is none, so nothing was checked.
        """
        if not self.findings:
            raise HarnessError("the case checked nothing")
        broken = [finding for finding in self.findings if not finding.ok]
        if broken:
            own = self.case.requirement.level
            levels = {Level(item.level) if item.level else own for item in broken}
            strictest = next(level for level in Level if level in levels)
            raise RequirementBroken(
                "; ".join(f"expected: {item.expected}; happened: {item.happened}" for item in broken),
                level="" if strictest is own else strictest.value,
            )

    def _end(self) -> None:
        """End what runs, then the capture; once."""
        capture, self._capture = self._capture, None
        if capture is None:
            return
        try:
            self._stop_all()
        finally:
            self._wire = capture.stop()

    def _stop_all(self) -> None:
        """End whatever the world has started on the service's host."""
