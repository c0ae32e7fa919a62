"""The connections that a daemon keeps: how many it has at a time, and how many come back when its server has moved."""

import time

from dualstack.deadline import Deadline
from dualstack.prober.client import ServerHandle

LONG = 0.3
"""Seconds for which a connection is open that is kept: one that is made for a single exchange ends at once."""

LOOK = 0.2
"""Seconds between two looks, if no new connection comes."""

QUIET = 1.0
"""Seconds without more connections at a time than before, after which their number is settled."""

LONGEST = 5.0
"""Seconds after which it is not waited for any more."""


class Kept:
    """The connections to a server that are kept, from one look to the next."""

    def __init__(self, serving: ServerHandle) -> None:
        """Begin to look at a server."""
        self._serving = serving
        self._since: dict[tuple[str, int], float] = {}
        self._clients = 0

    def look(self) -> int:
        """Return how many connections with a completed exchange are open."""
        now, clients = time.monotonic(), self._serving.accepted()
        there = [(item.peer, item.peer_port) for item in clients if item.completed and item.is_open]
        self._since = {key: self._since.get(key, now) for key in there}
        self._clients = len(clients)
        return len(there)

    def count(self) -> int:
        """Look; return how many of these connections have been open for `LONG`."""
        self.look()
        end = time.monotonic() - LONG
        return sum(since <= end for since in self._since.values())

    def settle(self) -> int:
        """Wait until there are no more of them for `QUIET`, `LONGEST` at most; return how many are kept."""
        over, quiet, most = Deadline(LONGEST, "their number to settle"), Deadline(QUIET, "further connections"), 0
        while not (over.expired or quiet.expired):
            self._await_change(over)
            if (there := self.look()) > most:
                most, quiet = there, Deadline(QUIET, "further connections")
        return self.count()

    def returned(self, count: int, deadline: Deadline) -> int:
        """Wait until so many are kept, or the time is up; return how many are."""
        while (there := self.count()) < count and not deadline.expired:
            self._await_change(deadline)
        return there

    def _await_change(self, deadline: Deadline) -> None:
        """Wait for a new connection, for `LOOK` at most."""
        look = Deadline(min(LOOK, deadline.remaining), "a new connection")
        self._serving.await_client(self._clients, look, completed=False)
