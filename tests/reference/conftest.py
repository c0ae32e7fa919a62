"""The compiled reference programs, and a way to run them on a lab's host."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from dualstack.content import ROOT
from dualstack.deadline import Deadline
from dualstack.lab.protocol import Backend, Host, Program
from dualstack.prober.messages import Await, Launch
from dualstack.rootfs import find_root
from dualstack.service import environment_of
from dualstack.topology import load_topology
from dualstack.transport import Transport

REFERENCE = ROOT / "fixtures" / "services" / "reference"
PACKAGES = ("gcc", "libc6-dev", "make")
COMPILING = 300.0


@dataclass(frozen=True, slots=True)
class Programs:
    """The compiled reference programs.

    Attributes:
        folder: Where they are.
        root: The private Debian root file system that they were built in; empty for the machine's own.
    """

    folder: Path
    root: str

    def launch(self, name: str, *arguments: str, scratch: Path, text: str = "", af_inet6: bool = True) -> Launch:
        """Return how the program ``name`` is launched; ``text`` is its standard input."""
        return Launch(
            command=(str(self.folder / name), *arguments),
            directory=str(REFERENCE),
            environment=environment_of(self.root, str(scratch)),
            scratch=str(scratch),
            root=self.root,
            af_inet6=af_inet6,
            input=text,
        )


@dataclass(frozen=True, slots=True)
class Runner:
    """Starts programs on the hosts of a lab; they end with it."""

    programs: Programs
    scratch: Path

    def start(self, host: Host, name: str, *arguments: str, text: str = "") -> Program:
        """Start a reference program on ``host``; ``text`` is its standard input."""
        af_inet6 = host.spec.af_inet6
        return host.start(self.programs.launch(name, *arguments, scratch=self.scratch, text=text, af_inet6=af_inet6))

    def python(self, host: Host, code: str, *arguments: str) -> Program:
        """Start a few lines of Python on ``host``, for what the prober does not offer."""
        command = (sys.executable, "-I", "-S", "-u", "-c", code, *arguments)
        directory, environment = str(REFERENCE), environment_of("", str(self.scratch))
        return host.start(Launch(command, directory, environment, str(self.scratch)))

    def serve(self, host: Host, name: str, port: int, *, transport: Transport = Transport.TCP) -> Program:
        """Start a reference server on ``host`` and wait until it listens; the test fails if it does not."""
        launch = self.programs.launch(name, scratch=self.scratch, af_inet6=host.spec.af_inet6)
        return self.serve_launch(host, launch, port, transport)

    def serve_launch(self, host: Host, launch: Launch, port: int, transport: Transport = Transport.TCP) -> Program:
        """As `serve`, for any launch."""
        program = host.start(launch)
        readiness = program.wait_ready(Await(port=port, transport=transport, log=None, timeout=10))
        assert readiness.ready, f"{readiness.detail}\n{program.log().text}"
        return program

    def output(self, host: Host, name: str, *arguments: str, text: str = "", code: int | None = 0) -> str:
        """Run a reference program to its end, require its exit code, and return what it wrote."""
        program = self.start(host, name, *arguments, text=text)
        ended = program.wait(Deadline(15, f"the end of {name}"))
        assert ended.code == code, f"{name} {ended}:\n{program.log().text}"
        return program.log().text

    def until(self, program: Program, pattern: str) -> None:
        """Wait until a line of a program's output matches a regular expression; the test fails if none does."""
        line = program.wait_log(pattern, Deadline(10, f"a line that matches {pattern!r}"))
        assert line is not None, f"no line matches {pattern!r}\n{program.log().text}"


@pytest.fixture(scope="session")
def programs(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """Compile the reference programs: with the machine's compiler, or in the private root file system that has one."""
    if shutil.which("gcc") and shutil.which("make"):
        subprocess.run(["make", "-s", "all", "build/libwrap.so"], cwd=REFERENCE, check=True, timeout=COMPILING)
        return Programs(REFERENCE / "build", "")
    root = find_root(PACKAGES)
    if root is None:
        pytest.skip(f"neither a compiler nor a private root file system with {', '.join(PACKAGES)}")
    programs = Programs(REFERENCE / "build", str(root))
    lab = backend.up(load_topology("dual-stack"))
    try:
        scratch = tmp_path_factory.mktemp("compile")
        launch = Launch(
            command=("make", "-s", "all", "build/libwrap.so"),
            directory=str(REFERENCE),
            environment=environment_of(programs.root, str(scratch)),
            scratch=str(scratch),
            root=programs.root,
            writable=True,
        )
        program = lab.hosts["service"].start(launch)
        ended = program.wait(Deadline(COMPILING, "the compiler"))
        assert ended.code == 0, program.log().text
    finally:
        lab.close()
    return programs


@pytest.fixture
def run(programs: Programs, tmp_path: Path) -> Runner:
    """Return what starts reference programs."""
    return Runner(programs, tmp_path)
