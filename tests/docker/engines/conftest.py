"""Engines for the tests, each in separate namespaces: they can be killed, filled up and inspected."""

import contextlib
import fcntl
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import docker
import pytest

from dualstack.deadline import Deadline
from dualstack.lab.docker.engine import Engine
from dualstack.lab.docker.labels import RUN
from dualstack.manifest.subject import PYTHON_BASE
from dualstack.results import Record, read_records

PATIENCE = 300.0
"""Seconds that one run, or the start of an engine, may take on a machine that is busy with something else."""

PLACE, NAME = Path("/var/tmp"), "dualstack-engine-"  # noqa: S108 - the names are its own
"""Where engines have their data: not below the temporary folder, which may be in memory or an overlay."""

YOUNG = 60.0
"""Seconds for which a folder whose lock is not held may still be about to be used."""

LOOK = 0.05
"""Seconds between two looks at something that announces itself by no event."""

_SETUP = """\
set -e
mount --make-rprivate /
if [ -n "$1" ]; then
    cd "$1"
    mount --rbind . .
    cd "$1"
    mount --rbind /dev dev
    mount --rbind /sys sys
    mount -t tmpfs run run
    mount -t tmpfs tmp tmp
    mkdir run/own
    mount --bind "$2" run/own
    mount -t proc proc proc
    pivot_root . .
    umount -l .
    cd /
    own=/run/own
else
    mount -t proc proc /proc
    own="$2"
fi
ip link set lo up 2>/dev/null || true
parent="$3"
exec dockerd --host "unix://$own/socket" --data-root "$own/data" --exec-root "$own/exec" --pidfile "$own/pid" \\
    --bridge none --userland-proxy=false --cgroup-parent "$parent" --log-level warn
"""
"""Process 1 of the engine's namespaces: arguments are a root file system or nothing, the folder, the cgroup's name."""

_IN_NAMESPACES = ("setpriv", "--pdeathsig=KILL", "unshare", "-m", "-n", "-p", "--fork", "--kill-child=SIGKILL")
"""What it is started with: it ends with the tests, even if they are killed."""


def remove_all_of(folder: Path) -> None:
    """Remove an engine's folder, and the control groups that are called like it."""
    shutil.rmtree(folder, ignore_errors=True)
    for top in [*Path("/sys/fs/cgroup").glob(f"*/{folder.name}"), Path("/sys/fs/cgroup") / folder.name]:
        for item, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                Path(item).rmdir()


def remove_what_killed_tests_left() -> None:
    """Remove the folders of engines whose tests have ended: their locks are not held."""
    for lock in PLACE.glob(f"{NAME}*/lock"):
        with contextlib.suppress(OSError), lock.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - written_at(file) > YOUNG:
                remove_all_of(lock.parent)


def written_at(file: Any) -> float:
    """Return when an open file was written last, in seconds of the epoch."""
    return os.fstat(file.fileno()).st_mtime


