"""Seccomp filters: system calls that fail for a program.

No program has sockets that lead out of its network namespace (AF_VSOCK reaches a hypervisor), the kernel's keyrings,
which have no namespaces, bpf(2), or io_uring, which creates sockets without passing the filter.

A kernel without IPv6 is one more such filter: socket(AF_INET6) fails with EAFNOSUPPORT for a program and its children.
It represents ``ipv6.disable=1`` on the kernel's command line; but /proc/net/if_inet6 and /proc/sys/net/ipv6 exist.
"""

import ctypes
import errno
import platform
import socket
import struct
from contextlib import suppress
from functools import cache

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
_IO_URING_SETUP = 425

_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_NETLINK, socket.AF_PACKET, socket.AF_INET6)
"""The address families whose sockets belong to a network namespace."""

_SOCKETCALL = 102
"""socketcall(2) of i386: a filter cannot read its arguments."""

_I386 = (0x40000003, 359, (286, 287, 288, 357, _IO_URING_SETUP, _SOCKETCALL))

_NATIVE = {
    "x86_64": (0xC000003E, 41, (248, 249, 250, 321, _IO_URING_SETUP)),
    "aarch64": (0xC00000B7, 198, (217, 218, 219, 280, _IO_URING_SETUP)),
}
"""By machine: AUDIT_ARCH_*, and the numbers of socket(2) and of add_key, request_key, keyctl, bpf, io_uring_setup."""


def _instruction(code: int, value: int, equal: int = 0, other: int = 0) -> bytes:
    """Pack a struct sock_filter; ``equal`` and ``other`` are how many instructions a jump skips."""
    return struct.pack("=HBBI", code, equal, other, value)


def program_filter(machine: str, *, af_inet6: bool = True) -> bytes:
    """Return the BPF program for a machine.

    Raises:
        HostCannot: The machine is neither x86_64 nor aarch64.
    """
    if machine not in _NATIVE:
        raise HostCannot(f"no seccomp filter for {machine}: a world without AF_INET6 needs x86_64 or aarch64")
    families = [family for family in _FAMILIES if af_inet6 or family != socket.AF_INET6]
    program = [_instruction(_LOAD, _ARCH)]
    for arch, socket_number, refused in (_NATIVE[machine], _I386):
        block = _block(socket_number, refused, families)
        program += [_instruction(_EQUAL, arch, other=len(block)), *block]
    return b"".join([*program, _instruction(_RETURN, _ALLOW)])


def _block(socket_number: int, refused: tuple[int, ...], families: list[socket.AddressFamily]) -> list[bytes]:
    """Return the instructions for one architecture; each path through them returns."""
    block = [_instruction(_LOAD, _NUMBER), _instruction(_AND, 0xFFFFFFFF & ~_X32_BIT)]
    for number in refused:
        block += [_instruction(_EQUAL, number, other=1), _instruction(_RETURN, _ERRNO | errno.ENOSYS)]
    block += [_instruction(_EQUAL, socket_number, equal=1), _instruction(_RETURN, _ALLOW)]
    block += [_instruction(_LOAD, _FIRST_ARGUMENT)]
    for family in families:
        block += [_instruction(_EQUAL, family, other=1), _instruction(_RETURN, _ALLOW)]
    return [*block, _instruction(_RETURN, _ERRNO | errno.EAFNOSUPPORT)]


def restrict(*, af_inet6: bool = True) -> None:
    """Load the filter for the calling thread and everything that it starts.

    With CAP_SYS_ADMIN in its user namespace the process may still run setuid programs; without it the kernel requires
    no_new_privs.

    Raises:
        HostCannot: AF_INET6 cannot be removed: the machine's architecture is unknown, or its kernel has no seccomp
            filters. With AF_INET6 such a machine runs programs without a filter.
    """
    try:
        _load(_own_filter(af_inet6=af_inet6))
    except HostCannot:
        if not af_inet6:
            raise


@cache
def _own_filter(*, af_inet6: bool) -> bytes:
    """Return the filter for this machine."""
    return program_filter(platform.machine(), af_inet6=af_inet6)


with suppress(HostCannot):  # built once, before the processes that load it are forked
    _own_filter(af_inet6=True)


def _load(program: bytes) -> None:
    """Load a filter.

    Raises:
        HostCannot: The kernel has no seccomp filters.
    """
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
