"""The entry point of the command: from here on Ctrl-C ends it in one line, also while it imports."""

import gc
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

INTERRUPTED = 130


def main() -> int:
    """Run the command line; return the exit code."""
    # Whoever starts it with SIGINT ignored, as a shell does in the background, has it ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    with suppress(OSError), open("/proc/self/comm", "w", encoding="ascii") as name:  # noqa: PTH123 - no import is wanted
        name.write("dualstack")
    gc.disable()  # nothing of what is imported is garbage; `dualstack.cli.main` goes on with collecting
    from dualstack.cli import main as command  # noqa: PLC0415 - it takes long, and may be interrupted

    return command()


def _end(_number: int, _frame: FrameType | None) -> None:
    """End at once: nothing has been started yet."""
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, b"dualstack: interrupted\n")
    os._exit(INTERRUPTED)
