"""Occupied ports: sockets of the prober on ports that a service needs, too."""

import errno

from dualstack.errors import HarnessError
from dualstack.prober.identity import user_of_programs
from dualstack.prober.messages import Hold
from dualstack.prober.messages.requests import Handle
from dualstack.prober.messages.serving import CountConnections, TryHold
from dualstack.prober.sockdiag import SocketTable
from dualstack.prober.sockets import bound_socket, socket_address
from dualstack.prober.verbs import Agent, verb
from dualstack.transport import Transport


class HeldPort:
    """The port of one `Hold`, which is occupied."""

    def __init__(self, hold: Hold, user: int | None = None) -> None:
        """Occupy the port with a socket that belongs to a user; None for the prober's own user.

        Raises:
            UsageError: The address is not of the family.
            HarnessError: It cannot be bound.
        """
        socket_address(hold.family, hold.address, hold.port)
        listening = hold.listening and hold.transport is Transport.TCP
        reuse = listening if hold.reuse_address is None else hold.reuse_address
        self._socket = bound_socket(
            hold.address,
            hold.port,
            hold.transport,
            v6only=hold.v6only,
            reuse_address=reuse,
            reuse_port=hold.reuse_port,
            backlog=16 if hold.listening else None,
            user=user,
        )

    def taken(self) -> int:
        """Accept the connections that wait, close them, and return how many there were."""
        count = 0
        while True:
            try:
                connection, _ = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return count
            connection.close()
            count += 1

    def close(self) -> None:
        """Release the port."""
        self._socket.close()


@verb(Hold)
async def hold(agent: Agent, request: Hold) -> Handle:
    """Occupy a port; with SO_REUSEPORT as the user that has it, or else as the user of the host's programs."""
    sharing = agent.shared(SocketTable).serving(request.transport, request.port) if request.reuse_port else []
    user = sharing[0].user if sharing else user_of_programs() if request.reuse_port else None
    return agent.keep(HeldPort(request, user))


@verb(TryHold)
async def try_hold(agent: Agent, request: TryHold) -> Handle | None:
    """Occupy a port; return None if it is taken."""
    try:
        return await hold(agent, request.hold)
    except HarnessError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE:
            return None
        raise


@verb(CountConnections)
async def count_connections(agent: Agent, request: CountConnections) -> int:
    """Return how many connections came to an occupied port since the last time."""
    return agent.kept(HeldPort, request.handle).taken()
