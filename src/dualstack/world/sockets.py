"""The sockets of the service, and those that appear late."""

from dualstack.deadline import Deadline
from dualstack.families import Family
from dualstack.lab.protocol import Host, Program
from dualstack.manifest import Listen
from dualstack.prober.messages import SocketRow
from dualstack.world.journal import Journal

_LATE_SOCKET_TIMEOUT = 5.0
"""Seconds to wait for a socket that was missing when the service was ready."""

_never_late: set[tuple[str, str]] = set()
"""Service and listener name of each wait that found no late socket: it is not repeated in this process."""


class ServiceSockets:
    """The sockets on which the service listens (UDP: that it has bound).

    Attributes:
        late: The families whose socket appeared only some time after the service was ready.
        connected: The UDP sockets on the listener's port that had one client as their peer when `read` was called last.
    """

    def __init__(self, service: str, listener: Listen, host: Host, journal: Journal) -> None:
        """Prepare; nothing is read.

        Args:
            service: The service's name.
            listener: The listener that the case is about.
            host: The service's host.
            journal: Where the rows that were read last are kept.
        """
        self.late: frozenset[Family] = frozenset()
        self.connected: tuple[SocketRow, ...] = ()
        self._key = (service, listener.name)
        self._endpoint = (listener.port, listener.transport.value)
        self._host = host
        self._journal = journal
        self._starts = 0
        self._seen: dict[tuple[int, SocketRow], None] = {}

    def begin(self) -> None:
        """From now on the sockets are those of another start."""
        self._starts += 1

    def read(self) -> tuple[SocketRow, ...]:
        """Return the sockets as the kernel shows them now; the journal also gets those of components."""
        rows = [row for row in self._host.prober.sockets() if row.owner and not row.is_of_harness]
        listening = tuple(row for row in rows if row.state in {"LISTEN", "UNCONN"})
        own = tuple(row for row in listening if not row.component)
        udp = [row for row in rows if row.transport == "udp"]
        self.connected = tuple(row for row in udp if row.peer and (row.port, row.transport) == self._endpoint)
        self._journal.sockets = listening if own else self._journal.sockets
        self._seen |= dict.fromkeys((self._starts, row) for row in own)
        return own

    @property
    def seen(self) -> tuple[SocketRow, ...]:
        """Every socket that `read` has ever returned, each once."""
        return tuple(dict.fromkeys(row for _, row in self._seen))

    def of_start(self, number: int) -> tuple[SocketRow, ...]:
        """Return what `seen` has of one start; the first is number 1."""
        return tuple(row for start, row in self._seen if start == number)

    @property
    def seen_on_port(self) -> tuple[SocketRow, ...]:
        """Those of `seen` that are on the listener's port."""
        return tuple(row for row in self.seen if (row.port, row.transport) == self._endpoint)

    def families(self) -> set[Family]:
        """Return the families that the sockets on the listener's port take now."""
        return {family for row in self.read_on_port() for family in row.serves}

    def read_on_port(self) -> tuple[SocketRow, ...]:
        """Return those of `read` that are on the listener's port."""
        return tuple(row for row in self.read() if (row.port, row.transport) == self._endpoint)

    def wait_late(self, program: Program, not_served: set[Family]) -> None:
        """Wait some seconds for a socket of each family that was not served, if none is there; set `late`.

        It tells a listener that reported readiness too early from one that never serves the family.

        Args:
            program: The service; nothing is waited for if it has ended.
            not_served: The families over which no client was served.
        """
        missing = not_served - self.families()
        if not missing or program.poll() is not None or self._key in _never_late:
            return
        Deadline(_LATE_SOCKET_TIMEOUT, "the missing socket").until(lambda: bool(missing & self.families()))
        self.late = frozenset(missing & self.families())
        if self.late:
            labels = " and ".join(sorted(item.label for item in self.late))
            self._journal.note(f"a socket for {labels} has appeared late")
        else:
            _never_late.add(self._key)
