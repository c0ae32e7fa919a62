"""Programs: how they are started, when they are ready, what they hold and wrote, how they ended."""

from dataclasses import dataclass, field

from dualstack.families import Family
from dualstack.manifest.models import Transport


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use; one that comes to a bound is killed. 0 is no bound.

    Attributes:
        processes: How many processes and threads.
        memory: How many MiB of memory, with the files that are in memory.
        output: How many MiB of output.
    """

    processes: int = 1024
    memory: int = 2048
    output: int = 256


@dataclass(frozen=True, slots=True)
class Launch:
    """A program to be started on a host.

    Attributes:
        command: The program and its arguments.
        directory: The working directory, an absolute path of this machine; it has the same path for the program.
        environment: All of its variables.
        scratch: The private, writable folder of this start, an absolute path on the host; it is made there if it does
            not exist, below /dev/shm, which is a tmpfs of the host's own and ends with the host.
        files: Texts that are written to the scratch folder before the start, by their names in it.
        root: The folder that is to be the program's root file system; empty for the machine's own.
        af_inet6: Whether socket(AF_INET6) exists for it; if not it fails with EAFNOSUPPORT (seccomp).
        input: What it reads on its standard input; then end of file.
        image: The container image that it runs in, for the labs that run images; the command, where there is one, is
            executed in place of the image's own, and an empty directory stands for the image's own.
        read_only: Whether the image's root file system is read-only.
        tmpfs: Folders in memory that the image may write to then.
        writable: Whether what it writes to its working directory is kept; otherwise it is gone with the program.
        folders: Folders of the machine that it may read, although they are in a home or in /tmp, which it has its own.
        limits: What it may use.
    """

    command: tuple[str, ...]
    directory: str
    environment: dict[str, str]
    scratch: str
    root: str = ""
    af_inet6: bool = True
    input: str = ""
    files: dict[str, str] = field(default_factory=dict)
    image: str = ""
    read_only: bool = False
    tmpfs: tuple[str, ...] = ()
    writable: bool = False
    folders: tuple[str, ...] = ()
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Exit:
    """How a program ended.

    Attributes:
        code: The exit code; None when a signal ended it.
        signal: The signal's name, empty when it exited.
        bound: Which of its bounds it had come to, as the end of a sentence, if it was killed for that; else empty.
    """

    code: int | None
    signal: str = ""
    bound: str = ""

    def __str__(self) -> str:
        """Say it in words."""
        if self.bound:
            return f"was killed because {self.bound}"
        return f"exited with code {self.code}" if self.code is not None else f"was ended by {self.signal}"


@dataclass(frozen=True, slots=True)
class Log:
    """A program's output, standard output and error as one stream.

    Attributes:
        text: Its head and tail, with a line between them that says how much was left out, if any was.
        size: How many bytes it wrote in all.
    """

    text: str
    size: int

    @property
    def last_line(self) -> str:
        """Its last line that is not blank, at most 200 characters of it; empty if there is none."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        return lines[-1][:200] if lines else ""


PATIENCE = 3
"""How many times its time-out a program is waited for at most, if other programs kept it from running."""


@dataclass(frozen=True, slots=True)
class Await:
    """What makes a program ready.

    Attributes:
        port: The port on which it must own a socket (listening, for TCP); 0 for no such condition.
        transport: The transport of that socket.
        log: The regular expression that a line of its output must match; None for no such condition.
        timeout: Seconds.
        families: The families that sockets on the port are to serve. A service opens them one after the other, so the
            first socket alone proves little: the others are waited for, but no longer than ``grace``.
        grace: Seconds from the first socket on.
    """

    port: int
    transport: Transport
    log: str | None
    timeout: float
    families: tuple[Family, ...] = ()
    grace: float = 1.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a program became ready.

    Attributes:
        ready: Whether it did.
        exit: How it ended, if it did.
        seconds: How long it took.
        detail: What was still missing, one sentence.
    """

    ready: bool
    exit: Exit | None
    seconds: float
    detail: str


@dataclass(frozen=True, slots=True)
class Spent:
    """The time that one thread has spent since it began.

    Attributes:
        thread: Its number.
        running: Seconds on a processor.
        waiting: Seconds in which it could have run, and had none, until it last got one.
        runnable: Whether it runs, or waits for a processor.
    """

    thread: int
    running: float
    waiting: float
    runnable: bool = False


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a program, with all that it forked, holds of its host, and what it has done.

    Attributes:
        processes: How many processes it has, those too that have ended and that nobody waited for.
        descriptors: How many descriptors its processes have open.
        zombies: How many of its processes have ended and were not waited for.
        handled: The names of the signals that its main process handles; none if it has ended.
        spent: The time of each of its threads; none where the kernel does not count it (CONFIG_SCHED_INFO).
        at: When this was looked at: seconds of a clock that only differences mean something of.
    """

    processes: int
    descriptors: int
    zombies: int
    handled: tuple[str, ...] = ()
    spent: tuple[Spent, ...] = ()
    at: float = 0.0