class OwnEngine:
    """An engine that nothing else uses.

    Attributes:
        folder: Where its socket and its data are.
        address: What DOCKER_HOST is for it.
        cgroup: The name of the control group above all its containers.
    """

    def __init__(self, folder: Path, root: Path | None = None) -> None:
        """Describe it: the machine's own program, or that in a root file system."""
        folder.mkdir(parents=True)
        self.folder = folder
        self.address = f"unix://{folder}/socket"
        self.cgroup = folder.name
        self._lock = (folder / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers; of what ran when it died nothing is there, as after a power cut."""
        shutil.rmtree(self.folder / "exec", ignore_errors=True)
        (self.folder / "pid").unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            command = [*_IN_NAMESPACES, "sh", "-c", _SETUP, "sh", str(self._root or "")]
            self._process = subprocess.Popen(
                [*command, str(self.folder), f"/{self.cgroup}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
            )
        deadline = Deadline(PATIENCE, "the engine to answer")
        while not self._answers():
            deadline.check((self.folder / "log").read_text(errors="replace")[-2000:])
            assert not self._has_ended(LOOK), (self.folder / "log").read_text(errors="replace")[-2000:]

    def _answers(self) -> bool:
        """Return whether it answers; asked without the SDK, which leaves sockets open if there is no answer."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(PATIENCE)
            asking.connect(f"{self.folder}/socket")
            asking.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in asking.recv(64)
        return False

    def _has_ended(self, seconds: float) -> bool:
        """Wait for its end for so long; return whether it has ended."""
        assert self._process is not None
        descriptor = os.pidfd_open(self._process.pid)
        try:
            return bool(select.select([descriptor], [], [], seconds)[0])
        finally:
            os.close(descriptor)

    def stop(self) -> None:
        """Stop it in good order, with its containers."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)
        assert self._has_ended(PATIENCE), "the engine did not stop"
        self._process.wait()
        self._process = None

    def die(self) -> None:
        """Let it die, with everything that runs in it: as if its machine had."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def end(self) -> None:
        """Stop it, and remove what it made."""
        try:
            if self._process is not None and not self._has_ended(0):
                self.stop()
        finally:
            if self._process is not None:
                self.die()
            remove_all_of(self.folder)
            self._lock.close()

    @contextlib.contextmanager
    def client(self) -> Iterator[Any]:
        """Give a connection to it."""
        api = docker.APIClient(base_url=self.address, version="auto", timeout=PATIENCE)
        try:
            yield api
        finally:
            api.close()

    def all(self) -> tuple[list[str], list[str]]:
        """Return every container, running or not, and every network."""
        with self.client() as api:
            containers = sorted(f"{item['Id'][:12]} {item['Image']}" for item in api.containers(all=True))
            return containers, sorted(f"{item['Id'][:12]} {item['Name']}" for item in api.networks())

    def left_by(self, run: str) -> int:
        """Return how many containers and networks there are of a run."""
        with self.client() as api:
            filters = {"label": f"{RUN}={run}"}
            return len(api.containers(all=True, filters=filters)) + len(api.networks(filters=filters))

    def take_base(self, source: Engine) -> None:
        """Get the image that the prober's is based on from another engine."""
        with self.client() as api:
            api.load_image(source.api.get_image(PYTHON_BASE))

    def build(self, tag: str, *lines: str, files: dict[str, Path] | None = None) -> str:
        """Build an image of the lines of a Dockerfile, and return its tag."""
        context = self.folder / f"context-{secrets.token_hex(4)}"
        context.mkdir()
        for name, path in (files or {}).items():
            shutil.copy(path, context / name)
        (context / "Dockerfile").write_text("\n".join([*lines, ""]), encoding="utf-8")
        with self.client() as api:
            said = list(api.build(path=str(context), tag=tag, rm=True, forcerm=True, decode=True))
        assert not [line for line in said if "error" in line], said
        return tag


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended.

    Attributes:
        code: Its exit code.
        out: What it printed.
        err: What it printed as errors.
        results: The folder of its results, if it made one.
    """

    code: int
    out: str
    err: str
    results: Path

    @property
    def records(self) -> dict[str, Record]:
        """Its records, by service."""
        return {record.subject: record for record in read_records(self.results)}

    @property
    def verdicts(self) -> dict[str, str]:
        """Its verdicts, by case."""
        return {record.case: record.verdict.value for record in read_records(self.results)}


@dataclass(slots=True)
class Bench:
    """A folder in which the command line is run against an engine.

    Attributes:
        folder: The folder.
        address: The engine's address.
    """

    folder: Path
    address: str
    count: int = field(default=0)

    def start(
        self, *words: str | Path, wrapper: tuple[str, ...] = (), python: str = sys.executable, **environment: str
    ) -> "Live":
        """Start ``dualstack`` with these words, as the leader of a session."""
        self.count += 1
        folder = self.folder / f"command-{self.count}"
        folder.mkdir(parents=True)
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            process = subprocess.Popen(
                [*wrapper, python, "-P", "-m", "dualstack", *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=folder,
                env={**os.environ, "DOCKER_HOST": self.address, **environment},
                start_new_session=True,
            )
        return Live(process, folder)

    def command(
        self, *words: str | Path, wrapper: tuple[str, ...] = (), python: str = sys.executable, **environment: str
    ) -> Done:
        """Run ``dualstack`` with these words to its end."""
        return self.start(*words, wrapper=wrapper, python=python, **environment).done()

    def run(
        self, *words: str | Path, wrapper: tuple[str, ...] = (), python: str = sys.executable, **environment: str
    ) -> Done:
        """Run ``dualstack run --lab docker`` with these words to its end."""
        return self.command("run", "--lab", "docker", *words, wrapper=wrapper, python=python, **environment)

    def manifest(self, name: str, image: str, *more: str) -> Path:
        """Write the manifest of an echo service with this ``[image]`` table, and more keys of ``[service]``."""
        text = f'schema = 1\n[service]\nname = "{name}"\n' + "".join(f"{line}\n" for line in more)
        text += f"[image]\n{image}\n[timeouts]\nready = 6.0\n"
        text += '[[listen]]\nname = "echo"\nport = 7007\nprotocol = "echo"\n'
        path = self.folder / f"{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


@dataclass(slots=True)
class Live:
    """A command that runs.

    Attributes:
        process: It.
        folder: Its working directory.
    """

    process: subprocess.Popen[bytes]
    folder: Path

    def done(self, seconds: float = PATIENCE) -> Done:
        """Wait for its end."""
        out, err = self.folder / "out", self.folder / "err"
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end:\n{out.read_text()}{err.read_text()}") from None
        results = self.folder / "dualstack-results" / "latest"
        return Done(self.process.returncode, out.read_text(), err.read_text(), results)

    def processes(self) -> list[int]:
        """Return it and everything that it has started, by their session."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and os.getsid(int(entry.name)) == self.process.pid:
                    found.append(int(entry.name))
        return found

    def kill(self) -> None:
        """Kill all of it at once, as the kernel does when memory is short."""
        pids = self.processes()
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, so that none sees another one's end
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        self.process.wait()


def lacking(why: str) -> NoReturn:
    """Leave a test out; where CI=true and the user is root, that is a failure."""
    if os.environ.get("CI") == "true" and os.geteuid() == 0:
        pytest.fail(why)
    pytest.skip(f"no docker lab: {why}")


@contextlib.contextmanager
def running(root: Path | None, source: Engine) -> Iterator[OwnEngine]:
    """Run an engine for as long as the block lasts."""
    remove_what_killed_tests_left()
    made = OwnEngine(PLACE / f"{NAME}{secrets.token_hex(4)}", root)
    try:
        made.start()
        made.take_base(source)
        yield made
    finally:
        made.end()


@pytest.fixture(scope="session")
def own_engine(engine: Engine) -> Iterator[OwnEngine]:
    """Run the machine's own engine program once more, for the tests alone."""
    if os.geteuid() != 0 or shutil.which("dockerd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
        lacking("an engine of the tests' own needs root and dockerd: sudo apt install docker.io")
    with running(None, engine) as made:
        yield made


@pytest.fixture(scope="session")
def newest_engine(engine: Engine) -> Iterator[OwnEngine]:
    """Run the newest engine that Debian packages."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("newest_engine.py"))],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lacking(done.stderr.strip())
    with running(Path(done.stdout.strip()), engine) as made:
        yield made


@pytest.fixture
def bench(own_engine: OwnEngine, tmp_path: Path) -> Iterator[Bench]:
    """Give a folder for commands against the tests' own engine, in which they leave no container and no network."""
    before = own_engine.all()
    yield Bench(tmp_path, own_engine.address)
    assert own_engine.all() == before


@pytest.fixture
def reference() -> Path:
    """Return the manifest of the reference service."""
    return Path(__file__).parents[3] / "fixtures" / "services" / "reference" / "echo.toml"


@pytest.fixture
def against() -> Callable[[Path, OwnEngine], Bench]:
    """Return what makes a folder for commands against some engine."""
    return lambda folder, engine: Bench(folder, engine.address)
