"""Kernels without IPv6: socket(AF_INET6) fails with EAFNOSUPPORT for a program and its children, by seccomp.

It stands for ``ipv6.disable=1`` on the kernel's command line. What stays visible: /proc/net/if_inet6 and
/proc/sys/net/ipv6.
"""

import ctypes
import errno
import platform
import socket
import struct

from dualstack.errors import HostCannot
from dualstack.prober.libc import prctl

_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_MODE_FILTER = 2

_LOAD, _AND, _EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
"""Classic BPF: BPF_LD|BPF_W|BPF_ABS, BPF_ALU|BPF_AND|BPF_K, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K."""

_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16
"""Offsets in struct seccomp_data; both architectures are little-endian, so the low half of an argument is first."""

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000

_X32_BIT = 0x40000000
_AUDIT_I386 = 0x40000003
_I386_SOCKET, _I386_SOCKETCALL = 359, 102
_IO_URING_SETUP = 425

_NATIVE = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""By machine: AUDIT_ARCH_* and the number of socket(2)."""


def _instruction(code: int, value: int, equal: int = 0, other: int = 0) -> bytes:
    """Pack a struct sock_filter; ``equal`` and ``other`` are how many instructions a jump skips."""
    return struct.pack("=HBBI", code, equal, other, value)


def no_inet6_filter(machine: str) -> bytes:
    """Return the BPF program for a machine.

    io_uring is refused as well (ENOSYS), since it can create sockets past every filter; and so is i386's
    socketcall(2), whose arguments a filter cannot see.

    Raises:
        HostCannot: The machine is neither x86_64 nor aarch64.
    """
    if machine not in _NATIVE:
        raise HostCannot(f"no seccomp filter for {machine}: a world without AF_INET6 needs x86_64 or aarch64")
    arch, socket_number = _NATIVE[machine]
    return b"".join(
        [
            _instruction(_LOAD, _ARCH),
            _instruction(_EQUAL, arch, equal=5),
            _instruction(_EQUAL, _AUDIT_I386, other=10),
            _instruction(_LOAD, _NUMBER),
            _instruction(_EQUAL, _I386_SOCKETCALL, equal=9),
            _instruction(_EQUAL, _IO_URING_SETUP, equal=8),
            _instruction(_EQUAL, _I386_SOCKET, equal=4, other=6),
            _instruction(_LOAD, _NUMBER),
            _instruction(_AND, 0xFFFFFFFF & ~_X32_BIT),
            _instruction(_EQUAL, _IO_URING_SETUP, equal=4),
            _instruction(_EQUAL, socket_number, other=2),
            _instruction(_LOAD, _FIRST_ARGUMENT),
            _instruction(_EQUAL, socket.AF_INET6, equal=2),
            _instruction(_RETURN, _ALLOW),
            _instruction(_RETURN, _ERRNO | errno.ENOSYS),
            _instruction(_RETURN, _ERRNO | errno.EAFNOSUPPORT),
        ]
    )


def forbid_inet6() -> None:
    """Take AF_INET6 away from the calling thread and everything that it will start.

    With CAP_SYS_ADMIN in its user namespace the process keeps the right to run setuid programs; without, it gives that
    right up, which the kernel demands (no_new_privs).

    Raises:
        HostCannot: The machine's architecture is not known, or its kernel has no seccomp filters.
    """
    program = no_inet6_filter(platform.machine())
    memory = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(memory))
    pointer = ctypes.create_string_buffer(header, len(header))
    try:
        prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(pointer))
    except OSError as error:
        if error.errno != errno.EACCES:
            raise HostCannot(f"no seccomp filters: {error.strerror}; the kernel needs CONFIG_SECCOMP_FILTER") from None
        prctl(_PR_SET_NO_NEW_PRIVS, 1)
        prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(pointer))
