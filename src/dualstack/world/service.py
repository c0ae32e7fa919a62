"""The service of a case: it is started, watched and stopped on its host."""

import contextlib
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from dualstack.authority import names_for
from dualstack.complaint import said
from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired, HarnessError, Inconclusive, ServiceError
from dualstack.facts import Start
from dualstack.families import BOTH, Family
from dualstack.lab.protocol import Lab, Program
from dualstack.manifest import Listen, Subject
from dualstack.prober.messages import Exit, Launch, Log, Readiness
from dualstack.service import launch_reload, launch_service, readiness_of
from dualstack.world.clients import clients_of
from dualstack.world.components import Components
from dualstack.world.journal import Journal
from dualstack.world.readiness import missing_loopback, wait_ready
from dualstack.world.sockets import ServiceSockets
from dualstack.world.upstreams import Upstreams

_KILL_TIMEOUT = 10.0
"""Seconds within which a killed program must be gone."""

_CRASH_TIMEOUT = 0.2
"""Seconds to wait for the end of a service after an exchange failed."""


class Service:
    """One process or container of the service, or several in turn.

    Attributes:
        listener: The listener that the case is about; it gets the listen address and the access list.
        families: The families that the listener claims and over which its clients can reach it in this lab.
        launches: Each start so far and how it went.
        was_ready: Whether any start became ready.
        whole_output: The output of the last start that was stopped.
        sockets: Its sockets.
        components: The programs that it needs; they start before it and stop after it.
        upstreams: The servers of its relays.
        af_inet6: Whether socket(AF_INET6) works for the next start.
    """

    def __init__(self, subject: Subject, listener: Listen, lab: Lab, journal: Journal, *, contained: bool) -> None:
        """Prepare; nothing is started.

        Args:
            subject: The service's manifest, with one of its configurations.
            listener: The listener that the case is about.
            lab: The lab.
            journal: Where steps are noted.
            contained: Whether the service runs in its container image.
        """
        addresses = clients_of(listener.scope, lab).addresses
        self.listener = listener
        self.families = tuple(family for family in BOTH if family in listener.families and addresses[family])
        self.launches: list[Start] = []
        self.was_ready = False
        self.af_inet6 = lab.hosts["service"].spec.af_inet6
        self.whole_output = ""
        self.sockets = ServiceSockets(subject.name, listener, lab.hosts["service"], journal)
        self.components = Components(subject, lab, journal, contained=contained)
        self.upstreams = Upstreams(subject, lab, journal)
        self._subject = subject
        self._lab = lab
        self._host = lab.hosts["service"]
        self._journal = journal
        self._contained = contained
        self._program: Program | None = None
        self._launched: Launch | None = None
        self._left_behind: list[Program] = []
        self._settings: Mapping[str, str] = {}
        self._expected: Sequence[Family] | None = None

    # -- start -------------------------------------------------------------------------------------------------------

    def launch(self, bind: str | None = None, **settings: str) -> Program:
        """Start the service and do not wait until it is ready; a running one is stopped, components are started first.

        Args:
            bind: The value of ``{bind}``; None for the manifest's default.
            settings: The values of the listener's other placeholders, by name, e.g. ``acl``.

        Raises:
            ServiceError: It cannot be executed, or a component does not start or has ended.
        """
        self.stop()
        self._settings = settings if bind is None else {"bind": bind, **settings}
        self.launches.append(Start(bind=self._subject.default_bind(self.listener) if bind is None else bind))
        self._journal.sockets = ()
        self.sockets.begin()
        self.components.start()
        self.upstreams.start()
        launch = launch_service(
            self._subject,
            self._journal.next_scratch(),
            af_inet6=self.af_inet6,
            settings={f"{self.listener.name}.{name}": text for name, text in self._settings.items()},
            names=names_for(self._subject.listen, self._lab),
            contained=self._contained,
            targets=self.upstreams.targets,
        )
        command = shlex.join(launch.command) or f"the default command of the image {launch.image}"
        self._journal.command = command
        self._journal.note(f"start the service: {command}")
        self._launched = launch
        self._program = self._host.start(launch)
        return self._program

    def wait_ready(
        self, program: Program, families: Sequence[Family] | None = None, within: float | None = None
    ) -> Readiness:
        """Wait until ``program`` is ready, has ended, or its time is up.

        Args:
            program: What was launched.
            families: The families that it is expected to serve; None for `families`.
            within: The timeout in seconds; None for the manifest's.
        """
        condition = readiness_of(self._subject, self.families if families is None else families)
        if within is not None:
            condition = replace(condition, timeout=within)
        restricted = bool({"acl", "trusted"} & set(self._settings))
        subject = replace(self._subject, listen=tuple(map(self.upstreams.asked, self._subject.listen)))
        readiness = wait_ready(subject, self._lab, program, condition, restricted=restricted)
        self._journal.waited += readiness.seconds
        self._update_launch(readiness.exit, ready=readiness.ready, seconds=readiness.seconds)
        self.was_ready |= readiness.ready
        ready = f"after {readiness.seconds * 1000:.0f} ms the service is ready"
        self._journal.note(ready if readiness.ready else f"the service is not ready: {readiness.detail}")
        self.sockets.read()
        return readiness

    def start(self, bind: str | None = None, families: Sequence[Family] | None = None, **settings: str) -> None:
        """Start the service and wait until it is ready; see `launch` and `wait_ready`.

        Raises:
            ServiceError: It cannot be executed, ended, or did not become ready in time.
            Inconclusive: It did not become ready in time, and the machine starved it of processor time.
        """
        self._expected = families
        readiness = self.wait_ready(self.launch(bind, **settings), families)
        if not readiness.ready:
            why = f"{readiness.detail}{missing_loopback(self._lab.topology, self.log.text)}{self.last_log_line()}"
            component = f"{fault}; " if (fault := self.components.look()) else ""
            if readiness.hardly_ran:
                raise Inconclusive(f"the service did not become ready: {why}; {readiness.hardly_ran}")
            raise ServiceError(f"{component}the service did not become ready: {why}", not_ready=True)

    def restart(self) -> None:
        """Start the service again, with the arguments of the last `start`."""
        self.start(families=self._expected, **self._settings)

    def reload(self, how: str | list[str]) -> None:
        """Make the running service read its configuration again, by a signal to its first process or by a command.

        Raises:
            HarnessError: It was not started.
            Inconclusive: The command fails.
        """
        if self._launched is None:
            raise HarnessError("the service was not started")
        if isinstance(how, str):
            self._journal.note(f"send {how} to the service: it reads its configuration again")
            self.program.signal(how)
            return
        launch = launch_reload(self._subject, self._launched, how, contained=self._contained)
        words = shlex.join(launch.command)
        self._journal.note(f"make the service read its configuration again: {words}")
        command = self._host.start(launch)
        self._left_behind.append(command)
        end = command.wait(Deadline(self._subject.manifest.timeouts.ready, f"{words} to end"))
        if end.code != 0:
            raise Inconclusive(f"the reload command {end}: {words}: {command.log().last_line or 'it printed nothing'}")

    # -- the running service -----------------------------------------------------------------------------------------

    @property
    def program(self) -> Program:
        """The running service.

        Raises:
            HarnessError: It was not started.
        """
        if self._program is None:
            raise HarnessError("the service was not started")
        return self._program

    @property
    def current(self) -> Program | None:
        """The program that was started last, also if it has ended; None after `stop` or `leave`."""
        return self._program

    @property
    def log(self) -> Log:
        """The output of the running service so far."""
        return self._program.log() if self._program else Log(text="", size=0)

    def last_log_line(self) -> str:
        """Return what the output says about the failure, as the end of a sentence."""
        return said(self.log.text)

    def exit_status_text(self) -> str:
        """Return how the service ended and its last log line, as the end of a sentence; empty if it runs.

        A reset may arrive before the kernel has finished with the process that caused it, so this waits a moment.
        """
        if self._program is None:
            return ""
        try:
            how = self._program.wait(Deadline(_CRASH_TIMEOUT, "the service to end"))
        except DeadlineExpired:
            return ""
        return f"; the service {how}{self.last_log_line()}"

    def scratch_texts(self) -> str:
        """Return the text files in the private folder of the last start, mostly log files, as one text."""
        return "\n".join(self._host.prober.texts(self._launched.scratch)) if self._launched else ""

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Pause every process of the service, and resume them at the end of the block."""
        self.program.pause()
        self._journal.note("pause the service")
        try:
            yield
        finally:
            self.program.resume()
            self._journal.note("resume the service")

    # -- end ---------------------------------------------------------------------------------------------------------

    def wait_end(self, program: Program, deadline: Deadline) -> Exit | None:
        """Wait for the program's end; return None if it still runs when the time is up."""
        began = time.monotonic()
        try:
            how = program.wait(deadline)
        except DeadlineExpired:
            how = None
        self._journal.waited += time.monotonic() - began
        if program is self._program:
            self._update_launch(how, seconds=self._journal.waited)
        self._journal.note(f"the service {how}" if how else f"after {deadline.seconds:g} s the service still runs")
        return how

    def stop(self) -> Exit | None:
        """Stop the service if it runs, and keep its output."""
        program, self._program = self._program, None
        if program is None:
            return None
        began = time.monotonic()
        deadline = Deadline(self._subject.manifest.timeouts.stop, "the service to stop")
        already = program.poll()
        self._update_launch(already)
        how = program.stop(self._subject.manifest.service.stop_signal, deadline)
        self._journal.waited += time.monotonic() - began
        words = f"it had ended by itself: it {already}" if already else f"it {how}"
        if how is None:
            words = "what it left behind had to be killed" if already else "it had to be killed"
        self._journal.note(f"stop the service: {words}")
        self.whole_output = program.log().text
        self._journal.outputs.append(self.whole_output)
        return how

    def leave(self, signal: str) -> Exit | None:
        """Send a signal to the service's first process only, and wait for its end; return None if it still runs.

        Processes that remain live on beside a later start until `close`.
        """
        program, self._program = self._program, None
        if program is None:
            return None
        self._left_behind.append(program)
        self._journal.note(f"send {signal} to the service's first process")
        program.signal(signal)
        return self.wait_end(program, Deadline(self._subject.manifest.timeouts.stop, "the service to stop"))

    def close(self) -> None:
        """Stop the service, kill all processes that earlier starts left behind, and stop the components."""
        self.components.look()
        self.stop()
        for program in self._left_behind:
            program.stop("SIGKILL", Deadline(_KILL_TIMEOUT, "what the service left behind to end"))
            self._journal.outputs.append(program.log().text)
        self._left_behind.clear()
        self.components.stop()
        self.upstreams.stop()

    def _update_launch(self, how: Exit | None, *, ready: bool | None = None, seconds: float | None = None) -> None:
        """Update what is known of the last start; ``how`` is how it ended by itself."""
        last = self.launches[-1]
        last = replace(last, ready=last.ready if ready is None else ready, seconds=seconds or last.seconds)
        if how is not None and not last.ended:
            last = replace(last, ended=str(how), signal=how.signal, code=how.code)
        self.launches[-1] = last
