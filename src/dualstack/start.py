"""The entry point of the command: Ctrl-C ends it with one line, also during imports."""

import gc
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

from dualstack.errors import INTERRUPTED


def main() -> int:
    """Run the command line; return the exit code."""
    # If SIGINT is ignored, as in a background job of a shell, it stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    with suppress(OSError), open("/proc/self/comm", "w", encoding="ascii") as name:  # noqa: PTH123 - no import is wanted
        name.write("dualstack")
    gc.disable()  # imports make no garbage; `dualstack.cli.main` enables it again
    from dualstack.cli import main as command  # noqa: PLC0415 - it takes long and can be interrupted

    return command()


def _end(_number: int, _frame: FrameType | None) -> None:
    """End at once: nothing has been started yet."""
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, b"dualstack: interrupted\n")
    os._exit(INTERRUPTED)
