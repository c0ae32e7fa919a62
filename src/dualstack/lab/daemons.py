"""The daemons of a lab: processes that carry out functions of hosts, as long as the lab exists.

A daemon runs in its host, with a stream over which JSON objects go, one a line. The first is its order, which it
answers with ``{"ready": true}``. It answers each that follows; an empty one with ``{"counts": <what it has counted, by
name>}``. An answer may be ``{"error": <its last error>}``, with
``"cannot": true`` if the machine does not permit what it needs; then it has ended. The end of the stream ends it.
"""

import json
import socket
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Any, Protocol, Self, cast

from dualstack.addressing import Plan
from dualstack.errors import BrokenLab, HarnessError, HostCannot
from dualstack.lab.functions import sites
from dualstack.lab.functions.function import Daemon
from dualstack.topology import Topology

_ANSWER_TIMEOUT = 10.0
"""Seconds in which a daemon must answer, also on a busy machine."""


def shown_counts(answer: Mapping[str, Any]) -> str:
    """Return what a daemon has counted as text: ``ipv4 3, ipv6 2``; its request was empty."""
    return ", ".join(f"{name} {number}" for name, number in answer["counts"].items())


class Place(Protocol):
    """Where a daemon runs: a host, as `lab.protocol.Host` describes it."""

    @property
    def name(self) -> str:
        """Its name in the topology."""

    def inside(self, entry: str) -> socket.socket:
        """Run ``module:function`` in it; return the stream to it."""


class Inhabited(Protocol):
    """Where daemons run: a lab, as `lab.protocol.Lab` describes it."""

    @property
    def topology(self) -> Topology:
        """Its topology."""

    @property
    def plan(self) -> Plan:
        """Its addresses."""

    @property
    def hosts(self) -> Mapping[str, Place]:
        """Its hosts, by name."""

    def close(self) -> None:
        """Remove it."""


class RunningDaemon:
    """A daemon that runs in a host."""

    def __init__(self, daemon: Daemon, host: Place) -> None:
        """Start it, and return when it is ready.

        Raises:
            HostCannot: The machine does not permit what it needs.
            BrokenLab: It has died, or hangs; the message has its last error.
        """
        self._what = f"{daemon.what} of host {host.name!r}"
        self._stream = host.inside(daemon.entry)
        self._stream.settimeout(_ANSWER_TIMEOUT)
        self._answers = self._stream.makefile("rb")
        try:
            self.ask(daemon.order)
        except BaseException:
            self.close()
            raise

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request and return its answer.

        Raises:
            HostCannot: The machine does not permit what it needs.
            BrokenLab: It has died, or hangs; the message has its last error.
        """
        try:
            with suppress(BrokenPipeError):  # one that has ended may have left its last error, which is read
                self._stream.sendall(json.dumps(request).encode() + b"\n")
            line = self._answers.readline()
        except TimeoutError:
            raise BrokenLab(f"{self._what} has not answered for {_ANSWER_TIMEOUT:g} s") from None
        except ConnectionResetError:
            line = b""
        if not line:
            raise BrokenLab(f"{self._what} has died without an error message")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            kind = HostCannot if answer.get("cannot") else BrokenLab
            raise kind(f"{self._what} cannot run: {answer['error']}")
        return answer

    def close(self) -> None:
        """End it."""
        self._answers.close()
        self._stream.close()


class WithDaemons:
    """A lab with daemons."""

    _daemons: "Daemons | None" = None

    def with_daemons(self) -> Self:
        """Start the daemons of its functions, and return it; it is closed if one of them cannot run.

        Raises:
            HostCannot: The machine does not permit what one of them needs.
            BrokenLab: One of them has died, or hangs.
        """
        lab = cast("Inhabited", self)
        try:
            self._daemons = Daemons(lab)
        except BaseException:
            lab.close()
            raise
        return self

    @property
    def daemons(self) -> "Daemons":
        """The daemons of its functions.

        Raises:
            HarnessError: The lab is closed.
        """
        if self._daemons is None:
            raise HarnessError("the daemons of this lab do not run")
        return self._daemons

    def end_daemons(self) -> None:
        """End all of them."""
        if self._daemons is not None:
            self._daemons.close()
            self._daemons = None


class Daemons(dict[str, RunningDaemon]):
    """The daemons of a lab, by what they are."""

    def __init__(self, lab: Inhabited) -> None:
        """Start every daemon of a lab.

        Raises:
            HostCannot: The machine does not permit what one of them needs.
            BrokenLab: One of them has died, or hangs.
        """
        super().__init__()
        with ExitStack() as undo:
            for site, function in sites(lab.topology, lab.plan):
                daemon = function.daemon(site)
                if daemon is not None:
                    self[daemon.what] = RunningDaemon(daemon, lab.hosts[site.host])
                    undo.callback(self[daemon.what].close)
            undo.pop_all()

    def check(self) -> dict[str, dict[str, Any]]:
        """Return what each of them answers to an empty request.

        Raises:
            BrokenLab: One of them has died, or hangs; the message has its last error.
        """
        return {what: daemon.ask({}) for what, daemon in self.items()}

    def close(self) -> None:
        """End all of them."""
        for daemon in self.values():
            daemon.close()
        self.clear()
