"""Build a root file system with mmdebstrap and the machine's mirror, as the current user; it is complete or absent."""

import datetime as dt
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from dualstack.errors import HarnessError, HostCannot, UsageError
from dualstack.manifest import load_manifest
from dualstack.rootfs.apt import PrivateApt, environment, fetched_programs, private_apt
from dualstack.rootfs.enclosure import enclosed
from dualstack.rootfs.store import building, cache_folder, find_root, folder_for, remove_tree, write_marker

Progress = Callable[[str], None]

_NEEDED = 700 * 2**20
"""Minimum free disk space, in bytes; a compiler and some servers need about half of it."""

_LEFT_OUT = ("man", "doc", "info", "locale", "lintian", "linda", "bug")
"""Folders of /usr/share that are not unpacked: services do not read them."""

_DEVICES = "null zero full random urandom tty"
_GIVE_DEVICES = (
    f'for f in {_DEVICES}; do [ -c "$1/dev/$f" ] || {{ : > "$1/dev/$f"; mount --bind "/dev/$f" "$1/dev/$f"; }}; done'
)
"""A hook instead of mmdebstrap's own, which mounts a devpts with files of a second user: there is only one."""

_GIVE_MAN_FOLDERS = 'for n in 1 2 3 4 5 6 7 8; do mkdir -p "$1/usr/share/man/man$n"; done'
"""A hook: packages with alternatives (Java, PostgreSQL) link manual pages into folders that are not unpacked."""

_NOISE = re.compile("skipping|hook|received signal|chroot architecture")
"""Lines of mmdebstrap that are not shown to the user."""

_PACKAGE_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")

_TROUBLES = (
    (
        r"unshare( failed|:.*failed|.*Operation not permitted)|cannot change root filesystem propagation",
        "this machine forbids unprivileged user namespaces (dualstack doctor says how to allow them)",
    ),
    (r"No space left on device|enough free space", "the disk is full"),
    (
        r"Temporary failure resolving|Could not (resolve|connect)|Unable to connect|Failed to fetch|Connection failed",
        "the Debian mirror cannot be reached",
    ),
    (r"Can't locate \S+ in @INC", "perl's modules are missing: apt install perl"),
)
"""Regular expressions for the output of a failed build, with the reason."""


def stderr_progress(line: str) -> None:
    """Print one line of progress to standard error."""
    print(f"rootfs: {line}", file=sys.stderr, flush=True)  # noqa: T201 - that is its purpose


def packages_of(manifests: Iterable[Path]) -> list[str]:
    """Return the packages of all these manifests, sorted, each once.

    Raises:
        UsageError: A manifest has faults.
    """
    loaded = [load_manifest(path) for path in manifests]
    of_images = {name for item in loaded if item.image is not None for name in item.image.packages}
    return sorted(of_images | {name for item in loaded for name in item.service.packages})


def build_for(manifests: Sequence[Path], progress: Progress = stderr_progress) -> Path:
    """Return a root file system with the packages of all these manifests; build it if there is none.

    Raises:
        UsageError: No manifest has packages, or see `build_root`.
        HostCannot: See `build_root`.
    """
    packages = packages_of(manifests)
    if not packages:
        names = ", ".join(str(path) for path in manifests)
        raise UsageError(f"nothing to build: no service.packages in {names or 'no manifest'}")
    return build_root(packages, progress)


def build_root(packages: Iterable[str], progress: Progress = stderr_progress) -> Path:
    """Return a root file system with ``packages``; build it if there is none.

    Raises:
        UsageError: A package does not exist.
        HostCannot: The machine lacks something; the message names it.
        HarnessError: mmdebstrap failed for another reason; the message ends with its last lines.
    """
    wanted = sorted(set(packages))
    for name in wanted:
        if not _PACKAGE_NAME.fullmatch(name):
            raise UsageError(f"service.packages: found {name!r}, which is not a Debian package name")
    with building(progress) as folder:
        found = find_root(wanted)
        if found is not None:
            return found
        _check_space(folder)
        apt = private_apt(cache_folder() / "apt", progress)
        apt.check_names(wanted)
        tool = _mmdebstrap(apt, progress)
        _bootstrap(tool, apt, wanted, folder, progress)
        _tidy(folder / "fs")
        built = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        remove_tree(folder / "tmp")
        write_marker(folder, wanted, installed_in(folder / "fs"), built)
        final = folder_for(wanted)
        folder.rename(final)
        progress(f"built {final / 'fs'}")
        return final / "fs"


