"""The prober as a test sees it: typed, synchronous, usable from several threads."""

import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from dualstack.deadline import Deadline
from dualstack.families import Family
from dualstack.manifest.models import Transport
from dualstack.prober.channel import Channel
from dualstack.prober.codec import pack, unpack
from dualstack.prober.messages import (
    PATIENCE,
    Accepted,
    AddressRow,
    Advertise,
    Await,
    Dial,
    Dialled,
    Ends,
    Exit,
    Forge,
    Hold,
    Idle,
    Idled,
    Launch,
    Linger,
    Load,
    Loaded,
    Log,
    Names,
    Query,
    Readiness,
    Resolved,
    RouteRow,
    Serve,
    SocketRow,
    Vitals,
    Volley,
    Volleyed,
    alike_until,
)

T = TypeVar("T")

_GRACE = 10.0
"""Seconds that the agent may take beyond what the request itself takes; a loaded machine is slow."""


_LATE = 0.1
"""Seconds by which each step of something with many steps may be late."""


class _Opened:
    """Something that is open on the host until it is closed."""

    def __init__(self, channel: Channel, handle: int) -> None:
        """Keep its handle."""
        self._channel = channel
        self._handle = handle
        self._closed = False

    def _ask(self, verb: str, **fields: Any) -> dict[str, Any]:
        """Ask the agent about it."""
        return self._channel.request(verb, {"handle": self._handle, **fields}, _GRACE)

    def close(self) -> None:
        """Close it; it may be called twice, and after the host is gone."""
        if not self._closed and not self._channel.gone:
            self._ask("close")
        self._closed = True

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


class Serving(_Opened):
    """A server of the prober's, for connectors."""

    def listen(self) -> None:
        """Let it listen, if it is only bound.

        Raises:
            HarnessError: The kernel refuses; the message says why.
        """
        self._ask("listen")

    def accepted(self) -> tuple[Accepted, ...]:
        """Return its clients until now, in the order in which they came."""
        return _rows(Accepted, self._ask("accepted"))


class Held(_Opened):
    """A port that is occupied until this is closed."""

    def taken(self) -> int:
        """Return how many connections have come to it since this was last asked; it must be a TCP port that listens."""
        return int(self._ask("taken")["taken"])


class Lingering(_Opened):
    """Clients of the prober's that keep their connections until this is closed.

    Attributes:
        clients: How far each of them came, in the order of the dials; `Linger.in_turn` may leave out the last ones.
        held: How many of them have a connection.
    """

    def __init__(self, channel: Channel, handle: int, clients: tuple[Dialled, ...], held: int) -> None:
        """Keep their handle."""
        super().__init__(channel, handle)
        self.clients = clients
        self.held = held

    def ends(self) -> Ends:
        """Return what has become of their connections until now."""
        return unpack(Ends, self._ask("ends"))

    def hung_up(self) -> tuple[bool, ...]:
        """Return, of those that have connected and said nothing, whether the service has ended their connection.

        They are in the order of the dials, without those that had not connected. What was sent to them stays unread.
        """
        return tuple(self._ask("hung_up")["ended"])

    def speak(self, seconds: float) -> tuple[Dialled, ...]:
        """Let those that have connected and said nothing hold their exchanges, all at the same time, and leave.

        Args:
            seconds: The longest time that any of their dials allows.

        Returns:
            How the exchanges ended, in the order of the dials, without those that had not connected.
        """
        return _rows(Dialled, self._channel.request("speak", {"handle": self._handle}, seconds + _GRACE))

    def reset(self) -> None:
        """End their connections with a TCP reset each, instead of an orderly close."""
        self._ask("reset")


class Loading(_Opened):
    """Clients of the prober's that come again and again until this is closed."""

    def finish(self, deadline: Deadline) -> Loaded:
        """Wait until all rounds are over, or end the clients of a load without a number of rounds.

        Those that have not come to their end by the deadline are ended; their last exchange is not counted.
        """
        seconds = deadline.remaining
        answer = self._channel.request("loaded", {"handle": self._handle, "seconds": seconds}, seconds + _GRACE)
        return unpack(Loaded, answer)


class NameServer(_Opened):
    """The lab's name server."""

    def queries(self) -> tuple[Query, ...]:
        """Return what it was asked until now, in the order in which it came."""
        return _rows(Query, self._ask("queries"))


