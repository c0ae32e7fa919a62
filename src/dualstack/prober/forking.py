"""Children of the agent that run one function or become a program, with a pipe for their report."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from dualstack import errors

_READ = 1 << 16


@dataclass(frozen=True, slots=True)
class Child:
    """A child that was forked.

    Attributes:
        pid: Its number.
        report: The read end of the pipe on which it reports; `report_of` reads and closes it.
    """

    pid: int
    report: int


def fork(action: Callable[[int], object]) -> Child:
    """Run ``action`` in a child, with the pipe's write end as its argument; exec closes it.

    Its return value is the report; `report_of` raises its exception. The agent has only one thread, so the child may
    call any function.

    Raises:
        HarnessError: The machine has no process or descriptor left.
    """
    try:
        read, write = os.pipe()
        # Until the child has its own handlers, a signal must not run the agent's handlers in it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            pid = os.fork()
            if pid == 0:
                _run(action, write)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    except OSError as error:
        raise errors.HarnessError(f"cannot fork: {error.strerror}") from error
    os.close(write)
    return Child(pid=pid, report=read)


async def report_of(child: Child) -> Any:
    """Return what the child's action returned, or None if it became a program or was killed.

    Raises:
        DualstackError: What the action raised.
    """
    try:
        data = await _read_to_end(child.report)
    finally:
        os.close(child.report)
    if not data:
        return None
    report = json.loads(data)
    if "kind" in report:
        raise getattr(errors, report["kind"])(report["message"])
    return report["ok"]


async def _read_to_end(fd: int) -> bytes:
    """Return all data of a pipe until its other end is closed."""
    loop = asyncio.get_running_loop()
    os.set_blocking(fd, False)
    received = bytearray()
    readable = asyncio.Event()
    loop.add_reader(fd, readable.set)
    try:
        while True:
            await readable.wait()
            readable.clear()
            with suppress(BlockingIOError):
                data = os.read(fd, _READ)
                if not data:
                    return bytes(received)
                received += data
    finally:
        loop.remove_reader(fd)


def _run(action: Callable[[int], object], report: int) -> NoReturn:
    """Run ``action`` in the child and report; it must never return into the agent's code."""
    try:
        fresh_signals()
        result: dict[str, object] = {"ok": action(report)}
    except errors.DualstackError as error:
        result = {"kind": type(error).__name__, "message": str(error)}
    except BaseException as error:  # noqa: BLE001 - the parent raises it as a HarnessError
        result = {"kind": "HarnessError", "message": f"in a child of the prober: {type(error).__name__}: {error}"}
    try:
        os.write(report, json.dumps(result).encode())
    finally:
        os._exit(127)


def fresh_signals() -> None:
    """Reset the signal handling of the calling process, which was just forked, to what a new program expects."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with suppress(OSError):  # the C library reserves some real-time signals
            signal.signal(number, signal.SIG_DFL)  # SIGPIPE too, which Python ignores
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
