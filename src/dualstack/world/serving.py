"""The world of a service that listens: it holds the service, and passes on what suites ask of it most often."""

from collections.abc import Sequence
from functools import cached_property

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.manifest import Listen
from dualstack.world.base import World
from dualstack.world.clients import Clients, clients_of
from dualstack.world.service import Service


class ServingWorld(World):
    """A world in which the service listens."""

    @property
    def listener(self) -> Listen:
        """The listener that the case is about."""
        return self.subject.listener(self.case.element)

    @cached_property
    def service(self) -> Service:
        """The service."""
        return Service(self.subject, self.listener, self.lab, self.journal, contained=self.contained)

    @cached_property
    def clients(self) -> Clients:
        """The listener's clients: on the link, or on the service's own host for a loopback listener."""
        return clients_of(self.listener.scope, self.lab)

    @property
    def unstarted(self) -> bool:
        """Whether the service was started, and never became ready."""
        return self._lab is not None and bool(self.service.launches) and not self.service.was_ready

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that the listener claims and over which its clients can reach it in this world."""
        return self.service.families

    def addresses(self, family: Family) -> tuple[str, ...]:
        """Return the service's addresses of the family, as its clients dial them in this world."""
        return self.clients.addresses[family]

    def ensure(self, families: Sequence[Family]) -> None:
        """Start the service unless it is running (always, if it exits after one connection)."""
        program = self.service.current
        if self.listener.single_shot or program is None or program.poll() is not None:
            self.service.start(families=families)

    def survives(self, what: str) -> None:
        """Require that the service still runs after what was done to it; ``what`` names that, for the finding."""
        how = self.service.program.poll()
        happened = f"it {how}{self.service.last_log_line()}" if how else "it runs on"
        self.require(Finding(how is None, f"the service runs on after {what}", happened))

    def conclude(self) -> None:
        """Judge the findings; if one has failed, the end of a component is the first of the failures.

        Raises:
            RequirementBroken: At least one of them is not as expected.
            HarnessError: There is none, so nothing was checked.
        """
        if any(not item.ok for item in self.findings) and (fault := self.service.components.look()):
            self.findings.insert(0, Finding(False, "every component of the service runs until the case ends", fault))
        super().conclude()

    def _stop_all(self) -> None:
        """Stop the service and what it left behind; before that, wait for a socket that may only be late."""
        self._wait_late_sockets()
        self.service.close()

    def _wait_late_sockets(self) -> None:
        """Wait for late sockets of the families over which no client was served."""
        if self.service.current is not None:
            not_served = {family for family in self.families if self.works.get(family.value) is False}
            self.service.sockets.wait_late(self.service.current, not_served)
