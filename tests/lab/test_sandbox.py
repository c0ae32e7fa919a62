"""How a program is confined on a host: its root, its user, its address families."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import HostCannot
from dualstack.lab.netns import NetnsLab
from dualstack.prober.messages import Launch
from dualstack.prober.messages.naming import WriteHosts, WriteResolvers
from dualstack.prober.seccomp import program_filter
from dualstack.topology import Topology

MakeLab = Callable[[Topology | str], NetnsLab]
MakeLaunch = Callable[..., Launch]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return another root file system: a shell with its libraries, a folder to write to, and another resolv.conf."""
    root = tmp_path / "foreign root"
    for tool in ("sh", "cat", "ls", "id"):
        program = shutil.which(tool, path="/usr/bin:/bin")
        assert program is not None
        needed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.split()
        for path in [program, *(word for word in needed if word.startswith("/"))]:
            copy = root / path.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    for folder in ("etc", "var/lib", "tmp", "opt"):
        (root / folder).mkdir(parents=True)
    (root / "etc/resolv.conf").symlink_to("../run/nowhere/resolv.conf")
    (root / "opt/private").mkdir(mode=0o750)
    return root


def run(lab: NetnsLab, launch: Launch) -> str:
    """Run a program on the service's host to its end; return its output."""
    program = lab.hosts["service"].start(launch)
    assert program.wait(Deadline(10, "the program")).code == 0, program.log().text
    return program.log().text


@pytest.mark.parametrize("whose", ["foreign", "own"])
def test_a_foreign_root(make_lab: MakeLab, launch: MakeLaunch, root: Path, tmp_path: Path, whose: str) -> None:
    """A program sees the other root with the lab's files, and the folders of its launch at their own paths.

    For an ordinary user a root with mounts in it, such as the machine's own, cannot be overlaid; it is mirrored.
    """
    if whose == "own":
        root = Path("/")
    scratch = tmp_path / "scratch of ünïcode"
    scratch.mkdir()
    script = f"cat /etc/resolv.conf; ls /dev; echo ok > /dev/null; ls /proc; echo hi > '{scratch}/written'; pwd; ls /"
    lab = make_lab("dual-stack")
    output = run(lab, launch("sh", "-c", script, root=str(root), scratch=str(scratch)))
    assert output.splitlines()[0] == "nameserver 198.51.100.33"
    assert (scratch / "written").read_text() == "hi\n"
    lines = output.splitlines()
    assert str(tmp_path) in lines
    assert {"null", "zero", "random", "urandom", "shm", "fd"} <= set(lines)
    assert "console" not in lines
    assert "self" in lines


def test_what_is_written_to_a_foreign_root_is_gone(make_lab: MakeLab, launch: MakeLaunch, root: Path) -> None:
    """A program may write anywhere in another root; the root stays unchanged, and the next start does not see it."""
    lab = make_lab("dual-stack")
    before = sorted(str(path) for path in root.rglob("*"))
    script = "cat /var/lib/state 2> /dev/null; echo 1 > /var/lib/state; echo 2 > /etc/new; cat /var/lib/state"
    start = launch("sh", "-c", script, root=str(root))
    assert run(lab, start) == "1\n"
    assert run(lab, start) == "1\n"
    assert sorted(str(path) for path in root.rglob("*")) == before


@pytest.mark.skipif(os.getuid() == 0, reason="root overlays every root")
def test_a_root_that_cannot_be_overlaid_is_read_only(make_lab: MakeLab, launch: MakeLaunch) -> None:
    """If no overlay is possible (a root with mounts in it), the root is read-only except /tmp, /run and /etc."""
    marker = "/usr/dualstack-must-not-be-written"
    script = f"echo 1 2> /dev/null > {marker} || echo refused; echo 2 > /tmp/x; echo 3 > /etc/x; cat /tmp/x /etc/x"
    output = run(make_lab("dual-stack"), launch("/bin/sh", "-c", f"({script}) 2>&1", root="/"))
    assert not Path(marker).exists()
    assert output.splitlines()[-3:] == ["refused", "2", "3"]


def test_a_program_runs_as_the_user_of_the_run(make_lab: MakeLab, launch: MakeLaunch, root: Path) -> None:
    """A program has the user and group of the caller, in the machine's root and in another one."""
    lab = make_lab("dual-stack")
    for where in ("", str(root)):
        assert run(lab, launch("sh", "-c", "id -u; id -g", root=where)).split() == [str(os.getuid()), str(os.getgid())]


INET6 = """\
import errno, os, socket, sys
def outcome(make):
    try:
        make()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "made"
libc = __import__("ctypes").CDLL(None, use_errno=True)
def io_uring():
    if libc.syscall(425, 1, None) < 0:
        raise OSError(__import__("ctypes").get_errno(), "io_uring_setup")
inet6 = lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
inet = lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
unix = lambda: socket.socketpair()[0].close()
print(outcome(inet6), outcome(inet), outcome(unix), outcome(io_uring) == "ENOSYS", flush=True)
if sys.argv[1:] != ["child"]:
    os.execv(sys.executable, [sys.executable, "-c", os.environ["SELF"], "child"])
"""


