"""Runs of the real command line on small services that misbehave, and the proof that nothing of a run is left."""

import contextlib
import fcntl
import json
import os
import secrets
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from dualstack.deadline import Deadline
from dualstack.doctor import diagnose
from dualstack.results import Record, read_records
from tests.report.conftest import page_text

PATIENCE = 90.0
"""Seconds that one run may take on a machine that is busy with something else."""

GONE = 20.0
"""Seconds within which everything of a run must be gone once it has ended."""

LOOK = 0.05
"""Seconds between two looks at the processes of the machine."""

NONE: Mapping[str, float] = {}
"""No timeout but the usual ones."""

PRELUDE = """\
import os, signal, socket, sys, threading

TOKEN = sys.argv[1]

def say(text):
    print(text, flush=True)

def tell():
    with open("/proc/self/comm", "w") as name:
        name.write("here")

def bound():
    server = socket.socket(socket.AF_INET6)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", 7007))
    server.listen()
    return server

def converse(client):
    with client:
        while data := client.recv(4096):
            client.sendall(data)

def serve(server):
    while True:
        threading.Thread(target=converse, args=server.accept()[:1], daemon=True).start()

"""
"""What every service of these tests begins with. Being confined, it says that it is there by its name."""

MANIFEST = """\
schema = 1

[service]
name = {name}
command = ["{{python}}", "-I", "-S", {script}, "{token}"]
{service}
[timeouts]
{timeouts}

[[listen]]
name = "echo"
port = 7007
protocol = "echo"
"""


@dataclass(frozen=True, slots=True)
class Done:
    """A run that has ended.

    Attributes:
        code: Its exit code; negative for a signal.
        out: What it printed.
        err: What it printed as errors.
        folder: Its results.
    """

    code: int
    out: str
    err: str
    folder: Path

    @property
    def records(self) -> dict[str, Record]:
        """Its records, by service."""
        return {record.subject: record for record in read_records(self.folder)}

    @property
    def about(self) -> dict[str, Any]:
        """What it says of itself as a whole."""
        data: dict[str, Any] = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        return data

    @property
    def report(self) -> str:
        """Its HTML report, with its data as text."""
        return page_text(self.folder / "report.html")

    @property
    def junit(self) -> ET.Element:
        """Its JUnit report."""
        return ET.fromstring((self.folder / "junit.xml").read_text(encoding="utf-8"))  # noqa: S314 - our own file

    def must_have_kept(self, *subjects: str) -> None:
        """Make sure that the cases of these services, and no others, are in the records and in each report."""
        assert sorted(self.records) == sorted(subjects), self
        names = {suite.get("name") for suite in self.junit if suite.find("testcase") is not None}
        assert names == {*subjects, "dualstack run"}
        assert all(record.case in self.report for record in self.records.values())


@dataclass(slots=True)
class Live:
    """A run that is active; its processes form a process group, as on a terminal.

    Attributes:
        process: ``dualstack run`` itself.
    """

    process: subprocess.Popen[bytes]
    site: "Site"

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process group, as Ctrl-C on a terminal does."""
        os.killpg(self.process.pid, number)

    def has_said(self, words: str, times: int = 1) -> None:
        """Wait until the run has printed something, so many times."""
        out = self.site.folder / "out"
        self._wait(lambda: out.read_text(encoding="utf-8", errors="replace").count(words) >= times, words)

    def is_here(self) -> None:
        """Wait until one of its services, or a build, has said that it is there."""
        self._wait(lambda: any(_name_of(pid) == "here" for pid in self.site.processes()), "a service to be there")

    def has_complained(self, words: str) -> None:
        """Wait until the run has printed something as an error."""
        self._wait(lambda: words in (self.site.folder / "err").read_text(encoding="utf-8", errors="replace"), words)

    def has_begun(self) -> None:
        """Wait until the interpreter has handed over to the command, which from then on handles SIGINT itself."""
        self._wait(lambda: _name_of(self.process.pid) == "dualstack", "the command to begin")

    def freeze(self, pid: int) -> None:
        """Stop a process of this run, and wait until it has stopped."""
        os.kill(pid, signal.SIGSTOP)
        self._wait(lambda: _status(pid, "State").startswith("T"), "the process to stop")

    def has_pending(self, pid: int, number: signal.Signals) -> None:
        """Wait until a signal waits for a process that has stopped."""
        self._wait(
            lambda: bool(int(_status(pid, "ShdPnd"), 16) >> (number - 1) & 1),
            f"{number.name} to be pending",
        )

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until a condition holds, with looks at it."""
        deadline = Deadline(PATIENCE, what)
        while not condition():
            deadline.check()
            _wait_for_one_of({self.process.pid})

    def find(self, what: str) -> int:
        """Return the first process of this run, by its number, whose command line has ``what`` in it."""
        found = [pid for pid in sorted(self.site.processes()) if what in command_of(pid)]
        assert found, f"no process of the run has {what!r} in {[command_of(pid) for pid in self.site.processes()]}"
        return found[0]

    def named(self, name: str) -> int:
        """Return the first process of this run, by its number, that has this name."""
        found = [pid for pid in sorted(self.site.processes()) if _name_of(pid) == name]
        assert found, f"no process of the run is called {name!r}: {[_name_of(pid) for pid in self.site.processes()]}"
        return found[0]

    def recorder(self) -> int:
        """Return the process that writes a capture."""
        for pid in self.site.processes():
            with contextlib.suppress(OSError):
                for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                    if str(descriptor.readlink()).endswith("/capture.pcap"):
                        return pid
        raise AssertionError("no process of the run writes a capture")

    def done(self, seconds: float = PATIENCE) -> Done:
        """Wait for its end, and for the end of everything that it started."""
        process = self.process
        descriptor = os.pidfd_open(process.pid)
        try:
            over = select.select([descriptor], [], [], seconds)[0]
        finally:
            os.close(descriptor)
        out, err = (self.site.folder / name for name in ("out", "err"))
        assert over, f"the run had not ended after {seconds:g} s\n{out.read_text()}{err.read_text()}"
        return Done(
            code=process.wait(),
            out=out.read_text(encoding="utf-8", errors="surrogateescape"),
            err=err.read_text(encoding="utf-8", errors="surrogateescape"),
            folder=self.site.results / "latest",
        )


