"""Building a service, once a run and before anything is judged."""

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
from dualstack.manifest.subject import filled
from dualstack.prober.messages import Launch, Limits
from dualstack.prober.output import Output
from dualstack.service import SCRATCH, environment_of, root_of
from dualstack.tethered import tethered
from dualstack.topology import load_topology

_TAIL = 4000
"""How many characters of a failed command's output are shown."""

_BUILDING = Limits(processes=4096, memory=0, output=0)
"""What a build may use: compilers take much memory, and their time is bounded."""

_READ = 64 << 10
"""How many bytes of output are read at once."""


def build(subject: Subject, backend: Backend) -> None:
    """Run the manifest's build commands: on this machine, or in the private root file system that it names.

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
    """Run one command on this machine, and end all that it leaves; return what went wrong, or nothing."""
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
            ended = _attend(process, output, deadline)
        finally:  # not reaped yet, so that the number is certain to be its group's
            os.killpg(process.pid, signal.SIGKILL)
    if ended and process.returncode == 0:
        return ""
    how = f"exit code {process.returncode}" if ended else f"not done in {deadline.seconds:g} s"
    return f"{how}\n{output.log().text[-_TAIL:]}"


def _attend(process: subprocess.Popen[bytes], output: Output, deadline: Deadline) -> bool:
    """Read what a process prints until it ends, without reaping it; return False if the time was up before."""
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
    """Run one command in the private root file system; return what went wrong, or nothing."""
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
