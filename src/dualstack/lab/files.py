"""A host's own /etc/resolv.conf, hosts, nsswitch.conf and hostname, and how its processes are shown them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dualstack.families import BOTH
from dualstack.prober import libc

if TYPE_CHECKING:  # see `setup`
    from dualstack.addressing import Plan

_STAGE = Path("/tmp")  # noqa: S108 - a private tmpfs for a moment, only in the host's mount namespace

_CACHES = ("/run/nscd", "/var/run/nscd")
"""Where the machine's name service cache daemon listens: glibc would ask it before it reads any file."""


def host_files(plan: "Plan", host: str) -> dict[str, str]:
    """Return the files of a host, by name below /etc; its name server is that of `resolver_of`."""
    own, resolver = plan.hosts[host], resolver_of(plan, host)
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    for family in BOTH:
        lines += [f"{address} {host}" for address in own.every(family)]
    return {
        "resolv.conf": f"nameserver {resolver}\n" if resolver else "",
        "hosts": "\n".join([*lines, ""]),
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        "hostname": f"{host}\n",
        # The default policy table of RFC 6724, not that of the machine's administrator.
        "gai.conf": "",
    }


def resolver_of(plan: "Plan", host: str) -> str:
    """Return the name server of a host; empty if no host can be one.

    It is the host with that role, by its first address of a family that it has, IPv4 first; a family that the host has
    too, and a link that both are on, are preferred.
    """
    own, server = plan.hosts[host], plan.hosts[plan.resolver]
    links = {one.link for one in own.interfaces}
    near = [one for one in server.interfaces if one.link in links] or server.interfaces
    found = [(family, one.configured[family][0]) for family in BOTH for one in near if one.configured[family]]
    common = [address for family, address in found if own.every(family)]
    return next(iter([*common, *(address for _, address in found)]), "")


def show_files(files: Mapping[str, str]) -> None:
    """Mount ``files`` over /etc in the calling process's mount namespace, which must be private.

    Raises:
        OSError: The kernel refuses.
    """
    libc.mount("tmpfs", str(_STAGE), "tmpfs", data="mode=0755")
    upper, work = _STAGE / "upper", _STAGE / "work"
    upper.mkdir()
    work.mkdir()
    for name, text in files.items():
        _write(f"{upper}/{name}", text)
    present = [name for name in files if Path("/etc", name).exists()]
    if all(
        name in present or not text for name, text in files.items()
    ):  # an empty file that is missing changes nothing
        for name in present:
            libc.mount(f"{upper}/{name}", os.path.realpath(f"/etc/{name}"), flags=libc.MS_BIND)
    else:
        libc.mount("overlay", "/etc", "overlay", data=f"lowerdir=/etc,upperdir={upper},workdir={work},userxattr")
    libc.umount(str(_STAGE), libc.MNT_DETACH)
    for folder in _CACHES:
        if Path(folder).is_dir():
            libc.mount("tmpfs", folder, "tmpfs", libc.MS_RDONLY)


def _write(path: str, text: str) -> None:
    """Write a new, small file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(descriptor, text.encode())
    os.close(descriptor)
