"""The enclosure of an installation: root in its namespaces, no changes of owners, ends with its parent."""

import os
import platform
import select
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from dualstack.errors import HostCannot
from dualstack.rootfs.enclosure import enclosed, one_owner_filter


def run(*command: str) -> str:
    """Run a command enclosed and return what it prints."""
    return subprocess.run(enclosed(command), capture_output=True, text=True, check=True).stdout.strip()


def test_it_is_root() -> None:
    """The command is root, and process 1 of a new PID namespace."""
    assert run("sh", "-c", "id -u; echo $$") == "0\n1"


def test_files_keep_their_owner(tmp_path: Path) -> None:
    """A chown succeeds and changes nothing: the current user owns all files."""
    file = tmp_path / "file"
    file.touch()
    run("sh", "-c", f"chown 1:1 '{file}' && chgrp 7 '{file}' && chown -h 5 '{file}'")
    assert (file.stat().st_uid, file.stat().st_gid) == (os.geteuid(), os.getegid())


def test_becoming_another_user_changes_nothing() -> None:
    """A program that changes its user keeps running as the same user."""
    code = "import os; os.setgroups([]); os.setgid(33); os.setuid(33); print(os.getuid())"
    assert run(sys.executable, "-c", code) == "0"


def test_mounts_stay_inside(tmp_path: Path) -> None:
    """A mount inside is not visible outside."""
    assert (
        run("sh", "-c", f"mount -t tmpfs none '{tmp_path}' && touch '{tmp_path}/inside' && ls '{tmp_path}'") == "inside"
    )
    assert list(tmp_path.iterdir()) == []


def test_it_dies_with_its_starter() -> None:
    """When the parent is killed, all enclosed processes end: their pipe closes."""
    code = (
        "import subprocess; from dualstack.rootfs.enclosure import enclosed\n"
        "subprocess.run(enclosed(['sh', '-c', 'echo up; exec sleep 600']))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"up\n"
        starter.send_signal(signal.SIGKILL)
        readable, _, _ = select.select([starter.stdout], [], [], 10)
        assert readable
        assert starter.stdout.read() == b""


def interpret(program: bytes, arch: int, number: int) -> int:
    """Run a seccomp program of loads, jumps on equality and returns, as the kernel does."""
    position, accumulator = 0, 0
    while True:
        code, equal, other, value = struct.unpack_from("=HBBI", program, position * 8)
        if code == 0x20:
            accumulator = {0: number, 4: arch}[value]
        elif code == 0x15:
            position += equal if accumulator == value else other
        else:
            assert code == 0x06
            return int(value)
        position += 1


@pytest.mark.parametrize(
    ("machine", "arch", "chown", "openat"), [("x86_64", 0xC000003E, 92, 257), ("aarch64", 0xC00000B7, 55, 56)]
)
def test_filter(machine: str, arch: int, chown: int, openat: int) -> None:
    """The filter makes chown succeed without effect, and allows every other call and architecture."""
    program = one_owner_filter(machine)
    assert interpret(program, arch, chown) == 0x00050000
    assert interpret(program, arch, openat) == 0x7FFF0000
    assert interpret(program, 0x40000003, chown) == 0x7FFF0000


def test_unknown_machine() -> None:
    """A machine with unknown system calls is reported."""
    with pytest.raises(HostCannot, match="riscv64"):
        one_owner_filter("riscv64")
    assert one_owner_filter(platform.machine())
