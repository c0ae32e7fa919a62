"""A service that tries what is forbidden: it prints the outcome of each attempt, as one JSON object.

Arguments: a JSON object with ``files`` (to be read), ``sockets`` (to be connected to) and ``secret``, which stands in
the environment of the harness.
"""

import ctypes
import errno
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_BIND, MS_REMOUNT = 0x1000, 0x20
FAMILIES = {"vsock": 40, "alg": 38, "bluetooth": 31, "tipc": 30, "can": 29, "key": 15, "rds": 21}
NUMBERS = {
    "x86_64": {"add_key": 248, "keyctl": 250, "bpf": 321, "open_by_handle_at": 304},
    "aarch64": {"add_key": 217, "keyctl": 219, "bpf": 280, "open_by_handle_at": 265},
}
NET_ADMIN_SIOCSIFFLAGS = 0x8914
PTRACE_ATTACH = 16


def attempt(action: Callable[..., object], *arguments: object) -> str:
    """Return the name of the error that an action ends with, or what it returns."""
    try:
        return str(action(*arguments))
    except OSError as error:
        return errno.errorcode[error.errno] if error.errno else str(error)


def called(result: int) -> str:
    """Return "done" for a successful system call, and raise the error of any other."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "done"


def write(path: str) -> str:
    """Write a file."""
    with open(path, "w", encoding="utf-8") as file:
        file.write("1\n")
    return "done"


def read(path: str) -> str:
    """Read a file."""
    with open(path, "rb") as file:
        file.read(1)
    return "done"


def connect(path: str) -> str:
    """Connect to a Unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    return "done"


def make(family: int, kind: int = socket.SOCK_STREAM, protocol: int = 0) -> str:
    """Make a socket."""
    socket.socket(family, kind, protocol).close()
    return "done"


def link_down() -> str:
    """Take the lab's interface down."""
    import fcntl  # noqa: PLC0415 - only here

    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, NET_ADMIN_SIOCSIFFLAGS, struct.pack("16sh14x", b"eth0", 0))
    return "done"


def others() -> list[int]:
    """Return the processes that are not this one's."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def in_others(secret: str) -> list[str]:
    """Return what other processes reveal: their environment, or access to the machine's files."""
    found = []
    for pid in others():
        for name in ("environ", "mem", "fd", "root/etc", "cwd", "map_files"):
            path = f"/proc/{pid}/{name}"
            try:
                if name == "fd":
                    found += [os.readlink(f"{path}/{number}") for number in os.listdir(path)]
                elif name in ("root/etc", "cwd", "map_files"):
                    os.listdir(path)
                    found.append(path)
                elif secret.encode() in Path(path).read_bytes():
                    found.append(path)
            except OSError:
                continue
    return found


def trace(pid: int) -> str:
    """Trace a process."""
    return called(libc.ptrace(PTRACE_ATTACH, pid, 0, 0))


def join(kind: str) -> str:
    """Enter a namespace of the host's first process."""
    return called(libc.setns(os.open(f"/proc/1/ns/{kind}", 0), 0))


def in_own_namespaces(action: Callable[..., object], *arguments: object) -> str:
    """Return the outcome of an action of a child that is root of its own user and mount namespace."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        user, group = os.getuid(), os.getgid()
        try:
            called(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {user} 1")
            Path("/proc/self/gid_map").write_text(f"0 {group} 1")
            os.write(writer, attempt(action, *arguments).encode())
        except OSError as error:
            os.write(writer, f"no namespaces: {error}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as said:
        text = said.read().decode()
    os.waitpid(child, 0)
    return text


def mount(source: str, target: str, kind: str, flags: int = 0) -> str:
    """Mount something."""
    return called(libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), None))


def umount(target: str) -> str:
    """Unmount something, also if it is busy."""
    return called(libc.umount2(target.encode(), 2))


def bind_port(port: int) -> str:
    """Listen on a port."""
    with socket.socket(socket.AF_INET6) as server:
        server.bind(("::", port))
    return "done"


def change_user() -> str:
    """Become another user, as servers do that start as root."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([33])
            os.setresgid(33, 33, 33)
            os.setresuid(33, 33, 33)
            code = 0
        finally:
            os._exit(code)
    return "done" if os.waitpid(child, 0)[1] == 0 else "refused"


def main() -> None:
    """Try everything."""
    given = json.loads(sys.argv[1])
    numbers = NUMBERS[os.uname().machine]
    result: dict[str, object] = {
        "uid": os.getuid(),
        "in other processes": in_others(given["secret"]),
        "own environment": given["secret"] in json.dumps(dict(os.environ)),
        "read": {path: attempt(read, path) for path in given["files"]},
        "write": {path: attempt(write, path) for path in given["targets"]},
        "connect": {path: attempt(connect, path) for path in given["sockets"]},
        "families": {name: attempt(make, number) for name, number in FAMILIES.items()},
        "packet socket": attempt(lambda: make(socket.AF_PACKET, socket.SOCK_RAW)),
        "raw socket": attempt(lambda: make(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)),
        "link down": attempt(link_down),
        "ordinary": os.sched_getscheduler(0) == os.SCHED_OTHER,
        "priority": attempt(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))),
        "add_key": attempt(lambda: called(libc.syscall(numbers["add_key"], b"user", b"x", b"y", 1, -3))),
        "keyctl": attempt(lambda: called(libc.syscall(numbers["keyctl"], 0, -3, 0))),
        "bpf": attempt(lambda: called(libc.syscall(numbers["bpf"], 0, 0, 0))),
        "ptrace": {attempt(trace, pid) for pid in (1, os.getppid())},
        "join": {attempt(join, kind) for kind in ("mnt", "net")},
        "mknod": attempt(lambda: os.mknod("/dev/shm/disk", 0o60666, os.makedev(254, 0))),
        "mount": attempt(lambda: mount("tmpfs", "/mnt", "tmpfs")),
        "remount": attempt(lambda: mount("none", "/usr", "", MS_REMOUNT | MS_BIND)),
        "uncover": {path: in_own_namespaces(umount, path) for path in ("/tmp", "/run", "/root")},
        "writable again": in_own_namespaces(mount, "none", "/", "", MS_REMOUNT | MS_BIND),
        "port 80": attempt(lambda: bind_port(80)),
        "change user": change_user(),
        "own folder": attempt(lambda: write("written-by-the-hostile-service")),
        "temporary": attempt(lambda: write("/tmp/x")),
        "run": attempt(lambda: write("/run/x.pid")),
    }
    attempt(lambda: os.kill(1, signal.SIGKILL))
    sys.stdout.write(json.dumps(result, default=sorted) + "\n")


if __name__ == "__main__":
    main()
