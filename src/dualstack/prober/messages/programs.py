"""Programs: their start, readiness, output, resource usage and end."""

from dataclasses import dataclass, field
from typing import Any

from dualstack.families import Family
from dualstack.prober.messages.requests import Handle, Request
from dualstack.transport import Transport


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use; one that reaches a limit is killed. 0 means no limit.

    Attributes:
        processes: How many processes and threads.
        memory: How many MiB of memory, including files in memory.
        output: How many MiB of output.
    """

    processes: int = 1024
    memory: int = 2048
    output: int = 256


@dataclass(frozen=True, slots=True)
class Contained:
    """How a container differs from its image.

    Attributes:
        entrypoint: Replaces the image's entrypoint, and drops its command.
        arguments: Replaces the image's command.
        user: The user that it runs as; empty for the image's.
        health: The command of its health check; empty for the image's own check.
        own: Whether the image belongs to the program alone, and so does the image's health check.
        copies: Files and folders of this machine that are copied into it, by their path in it.
    """

    entrypoint: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    user: str = ""
    health: tuple[str, ...] = ()
    own: bool = True
    copies: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Launch(Request[Handle]):
    """Start a program on a host.

    Attributes:
        command: The program and its arguments.
        directory: The working directory, an absolute path of this machine; it has the same path for the program.
        environment: All of its variables.
        scratch: The private, writable folder of this start, an absolute path on the host; it is created if it does not
            exist. Below /dev/shm, a tmpfs of the host, it ends with the host.
        files: Texts that are written to the scratch folder before the start, by file name.
        modes: The permissions of some of them, octal.
        root: The folder that is the program's root file system; empty for the machine's own.
        af_inet6: Whether socket(AF_INET6) works for it; otherwise it fails with EAFNOSUPPORT (seccomp).
        input: What it reads on its standard input; then end of file.
        image: The container image that it runs in, in labs that run images; an empty command or directory means the
            image's own.
        read_only: Whether the image's root file system is read-only.
        tmpfs: Writable folders in memory in such an image.
        writable: Whether its changes to the working directory are kept; otherwise they end with the program.
        folders: Folders of the machine that it may read although homes and /tmp are hidden.
        limits: What it may use.
        component: The name of the service's component that it is; empty for any other program.
        contained: How its container differs from the image.
    """

    command: tuple[str, ...]
    directory: str
    environment: dict[str, str]
    scratch: str
    root: str = ""
    af_inet6: bool = True
    input: str = ""
    files: dict[str, str] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)
    image: str = ""
    read_only: bool = False
    tmpfs: tuple[str, ...] = ()
    writable: bool = False
    folders: tuple[str, ...] = ()
    limits: Limits = Limits()
    component: str = ""
    contained: Contained = field(default_factory=Contained)

    @property
    def written(self) -> dict[str, Any]:
        """The scratch folder with its files and their permissions, as a request."""
        return {"folder": self.scratch, "files": self.files, "modes": self.modes}


@dataclass(frozen=True, slots=True)
class Exit:
    """How a program ended.

    Attributes:
        code: The exit code; None when a signal ended it.
        signal: The signal's name, empty when it exited.
        bound: The limit that it reached, as the end of a sentence, if it was killed for that; else empty.
        seconds: How long after its start it ended; 0 if that is not known.
    """

    code: int | None
    signal: str = ""
    bound: str = ""
    seconds: float = field(default=0.0, compare=False)

    def __str__(self) -> str:
        """Return the end of a sentence."""
        if self.bound:
            return f"was killed because {self.bound}"
        return f"exited with code {self.code}" if self.code is not None else f"was ended by {self.signal}"


@dataclass(frozen=True, slots=True)
class Log:
    """A program's output, standard output and error as one stream.

    Attributes:
        text: Its beginning and end; if bytes between them are left out, a line says how many.
        size: How many bytes it wrote in all.
    """

    text: str
    size: int

    @property
    def last_line(self) -> str:
        """Its last line that is not blank, at most 200 characters of it; empty if there is none."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        return lines[-1][:200] if lines else ""


STARVATION_FACTOR = 3
"""A wait for a program lasts at most this many times its timeout if the machine starves the program of CPU."""


@dataclass(frozen=True, slots=True)
class Place:
    """A port of a program beside its first one, and the families that sockets on it should serve."""

    port: int
    transport: Transport
    families: tuple[Family, ...] = ()


@dataclass(frozen=True, slots=True)
class Await:
    """What makes a program ready.

    Attributes:
        port: The port on which it must own a socket (listening, for TCP); 0 for no such condition.
        transport: The transport of that socket.
        log: The regular expression that a line of its output must match; None for no such condition.
        timeout: Seconds.
        families: The families that sockets on the port should serve. A service opens them one after the other, so the
            others are waited for after the first one, for at most ``grace``.
        grace: Seconds after the first socket.
        others: Its other ports. They are waited for after the first one, for at most ``patience``.
        patience: Seconds after the first socket.
    """

    port: int
    transport: Transport
    log: str | None
    timeout: float
    families: tuple[Family, ...] = ()
    grace: float = 1.0
    others: tuple[Place, ...] = ()
    patience: float = 3.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """The result of a wait for a program.

    Attributes:
        ready: Whether it became ready.
        exit: How it ended; None if it runs.
        seconds: The duration of the wait.
        detail: One sentence: that it is ready, or why not.
        starved: If it runs and is not ready: the seconds for which it could have run but had no processor.
    """

    ready: bool
    exit: Exit | None
    seconds: float
    detail: str
    starved: float = 0.0

    @property
    def hardly_ran(self) -> str:
        """That the machine was too busy for it to become ready, as a clause; empty if it was not."""
        if self.ready or self.starved * 2 < max(self.seconds, 0.1):
            return ""
        return f"but the machine was too busy: it could have run for {self.starved:.1f} s of them, and got no processor"


@dataclass(frozen=True, slots=True)
class ThreadTime:
    """The CPU time of one thread since it started.

    Attributes:
        thread: Its number.
        running: Seconds on a CPU.
        waiting: Seconds for which it was runnable without a CPU, until it last got one.
        runnable: Whether it runs or waits for a CPU.
    """

    thread: int
    running: float
    waiting: float
    runnable: bool = False


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """The resource usage of a program, with all processes that it forked.

    Attributes:
        processes: How many processes it has, including zombies.
        descriptors: How many descriptors its processes have open.
        zombies: How many of its processes are zombies.
        handled: The names of the signals that its main process handles; empty if it has ended.
        thread_times: The CPU time of each of its threads; empty if the kernel does not count it (CONFIG_SCHED_INFO).
        at: The time of the count, in seconds of a monotonic clock.
    """

    processes: int
    descriptors: int
    zombies: int
    handled: tuple[str, ...] = ()
    thread_times: tuple[ThreadTime, ...] = ()
    at: float = 0.0
