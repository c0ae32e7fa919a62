"""Run a command that ends with its parent, with all that it started: ``python -m dualstack.tethered PARENT COMMAND…``.

The command is process 1 of a PID namespace, so that the kernel ends whatever it leaves. Where no namespace can be had,
the command alone is certain to end.
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from dualstack.prober import libc


def tethered(command: Sequence[str]) -> list[str]:
    """Return the command that runs ``command`` tethered to this process; its exit code is that of ``command``."""
    return [sys.executable, "-P", "-m", "dualstack.tethered", str(os.getpid()), *command]


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code, or 128 and the number of the signal that ended it."""
    parent, *command = arguments
    _end_with(int(parent))
    _enter_namespace()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        libc.die_with_parent(signal.SIGKILL)
        if os.read(reader, 1) != b"!":  # it ended before it could be asked for
            os._exit(1)
        try:
            os.execvp(command[0], command)  # noqa: S606 - becoming the command is the purpose
        except OSError as error:
            sys.stderr.write(f"{command[0]!r}: {error.strerror}\n")
        finally:
            os._exit(127)
    os.close(reader)
    os.write(writer, b"!")
    os.close(writer)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code


def _end_with(parent: int) -> None:
    """Have the kernel end this process with its parent."""
    libc.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _enter_namespace() -> None:
    """Have the next child be process 1 of a PID namespace, if the kernel lets this user."""
    user, group = os.geteuid(), os.getegid()
    try:
        libc.unshare(libc.CLONE_NEWPID)
    except OSError:
        try:
            libc.unshare(libc.CLONE_NEWUSER | libc.CLONE_NEWPID)
        except OSError:
            return
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