def test_files_have_the_permissions_of_the_manifest(make_lab: MakeLab, launch: MakeLaunch) -> None:
    """A file is for its owner alone if that is asked for, and otherwise any user can read it."""
    files, modes = {"rc": "x", "other": "y"}, {"rc": "0600"}
    host = make_lab("dual-stack").hosts["service"]
    program = host.start(launch("stat", "-c", "%a", "rc", "other", files=files, modes=modes))
    assert program.wait(Deadline(10, "stat")).code == 0
    assert program.log().text.split() == ["600", "644"]


def test_no_af_inet6_for_a_program_and_its_children(make_lab: MakeLab, launch: MakeLaunch) -> None:
    """Without AF_INET6 only that family fails, with EAFNOSUPPORT, also after an exec; io_uring cannot bypass it."""
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable
    environment = {"PATH": os.defpath, "SELF": INET6}
    lab = make_lab("ipv4-only-no-af-inet6")
    without = run(lab, launch(python, "-c", INET6, af_inet6=False, environment=environment))
    assert without.splitlines() == ["EAFNOSUPPORT made made True"] * 2
    with_it = run(lab, launch(python, "-c", INET6, environment=environment))
    assert [line.split()[0] for line in with_it.splitlines()] == ["made"] * 2


def test_no_ipv6_settings_without_af_inet6(make_lab: MakeLab, launch: MakeLaunch) -> None:
    """Without AF_INET6 the kernel's settings of IPv6 are not there, as on a kernel without IPv6; IPv4's are."""
    lab = make_lab("ipv4-only-no-af-inet6")
    shown = ["ls", "/proc/sys/net/ipv6", "/proc/sys/net/ipv4/ip_forward"]
    assert run(lab, launch(*shown, af_inet6=False)).split() == ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6:"]
    assert "conf" in run(lab, launch(*shown)).split()


def test_the_filter_keeps_the_right_to_gain_privileges(make_lab: MakeLab, launch: MakeLaunch) -> None:
    """The filter is loaded without no_new_privs, so that a service may start setuid programs."""
    output = run(make_lab("dual-stack"), launch("cat", "/proc/self/status", af_inet6=False))
    status = dict(line.split(":\t") for line in output.splitlines() if ":\t" in line)
    assert status["Seccomp"].strip() == "2"
    assert status["NoNewPrivs"].strip() == "0"


def test_the_filter_of_an_unknown_machine_is_an_error() -> None:
    """A machine without a known filter cannot make such a lab; the error names the machine."""
    with pytest.raises(HostCannot, match="no seccomp filter for riscv64"):
        program_filter("riscv64")
    for machine in ("x86_64", "aarch64"):
        assert len(program_filter(machine)) % 8 == 0


def test_the_filters_of_both_machines_are_one_program() -> None:
    """The filters of the architectures differ only in the architecture and in the numbers of system calls."""
    programs = [program_filter(machine) for machine in ("x86_64", "aarch64")]
    words = [[program[i : i + 8] for i in range(0, len(program), 8)] for program in programs]
    assert sum(one != other for one, other in zip(*words, strict=True)) == 6


@pytest.mark.parametrize("whose", ["foreign", "own", "none"])
def test_hosts_can_change(make_lab: MakeLab, launch: MakeLaunch, root: Path, whose: str) -> None:
    """A program that starts after /etc/hosts was written sees the new text, with any root."""
    where = {"foreign": {"root": str(root)}, "own": {"root": "/"}, "none": {}}[whose]
    lab = make_lab("dual-stack")
    prober = lab.hosts["service"].prober
    text = "::1 localhost\n"
    before = prober.call(WriteHosts(text))
    assert run(lab, launch("cat", "/etc/hosts", **where)) == text
    assert prober.call(WriteHosts(before)) == text
    assert "127.0.0.1 localhost" in before


@pytest.mark.parametrize("whose", ["foreign", "own", "none"])
def test_resolvers_can_change(make_lab: MakeLab, launch: MakeLaunch, root: Path, whose: str) -> None:
    """A program that starts after /etc/resolv.conf was written sees the new text, with any root."""
    where = {"foreign": {"root": str(root)}, "own": {"root": "/"}, "none": {}}[whose]
    lab = make_lab("dual-stack")
    prober = lab.hosts["service"].prober
    text = "nameserver 2001:db8::53\noptions timeout:1\n"
    before = prober.call(WriteResolvers(text))
    assert run(lab, launch("cat", "/etc/resolv.conf", **where)) == text
    assert prober.call(WriteResolvers(before)) == text
    assert run(lab, launch("cat", "/etc/resolv.conf", **where)) == before
    assert before.startswith("nameserver ")
