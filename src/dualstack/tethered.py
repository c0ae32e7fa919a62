"""Run a command that is killed with its parent: ``python -m dualstack.tethered PARENT COMMAND…``.

The command is process 1 of a PID namespace, so the kernel also kills everything that it started. If no namespace can be
created, only the command itself is certain to be killed.
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from dualstack.prober import libc


def tethered(command: Sequence[str]) -> list[str]:
    """Return a command that runs ``command``, has its exit code, and is killed when this process ends."""
    return [sys.executable, "-P", "-m", "dualstack.tethered", str(os.getpid()), *command]


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code, or 128 plus the number of the signal that killed it."""
    parent, *command = arguments
    _end_with(int(parent))
    _enter_namespace()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        libc.die_with_parent(signal.SIGKILL)
        if os.read(reader, 1) != b"!":  # the parent ended before prctl was called
            os._exit(1)
        try:
            os.execvp(command[0], command)  # noqa: S606 - this process becomes the command
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
    """Make the kernel kill this process when its parent ends."""
    libc.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _enter_namespace() -> None:
    """Make the next child process 1 of a PID namespace, if the kernel allows it to this user."""
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
