"""The life of a process that the keeper puts into a host: its own view of the machine, then the function it is for."""

import contextlib
import importlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from dualstack.errors import UsageError
from dualstack.lab.files import show_files
from dualstack.prober import libc
from dualstack.prober.syslog import SYSTEM_LOG

_INHERITED = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM)

Entry = Callable[[socket.socket], object]


def find_entry(entry: str) -> Entry:
    """Return the function that ``module:function`` names; the module is imported if it was not yet.

    Raises:
        UsageError: There is no such module or function.
    """
    module, _, name = entry.partition(":")
    try:
        found: Entry = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"no entry point {entry!r}: {error}") from None
    return found


def live(entry: Entry, stream: socket.socket, host: str, files: dict[str, str], *, alone: bool) -> NoReturn:
    """Become a process of a host: run ``entry`` with ``stream`` and end.

    The process is in the host's network namespace already and, when ``alone``, is process 1 of a PID namespace.
    """
    code = 1
    try:
        for number in _INHERITED:
            signal.signal(number, signal.SIG_DFL)
        libc.unshare(libc.CLONE_NEWNS | libc.CLONE_NEWUTS | libc.CLONE_NEWIPC)
        libc.mount("none", "/", flags=libc.MS_REC | libc.MS_PRIVATE)
        _see_as(host, files, alone=alone)
        entry(stream)
        code = 0
    except BaseException:  # noqa: BLE001 - the process ends here; what happened must be seen
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _see_as(host: str, files: dict[str, str], *, alone: bool) -> None:
    """Give the process the host's name, its /etc files, and /proc and /sys of its own namespaces."""
    socket.sethostname(host)
    show_files(files)
    # What programs write here is gone with the host; nothing of it ever reaches the machine's disk.
    libc.mount("tmpfs", "/dev/shm", "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "mode=1777")  # noqa: S108 - private
    Path(SYSTEM_LOG).parent.mkdir()
    if alone:
        libc.mount("proc", "/proc", "proc", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)
    with contextlib.suppress(OSError):  # /sys shows the machine's interfaces where the kernel refuses another one
        libc.mount("sysfs", "/sys", "sysfs", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC | libc.MS_RDONLY)
