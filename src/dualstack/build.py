"""Building a service: once in each run, before its cases."""

import errno
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Sequence
from typing import IO, cast

from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired, ServiceError
from dualstack.lab.protocol import Backend
from dualstack.manifest import Subject
from dualstack.manifest.faults import Fault, refusal
from dualstack.manifest.texts import filled
from dualstack.prober.messages import Launch, Limits
from dualstack.prober.output import Output
from dualstack.service import SCRATCH, environment_of, root_of
from dualstack.tethered import tethered
from dualstack.topology import load_topology

_TAIL = 4000
"""How many characters of a failed command's output are shown."""

_BUILDING = Limits(processes=4096, memory=0, output=0)
"""The limits of a build: compilers need much memory, and a build has a timeout."""

_READ = 64 << 10
"""How many bytes of output are read at once."""


def build(subject: Subject, backend: Backend) -> None:
    """Run the manifest's build commands: on this machine, or in the service's private root file system.

    Raises:
        UsageError: A command failed; the message ends with the tail of its output.
        HostCannot: The root file system has not been built.
    """
    service = subject.manifest.service
    values = subject.values(scratch=str(subject.directory))
    commands = [filled(command, values) for command in service.build]
    run = _run_in_root if service.packages else _run_here
    for position, command in enumerate(commands):
        problem = run(command, subject, backend)
        if problem:
            raise refusal(subject.path, [Fault(("service", "build", position), f"{' '.join(command)}: {problem}")])


def _run_here(command: Sequence[str], subject: Subject, _backend: Backend) -> str:
    """Run one command on this machine and kill what it leaves behind; return what failed, or an empty text."""
    deadline = Deadline(subject.manifest.timeouts.build, f"the end of {' '.join(command)}")
    output = Output()
    if shutil.which(str(subject.directory / command[0]) if "/" in command[0] else command[0]) is None:
        return f"{command[0]!r}: {os.strerror(errno.ENOENT)}"
    try:
        process = subprocess.Popen(
            tethered(command),
            cwd=subject.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            process_group=0,
        )
    except OSError as error:
        return f"{command[0]!r}: {error.strerror}"
    with process:
        try:
            ended = _read_until_end(process, output, deadline)
        finally:  # not reaped yet, so its process id cannot have been reused
            os.killpg(process.pid, signal.SIGKILL)
    if ended and process.returncode == 0:
        return ""
    how = f"exit code {process.returncode}" if ended else f"not done in {deadline.seconds:g} s"
    return f"{how}\n{output.log().text[-_TAIL:]}"


def _read_until_end(process: subprocess.Popen[bytes], output: Output, deadline: Deadline) -> bool:
    """Read the output of a process until it ends, without reaping it; return False if the deadline passes first."""
    pipe, ended = cast("IO[bytes]", process.stdout).fileno(), os.pidfd_open(process.pid)
    watched = [pipe, ended]
    try:
        while not deadline.expired and (ready := select.select(watched, [], [], deadline.remaining)[0]):
            if pipe not in ready:
                return True
            data = os.read(pipe, _READ)
            output.feed(data)
            if not data:
                watched = [ended]
        return False
    finally:
        os.close(ended)


def _run_in_root(command: Sequence[str], subject: Subject, backend: Backend) -> str:
    """Run one command in the private root file system; return what failed, or an empty text."""
    seconds = subject.manifest.timeouts.build
    root = root_of(subject)
    lab = backend.up(load_topology("dual-stack"))
    try:
        launch = Launch(
            command=tuple(command),
            directory=str(subject.directory),
            environment=environment_of(root, SCRATCH),
            scratch=SCRATCH,
            root=root,
            writable=True,
            limits=_BUILDING,
        )
        program = lab.hosts["service"].start(launch)
        ended = program.wait(Deadline(seconds, f"the end of {' '.join(command)}"))
        return "" if ended.code == 0 else f"{ended}\n{program.log().text[-_TAIL:]}"
    except (ServiceError, DeadlineExpired) as error:
        return str(error)
    finally:
        lab.close()
