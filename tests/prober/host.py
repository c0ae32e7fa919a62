"""A lab host for the prober's own tests: one process in new namespaces, without any lab.

Run as ``python host.py FD RESOLV [link]``: it leaves for new namespaces, its child is PID 1 there, mounts /proc and the
resolver's configuration, brings the loopback interface up, makes a link without carrier on request, and becomes the
agent on descriptor FD.
"""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
PR_SET_PDEATHSIG = 1
SIOCSIFFLAGS, IFF_UP = 0x8914, 1

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int) -> None:
    """Raise what a system call reported."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def make_link() -> None:
    """Give the host an interface whose other end is down, with addresses and routes."""
    from pyroute2 import IPRoute  # noqa: PLC0415 - seldom needed, slow to import

    Path("/proc/sys/net/ipv6/conf/default/addr_gen_mode").write_text("1")  # no link-local address
    nodad = 0x02  # IFA_F_NODAD
    with IPRoute() as ip:
        ip.link("add", ifname="eth0", kind="veth", peer="eth1")
        index = ip.link_lookup(ifname="eth0")[0]
        ip.link("set", index=index, state="up")
        ip.addr("add", index=index, address="198.51.100.1", prefixlen=24)
        ip.addr("add", index=index, address="2001:db8::1", prefixlen=64, flags=nodad)
        ip.addr("add", index=index, address="2001:db8::2", prefixlen=64)
        ip.route("add", dst="default", gateway="198.51.100.254")
        ip.route("add", family=socket.AF_INET6, dst="default", gateway="2001:db8::ffff")
        ip.route("add", dst="192.0.2.0/24", type="unreachable")


def main() -> None:
    """Make the namespaces, and be the agent in them."""
    fd, resolv = int(sys.argv[1]), sys.argv[2]
    user, group = os.getuid(), os.getgid()
    check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    pid = os.fork()
    if pid:
        os.close(fd)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.waitpid(pid, 0)
        return
    check(libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL)))
    check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    check(libc.mount(b"proc", b"/proc", b"proc", 0, None))
    check(libc.mount(resolv.encode(), b"/etc/resolv.conf", None, MS_BIND, None))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
    if sys.argv[3:] == ["link"]:
        make_link()
    from dualstack.prober.agent import main as agent_main  # noqa: PLC0415 - only PID 1 needs it

    agent_main(socket.socket(fileno=fd))


if __name__ == "__main__":
    main()
