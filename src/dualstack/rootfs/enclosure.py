"""Run a command with only the rights that are needed to install packages: ``python -m … PARENT COMMAND…``.

The command is root in new mount and PID namespaces, for an ordinary user also in a user namespace, and is killed when
its parent ends. System calls that change the owner of a file or the user of a process do nothing and report success
(seccomp): with a single user in the namespace they would fail, and all files must have one owner.
"""

import ctypes
import os
import platform
import signal
import struct
import sys
from collections.abc import Sequence

from dualstack.errors import HostCannot
from dualstack.prober import libc

_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_MODE_FILTER = 2

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
"""Classic BPF: BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K."""

_NUMBER, _ARCH = 0, 4
_ALLOW, _DONE = 0x7FFF0000, 0x00050000
"""SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with errno 0: the call is not made and returns 0."""

_CALLS = {
    "x86_64": (0xC000003E, (92, 93, 94, 260, 105, 106, 113, 114, 116, 117, 119)),
    "aarch64": (0xC00000B7, (54, 55, 143, 144, 145, 146, 147, 149, 159)),
}
"""By machine: AUDIT_ARCH_*, and the numbers of chown, fchown, lchown, fchownat, set(re|res)[ug]id and setgroups."""


def one_owner_filter(machine: str) -> bytes:
    """Return the BPF program that makes the calls of `_CALLS` do nothing and report success.

    Raises:
        HostCannot: The machine is neither x86_64 nor aarch64.
    """
    if machine not in _CALLS:
        raise HostCannot(f"no root file system can be built on {machine}: it needs x86_64 or aarch64")
    arch, numbers = _CALLS[machine]
    count = len(numbers)
    program = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 0, count + 1, arch), (_LOAD, 0, 0, _NUMBER)]
    program += [(_EQUAL, count - position, 0, number) for position, number in enumerate(numbers)]
    program += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _DONE)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _install(program: bytes) -> None:
    """Install a seccomp filter for this process and all that it starts."""
    memory = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(memory))
    pointer = ctypes.create_string_buffer(header, len(header))
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(pointer))


def enclosed(command: Sequence[str]) -> list[str]:
    """Return the command that runs ``command`` enclosed; it ends with this process."""
    return [sys.executable, "-m", "dualstack.rootfs.enclosure", str(os.getpid()), *command]


def main(arguments: Sequence[str]) -> None:
    """Become the command: ``arguments`` are the PID of the parent and the command."""
    parent, *command = arguments
    libc.die_with_parent(signal.SIGKILL)
    if os.getppid() != int(parent):
        return  # the parent ended before the prctl() call
    user = ["--user", "--map-root-user"] if os.geteuid() else []
    _install(one_owner_filter(platform.machine()))
    words = ["unshare", *user, "--mount", "--pid", "--fork", "--kill-child", "--", *command]
    os.execvp(words[0], words)  # noqa: S606 - becoming the command is the purpose


if __name__ == "__main__":
    main(sys.argv[1:])
