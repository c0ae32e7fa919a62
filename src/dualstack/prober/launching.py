"""How a program is started on a host, and why it could not be started.

Each program has a supervisor: a fork of the agent that adopts all orphans of the program. So it is certain which
processes belong to a program, even if it has daemonised and others run beside it, and when the last one has ended.
"""

import errno
import fcntl
import os
import resource
import shutil
import socket
import stat
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from dualstack.errors import HarnessError, ServiceError, UsageError
from dualstack.prober.children import adopt_orphans
from dualstack.prober.descriptors import close_all_but
from dualstack.prober.forking import Child, fork
from dualstack.prober.identity import mapper_descriptors, write_maps
from dualstack.prober.messages import Launch
from dualstack.prober.sandbox import confine

_MOST_INPUT = 1 << 20  # bytes, the largest pipe buffer of an ordinary user: /proc/sys/fs/pipe-max-size

STATUS = struct.Struct("=i")
"""The format of a wait status in a pipe."""


@dataclass(frozen=True, slots=True)
class StartedProcess:
    """A program that was forked.

    Attributes:
        child: Its supervisor, which ends with the last of its processes; its report says why it could not be started.
        output: The read end of its output, non-blocking.
        status: The read end of the pipe for its wait status (`STATUS`), non-blocking.
    """

    child: Child
    output: int
    status: int


def fork_program(launch: Launch) -> StartedProcess:
    """Fork a supervisor, which forks the program.

    Raises:
        UsageError: Its input is too long.
        HarnessError: The machine has no process or descriptor left.
    """
    stdin = _filled_pipe(launch.input.encode())
    output, stdout = os.pipe()
    status, ended = os.pipe()
    try:
        child = fork(lambda report: _supervise(launch, stdin, stdout, ended, report))
    except HarnessError:
        os.close(output)
        os.close(status)
        raise
    finally:
        for fd in (stdin, stdout, ended):
            os.close(fd)
    os.set_blocking(output, False)
    os.set_blocking(status, False)
    return StartedProcess(child=child, output=output, status=status)


def _filled_pipe(data: bytes) -> int:
    """Return the read end of a pipe that holds ``data`` and then ends."""
    if len(data) > _MOST_INPUT:
        raise UsageError(f"a program's input may have {_MOST_INPUT} bytes; found {len(data)}")
    read, write = os.pipe()
    if len(data) > fcntl.fcntl(write, fcntl.F_GETPIPE_SZ):
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, len(data))
    os.write(write, data)
    os.close(write)
    return read


def _supervise(launch: Launch, stdin: int, stdout: int, ended: int, report: int) -> NoReturn:
    """Start the program, report its wait status, and stay until all its processes have ended (in the supervisor)."""
    os.setsid()  # away from the terminal's Ctrl-C
    # No copy of the agent's sockets may stay open after the report, which says that the program runs.
    close_all_but(stdin, stdout, ended, report, *mapper_descriptors())
    adopt_orphans()
    ours, theirs = socket.socketpair()
    program = os.fork()
    if program == 0:
        ours.close()
        _exec(launch, stdin, stdout, report, theirs)
    theirs.close()
    with suppress(OSError):  # the program reports the error
        write_maps(program, ours)
    close_all_but(ended)  # also the output and the report, which belong to the program
    with suppress(ChildProcessError):
        while True:
            pid, status = os.wait()
            if pid == program:
                os.write(ended, STATUS.pack(status))
    os._exit(0)


def _exec(launch: Launch, stdin: int, stdout: int, report: int, helper: socket.socket) -> NoReturn:
    """Become the program (in the child)."""
    os.setsid()
    for source, target in ((stdin, 0), (stdout, 1), (stdout, 2)):
        os.dup2(source, target)
    close_all_but(report, helper.fileno(), *mapper_descriptors())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    program = launch.command[0]
    for folder, what in ((launch.root, "root"), (launch.directory, "working directory")):
        if folder and not Path(folder).is_dir():
            raise ServiceError(f"cannot start {program!r}: its {what} {folder!r} is not a folder")
    confine(launch, helper)
    path = _find(program, launch.environment.get("PATH", os.defpath))
    try:
        environment = {_bytes(name): _bytes(text) for name, text in launch.environment.items()}
        os.execve(_bytes(path), [_bytes(word) for word in launch.command], environment)  # noqa: S606 - no shell is wanted
    except ValueError as error:  # a zero byte
        raise ServiceError(f"cannot start {program!r}: {error} in its command or environment") from None
    except OSError as error:
        raise ServiceError(f"cannot start {program!r}: {_reason(Path(path), error)}") from None


def _bytes(text: str) -> bytes:
    """Return the bytes of a text: in the user's locale, or in UTF-8 if the locale cannot encode it."""
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        return text.encode(errors="surrogateescape")


def _find(program: str, search: str) -> str:
    """Return the program's file: itself if it has a slash, else the first executable of that name in ``search``."""
    found = program if "/" in program else shutil.which(program, path=search)
    if found is None:
        raise ServiceError(f"cannot start {program!r}: there is no such program in PATH ({search})")
    return found


def _reason(file: Path, error: OSError) -> str:
    """Return why exec refused a file."""
    name = repr(str(file))
    if not file.is_file():
        return f"{name} is a folder" if file.is_dir() else f"{name} does not exist"
    if error.errno == errno.EACCES and not os.access(file, os.X_OK):
        return f"{name} is not executable (mode {stat.S_IMODE(file.stat().st_mode):04o})"
    if error.errno == errno.ENOEXEC:
        return f"{name} is neither a binary of this machine nor a script with a #! line"
    interpreter = _interpreter(file)
    if interpreter:
        return f"{name} names the interpreter {interpreter!r}, which cannot be executed: {error.strerror}"
    if error.errno == errno.ENOENT:
        return f"{name} exists, but the dynamic loader that it names does not"
    return f"{name}: {error.strerror}"


def _interpreter(file: Path) -> str:
    """Return the interpreter in the file's #! line; empty if there is none that can be read."""
    with suppress(OSError), file.open("rb") as stream:
        line = stream.readline(256)
        if line.startswith(b"#!") and line[2:].strip():
            return os.fsdecode(line[2:].split()[0])
    return ""
