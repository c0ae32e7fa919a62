"""The newest container engine that Debian packages, unpacked into the cache folder: nothing is installed.

``python newest_engine.py`` builds it unless it is there, and prints its root folder. It needs root, mmdebstrap, and a
mirror that has Debian's testing distribution.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from dualstack.errors import DualstackError, HarnessError, HostCannot
from dualstack.rootfs.apt import environment, private_apt
from dualstack.rootfs.build import stderr_progress
from dualstack.rootfs.sources import Source, code_names, of_distribution, read_sources
from dualstack.rootfs.store import cache_folder

SUITE = "testing"
PACKAGES = ("docker.io", "iptables", "tini")
"""The engine, what makes its rules, and the init that containers ask it for."""

_MARKER = "etc/dualstack-engine"
"""Written last: a root that has it is whole."""

_CONTENT = f"{SUITE} {' '.join(PACKAGES)}\n"


def mirror(etc: Path = Path("/etc")) -> Source:
    """Return the source of Debian's testing distribution on the machine's own mirror.

    Raises:
        HostCannot: This is no Debian, or it has no mirror.
    """
    release = (etc / "os-release").read_text(encoding="utf-8")
    if "\nID=debian" not in f"\n{release}":
        raise HostCannot("the newest engine is taken from Debian's mirror, and this machine runs another distribution")
    found = of_distribution(read_sources(etc / "apt"), code_names(release))
    plain = [source for source in found if "-" not in source.suite]
    if not plain:
        raise HostCannot(f"{etc / 'apt'}: no source of this Debian release")
    return replace(plain[0], suite=SUITE, components=("main",))


def newest_engine() -> Path:
    """Return the root file system with the engine; build it unless there is one.

    Raises:
        HostCannot: The machine lacks something.
        HarnessError: It cannot be built; the message ends with the tail of mmdebstrap's output.
    """
    if os.geteuid() != 0:
        raise HostCannot("another engine can be built and started by root only")
    folder = cache_folder() / "engines"
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / SUITE
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        marker = root / _MARKER
        if not marker.is_file() or marker.read_text(encoding="utf-8") != _CONTENT:
            shutil.rmtree(root, ignore_errors=True)
            _build(root, mirror())
            marker.write_text(_CONTENT, encoding="utf-8")
    return root


def _build(root: Path, source: Source) -> None:
    """Unpack the engine and what it needs."""
    if shutil.which("mmdebstrap") is None:
        raise HostCannot("mmdebstrap is missing: apt install mmdebstrap")
    transfer = private_apt(cache_folder() / "apt", stderr_progress).transfer
    stderr_progress(f"unpacking the engine of Debian {source.suite}")
    command = [
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        f"--include={','.join(PACKAGES)}",
        f"--aptopt={transfer}",
        # Mirrors of testing lag behind; signatures are checked all the same.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale", "info")),
        source.suite,
        str(root),
        source.line,
    ]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise HarnessError("mmdebstrap failed:\n" + "\n".join(done.stderr.splitlines()[-12:]))


if __name__ == "__main__":
    try:
        print(newest_engine())  # noqa: T201 - that is its purpose
    except DualstackError as problem:
        sys.exit(str(problem))
