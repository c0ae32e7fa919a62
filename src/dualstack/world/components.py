"""The components of a service: they start before it, run beside it, and stop after it."""

import shlex
import time

from dualstack.complaint import said
from dualstack.deadline import Deadline
from dualstack.errors import ServiceError
from dualstack.lab.protocol import Lab, Program
from dualstack.manifest import Component, Subject
from dualstack.prober.messages.naming import WriteHosts
from dualstack.service import launch_component, readiness_of_component
from dualstack.world.journal import Journal
from dualstack.world.readiness import missing_loopback


class Components:
    """The components of one service in one lab. Each starts at most once: one that has ended is not started again.

    Attributes:
        fault: Which of them did not start or has ended by itself, and what its output says; empty if none has.
    """

    def __init__(self, subject: Subject, lab: Lab, journal: Journal, *, contained: bool) -> None:
        """Prepare; nothing is started.

        Args:
            subject: The service's manifest, with one of its configurations.
            lab: The lab; they run on the service's host.
            journal: Where steps and outputs are noted.
            contained: Whether they run in the service's container image.
        """
        self._subject = subject
        self._lab = lab
        self._host = lab.hosts["service"]
        self._journal = journal
        self._contained = contained
        self._running: dict[str, Program] = {}
        self.fault = ""
        self._hosts = ""

    def _name(self) -> None:
        """Make the name of each component stand for loopback on the host, as ``localhost`` does."""
        prober = self._host.prober
        self._hosts = prober.call(WriteHosts(""))
        names = " ".join(component.name for component in self._subject.components)
        prober.call(WriteHosts(f"{self._hosts}127.0.0.1 {names}\n::1 {names}\n"))

    def start(self) -> None:
        """Start those that have not been started, each when those before it are ready.

        Raises:
            ServiceError: One cannot be executed, did not become ready, or has ended since.
        """
        if self._subject.components and not self._hosts:
            self._name()
        for component in self._subject.components:
            if not self.look() and component.name not in self._running:
                self._start(component)
        if self.look():
            raise ServiceError(self.fault, not_ready=True)

    def _start(self, component: Component) -> None:
        """Start one and wait until it is ready; set `fault` if it does not become ready."""
        launch = launch_component(
            self._subject,
            component,
            self._journal.next_scratch(),
            af_inet6=self._host.spec.af_inet6,
            contained=self._contained,
        )
        self._journal.command = shlex.join(launch.command) or f"image {launch.image}"
        self._journal.note(f"start component {component.name}: {self._journal.command}")
        try:
            program = self._host.start(launch)
        except ServiceError as error:
            self.fault = f"component {component.name} does not start: {error}"
            return
        self._running[component.name] = program
        readiness = program.wait_ready(readiness_of_component(self._subject, component))
        self._journal.waited += readiness.seconds
        state = "ready" if readiness.ready else f"not ready: {readiness.detail}"
        self._journal.note(f"after {readiness.seconds * 1000:.0f} ms component {component.name} is {state}")
        if not readiness.ready:
            output = program.log().text
            why = f"{readiness.detail}{missing_loopback(self._lab.topology, output)}{said(output)}"
            self._fail(component.name, f"component {component.name} does not start: {why}", output)

    def look(self) -> str:
        """Return `fault`, after a look at whether one of them has ended by itself."""
        for name, program in self._running.items():
            how = program.poll() if not self.fault else None
            if how is not None:
                output = program.log().text
                self._fail(name, f"component {name} {how} by itself{said(output)}", output)
        return self.fault

    def _fail(self, name: str, fault: str, output: str) -> None:
        """Set `fault`, and keep the output for the record."""
        self.fault = fault
        self._journal.component_outputs[name] = output
        self._journal.note(fault)

    def stop(self) -> None:
        """Stop all of them, the last one first; kill those that do not end in time."""
        while self._running:
            name, program = self._running.popitem()
            already = program.poll()
            began = time.monotonic()
            deadline = Deadline(self._subject.manifest.timeouts.stop, f"component {name} to stop")
            how = program.stop("SIGTERM", deadline)
            self._journal.waited += time.monotonic() - began
            words = (
                f"it had ended by itself: it {already}" if already else f"it {how}" if how else "it had to be killed"
            )
            self._journal.note(f"stop component {name}: {words}")
        if self._hosts:
            self._host.prober.call(WriteHosts(self._hosts))
            self._hosts = ""
