"""What a service cannot do to the machine, as root or not: each line of the list in docs/isolation.md."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dualstack.doctor import diagnose
from tests.lab.test_ordinary_user import NOBODY, ordinary_python

SECRET = "the-harness-knows-this"  # noqa: S105 - of nothing
HOSTILE = Path(__file__).with_name("hostile.py")
RUNNER = Path(__file__).with_name("host_hostile.py")
REFUSED = {"EACCES", "EPERM", "EROFS", "ENOENT"}


@dataclass(frozen=True, slots=True)
class Attempted:
    """The outcomes of a hostile service's attempts.

    Attributes:
        said: What it said.
        folder: Its working directory.
        secrets: Files that it was to read.
        targets: Files that it was to write.
        sockets: Unix sockets that it was to connect to.
        ranged: Whether it has a range of users.
    """

    said: dict[str, Any]
    folder: Path
    secrets: Sequence[str]
    targets: Sequence[str]
    sockets: Sequence[str]
    ranged: bool


@pytest.fixture(scope="module", params=["as it is", "as an ordinary user"])
def attempted(request: pytest.FixtureRequest) -> Iterator[Attempted]:
    """Run the hostile service as the user of the tests and, if that is root, as an ordinary user."""
    ordinary = request.param != "as it is"
    if ordinary and os.getuid() != 0:
        pytest.skip("every test here runs as an ordinary user already")
    if not ordinary and os.getuid() == 0:
        missing = [check.found for check in diagnose() if check.name.startswith("services of root") and not check.ok]
        if missing:
            pytest.skip(f"the promise of this machine is weaker for root: {missing[0]}")
    python, environment = ordinary_python() if ordinary else (sys.executable, dict(os.environ))
    with tempfile.TemporaryDirectory() as base:
        outer = Path(base)
        outer.chmod(0o755)
        home, service = outer / "home", outer / "service"
        for folder in (home, service):
            folder.mkdir(mode=0o700)
        secrets = [home / "key", outer / "temporary"]
        for path in secrets:
            path.write_text("secret")
        shutil.copy(HOSTILE, service / "hostile.py")
        (service / "hostile.py").chmod(0o600)
        if ordinary:
            for path in (home, service, *home.iterdir(), *service.iterdir()):
                os.chown(path, NOBODY, NOBODY)
        places = [outer / "socket"]
        if os.getuid() == 0:
            places += [Path("/run", f"{outer.name}.socket"), Path("/srv", f"{outer.name}.socket")]
        servers = [_listen(place) for place in places]
        targets = [
            *("/etc/hostile", "/usr/hostile", "/var/lib/hostile", "/etc/passwd"),
            *("/proc/sys/kernel/core_pattern", "/proc/sys/net/ipv4/ip_forward", "/sys/kernel/mm/ksm/run"),
            *("/proc/sysrq-trigger", "/dev/kmsg", "/dev/mem"),
        ]
        files = [*map(str, secrets), "/etc/shadow", "/proc/kcore", "/dev/mem", "/dev/kmsg", "/proc/1/environ"]
        given = {
            "files": files,
            "targets": targets,
            "sockets": list(map(str, places)),
            "secret": SECRET,
        }
        user: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if ordinary else {}
        done = subprocess.run(
            [python, str(RUNNER), str(service), python, "-S", "-E", "hostile.py", json.dumps(given)],
            env=environment | {"HOME": str(home), "DUALSTACK_SECRET": SECRET},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **user,
        )
        try:
            assert done.returncode == 0, done.stdout + done.stderr
            said = json.loads(done.stdout)
            yield Attempted(said, service, files, targets, given["sockets"], ranged=not ordinary and os.getuid() == 0)
        finally:
            for server, place in zip(servers, places, strict=True):
                server.close()
                place.unlink()


def _listen(place: Path) -> socket.socket:
    """Listen on a Unix socket that every user may connect to."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(place))
    place.chmod(0o777)
    server.listen()
    return server


def test_it_reads_no_secret(attempted: Attempted) -> None:
    """Files that not every user may read, temporary files of others and the home folder cannot be read."""
    assert set(attempted.said["read"]) == set(attempted.secrets)
    assert set(attempted.said["read"].values()) <= REFUSED, attempted.said["read"]


def test_it_writes_nothing_of_the_machine(attempted: Attempted) -> None:
    """Neither files nor settings of the machine or of the lab can be written."""
    written = attempted.said["write"]
    assert set(written) == set(attempted.targets)
    assert set(written.values()) <= REFUSED, written
    for path in ("/etc/hostile", "/usr/hostile", "/var/lib/hostile"):
        assert not Path(path).exists()


def test_it_reaches_no_socket_of_the_machine(attempted: Attempted) -> None:
    """The machine's Unix sockets cannot be connected to, wherever they are."""
    reached = attempted.said["connect"]
    assert set(reached) == set(attempted.sockets)
    assert set(reached.values()) <= {"ENOENT", "ECONNREFUSED"}, reached


def test_it_learns_nothing_of_the_harness(attempted: Attempted) -> None:
    """The environment, the memory and the files of other processes cannot be read, nor can they be traced or joined."""
    assert attempted.said["in other processes"] == []
    assert attempted.said["own environment"] is False
    assert attempted.said["ptrace"] == ["EPERM"]
    assert set(attempted.said["join"]) <= {"EACCES", "EPERM"}


def test_it_has_no_socket_that_leads_out(attempted: Attempted) -> None:
    """Address families without network namespaces do not exist; neither do keyrings and bpf(2)."""
    assert set(attempted.said["families"].values()) == {"EAFNOSUPPORT"}, attempted.said["families"]
    assert [attempted.said[name] for name in ("add_key", "keyctl", "bpf")] == ["ENOSYS"] * 3


def test_it_has_no_power_over_the_lab(attempted: Attempted) -> None:
    """It cannot change interfaces, capture packets, take priority, mount anything, or unmount what hides files."""
    said = attempted.said
    names = ("packet socket", "raw socket", "link down", "priority", "mknod", "mount", "remount")
    assert {name: said[name] for name in names} == dict.fromkeys(names, "EPERM")
    assert said["ordinary"] is True
    assert set(said["uncover"].values()) == {"EINVAL"}
    assert said["writable again"] == "EPERM"


def test_it_can_do_what_servers_do(attempted: Attempted) -> None:
    """It may use ports below 1024, write to its folder, /tmp and /run, and, run by root, change its user."""
    names = ("port 80", "own folder", "temporary", "run")
    assert {name: attempted.said[name] for name in names} == dict.fromkeys(names, "done")
    assert attempted.said["change user"] == ("done" if attempted.ranged else "refused")
    assert (attempted.said["uid"] == 0) is attempted.ranged


def test_what_it_writes_is_gone(attempted: Attempted) -> None:
    """Its working directory is unchanged."""
    assert [path.name for path in attempted.folder.iterdir()] == ["hostile.py"]
