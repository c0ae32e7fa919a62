"""What is seen of a service's container, while it is waited for (`dualstack.prober.readiness.View`)."""

from collections.abc import Callable, Sequence

from dualstack.prober.messages import Exit, SocketRow
from dualstack.prober.output import Watch
from dualstack.prober.readiness import Listener
from dualstack.transport import Transport

_RECEIVING = frozenset({"LISTEN", "UNCONN"})

Foreign = Callable[[], Sequence[SocketRow]]
"""Returns the sockets of a host; those without an owner and without another component are the program's own."""


class ContainerView:
    """What is seen of a service's container; the engine ends every process of a container with the first one."""

    def __init__(
        self,
        watch: Watch | None,
        *,
        poll: Callable[[], Exit | None],
        foreign: Foreign,
        unhealthy: Callable[[], Sequence[str]],
        starved: Callable[[], float],
    ) -> None:
        """Look at a container.

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
        """Return whether it runs."""
        return self._how is None

    def over(self) -> bool:
        """Return whether it has ended."""
        return self._how is not None

    def has_logged(self) -> bool:
        """Return whether the watched line has been written."""
        return self._watch is not None and self._watch.line is not None

    def listeners(self, transport: Transport, port: int) -> list[Listener]:
        """Return the host's sockets on a port that receive connections or datagrams."""
        found = [row for row in self._receiving() if (row.transport, row.port) == (transport.value, port)]
        owners = [row.owner or row.component for row in found]
        return [Listener(row.serves, (name,) if name else ()) for row, name in zip(found, owners, strict=True)]

    def own_ports(self) -> list[tuple[Transport, int]]:
        """Return transport and port of each socket of the container that receives connections or datagrams."""
        return [(Transport(row.transport), row.port) for row in self._receiving() if not (row.owner or row.component)]

    def _receiving(self) -> list[SocketRow]:
        """Return the host's sockets that receive connections or datagrams."""
        return [row for row in self._foreign() if row.state in _RECEIVING]

    def left_behind(self) -> str:
        """Return an empty text: see `running`."""
        return ""
