"""Who attends to a service's processes: a container of the prober's in the process namespace of the service's own.

``python3 -m dualstack.lab.docker.attendant`` reads a JSON object a line on its standard input, ``{"do": "storm",
"signals": [...], "every": seconds}``, ``{"do": "pause"}``, ``{"do": "resume"}`` or ``{"do": "vitals"}``, and answers
each with a line, ``{"ok": {...}}`` or ``{"error": "<text>", "kind": "<name of an exception of dualstack.errors>"}``. It
ends with its standard input, and with the service.
"""

import asyncio
import json
import os
import sys
from typing import Any

from dualstack.errors import DualstackError
from dualstack.prober.attending import Attendance
from dualstack.prober.codec import pack
from dualstack.prober.processes import processes

_INIT = 1


def members() -> set[int]:
    """Return the service's processes: all but this one, and but process 1, the engine's or the image's own init."""
    return {pid for pid in processes() if pid not in (_INIT, os.getpid())}


def main_process() -> int | None:
    """Return the process that init has started; None once it has ended."""
    return min((process.pid for process in processes().values() if process.parent == _INIT), default=None)


async def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked for."""
    service = Attendance(members, main_process)
    try:
        match request["do"]:
            case "storm":
                await service.storm(request["signals"], request["every"])
            case "pause":
                await service.pause()
            case "resume":
                service.resume()
            case _:
                return {"ok": pack(service.vitals())}
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
