"""The agent: one process inside a lab host that does what the prober's client asks, many things at once.

As PID 1 of the host's pid namespace it reaps orphans, and its end is the end of everything on the host.
"""

import asyncio
import errno
import json
import os
import signal
import socket
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from dualstack.errors import DualstackError, HarnessError
from dualstack.families import Family
from dualstack.manifest.models import Transport
from dualstack.prober import interfaces
from dualstack.prober.advertising import send_advertisement
from dualstack.prober.children import Reaper, adopt_orphans
from dualstack.prober.codec import pack, unpack
from dualstack.prober.crowds import Loading
from dualstack.prober.dialling import dial
from dualstack.prober.forging import send_forged
from dualstack.prober.identity import user_of_programs
from dualstack.prober.idling import idle
from dualstack.prober.lingering import Lingerers
from dualstack.prober.messages import (
    Advertise,
    Await,
    Dial,
    Forge,
    Hold,
    Idle,
    Launch,
    Linger,
    Load,
    Names,
    Serve,
    Volley,
)
from dualstack.prober.nameserver import NameServer
from dualstack.prober.processes import descendants, processes
from dualstack.prober.programs import RunningProgram, start
from dualstack.prober.resolving import resolve
from dualstack.prober.serving import Closeable, Holder, Server
from dualstack.prober.sockdiag import SocketTable
from dualstack.prober.syslog import SystemLog
from dualstack.prober.texts import read_texts
from dualstack.prober.volleys import fire

Fields = dict[str, Any]
T = TypeVar("T")
_Verb = Callable[[Fields], Awaitable[Fields]]


def main(stream: socket.socket) -> None:
    """Do what comes over ``stream`` until it ends; then kill everything that was started here.

    It must be called in a process of its own, without other threads.
    """
    # The run is ended by who owns the stream; a Ctrl-C reaches every process of the terminal.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    Path("/proc/self/comm").write_text("prober")
    if os.getpid() != 1:
        adopt_orphans()
    try:
        asyncio.run(_attend(stream))
    finally:
        _kill_all()


async def _attend(stream: socket.socket) -> None:
    """Serve the stream to its end."""
    connection = _Connection()
    await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, stream)
    await connection.ended.wait()


def _kill_all() -> None:
    """Kill what is left on the host."""
    if os.getpid() == 1:
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        return
    while below := descendants(processes(), os.getpid()):
        for pid in below:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(-1, 0)


