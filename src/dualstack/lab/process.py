"""A process that the lab supervisor forks into a host: it gets its own view of the machine, then runs its function."""

import contextlib
import importlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from dualstack.errors import UsageError
from dualstack.lab.files import show_files
from dualstack.lab.priority import renounce_priority, take_priority
from dualstack.prober import libc
from dualstack.prober.syslog import SYSTEM_LOG

_INHERITED = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM)

PRELOADED = (
    "dualstack.prober.agent",
    "dualstack.wire.recorder",
    "dualstack.lab.facts",
    "dualstack.lab.impairing.process",
    "dualstack.lab.translating.process",
    "dualstack.lab.tunnelling.process",
)
"""What runs in hosts."""

PROMPT = frozenset({"dualstack.lab.impairing.process"})
"""The modules whose functions run in hosts before all ordinary processes, if they may: they must not be late."""

Entry = Callable[[socket.socket], object]


def preload() -> None:
    """Import what runs in hosts, and build its converters: once, so that the forks of this process have it at once."""
    for module in PRELOADED:
        importlib.import_module(module)
    importlib.import_module("dualstack.prober.codec").prepare()


def add_protocol(place: str, text: str) -> None:
    """Add an application protocol from outside, so that the forks of this process have it.

    Raises:
        UsageError: It is wrong; the message names the place.
    """
    outside = importlib.import_module("dualstack.protocols.outside")
    outside.add(outside.Source(place, text))


def find_entry(entry: str) -> Entry:
    """Return the function that ``module:function`` names; import the module if it is not imported yet.

    Raises:
        UsageError: There is no such module or function.
    """
    module, _, name = entry.partition(":")
    try:
        found: Entry = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"no entry point {entry!r}: {error}") from None
    return found


def run_and_exit(work: Callable[[], object]) -> NoReturn:
    """Run ``work`` in this process, a forked child, and end: with 0, or with 1 and the traceback on standard error."""
    code = 1
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - the process ends here; the traceback must be seen
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def run_in_host(entry: Entry, stream: socket.socket, host: str, files: Mapping[str, str], *, alone: bool) -> NoReturn:
    """Run ``entry`` with ``stream`` as a process of a host, and end.

    The process is already in the host's network namespace and, when ``alone``, process 1 of a PID namespace.
    """

    def work() -> None:
        for number in _INHERITED:
            signal.signal(number, signal.SIG_DFL)
        prompt = entry.__module__ in PROMPT
        if not prompt:
            renounce_priority()
        libc.unshare(libc.CLONE_NEWNS | libc.CLONE_NEWUTS | libc.CLONE_NEWIPC)
        libc.mount("none", "/", flags=libc.MS_REC | libc.MS_PRIVATE)
        _set_up_view(host, files, alone=alone)
        if prompt:
            take_priority()
        entry(stream)

    run_and_exit(work)


def _set_up_view(host: str, files: Mapping[str, str], *, alone: bool) -> None:
    """Give the process the host's name, its /etc files, and /proc and /sys of its own namespaces."""
    socket.sethostname(host)
    show_files(files)
    # In memory, and removed with the host: nothing that programs write here reaches the machine's disk.
    libc.mount("tmpfs", "/dev/shm", "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "mode=1777")  # noqa: S108 - private
    Path(SYSTEM_LOG).parent.mkdir()
    if alone:
        libc.mount("proc", "/proc", "proc", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)
    with contextlib.suppress(OSError):  # where the kernel refuses, /sys shows the machine's interfaces
        libc.mount("sysfs", "/sys", "sysfs", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC | libc.MS_RDONLY)
