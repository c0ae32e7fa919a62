"""The sidecar: a container in the PID namespace of a service's container, which signals and counts its processes.

``python3 -m dualstack.lab.docker.sidecar`` reads a JSON object a line on its standard input: ``{"do": "send_signals",
"signals": [...], "every": seconds}``, or ``{"do": …}`` with ``pause``, ``resume``, ``starved``, ``sockets``,
``tcp_sockets`` or ``resource_usage``. Its answer is a line, ``{"ok": {...}}`` or ``{"error": "<text>", "kind": "<name
of an exception of dualstack.errors>"}``. It ends with its standard input, and with the service.
"""

import asyncio
import json
import os
import sys
from typing import Any

from dualstack.errors import DualstackError
from dualstack.prober.codec import pack
from dualstack.prober.process_control import ProcessControl
from dualstack.prober.processes import cpu_starvation, processes, sockets_of, tcp_sockets_of

_INIT = 1


def members() -> set[int]:
    """Return the service's processes: all but this one and process 1, which is the engine's or the image's init."""
    return {pid for pid in processes() if pid not in (_INIT, os.getpid())}


def main_process() -> int | None:
    """Return the process that init has started; None after it has ended."""
    return min((process.pid for process in processes().values() if process.parent == _INIT), default=None)


async def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Serve a request; return the answer."""
    service = ProcessControl(members, main_process)
    try:
        match request["do"]:
            case "send_signals":
                await service.send_signals(request["signals"], request["every"])
            case "pause":
                await service.pause()
            case "resume":
                service.resume()
            case "starved":
                return {"ok": {"seconds": cpu_starvation(members())}}
            case "sockets":
                return {"ok": {"inodes": sorted({inode for pid in members() for inode in sockets_of(pid)})}}
            case "tcp_sockets":
                return {"ok": {"inodes": sorted({inode for pid in members() for inode in tcp_sockets_of(pid)})}}
            case _:
                return {"ok": pack(service.resource_usage())}
    except DualstackError as error:
        return {"error": str(error), "kind": type(error).__name__}
    return {"ok": {}}


def main() -> None:
    """Answer until the standard input ends."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(asyncio.run(answer(json.loads(line)))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
