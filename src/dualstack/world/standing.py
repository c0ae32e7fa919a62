"""A lab that stays until its user is done with it: the service runs, the servers of its connectors serve."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dualstack.errors import DualstackError, ServiceError
from dualstack.families import BOTH, endpoint
from dualstack.lab.protocol import Backend, Lab
from dualstack.lab.proving import prove
from dualstack.manifest import Connect, Subject
from dualstack.manifest.texts import filled
from dualstack.topology import Topology
from dualstack.wire.capture import Capture
from dualstack.world.journal import Journal
from dualstack.world.servers import serve_connector, serve_names, targets_of
from dualstack.world.service import Service


@dataclass(frozen=True, slots=True)
class Standing:
    """A lab with what runs in it.

    Attributes:
        lab: The lab.
        service: The service; None if nothing of the manifest listens.
        state: How its start went, as a clause: ``is ready after 31 ms``; empty without a service.
        commands: For each connector its command lines, one for each target that its server has.
    """

    lab: Lab
    service: Service | None
    state: str
    commands: tuple[str, ...]


@contextmanager
def standing(backend: Backend, topology: Topology, subject: Subject | None, capture: Path) -> Iterator[Standing]:
    """Make a lab, prove it, record the packets of the service's host, and start the service; remove all at the end.

    A service that does not start leaves the lab as it is: its user may want to know why.

    Args:
        backend: What makes the lab.
        topology: Its topology.
        subject: The service; None for a lab without one.
        capture: The file of the packets.

    Raises:
        BrokenLab: A proof failed.
        HostCannot: This machine cannot make it.
    """
    lab = backend.up(topology)
    try:
        prove(lab)
        recording = Capture.start(lab.hosts["service"], capture)
        try:
            with ExitStack() as running:
                yield _started(lab, subject, running)
        finally:
            recording.close()
    finally:
        lab.close()


def _started(lab: Lab, subject: Subject | None, running: ExitStack) -> Standing:
    """Start what a manifest has in a lab; ``running`` ends it."""
    if subject is None:
        return Standing(lab, None, "", ())
    peer = lab.hosts["peer"]
    commands: list[str] = []
    if subject.manifest.connect:
        running.enter_context(serve_names(peer))
    for connector in subject.manifest.connect:
        addresses = tuple(address for family in BOTH for address in peer.plan.configured[family][:1])
        running.enter_context(serve_connector(peer, connector, addresses))
        commands += _commands(subject, connector, lab)
    if not subject.listen:
        return Standing(lab, None, "", tuple(commands))
    service = Service(subject, subject.listen[0], lab, Journal(), contained=False)
    running.callback(_closed, service)
    return Standing(lab, service, _state(service), tuple(commands))


def _commands(subject: Subject, connector: Connect, lab: Lab) -> Iterator[str]:
    """Yield the command lines of a connector, one for each target in the lab."""
    for target in targets_of(connector, lab.hosts["peer"]):
        values = {"host": target, "port": str(connector.port), "target": endpoint(target, connector.port)}
        yield " ".join(filled(connector.command, {**subject.values(scratch="/tmp"), **values}))  # noqa: S108 - a text


def _state(service: Service) -> str:
    """Start the service; return how that went."""
    try:
        readiness = service.wait_ready(service.launch())
    except ServiceError as error:
        return f"does not start: {error}"
    if readiness.ready:
        return f"is ready after {readiness.seconds * 1000:.0f} ms"
    return f"is not ready: {readiness.detail}{service.last_log_line()}"


def _closed(service: Service) -> None:
    """Stop the service; what cannot be stopped ends with the lab."""
    try:
        service.close()
    except DualstackError:
        return
