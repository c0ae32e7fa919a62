"""What is seen of a service's container in one look, while it is waited for (`dualstack.lab.waiting.View`)."""

from collections.abc import Callable, Sequence

from dualstack.lab.waiting import Listener
from dualstack.prober.messages import Exit, SocketRow
from dualstack.prober.output import Watch
from dualstack.transport import Transport

_RECEIVING = frozenset({"LISTEN", "UNCONN"})

Foreign = Callable[[], Sequence[SocketRow]]
"""Returns the sockets of a host; those without an owner and without another component are the program's own."""


class ContainerView:
    """One look at a service's container."""

    def __init__(
        self,
        watch: Watch | None,
        *,
        poll: Callable[[], Exit | None],
        foreign: Foreign,
        unhealthy: Callable[[], Sequence[str]],
        starved: Callable[[], float],
    ) -> None:
        """Begin a look.

        Args:
            watch: The watch for the line that the output must have.
            poll: Returns how the container ended; None while it runs.
            foreign: Returns the host's sockets.
            unhealthy: Returns the state of its health check; nothing if it has passed.
            starved: Returns the seconds for which the service had no processor.
        """
        self._watch = watch
        self._poll = poll
        self._foreign = foreign
        self._how: Exit | None = None
        self.unhealthy = unhealthy
        self.starved = starved

    def exit(self) -> Exit | None:
        """Return how it ended; `running` and `over` agree with the last answer."""
        self._how = self._poll()
        return self._how

    def running(self) -> bool:
        """Return whether it runs: the engine ends every process of a container with the first one."""
        return self._how is None

    def over(self) -> bool:
        """Return whether it has ended."""
        return self._how is not None

    def has_logged(self) -> bool:
        """Return whether the watched line has been written."""
        return self._watch is not None and self._watch.line is not None

    def listeners(self) -> list[Listener]:
        """Return the host's sockets that receive connections or datagrams."""
        rows = [row for row in self._foreign() if row.state in _RECEIVING]
        return [Listener(Transport(row.transport), row.port, row.serves, row.owner or row.component) for row in rows]

    def left_behind(self) -> str:
        """Return an empty text: see `running`."""
        return ""