class _Connection(asyncio.Protocol):
    """Cuts the stream into requests and sends the answers back."""

    def __init__(self) -> None:
        """Start with an empty line."""
        self.ended = asyncio.Event()
        self._line = bytearray()
        self._agent = Agent()
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 - for the type checker
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Start a task for each line that is complete."""
        self._line += data
        *lines, rest = self._line.split(b"\n")
        self._line = rest
        for line in lines:
            task = asyncio.get_running_loop().create_task(self._answer(json.loads(line)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def connection_lost(self, _: Exception | None) -> None:
        """End the agent."""
        self.ended.set()

    async def _answer(self, request: Fields) -> None:
        """Do what a request asks for and send the answer, which may be an error."""
        number, verb = request.pop("id"), request.pop("do")
        try:
            answer: Fields = {"id": number, "ok": await self._agent.do(verb, request)}
        except DualstackError as error:
            answer = {"id": number, "error": str(error), "kind": type(error).__name__}
        except Exception as error:  # noqa: BLE001 - a fault of ours is the client's to raise, with where it happened
            text = "".join(traceback.format_exception(error))
            answer = {"id": number, "error": f"the prober failed at {verb!r}: {text}", "kind": "HarnessError"}
        self._transport.write(json.dumps(answer).encode() + b"\n")


class Agent:
    """What can be asked for: one method for each verb."""

    def __init__(self) -> None:
        """Start with nothing open."""
        self._reaper = Reaper()
        self._table = SocketTable()
        self._system_log = SystemLog()
        self._things: dict[int, Closeable | RunningProgram] = {}
        self._last = 0
        self._verbs: dict[str, _Verb] = {
            "ping": self._ping,
            "dial": self._dial,
            "volley": self._volley,
            "forge": self._forge,
            "advertise": self._advertise,
            "idle": self._idle,
            "linger": self._linger,
            "speak": self._speak,
            "ends": self._ends,
            "hung_up": self._hung_up,
            "reset": self._reset,
            "load": self._load,
            "loaded": self._loaded,
            "serve": self._serve,
            "listen": self._listen,
            "accepted": self._accepted,
            "hold": self._hold,
            "try_hold": self._try_hold,
            "taken": self._taken,
            "names": self._names,
            "queries": self._queries,
            "close": self._close,
            "resolve": self._resolve,
            "sockets": self._sockets,
            "addresses": self._addresses,
            "routes": self._routes,
            "sysctl": self._sysctl,
            "start": self._start,
            "poll": self._poll,
            "wait": self._wait,
            "ready": self._ready,
            "log": self._log,
            "wait_log": self._wait_log,
            "signal": self._signal,
            "stop": self._stop,
            "storm": self._storm,
            "pause": self._pause,
            "resume": self._resume,
            "vitals": self._vitals,
            "texts": self._texts,
        }

    async def do(self, verb: str, fields: Fields) -> Fields:
        """Do one thing.

        Raises:
            DualstackError: It cannot be done.
        """
        if verb not in self._verbs:
            raise HarnessError(f"the prober knows no {verb!r}")
        return await self._verbs[verb](fields)

    def _keep(self, thing: Closeable | RunningProgram) -> Fields:
        """Keep something for later requests; return its handle."""
        self._last += 1
        self._things[self._last] = thing
        return {"handle": self._last}

    def _thing(self, kind: type[T], fields: Fields) -> T:
        """Return what the request's handle stands for."""
        thing = self._things.get(fields.pop("handle"))
        if not isinstance(thing, kind):
            raise HarnessError(f"the prober has no such {kind.__name__}, or it is closed")
        return thing

    async def _ping(self, fields: Fields) -> Fields:
        """Answer."""
        return fields

    async def _dial(self, fields: Fields) -> Fields:
        """Dial a service."""
        return pack(await dial(unpack(Dial, fields)))

    async def _volley(self, fields: Fields) -> Fields:
        """Send the datagrams of several clients."""
        return {"rows": [pack(row) for row in await fire(unpack(Volley, fields))]}

    async def _forge(self, fields: Fields) -> Fields:
        """Send a datagram with a forged source."""
        send_forged(unpack(Forge, fields))
        return {}

    async def _advertise(self, fields: Fields) -> Fields:
        """Send a router advertisement."""
        send_advertisement(unpack(Advertise, fields))
        return {}

    async def _idle(self, fields: Fields) -> Fields:
        """Let clients come and be silent."""
        return {"rows": [pack(row) for row in await idle(unpack(Idle, fields))]}

    async def _linger(self, fields: Fields) -> Fields:
        """Let clients come, fall silent and keep their connections."""
        lingerers = Lingerers(unpack(Linger, fields))
        await lingerers.gather()
        rows = [pack(row) for row in lingerers.clients]
        return {"rows": rows, "held": lingerers.held, **self._keep(lingerers)}

    async def _ends(self, fields: Fields) -> Fields:
        """Tell what has become of the connections of such clients."""
        return pack(self._thing(Lingerers, fields).ends())

    async def _hung_up(self, fields: Fields) -> Fields:
        """Tell which of such clients' connections the service has ended."""
        return {"ended": self._thing(Lingerers, fields).hung_up()}

    async def _speak(self, fields: Fields) -> Fields:
        """Let clients that are silent hold their exchanges."""
        return {"rows": [pack(row) for row in await self._thing(Lingerers, fields).speak()]}

    async def _reset(self, fields: Fields) -> Fields:
        """Let such clients end with a reset."""
        self._thing(Lingerers, fields).reset()
        return {}

    async def _load(self, fields: Fields) -> Fields:
        """Let clients come again and again."""
        return self._keep(Loading(unpack(Load, fields)))

    async def _loaded(self, fields: Fields) -> Fields:
        """Wait for the end of a load, or end it."""
        return pack(await self._thing(Loading, fields).finish(fields["seconds"]))

    async def _serve(self, fields: Fields) -> Fields:
        """Start a server for connectors."""
        return self._keep(Server(unpack(Serve, fields)))

    async def _listen(self, fields: Fields) -> Fields:
        """Let a server listen that is only bound."""
        self._thing(Server, fields).listen()
        return {}

    async def _accepted(self, fields: Fields) -> Fields:
        """Tell a server's clients."""
        return {"rows": [pack(row) for row in await self._thing(Server, fields).accepted()]}

    async def _hold(self, fields: Fields) -> Fields:
        """Occupy a port; one that is to be shared as the user who has it, or else as the programs of the host."""
        hold = unpack(Hold, fields)
        sharing = self._table.serving(hold.transport, hold.port) if hold.reuse_port else []
        user = sharing[0].user if sharing else user_of_programs() if hold.reuse_port else None
        return self._keep(Holder(hold, user))

    async def _try_hold(self, fields: Fields) -> Fields:
        """Occupy a port, unless it is taken."""
        try:
            return await self._hold(fields)
        except HarnessError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE:
                return {"handle": 0}
            raise

    async def _taken(self, fields: Fields) -> Fields:
        """Tell how many connections came to an occupied port."""
        return {"taken": self._thing(Holder, fields).taken()}

    async def _names(self, fields: Fields) -> Fields:
        """Start a name server."""
        return self._keep(NameServer(unpack(Names, fields)))

    async def _queries(self, fields: Fields) -> Fields:
        """Tell what a name server was asked."""
        return {"rows": [pack(row) for row in await self._thing(NameServer, fields).queries()]}

    async def _close(self, fields: Fields) -> Fields:
        """Close a server, a held port, a name server or connections that stay open."""
        """Close a server, a held port, a name server, or clients."""
        thing = self._things.pop(fields["handle"], None)
        if thing is not None and not isinstance(thing, RunningProgram):
            thing.close()
        return {}

    async def _resolve(self, fields: Fields) -> Fields:
        """Ask the host's own resolver."""
        family = Family(fields["family"]) if fields["family"] else None
        addrconfig = bool(fields["addrconfig"])
        return pack(await resolve(fields["name"], family, fields["timeout"], self._reaper, addrconfig=addrconfig))

    async def _sockets(self, fields: Fields) -> Fields:
        """Tell the socket table."""
        transports = [Transport(fields["transport"])] if fields["transport"] else list(Transport)
        return {"rows": [pack(row) for row in self._table.rows(transports)]}

    async def _addresses(self, _: Fields) -> Fields:
        """Tell the host's addresses."""
        return {"rows": [pack(row) for row in interfaces.addresses()]}

    async def _routes(self, _: Fields) -> Fields:
        """Tell the host's routes."""
        return {"rows": [pack(row) for row in interfaces.routes()]}

    async def _sysctl(self, fields: Fields) -> Fields:
        """Read a kernel setting."""
        return {"value": interfaces.sysctl(fields["name"])}

    async def _start(self, fields: Fields) -> Fields:
        """Start a program."""
        return self._keep(await start(unpack(Launch, fields), self._reaper, self._table, self._system_log))

    async def _poll(self, fields: Fields) -> Fields:
        """Tell whether a program has ended."""
        how = self._thing(RunningProgram, fields).exit
        return {"exit": pack(how) if how is not None else None}

    async def _wait(self, fields: Fields) -> Fields:
        """Wait for a program's end."""
        how = await self._thing(RunningProgram, fields).wait(fields["seconds"])
        return {"exit": pack(how) if how is not None else None}

    async def _ready(self, fields: Fields) -> Fields:
        """Wait until a program is ready."""
        program = self._thing(RunningProgram, fields)
        return pack(await program.wait_ready(unpack(Await, fields)))

    async def _wait_log(self, fields: Fields) -> Fields:
        """Wait for a line of a program's output."""
        program = self._thing(RunningProgram, fields)
        return {"line": await program.wait_log(fields["pattern"], fields["since"], fields["seconds"])}

    async def _log(self, fields: Fields) -> Fields:
        """Tell what a program has written."""
        return pack(self._thing(RunningProgram, fields).output.log())

    async def _signal(self, fields: Fields) -> Fields:
        """Send a signal to a program's first process."""
        self._thing(RunningProgram, fields).signal(fields["signal"])
        return {}

    async def _stop(self, fields: Fields) -> Fields:
        """Stop a program and all that it forked."""
        how = await self._thing(RunningProgram, fields).stop(fields["signal"], fields["seconds"])
        return {"exit": pack(how) if how is not None else None}

    async def _storm(self, fields: Fields) -> Fields:
        """Send signals to a program's main process."""
        await self._thing(RunningProgram, fields).attendance.storm(fields["signals"], fields["every"])
        return {}

    async def _pause(self, fields: Fields) -> Fields:
        """Stop a program's processes where they are."""
        await self._thing(RunningProgram, fields).attendance.pause()
        return {}

    async def _resume(self, fields: Fields) -> Fields:
        """Let a program's processes go on."""
        self._thing(RunningProgram, fields).attendance.resume()
        return {}

    async def _vitals(self, fields: Fields) -> Fields:
        """Count what a program holds."""
        return pack(self._thing(RunningProgram, fields).attendance.vitals())

    async def _texts(self, fields: Fields) -> Fields:
        """Tell what text files a folder has."""
        return {"texts": read_texts(fields["folder"])}