class HostProgram:
    """A program that was started on the host (`dualstack.lab.protocol.Program`)."""

    def __init__(self, channel: Channel, handle: int, command: str) -> None:
        """Keep its handle."""
        self._channel = channel
        self._handle = handle
        self._command = command

    def poll(self) -> Exit | None:
        """Return how it ended, or None while it runs."""
        return _exit(self._ask("poll"))

    def wait(self, deadline: Deadline) -> Exit:
        """Wait for its end.

        Raises:
            DeadlineExpired: It still runs.
        """
        how = _exit(self._ask("wait", (seconds := deadline.remaining), {"seconds": seconds}))
        if how is None:
            raise deadline.error(f"{self._command!r} still runs")
        return how

    def wait_ready(self, condition: Await) -> Readiness:
        """Wait until it is ready, has ended, or the time is up."""
        return unpack(Readiness, self._ask("ready", condition.timeout * PATIENCE, pack(condition)))

    def wait_log(self, pattern: str, deadline: Deadline, since: int = 0) -> str | None:
        """Wait for a line of its output, from byte ``since`` on, that matches; return it, or None if none came."""
        seconds = deadline.remaining
        fields = {"pattern": pattern, "since": since, "seconds": seconds}
        line: str | None = self._ask("wait_log", seconds, fields)["line"]
        return line

    def log(self) -> Log:
        """Return what it has written so far."""
        return unpack(Log, self._ask("log"))

    def signal(self, signal: str) -> None:
        """Send ``signal`` to its first process alone; what that forked is sent nothing, and may live on."""
        self._ask("signal", fields={"signal": signal})

    def stop(self, signal: str, deadline: Deadline) -> Exit | None:
        """Send ``signal`` to it and all that it forked, and wait for them to be gone; what is left then is killed.

        Returns:
            How it ended, or None when anything of it had to be killed.
        """
        seconds = deadline.remaining
        return _exit(self._ask("stop", seconds, {"signal": signal, "seconds": seconds}))

    def storm(self, signals: Sequence[str], every: float = 0.0) -> None:
        """Send signals to its main process, in that order, ``every`` seconds apart; none once it has ended.

        Raises:
            UsageError: There is no such signal.
        """
        seconds = (every + _LATE) * len(signals)
        self._ask("storm", seconds, {"signals": list(signals), "every": every})

    def pause(self) -> None:
        """Stop all its processes where they are; returns when none of them runs."""
        self._ask("pause")

    def resume(self) -> None:
        """Let its processes go on."""
        self._ask("resume")

    def vitals(self) -> Vitals:
        """Count what it holds.

        Raises:
            HostCannot: It cannot be counted here.
        """
        return unpack(Vitals, self._ask("vitals"))

    def _ask(self, verb: str, seconds: float = 0, fields: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the agent about it, for something that may take ``seconds``."""
        return self._channel.request(verb, {"handle": self._handle} | (fields or {}), seconds + _GRACE)


class Prober:
    """The prober of one host."""

    def __init__(self, stream: socket.socket) -> None:
        """Take over the stream to an agent.

        Every method raises HarnessError when the agent is gone or does not answer.
        """
        self._channel = Channel(stream)

    def dial(self, dial: Dial) -> Dialled:
        """Carry out one exchange with a service."""
        return unpack(Dialled, self._channel.request("dial", pack(dial), dial.timeout + _GRACE))

    def dial_all(self, dials: Sequence[Dial]) -> list[Dialled]:
        """Carry out exchanges, all at the same time; the results are in the order of ``dials``."""
        numbers = [self._channel.send("dial", pack(dial)) for dial in dials]
        seconds = max((dial.timeout for dial in dials), default=0) + _GRACE
        return [unpack(Dialled, self._channel.receive(number, "dial", seconds)) for number in numbers]

    def volley(self, volley: Volley) -> tuple[Volleyed, ...]:
        """Send the datagrams of several clients in turn; return what each saw, in the order of its senders."""
        rounds = max((len(sender.texts) for sender in volley.senders), default=0)
        return _rows(Volleyed, self._channel.request("volley", pack(volley), rounds * volley.timeout + _GRACE))

    def forge(self, forge: Forge) -> None:
        """Send one datagram over IPv6 with a forged source.

        Raises:
            HarnessError: The host does not let us, or has no way to the address.
        """
        self._channel.request("forge", pack(forge), _GRACE)

    def advertise(self, advertise: Advertise) -> None:
        """Send one router advertisement to all nodes of the link.

        Raises:
            HarnessError: The host does not let us, or has no such interface.
        """
        self._channel.request("advertise", pack(advertise), _GRACE)

    def idle(self, idles: Sequence[Idle]) -> list[tuple[Idled, ...]]:
        """Let clients come and be silent, all at the same time; return how long each kept its connection."""
        numbers = [self._channel.send("idle", pack(idle)) for idle in idles]
        seconds = [_longest_idle(idle) + _GRACE for idle in idles]
        answers = [self._channel.receive(number, "idle", wait) for number, wait in zip(numbers, seconds, strict=True)]
        return [_rows(Idled, answer) for answer in answers]

    def linger(self, linger: Linger) -> Lingering:
        """Let clients come and keep their connections; return when each is as far as it shall go, or has failed.

        Raises:
            UsageError: There are too many, none at all, or some without connections.
            HostCannot: The host has no room for them.
        """
        seconds = [dial.timeout for dial in linger.dials]
        longest = sum(seconds) if linger.in_turn else max(seconds, default=0)
        answer = self._channel.request("linger", pack(linger), longest + _GRACE)
        return Lingering(self._channel, int(answer["handle"]), _rows(Dialled, answer), int(answer["held"]))

    def load(self, load: Load) -> Loading:
        """Let clients begin to hold exchanges, one after the other; return at once.

        Raises:
            HostCannot: The host has no room for them.
        """
        return Loading(self._channel, self._open("load", pack(load)))

    def serve(self, serve: Serve) -> Serving:
        """Start a server for connectors.

        Raises:
            HarnessError: An address cannot be bound.
        """
        return Serving(self._channel, self._open("serve", pack(serve)))

    def hold(self, hold: Hold) -> Held:
        """Occupy a port.

        Raises:
            HarnessError: It cannot be bound.
        """
        return Held(self._channel, self._open("hold", pack(hold)))

    def try_hold(self, hold: Hold) -> Held | None:
        """Occupy a port as `hold` does; return None if it is taken (EADDRINUSE)."""
        handle = self._open("try_hold", pack(hold))
        return Held(self._channel, handle) if handle else None

    def names(self, names: Names) -> NameServer:
        """Start a name server.

        Raises:
            HarnessError: An address cannot be bound.
        """
        return NameServer(self._channel, self._open("names", pack(names)))

    def start(self, launch: Launch) -> HostProgram:
        """Start a program.

        Raises:
            ServiceError: It cannot be executed; the message names the file and the reason.
        """
        return HostProgram(self._channel, self._open("start", pack(launch)), launch.command[0])

    def resolve(
        self, name: str, family: Family | None = None, *, addrconfig: bool = False, timeout: float = 10.0
    ) -> Resolved:
        """Resolve a name with the host's own getaddrinfo, for one family or (None) any."""
        fields = {
            "name": name,
            "family": family.value if family is not None else "",
            "addrconfig": addrconfig,
            "timeout": timeout,
        }
        return unpack(Resolved, self._channel.request("resolve", fields, timeout + _GRACE))

    def sockets(self, transport: Transport | None = None) -> tuple[SocketRow, ...]:
        """Return the host's socket table, of one transport or (None) both."""
        return _rows(SocketRow, self._ask("sockets", transport=transport.value if transport is not None else ""))

    def addresses(self) -> tuple[AddressRow, ...]:
        """Return the host's addresses, loopback and link-local ones too."""
        return _rows(AddressRow, self._ask("addresses"))

    def routes(self) -> tuple[RouteRow, ...]:
        """Return the routes of the host's main table."""
        return _rows(RouteRow, self._ask("routes"))

    def texts(self, folder: str) -> tuple[str, ...]:
        """Return the text files below a folder of the host; of each its end."""
        return tuple(self._ask("texts", folder=folder)["texts"])

    def sysctl(self, name: str) -> str:
        """Return a kernel setting of the host, ``net.ipv6.bindv6only``.

        Raises:
            HarnessError: There is none of that name.
        """
        return str(self._ask("sysctl", name=name)["value"])

    def ping(self) -> None:
        """Return when the agent has answered."""
        self._ask("ping")

    def close(self) -> None:
        """End the agent and, with it, everything on its host; it may be called twice."""
        self._channel.close()

    def _ask(self, verb: str, **fields: Any) -> dict[str, Any]:
        """Ask the agent for something that takes no time of its own."""
        return self._channel.request(verb, fields, _GRACE)

    def _open(self, verb: str, fields: dict[str, Any]) -> int:
        """Have the agent open something; return its handle."""
        return int(self._channel.request(verb, fields, _GRACE)["handle"])


def _rows(kind: type[T], answer: dict[str, Any]) -> tuple[T, ...]:
    """Return the rows of an answer."""
    return tuple(unpack(kind, row) for row in answer["rows"])


def _longest_idle(idle: Idle) -> float:
    """Return the seconds that silent clients take at most: each end of a connection makes the watch longer."""
    seconds = idle.seconds
    for _ in idle.dials:
        seconds = alike_until(seconds)
    return seconds + max((dial.timeout for dial in idle.dials), default=0.0)


def _exit(answer: dict[str, Any]) -> Exit | None:
    """Return how a program ended, as an answer says it."""
    return unpack(Exit, answer["exit"]) if answer["exit"] is not None else None
