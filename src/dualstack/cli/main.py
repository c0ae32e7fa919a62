"""Runs a command: the module of its name in this package does the work."""

import argparse
import errno
import gc
import keyword
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from dualstack.cli.parser import make_parser
from dualstack.cli.terminal import abandon_output, prepare_output
from dualstack.errors import INTERRUPTED, DualstackError, UsageError
from dualstack.extensions import add_folders

_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Errors of write(), which name no file: those of a full disk, a quota, a limit, and a broken device."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    command = ""
    try:
        prepare_output()
        options = make_parser().parse_args(arguments)
        command = options.command or "help"
        return _work(command, options)
    except UsageError as error:
        print(f"dualstack: {error}", file=sys.stderr)
        return 2
    except DualstackError as error:
        print(f"dualstack: {type(error).__name__}: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("dualstack: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        abandon_output()
        return 0
    except OSError as error:  # for example a full disk: not the service's fault, so not 1
        abandon_output()  # what it still holds would fail again when Python ends
        output = error.filename is None and error.errno in _UNWRITABLE
        print(f"dualstack: {f'the output cannot be written: {error.strerror}' if output else error}", file=sys.stderr)
        return 3 if command == "run" else 2  # only `run` has cases, which it may have judged


def _work(command: str, options: argparse.Namespace) -> int:
    """Do the work of a command; return the exit code."""
    work: Callable[[argparse.Namespace], int] = import_module(_module(command)).main
    gc.freeze()  # imported objects are not garbage: neither this process nor its forks need to look at them again
    gc.enable()
    # `run` imports its suites, and handles Ctrl-C itself before it starts anything.
    if command != "run" and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # everything is imported: see `dualstack.start`
    add_folders(getattr(options, "suites", ()))
    code = work(options)
    sys.stdout.flush()
    return code


def _module(command: str) -> str:
    """Return the module of a command; a name that Python has as a keyword ends with an underscore there (PEP 8)."""
    return f"dualstack.cli.{command}{'_' * keyword.iskeyword(command)}"
