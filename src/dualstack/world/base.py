"""What every world has: a proved lab, a capture, a journal, findings, and their judgement."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from dualstack.backend_names import DOCKER
from dualstack.deadline import Deadline
from dualstack.errors import HarnessError, Inconclusive, RequirementBroken
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.lab.changes import AddAddress, RemoveAddress, SwitchIpv6
from dualstack.lab.daemons import shown_counts
from dualstack.lab.protocol import Backend, Host, Lab
from dualstack.lab.proving import prove
from dualstack.manifest import Connect, Listen, Subject
from dualstack.measure import Measure
from dualstack.plan import PlannedCase
from dualstack.requirement import Level
from dualstack.topology import load_topology
from dualstack.transport import Transport
from dualstack.wire.capture import Capture
from dualstack.wire.evidence import CaptureData
from dualstack.wire.expect import no_family_from
from dualstack.world.elsewhere import Elsewhere
from dualstack.world.journal import Journal

KERNEL_NOISE = frozenset({"ND", "MLD", "RS/RA", "IGMP"})
"""The kinds of packets that a kernel sends by itself, without any service."""

_DAD_TIMEOUT = 10.0
"""Seconds to wait for duplicate address detection; the kernel takes up to 2 s."""


class World:
    """The lab and the capture of one case.

    A test acts, compares the `wire` with what it saw, and passes every finding to `require`. The journal is kept for
    the record, also if the test fails half-way.

    Attributes:
        case: The planned case.
        journal: What was done.
        findings: What was expected and what happened.
        works: Whether the application was served, by family.
        measures: The times that were measured.
        folder: The folder for the case's evidence.
        elsewhere: The captures of other hosts, once they have ended.
        completes: Whether the start (START-001) has shown that the lab's server can speak with the case's connector;
            None if that is not known.
    """

    def __init__(self, case: PlannedCase, backend: Backend, folder: Path) -> None:
        """Prepare a world; nothing is made before it is entered.

        Args:
            case: The planned case.
            backend: What makes the lab.
            folder: The folder for the case's evidence.
        """
        self.case = case
        self.journal = Journal()
        self.findings: list[Finding] = []
        self.works: dict[str, bool] = {}
        self.measures: list[Measure] = []
        self.completes: bool | None = None
        self._backend = backend
        self.folder = folder
        self._lab: Lab | None = None
        self._capture: Capture | None = None
        self._wire: CaptureData | None = None
        self.elsewhere: list[Elsewhere] = []

    def __enter__(self) -> Self:
        """Make the lab, prove it, and start the capture.

        Raises:
            BrokenLab: A proof failed.
            HostCannot: This machine cannot make it.
        """
        self.journal.restart_clock()
        self._lab = self._backend.up(load_topology(self.case.topology))
        try:
            prove(self._lab)
            self._start_captures()
        except BaseException:
            self._lab.close()
            raise
        return self

    def _start_captures(self) -> None:
        """Start the capture on the service's host."""
        self._capture = Capture.start(self.host, self.folder / "capture.pcap")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the service and the capture, and remove the lab; the evidence is always kept.

        An interrupt does not wait for the service to stop: its processes end with the lab.
        """
        try:
            if kind is None or issubclass(kind, Exception):
                self._end()
        except HarnessError as late:
            if not isinstance(error, HarnessError):
                raise
            self.note(str(late))  # a consequence of the first error, which says more
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
    def resolver(self) -> Host:
        """The host that the name server is on."""
        return self.lab.hosts["resolver"]

    @property
    def unstarted(self) -> bool:
        """Whether what the case is about never started; START-001 is the requirement that it starts."""
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
        """The families that the listener or connector claims and that this topology has."""
        return tuple(family for family in self.lab.topology.families() if family in self.element.families)

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports whose packets the record shows."""
        return (self.element.port,)

    # -- the journal -------------------------------------------------------------------------------------------------

    def note(self, what: str) -> None:
        """Add a step to the journal, with its time."""
        self.journal.note(what)

    # -- the host's network ------------------------------------------------------------------------------------------

    def add_address(self, address: str, *, detect: bool = False) -> None:
        """Give the service's host an address; with ``detect`` an IPv6 one is tentative at first (RFC 4862 §5.4)."""
        self.host.apply(AddAddress(address, detect=detect))
        self.note(f"add {address} to the service's host" + (", tentative at first" if detect else ""))

    def remove_address(self, address: str) -> None:
        """Remove an address from the service's host."""
        self.host.apply(RemoveAddress(address))
        self.note(f"remove {address} from the service's host")

    def set_ipv6(self, *, enabled: bool) -> None:
        """Switch IPv6 on or off on the service's host.

        Off removes all its IPv6 addresses; on does not restore them.
        """
        self.host.apply(SwitchIpv6(enabled=enabled))
        self.note(f"switch IPv6 {'on' if enabled else 'off'} on the service's host (disable_ipv6={int(not enabled)})")

    def await_usable(self, address: str) -> None:
        """Wait until an address of the service's host is not tentative.

        Raises:
            DeadlineExpired: It does not exist, or is still tentative.
        """
        deadline = Deadline(_DAD_TIMEOUT, f"{address} to be usable")
        rows = self.host.prober.addresses
        if not deadline.until(lambda: any(row.address == address and not row.tentative for row in rows())):
            raise deadline.error()
        self.note(f"{address} is usable")

    # -- evidence and judgement ----------------------------------------------------------------------------------------

    def count(self, family: Family, *, served: bool) -> None:
        """Record in `works` whether a client of ``family`` was served; a failure stays, whatever follows."""
        self.works[family.value] = self.works.get(family.value, True) and served

    def require(self, finding: Finding) -> None:
        """Add a finding; at the end of the case one that is not as expected breaks the requirement."""
        self.findings.append(finding)

    def shows(self, predicate: Callable[[CaptureData], Finding], on: Callable[[], CaptureData] | None = None) -> None:
        """Require what ``predicate`` expects of the captured packets.

        If another finding has failed already, missing packets are ignored.

        Args:
            predicate: Returns the finding.
            on: Returns the packets; None for those of the service's host.

        Raises:
            Inconclusive: Packets that are needed as evidence are missing, and no finding has failed.
        """
        try:
            self.require(predicate((on or self.wire)()))
        except Inconclusive:
            if all(finding.ok for finding in self.findings):
                raise

    def shows_no_family(self, family: Family) -> None:
        """Require that the service's host sent no packet of ``family``, apart from `KERNEL_NOISE`.

        For IPv4 there is no exception: a kernel without an IPv4 address sends neither ARP nor IPv4.
        """
        allowed = KERNEL_NOISE if family is Family.IPV6 else frozenset[str]()
        self.shows(lambda wire: no_family_from(wire, wire.mac, family, allow=allowed))

    def finish(self) -> None:
        """Do what is left to do while the lab exists, then stop the service and the capture."""
        self.wire()

    def wire(self) -> CaptureData:
        """Stop the service and the capture, and return the captured packets."""
        self._end()
        if self._wire is None:
            raise HarnessError("the capture never ran")
        return self._wire

    @property
    def captured(self) -> CaptureData | None:
        """The captured packets; None until the capture has ended."""
        return self._wire

    def conclude(self) -> None:
        """Judge the findings.

        Raises:
            RequirementBroken: At least one of them is not as expected.
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
                "; ".join(item.text for item in broken),
                level="" if strictest is own else strictest.value,
            )

    def _end(self) -> None:
        """Stop what runs, then the capture; once."""
        capture, self._capture = self._capture, None
        if capture is None:
            return
        try:
            self._stop_all()
            for what, answer in self.lab.daemons.check().items():
                self.note(f"{what} has counted: {shown_counts(answer)}")
        finally:
            self._wire = capture.stop()

    def _stop_all(self) -> None:
        """Stop everything that the world has started on the service's host."""
