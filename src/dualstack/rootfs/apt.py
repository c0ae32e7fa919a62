"""The machine's apt with a private state folder: it reads package lists, downloads packages, installs nothing."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dualstack.errors import HarnessError, HostCannot, UsageError
from dualstack.rootfs.sources import Source, code_names, of_distribution, read_sources
from dualstack.rootfs.store import cache_folder
from dualstack.suggestion import did_you_mean

_ORIGINS = frozenset({"Debian", "Ubuntu"})
_TRANSFER = re.compile(r"Acquire::(https?|ftp|tor|Check-|Force|Retries|Max-|Min-|Connection)")
"""The settings of the machine's apt for reaching a mirror: proxies, certificates, timeouts."""

_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


def environment() -> dict[str, str]:
    """Return the environment of apt and mmdebstrap: the user's, with English messages and a longer PATH.

    PATH also has the sbin folders and the downloaded programs, because mmdebstrap runs its mmtarfilter by name.
    """
    kept = {key: value for key, value in os.environ.items() if key not in {"APT_CONFIG", "TMPDIR"}}
    return kept | {"LC_ALL": "C.UTF-8", "PATH": f"{os.environ.get('PATH', os.defpath)}:{_SBIN}:{fetched_programs()}"}


def fetched_programs() -> Path:
    """Return the folder of programs that were downloaded because the machine lacks them."""
    return cache_folder() / "tools" / "usr" / "bin"


@dataclass(frozen=True, slots=True)
class PrivateApt:
    """An apt whose lists and caches are in a private folder.

    Attributes:
        folder: The private folder.
        sources: The distribution's own sources that were read; at least one.
        transfer: A file with the machine's settings for reaching a mirror.
    """

    folder: Path
    sources: tuple[Source, ...]
    transfer: Path

    def check_names(self, packages: Iterable[str]) -> None:
        """Refuse packages that no source has.

        Raises:
            UsageError: A package does not exist; each is reported, with the most similar existing name.
        """
        known = set(_run(self.folder, "apt-cache", "pkgnames").split())
        faults = []
        for name in sorted(set(packages) - known):
            alike = [item for item in known if item[:1] == name[:1]]
            faults.append(f"no Debian package {name!r}{did_you_mean(name, alike)}")
        if faults:
            raise UsageError("service.packages: " + "; ".join(faults))

    def fetch(self, package: str, into: Path) -> None:
        """Download a package and unpack it into the folder ``into``; nothing is installed.

        Raises:
            HostCannot: The download failed.
        """
        folder = self.folder / "fetched"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        _run(self.folder, "apt-get", "--quiet", "download", package, cwd=folder)
        for file in folder.glob("*.deb"):
            _run(self.folder, "dpkg-deb", "--extract", str(file), str(into))
        shutil.rmtree(folder)


def private_apt(folder: Path, progress: Callable[[str], None], etc: Path = Path("/etc")) -> PrivateApt:
    """Read the distribution's package lists into ``folder``, which can be used again.

    Args:
        folder: The folder of lists and caches.
        progress: Called with a line of text for each step.
        etc: The folder of the machine's apt sources and os-release(5).

    Raises:
        HostCannot: apt is missing, it has no source of the distribution, or no source can be reached.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise HostCannot("apt-get is missing: a private Debian root file system needs Debian or Ubuntu with apt")
    found = of_distribution(read_sources(etc / "apt"), code_names((etc / "os-release").read_text(encoding="utf-8")))
    if not found:
        raise HostCannot(f"{etc / 'apt'}: no source of this Debian or Ubuntu release; add one (man sources.list)")
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    transfer = folder / "transfer.conf"
    transfer.write_text(_transfer_settings(), encoding="utf-8")
    transfer.chmod(0o600)  # the URL of a proxy may contain a password
    _write_configuration(folder, transfer, found)
    progress("reading the distribution's package lists")
    said = _run(folder, "apt-get", "--quiet", "update", check=False)
    read = [source for source in found if _key(source) in _official(folder)]
    if not read:
        errors = [line for line in said.splitlines() if line.startswith(("E:", "W:", "Err:"))]
        raise HostCannot("\n  ".join(["no Debian mirror can be reached; apt says:", *errors[:6]]))
    _write_configuration(folder, transfer, read)
    return PrivateApt(folder=folder, sources=tuple(read), transfer=transfer)


def _transfer_settings() -> str:
    """Return the machine's settings for reaching a mirror, in the format of apt.conf(5)."""
    done = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False)
    return "\n".join([*(line for line in done.stdout.splitlines() if _TRANSFER.match(line)), ""])


def _write_configuration(folder: Path, transfer: Path, sources: Sequence[Source]) -> None:
    """Write the sources, and a configuration with which apt uses only ``folder``."""
    (folder / "sources.list").write_text("".join(f"{source.line}\n" for source in sources), encoding="utf-8")
    settings = {
        "Dir::State": f"{folder}/state",
        "Dir::State::Lists": f"{folder}/state/lists",
        "Dir::State::Status": f"{folder}/status",
        "Dir::Cache": f"{folder}/cache",
        "Dir::Etc::SourceList": f"{folder}/sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        # The machine's configuration may have hooks that clean the machine's caches.
        "Dir::Etc::Parts": "/dev/null",
        "Dir::Etc::Main": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        # Compressed lists and no caches: 10 MB instead of 120.
        "Acquire::GzipIndexes": "true",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
    }
    text = "".join(f'{key} "{value}";\n' for key, value in settings.items())
    (folder / "apt.conf").write_text(text + transfer.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "apt.conf").chmod(0o600)


def _key(source: Source) -> tuple[str, str]:
    """Return the identity of a source in apt's output: its URI and suite."""
    return source.uri.rstrip("/"), source.suite


def _official(folder: Path) -> set[tuple[str, str]]:
    """Return the sources that were read and whose origin is Debian or Ubuntu."""
    said = _run(
        folder, "apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(ORIGIN)", "Created-By: Packages"
    )
    rows = (line.split() for line in said.splitlines())
    return {(row[0].rstrip("/"), row[1]) for row in rows if row[2:] and row[2] in _ORIGINS}


def _run(folder: Path, *command: str, cwd: Path | None = None, check: bool = True) -> str:
    """Run a tool of apt with the private configuration; return its output.

    Raises:
        HostCannot: It failed; the message has its output.
        HarnessError: It cannot be executed.
    """
    own = environment() | {"APT_CONFIG": str(folder / "apt.conf")}
    try:
        done = subprocess.run(
            command, env=own, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise HarnessError(f"{command[0]}: {error.strerror}") from None
    if check and done.returncode:
        raise HostCannot(f"{' '.join(command[:3])} failed: {(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout + (done.stderr if not check else "")