@dataclass(slots=True)
class Site:
    """A folder with services, their runs and their results; everything that runs from here carries its token.

    Attributes:
        folder: The folder.
        token: What marks the processes: a variable of the harness's, an argument of the services'.
        results: Where results go.
        temporary: Where temporary files go.
        residents: A descriptor of each process that was seen in a run's namespaces, whatever started it, by its number.
    """

    folder: Path
    token: str
    results: Path
    temporary: Path
    residents: dict[int, int] = field(default_factory=dict)

    def service(self, name: str, code: str, *, service: str = "", timeouts: Mapping[str, float] = NONE) -> Path:
        """Write a service that listens on port 7007, and return its manifest.

        Args:
            name: Its name.
            code: Its program, which follows the prelude.
            service: More keys of the manifest's table ``service``.
            timeouts: Entries of the manifest's table ``timeouts``.
        """
        script = self.folder / f"{name}.py"
        script.write_text(PRELUDE + code, encoding="utf-8")
        given = {"ready": 30.0, "exchange": 10.0, "stop": 2.0, **timeouts}
        text = MANIFEST.format(
            name=json.dumps(name),
            script=json.dumps(str(script), ensure_ascii=False),
            token=self.token,
            service=service,
            timeouts="\n".join(f"{key} = {float(seconds)}" for key, seconds in given.items()),
        )
        return self.manifest(name, text)

    def manifest(self, name: str, text: str) -> Path:
        """Write a manifest and return its path."""
        path = self.folder / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def start(self, *arguments: str | Path, wrapper: Sequence[str] = (), **environment: str) -> Live:
        """Start ``dualstack run`` with its results in this folder, as the leader of a process group."""
        command = [*wrapper, sys.executable, "-P", "-m", "dualstack", "run", "-v", "--results", str(self.results)]
        variables = {**self.variables, **environment}
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("wb") as err:
            process = subprocess.Popen(
                [*command, *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=variables,
                cwd=self.folder,
                start_new_session=True,
            )
        return Live(process, self)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of what runs from here."""
        return {**os.environ, "DUALSTACK_TEST": self.token, "TMPDIR": str(self.temporary)}

    def run(self, *arguments: str | Path, wrapper: Sequence[str] = (), **environment: str) -> Done:
        """Run ``dualstack run`` to its end."""
        return self.start(*arguments, wrapper=wrapper, **environment).done()

    @contextlib.contextmanager
    def until_here(self, *arguments: str | Path, wrapper: Sequence[str] = (), **environment: str) -> Iterator[Live]:
        """Start ``dualstack run``, and continue when one of its services has said that it is there."""
        live = self.start(*arguments, wrapper=wrapper, **environment)
        live.is_here()
        self.meet_tenants()
        yield live

    def processes(self) -> set[int]:
        """Return the processes that carry the token: the run's own, its labs' and its services'."""
        return {
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and self.token.encode() in _read(entry / "environ") + _read(entry / "cmdline")
        }

    def meet_tenants(self) -> None:
        """Note every process that is in a namespace of the run's; as long as there is one, the namespace lasts."""
        own = {link for pid in self.processes() for link in namespaces_of(pid)}
        for pid in [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]:
            if own & namespaces_of(pid):
                with contextlib.suppress(ProcessLookupError):
                    self.residents[pid] = os.pidfd_open(pid)

    def forget_tenants(self) -> None:
        """Look for those that were seen no more."""
        for descriptor in self.residents.values():
            os.close(descriptor)
        self.residents.clear()

    def left(self, seconds: float = GONE) -> list[str]:
        """Return what runs have left: processes, namespaces and temporary files, one line each; waits for the end."""
        deadline = Deadline(seconds, "the processes of the runs to end")
        while (pids := self.processes()) and not deadline.expired:
            _wait_for_one_of(pids)
        lines = [f"process {pid}: {command_of(pid)}" for pid in self.processes()]
        for pid, descriptor in self.residents.items():
            if not select.select([descriptor], [], [], deadline.remaining)[0]:
                lines.append(f"process {pid} in a namespace of the run: {command_of(pid)}")
        return lines + [f"temporary file {path}" for path in sorted(self.temporary.iterdir())]


def _wait_for_one_of(pids: set[int]) -> None:
    """Wait a moment, or less if one of the processes ends."""
    descriptors = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            descriptors.append(os.pidfd_open(pid))
    select.select(descriptors, [], [], LOOK)
    for descriptor in descriptors:
        os.close(descriptor)


def _name_of(pid: int) -> str:
    """Return a process's name; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").rstrip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _status(pid: int, key: str) -> str:
    """Return what the kernel says of a process under a key."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    return next(line for line in lines if line.startswith(f"{key}:")).split(":", 1)[1].strip()


def _read(path: Path) -> bytes:
    """Return a file of a process, empty if the process is gone or another user's."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def command_of(pid: int) -> str:
    """Return a process's command line."""
    return _read(Path(f"/proc/{pid}/cmdline")).replace(b"\0", b" ").decode(errors="replace")


def namespaces_of(pid: int) -> set[str]:
    """Return the namespaces of a process that this one is not in."""
    found = set()
    for kind in ("user", "mnt", "pid", "net"):
        with contextlib.suppress(OSError):
            link = str(Path(f"/proc/{pid}/ns/{kind}").readlink())
            if link != str(Path(f"/proc/self/ns/{kind}").readlink()):
                found.add(link)
    return found


@pytest.fixture(scope="session", autouse=True)
def _a_machine_that_can() -> None:
    """Skip these tests where no lab can be made; in CI that is an error."""
    lacking = [check for check in diagnose() if check.required and not check.ok]
    if lacking:
        text = "; ".join(f"{check.name}: {check.found}" for check in lacking)
        assert os.environ.get("CI") != "true", text
        pytest.skip(text)


def make_site(folder: Path) -> Site:
    """Return a new site in a folder."""
    site = Site(folder, f"fault-{secrets.token_hex(8)}", folder / "results", folder / "temporary")
    site.temporary.mkdir(parents=True)
    return site


def clear(site: Site) -> list[str]:
    """Return what the runs of a site have left, and end what still runs."""
    left = site.left()
    for pid in site.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for descriptor in site.residents.values():
        os.close(descriptor)
    return left


@pytest.fixture
def make_checked_site() -> Iterator[Callable[[Path], Site]]:
    """Return how to make a site in a folder; nothing of its runs may be left."""
    made: list[Site] = []

    def make(folder: Path) -> Site:
        made.append(make_site(folder))
        return made[-1]

    yield make
    assert [line for site in made for line in clear(site)] == []


@pytest.fixture
def site(tmp_path: Path, make_checked_site: Callable[[Path], Site]) -> Site:
    """Give the test a site."""
    return make_checked_site(tmp_path / "site")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run that several tests look at, and what was left of it.

    Attributes:
        done: The run.
        left: What it left behind, one line each.
    """

    done: Done
    left: list[str]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[[str, Callable[[Site], Done]], Outcome]:
    """Return how to make a run once for all tests, whichever worker comes first; the others read what it left."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def run(name: str, make: Callable[[Site], Done]) -> Outcome:
        folder = shared / name
        told = folder / "outcome.json"
        folder.mkdir(exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not told.exists():
                site = make_site(folder / "site")
                try:
                    done = make(site)
                finally:
                    left = clear(site)
                data = asdict(done) | {"folder": str(done.folder)}
                told.write_text(json.dumps({"done": data, "left": left}), encoding="utf-8")
        data = json.loads(told.read_text(encoding="utf-8"))
        return Outcome(Done(**data["done"] | {"folder": Path(data["done"]["folder"])}), data["left"])

    return run
