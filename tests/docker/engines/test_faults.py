"""Engines that are missing, forbidden, full or dead: exit code 3, a sentence that says what to do, nothing left."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dualstack.errors import HarnessError
from dualstack.lab.docker.engine import connect
from dualstack.lab.docker.networks import POOLS, make_network
from dualstack.manifest.subject import PYTHON_BASE
from dualstack.rootfs import find_root
from dualstack.topology import load_topology

if TYPE_CHECKING:
    from tests.docker.engines.conftest import Bench, Live, OwnEngine

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
ONE_CASE = ("--requirement", "LISTEN-001", "--topology", "dual-stack")
ECHO = """\
import socket, threading
server = socket.socket(socket.AF_INET6)
server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
server.bind(("::", 7007))
server.listen()
def converse(client):
    with client:
        while data := client.recv(4096):
            client.sendall(data)
while True:
    threading.Thread(target=converse, args=server.accept()[:1], daemon=True).start()
"""

STATIC_ECHO = """\
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(7007)};
    char data[4096];
    int off = 0, server = socket(AF_INET6, SOCK_STREAM, 0);
    signal(SIGCHLD, SIG_IGN);
    setsockopt(server, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(server, (struct sockaddr *)&own, sizeof own) || listen(server, 8)) return 1;
    for (;;) {
        int client = accept(server, 0, 0);
        if (fork() == 0)
            for (ssize_t got; ; write(client, data, got))
                if ((got = read(client, data, sizeof data)) <= 0) return 0;
        close(client);
    }
}
"""

FROM_PYTHON = (f"FROM {PYTHON_BASE}", "COPY echo.py /echo.py")
RUNS_ECHO = 'CMD ["python3", "-I", "-S", "/echo.py"]'
RUNS_NOTHING = "FROM scratch"

NOT_TO_WRITE = """\
import os, runpy, sys
for folder in ("/", "/service", "/usr", os.getcwd()):
    if os.access(folder, os.W_OK):
        sys.exit(f"{folder} can be written")
if os.getuid() == 0:
    sys.exit("this is root")
runpy.run_path("/echo.py")
"""

WRITES = """\
import runpy
for folder in ("/", "/usr", "/var/tmp"):
    try:
        open(f"{folder}/written", "w").close()
    except OSError as error:
        print(folder, error.strerror)
    else:
        raise SystemExit(f"{folder} can be written")
open("/run/written", "w").close()
runpy.run_path("/echo.py")
"""

EATS = """\
held = []
while True:
    held.append(bytearray(b"x" * (8 << 20)))
"""

MEMORY = 320 << 20
"""Bytes that all containers of the tests' own engine may take together in the test that uses them up."""

SERVICES = {
    "plain": [*FROM_PYTHON, RUNS_ECHO],
    "distroless": [RUNS_NOTHING, "COPY echo /echo", 'ENTRYPOINT ["/echo"]'],
    "distroless-not-root": [RUNS_NOTHING, "COPY echo /echo", "USER 65532:65532", 'ENTRYPOINT ["/echo"]'],
    "read-only-not-root": [
        *FROM_PYTHON,
        "COPY not_to_write.py /service/",
        "WORKDIR /service",
        "USER 65534",
        'CMD ["python3", "-I", "-S", "not_to_write.py"]',
    ],
    "publishes": [*FROM_PYTHON, "EXPOSE 7007/tcp 7007/udp 80", "VOLUME /data", RUNS_ECHO],
    "healthy": [*FROM_PYTHON, 'HEALTHCHECK --interval=1h CMD ["true"]', RUNS_ECHO],
    "never-healthy": [*FROM_PYTHON, "HEALTHCHECK CMD echo not today; exit 1", RUNS_ECHO],
    "exits": [*FROM_PYTHON, """CMD ["python3", "-c", "import sys; print('no licence file'); sys.exit(3)"]"""],
    "no-such-program": [*FROM_PYTHON, 'ENTRYPOINT ["/no/such/program"]'],
    "no-shell": [RUNS_NOTHING, "COPY echo /echo", "CMD /echo"],
}
"""The images of services, by name."""

