"""A connector that runs until it is stopped: it is triggered, and the lab's server sees its exchanges."""

import time
from collections.abc import Callable

from dualstack.complaint import said
from dualstack.deadline import Deadline
from dualstack.families import Family, endpoint
from dualstack.lab.protocol import Host, Program
from dualstack.manifest import Connect
from dualstack.manifest.timeouts import Timeouts
from dualstack.prober.client import ServerHandle
from dualstack.prober.messages import Accepted, Await, Dial, Exit
from dualstack.protocols.judgement import show_pattern
from dualstack.transport import AppProtocol, Transport
from dualstack.world.journal import Journal
from dualstack.world.patience import Patience

_LOOK_INTERVAL = 0.25
"""Seconds between two looks whether the daemon has ended, while its exchange is awaited."""

_TRIGGER_INTERVAL = 0.5
"""Seconds after which a trigger is repeated that led to no exchange."""


class Daemon:
    """One process of a connector that runs on.

    Attributes:
        program: Its program.
        fault: Why its last exchange was not completed, or why it did not become ready; empty if neither is so.
        clients: Its connections that `exchange` has waited for, as the lab's servers saw them.
    """

    def __init__(
        self, connector: Connect, program: Program, host: Host, journal: Journal, timeouts: Timeouts, *, stop: str
    ) -> None:
        """Take over a program that has just been started; ``stop`` is the signal that ends it."""
        self.program = program
        self.fault = ""
        self.clients: list[Accepted] = []
        self._connector = connector
        self._host = host
        self._journal = journal
        self._timeouts = timeouts
        self._stop_signal = stop
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._began

    def wait_ready(self) -> bool:
        """Wait until it can be triggered; return whether it is ready, and set `fault` if it is not."""
        trigger = self._connector.trigger
        port = (trigger.port or 0) if trigger is not None else 0
        if not port and self._connector.ready_log is None:
            return True
        condition = Await(port, Transport.TCP, self._connector.ready_log, self._timeouts.ready)
        readiness = self.program.wait_ready(condition)
        self._journal.waited += readiness.seconds
        if not readiness.ready:
            self.fault = f"it did not become ready: {readiness.detail}{said(self.program.log().text)}"
        return readiness.ready

    def exchange(self, serving: ServerHandle, within: float, since: int = 0) -> bool:
        """Trigger it, and wait until it has completed an exchange; set `fault` if it does not.

        Args:
            serving: The server that it should reach.
            within: The timeout in seconds; see `Patience`.
            since: How many clients the server had before.
        """
        began = time.monotonic()
        self.fault = self._why_no_exchange(serving, Patience(self.program, within, "an exchange with it"), since)
        self._journal.waited += time.monotonic() - began
        self.clients += serving.accepted()[since:]
        return not self.fault

    def pull(self, deadline: Deadline) -> None:
        """Trigger it, if it has a trigger; the answer to a request is awaited until the deadline, and ignored."""
        trigger = self._connector.trigger
        if trigger is None:
            return
        if trigger.signal is not None:
            self.program.signal(trigger.signal)
            return
        address, port = loopback(self._host), trigger.port or 0
        head = f"GET {trigger.request} HTTP/1.1\r\nHost: {endpoint(address, port)}\r\nConnection: close\r\n\r\n"
        self._host.prober.dial(
            Dial(
                family=Family.of(address),
                address=address,
                port=port,
                protocol=AppProtocol.EXCHANGE,
                send=head if trigger.is_path else trigger.request,
                timeout=max(deadline.remaining, _LOOK_INTERVAL),
            )
        )

    def until(self, condition: Callable[[], bool], deadline: Deadline) -> bool:
        """Trigger it until ``condition`` is true; return whether it is, at the deadline at the latest."""
        while True:
            self.pull(deadline)
            turn = Deadline(min(_TRIGGER_INTERVAL, deadline.remaining), "the daemon")
            if turn.until(condition):
                return True
            if deadline.expired or self.program.poll() is not None:
                return False

    def stop(self) -> Exit | None:
        """Stop it; return how it had ended by itself before, None if it ran."""
        ended = self.program.poll()
        self.program.stop(self._stop_signal, Deadline(self._timeouts.stop, "the connector to stop"))
        return ended

    def _why_no_exchange(self, serving: ServerHandle, patience: Patience, since: int) -> str:
        """Wait for an exchange; return why it was not completed, or nothing."""
        interval = _LOOK_INTERVAL if self._connector.trigger is None else _TRIGGER_INTERVAL
        while True:
            self.pull(patience.deadline)
            turn = Deadline(min(interval, patience.deadline.remaining), "an exchange")
            if serving.await_client(since, turn):
                break
            how = self.program.poll()
            if how is not None:
                return f"it {how} by itself{said(self.program.log().text)}"
            if patience.deadline.expired and not patience.extend():
                return f"it had not completed an exchange after {patience.seconds:.3g} s{said(self.program.log().text)}"
        pattern = self._connector.output
        if pattern is not None and self.program.wait_log(pattern, patience.deadline) is None:
            return f"its output does not match {show_pattern(pattern)}{said(self.program.log().text)}"
        return ""


def loopback(host: Host) -> str:
    """Return the loopback address of a host, IPv4 first."""
    return next(family.loopback for family in host.spec.loopbacks)