def _check_space(folder: Path) -> None:
    """Refuse a disk that is nearly full."""
    free = shutil.disk_usage(folder).free
    if free < _NEEDED:
        raise HostCannot(
            f"{folder.parent}: {free >> 20} MB free, {_NEEDED >> 20} MB needed; "
            "free some, or set DUALSTACK_CACHE to a folder on another disk"
        )


def _mmdebstrap(apt: PrivateApt, progress: Progress) -> list[str]:
    """Return the command for mmdebstrap: the machine's, or one that is downloaded into the cache folder.

    Raises:
        HostCannot: mmdebstrap cannot run on this machine.
    """
    if shutil.which("mmdebstrap"):
        return ["mmdebstrap"]
    if shutil.which("perl") is None:
        raise HostCannot("perl is missing, which mmdebstrap needs: apt install perl")
    script = fetched_programs() / "mmdebstrap"
    if not script.exists():
        progress("mmdebstrap is not installed: downloading it into the cache folder")
        apt.fetch("mmdebstrap", cache_folder() / "tools")
    command = ["perl", str(script)]
    tried = subprocess.run([*command, "--version"], env=environment(), capture_output=True, text=True, check=False)
    if tried.returncode:
        raise HostCannot(f"mmdebstrap cannot run: {tried.stderr.strip()[:300]}; perl's modules: apt install perl")
    return command


def _bootstrap(tool: Sequence[str], apt: PrivateApt, packages: Sequence[str], folder: Path, progress: Progress) -> None:
    """Run mmdebstrap into ``folder``/fs, and pass its messages to ``progress``.

    Raises:
        HostCannot: The machine lacks something.
        HarnessError: mmdebstrap failed for another reason.
    """
    (folder / "tmp").mkdir()
    command = [
        *tool,
        "--mode=root",
        "--variant=essential",
        "--format=directory",
        "--skip=chroot/mount/dev,check/qemu",
        f"--extract-hook={_GIVE_DEVICES}",
        f"--extract-hook={_GIVE_MAN_FOLDERS}",
        f"--aptopt={apt.transfer}",
        '--aptopt=APT::Sandbox::User "root"',
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT),
        f"--include={','.join(packages)}",
        "",
        str(folder / "fs"),
        str(apt.folder / "sources.list"),
    ]
    progress(f"building a root file system with {', '.join(packages)}")
    tail: deque[str] = deque(maxlen=40)
    with subprocess.Popen(
        enclosed(command),
        env=environment() | {"TMPDIR": str(folder / "tmp")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None  # noqa: S101 - stdout is a pipe
        try:
            for line in process.stdout:
                tail.append(line.rstrip())
                if line.startswith("I: ") and not _NOISE.search(line):
                    progress(line[3:].strip())
        except BaseException:
            process.kill()  # this also ends all processes in its namespaces
            raise
    if process.returncode:
        raise _trouble("\n".join(tail))


def _trouble(output: str) -> HostCannot | HarnessError:
    """Return the error for the output of a failed build."""
    lines = [
        line for line in output.splitlines() if line.startswith(("E:", "W:", "Err:", "mount:", "dpkg:", "unshare:"))
    ]
    shown = "\n  ".join((lines or output.splitlines())[-8:])
    for pattern, meaning in _TROUBLES:
        if re.search(pattern, output):
            return HostCannot(f"{meaning}:\n  {shown}")
    return HarnessError(f"mmdebstrap failed:\n  {shown}")


def _tidy(root: Path) -> None:
    """Empty /dev, remove the mirror's settings, and make empty files on which a lab mounts its own."""
    for entry in (root / "dev").iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    for name in ("etc/apt/apt.conf.d/99mmdebstrap", "etc/apt/sources.list"):
        (root / name).unlink(missing_ok=True)
    for name in ("etc/hosts", "etc/resolv.conf"):
        (root / name).unlink(missing_ok=True)
        (root / name).touch()
    (root / "etc/hostname").write_text("localhost\n", encoding="utf-8")


def installed_in(root: Path) -> Mapping[str, str]:
    """Return the version of every package that dpkg has installed in ``root``, by name."""
    text = (root / "var/lib/dpkg/status").read_text(encoding="utf-8")
    found = {}
    for stanza in text.split("\n\n"):
        fields = dict(re.findall(r"(?m)^(Package|Status|Version): (.*)$", stanza))
        if fields.get("Status", "").endswith(" installed"):
            found[fields["Package"]] = fields["Version"]
    return dict(sorted(found.items()))