JUDGED = {
    "plain": ("pass", ""),
    "distroless": ("pass", ""),
    "distroless-not-root": ("pass", ""),
    "read-only-not-root": ("pass", ""),
    "publishes": ("pass", ""),
    "healthy": ("pass", ""),
    "never-healthy": ("blocked", "not today"),
    "exits": ("blocked", "no licence file"),
    "no-such-program": ("blocked", "/no/such/program"),
    "no-shell": ("blocked", "/bin/sh"),
}
"""What becomes of each: its verdict, and a part of the reason or of what it wrote."""


@pytest.mark.parametrize("words", [("run", "--lab", "docker"), ("sweep",), ("images",)], ids=lambda words: words[0])
def test_no_engine(bench: "Bench", reference: Path, words: tuple[str, ...]) -> None:
    """Without an engine every command that needs one ends with 3, says where it looked and how to have one."""
    manifest = [reference] if words[0] == "run" else []
    done = bench.command(*words, *manifest, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert done.code == 3, done
    assert "no container engine answers at unix:///nowhere/docker.sock: start it" in done.err
    assert "Traceback" not in done.out + done.err


def test_nobody_answers_over_tcp(bench: "Bench") -> None:
    """A DOCKER_HOST on which nothing listens is named as well."""
    done = bench.command("sweep", DOCKER_HOST="tcp://127.0.0.1:9")
    assert done.code == 3, done
    assert "no container engine answers at tcp://127.0.0.1:9" in done.err


def test_nonsense_for_an_address(bench: "Bench") -> None:
    """A DOCKER_HOST that is no address is named, without a traceback."""
    done = bench.command("sweep", DOCKER_HOST="neither:an/address")
    assert done.code == 3, done
    assert "neither:an/address" in done.err
    assert "Traceback" not in done.err


def test_an_engine_that_one_may_not_use(bench: "Bench", own_engine: "OwnEngine") -> None:
    """A socket that belongs to others is a matter of permission, and the message says which group to join."""
    done = bench.command("sweep", wrapper=NOBODY, HOME="/nonexistent")
    assert done.code == 3, done
    assert f"no permission to use the container engine at {own_engine.address}" in done.err
    assert "join the group docker" in done.err


def test_a_missing_image(bench: "Bench") -> None:
    """An image that neither the engine nor a registry has is a mistake in the manifest: 2, with its key."""
    done = bench.run(*ONE_CASE, bench.manifest("none", 'name = "dualstack-test-none:1"'))
    assert done.code == 2, done
    assert "image.name: found 'dualstack-test-none:1': the engine has no such image and cannot pull it" in done.err


def test_an_image_that_cannot_be_built(bench: "Bench", own_engine: "OwnEngine") -> None:
    """A Dockerfile that fails is a mistake in the manifest: 2, with what its step said."""
    path = bench.manifest("unbuilt", 'build = "."')
    path.with_name("Dockerfile").write_text(f"FROM {PYTHON_BASE}\nRUN echo no compiler; exit 7\n", encoding="utf-8")
    done = bench.run(*ONE_CASE, path)
    assert done.code == 2, done
    assert "image.build" in done.err
    assert "no compiler" in done.err


@pytest.fixture(scope="session")
def images(own_engine: "OwnEngine", tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Build the images of services on the tests' own engine; return their names."""
    folder = tmp_path_factory.mktemp("images")
    sources = {
        "echo.c": STATIC_ECHO,
        "echo.py": ECHO,
        "not_to_write.py": NOT_TO_WRITE,
        "eats.py": EATS,
        "writes.py": WRITES,
    }
    for name, text in sources.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o644)
    compile_static(folder)
    files = {path.name: path for path in folder.iterdir()}
    eats = {"eats": [*FROM_PYTHON, "COPY eats.py /", 'CMD ["python3", "/eats.py"]']}
    waits = {"waits": [*FROM_PYTHON, 'CMD ["python3", "-c", "import signal; signal.pause()"]']}
    writes = {"writes": [*FROM_PYTHON, "COPY writes.py /", 'CMD ["python3", "/writes.py"]']}
    every = SERVICES | eats | waits | writes
    return {name: own_engine.build(f"dualstack-test:{name}", *lines, files=files) for name, lines in every.items()}


def compile_static(folder: Path) -> None:
    """Compile an echo server that needs no other file, with the compiler of a root file system or the machine's."""
    root = find_root(["gcc", "libc6-dev"])
    if root is None and shutil.which("gcc") is None:
        pytest.skip("no docker lab: a program that needs no other file needs a compiler: make rootfs")
    script = 'mount --bind "$1" "$2/mnt"; cd "$2/mnt"; ${2:+chroot "$2"} gcc -static -o /mnt/echo /mnt/echo.c'
    command = ["unshare", "--mount", "sh", "-e", "-c", script, "sh", str(folder), str(root or "")]
    subprocess.run(command, check=True)


def test_every_image_is_judged(bench: "Bench", images: dict[str, str]) -> None:
    """Whatever its image is like, a service is judged by what it does; one that does not start is blocked, with why.

    What an image is like: without a shell or any file, for a user without rights and nothing to write to, with ports to
    be published, with a health check; with one that never passes, or with an entrypoint that ends or does not exist.
    """
    manifests = [bench.manifest(name, f'name = "{images[name]}"') for name in SERVICES]
    done = bench.run(*ONE_CASE, "-n", "2", *manifests)
    assert done.code == 1, done
    found = {name: (item.verdict.value, item.reason, item.log) for name, item in done.records.items()}
    assert {name: item[0] for name, item in found.items()} == {name: item[0] for name, item in JUDGED.items()}, found
    assert [name for name, item in JUDGED.items() if item[1] not in found[name][1] + found[name][2]] == [], found


def test_a_root_file_system_that_is_read_only(bench: "Bench", images: dict[str, str]) -> None:
    """With ``read_only`` no user, not even root, can write to the image's files, but to the folders of ``tmpfs``."""
    table = f'name = "{images["writes"]}"'
    manifests = [
        bench.manifest("shipped", f'{table}\nread_only = true\ntmpfs = ["/run"]'),
        bench.manifest("to-write-to", table),
    ]
    done = bench.run(*ONE_CASE, *manifests)
    assert {name: item.verdict.value for name, item in done.records.items()} == {
        "shipped": "pass",
        "to-write-to": "blocked",
    }, done
    assert "/ can be written" in done.records["to-write-to"].reason


def _memory_of(cgroup: str) -> Path:
    """Return the file that limits the memory of a control group."""
    first, second = Path("/sys/fs/cgroup/memory") / cgroup, Path("/sys/fs/cgroup") / cgroup
    return first / "memory.limit_in_bytes" if first.parent.is_dir() else second / "memory.max"


def test_a_service_that_is_killed_for_its_memory(
    bench: "Bench", own_engine: "OwnEngine", images: dict[str, str]
) -> None:
    """A service that the kernel kills because memory is used up fails, and the reason says so."""
    limit = _memory_of(own_engine.cgroup)
    if not limit.exists():
        pytest.skip(f"this machine does not let memory be limited ({limit} does not exist)")
    before = limit.read_text(encoding="ascii")
    limit.write_text(f"{MEMORY}\n", encoding="ascii")
    try:
        done = bench.run(*ONE_CASE, bench.manifest("eats", f'name = "{images["eats"]}"'))
    finally:
        limit.write_text(before, encoding="ascii")
    assert done.code == 1, done
    assert "SIGKILL (out of memory)" in done.records["eats"].reason


def test_every_prefix_is_taken(bench: "Bench", own_engine: "OwnEngine", reference: Path) -> None:
    """With no prefix left the run ends with 3 and says how to find what uses them; other networks are not touched."""
    with contextlib.ExitStack() as stack, own_engine.client() as api:
        for pool in POOLS:
            theirs = api.create_network(f"all of {pool.network_address}", ipam={"Config": [{"Subnet": str(pool)}]})
            stack.callback(api.remove_network, theirs["Id"])
        before = own_engine.all()
        done = bench.run(*ONE_CASE, reference)
        assert own_engine.all() == before
        stack.close()
    assert done.code == 3, done
    (record,) = done.records.values()
    assert f"no free network: the prefixes tried of {', '.join(map(str, POOLS))} are taken" in record.reason
    assert "docker network ls" in record.reason


def test_the_usual_prefixes_are_taken(bench: "Bench", own_engine: "OwnEngine", reference: Path) -> None:
    """If a whole private range is in use, for example because it is routed, labs use prefixes of another one."""
    with own_engine.client() as api:
        theirs = api.create_network("all of 10", ipam={"Config": [{"Subnet": "10.0.0.0/8"}]})["Id"]
        try:
            done = bench.run(*ONE_CASE, reference)
        finally:
            api.remove_network(theirs)
    assert done.code == 0, done


def test_a_name_that_is_taken(own_engine: "OwnEngine", monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of the same name belongs to another program: an error that says so, and it stays."""
    monkeypatch.setenv("DOCKER_HOST", own_engine.address)
    with contextlib.closing(connect()) as engine:
        theirs = engine.api.create_network("dualstack-taken")["Id"]
        try:
            before = own_engine.all()
            with pytest.raises(HarnessError, match=r"a network cannot be made.*dualstack-taken already exists"):
                make_network(engine, load_topology("dual-stack"), "dualstack-taken", {})
            assert own_engine.all() == before
        finally:
            engine.api.remove_network(theirs)


@pytest.fixture
def waiting(bench: "Bench", own_engine: "OwnEngine", images: dict[str, str]) -> Iterator["Live"]:
    """Start a run whose service never gets ready, and continue when its container runs."""
    manifest = bench.manifest("waits", f'name = "{images["waits"]}"')
    manifest.write_text(manifest.read_text().replace("ready = 6.0", "ready = 600.0"), encoding="utf-8")
    since = time.time()
    live = bench.start("run", "--lab", "docker", *ONE_CASE, manifest)
    try:
        await_container(own_engine, images["waits"], since)
        yield live
    finally:
        live.kill()


def await_container(engine: "OwnEngine", image: str, since: float) -> None:
    """Wait until a container of an image has been started since some time (seconds of the epoch)."""
    wanted = {"type": "container", "event": "start", "image": image}
    with engine.client() as api:
        next(iter(api.events(since=int(since), filters=wanted, decode=True)))


@pytest.mark.parametrize("how", ["dies", "is restarted"])
def test_the_engine_goes_away(
    waiting: "Live", bench: "Bench", own_engine: "OwnEngine", images: dict[str, str], how: str
) -> None:
    """A run whose engine goes away in its midst ends soon, with 3 and why; the next run works and leaves nothing.

    What was left is removed by the next run: by itself the engine keeps networks and ended containers.
    """
    if how == "dies":
        own_engine.die()
        done = waiting.done()
        own_engine.start()
    else:
        own_engine.stop()
        own_engine.start()
        done = waiting.done()
    assert done.code == 3, done
    assert "Traceback" not in done.out + done.err
    assert done.records["waits"].verdict.value == "harness error"
    again = bench.run(*ONE_CASE, bench.manifest("plain", f'name = "{images["plain"]}"'))
    assert again.code == 0, again


def ordinary_python() -> str:
    """Return a Python that an ordinary user can run, with everything that dualstack imports."""
    version = f"python3.{sys.version_info.minor}"
    for candidate in filter(None, (sys.executable, shutil.which(version, path="/usr/bin:/usr/local/bin"))):
        command = ["su", "-s", "/bin/sh", "nobody", "-c", f'"{candidate}" -c "import dualstack.lab.docker.backend"']
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": PATH}, capture_output=True, check=False)
        if done.returncode == 0:
            return candidate
    pytest.skip("this machine has no Python that an ordinary user can run")


PATH = os.pathsep.join(path for path in sys.path if path)


def test_an_ordinary_user_needs_nothing_but_the_socket(
    bench: "Bench", own_engine: "OwnEngine", reference: Path, against: "Callable[[Path, OwnEngine], Bench]"
) -> None:
    """A user who may use the engine's socket can run docker labs: without root, and without a writable home."""
    folder = own_engine.folder / "nobody"
    folder.mkdir()
    folder.chmod(0o777)
    Path(own_engine.address.removeprefix("unix://")).chmod(0o666)
    environment = {"HOME": "/nonexistent", "PYTHONPATH": PATH}
    try:
        words = (*ONE_CASE, "--results", folder, reference)
        one = against(folder, own_engine)
        done = one.run(*words, wrapper=NOBODY, python=ordinary_python(), **environment)
        assert done.code == 0, done
        assert next(folder.glob("*/report.html")).stat().st_uid == 65534
    finally:
        Path(own_engine.address.removeprefix("unix://")).chmod(0o660)
