"""Building a root file system: complete or absent, with the right error for each failure, by stand-ins of the tools."""

import functools
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dualstack.errors import DualstackError, HarnessError, HostCannot, UsageError
from dualstack.rootfs import build, build_for, build_root, find_root, packages_of
from dualstack.rootfs.apt import private_apt
from dualstack.rootfs.store import MARKER, cache_folder, roots_folder

NEEDED = ("sh", "cat", "chmod", "mkdir", "touch", "ln", "unshare", "sleep", "env")

SOURCES = """\
deb http://mirror.example/debian bookworm main
deb http://mirror.example/debian bookworm-updates main
deb http://vendor.example/apt bookworm main
"""

TOOLS = {
    "apt-config": "echo 'Acquire::http::Proxy \"http://proxy.example:3128\";'; echo 'APT::Architecture \"amd64\";'",
    "apt-cache": "printf 'gcc\\nnginx\\nnginx-light\\nmake\\nlibc6\\n'",
    "apt-get": """
case "$*" in
    *update*) echo "Hit:1 http://mirror.example/debian bookworm InRelease" ;;
    *indextargets*)
        echo "http://mirror.example/debian/ bookworm Debian"
        echo "http://vendor.example/apt/ bookworm Vendor" ;;
    *download*) touch mmdebstrap.deb ;;
esac""",
    "dpkg-deb": """
mkdir -p "$3/usr/bin"
cat > "$3/usr/bin/mmdebstrap" <<'END'
#!/usr/bin/perl
system("mmtarfilter") == 0 or die;
exec("mmdebstrap-stand-in", @ARGV);
END
printf '#!/bin/sh\n' > "$3/usr/bin/mmtarfilter"
chmod +x "$3"/usr/bin/mmtarfilter""",
    "mmdebstrap": """
[ "$1" = --version ] && exit 0
for word; do target=$sources; sources=$word; done
echo "I: downloading packages with apt..."
echo "I: skipping chroot/mount/dev as requested"
mkdir -p "$target/etc/apt/apt.conf.d" "$target/dev/pts" "$target/var/lib/dpkg"
touch "$target/etc/apt/apt.conf.d/99mmdebstrap" "$target/dev/null"
ln -s /proc/self/fd "$target/dev/fd"
echo "nameserver 192.0.2.53" > "$target/etc/resolv.conf"
cat > "$target/var/lib/dpkg/status" <<END
Package: nginx
Status: install ok installed
Version: 1.22.1-9

Package: libc6
Status: install ok installed
Version: 2.36-9

Package: removed
Status: deinstall ok config-files
Version: 1.0
END
cat "$sources" > "$target/sources"
for word; do
    case "$word" in --extract-hook=*share/man*) sh -c "${word#--extract-hook=}" hook "$target" ;; esac
done
""",
}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make stand-ins for apt and mmdebstrap; yield the folder of the programs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    for name, text in TOOLS.items():
        install(programs, name, text)
    (tmp_path / "etc" / "apt").mkdir(parents=True)
    (tmp_path / "etc" / "apt" / "sources.list").write_text(SOURCES)
    (tmp_path / "etc" / "os-release").write_text("VERSION_CODENAME=bookworm\n")
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("DUALSTACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("dualstack.rootfs.apt._SBIN", "")
    monkeypatch.setattr(build, "private_apt", functools.partial(private_apt, etc=tmp_path / "etc"))
    yield programs
    left = list(tmp_path.glob("cache/roots/.building-*"))
    assert left == []


def install(programs: Path, name: str, text: str) -> None:
    """Put a program into the folder."""
    (programs / name).unlink(missing_ok=True)
    (programs / name).write_text(f"#!/bin/sh\n{text}\n")
    (programs / name).chmod(0o755)


def silent(_line: str) -> None:
    """Ignore a line of progress."""


def test_built_root(machine: Path) -> None:
    """A build makes a root that is found, with its marker, an empty /dev and empty files to mount on."""
    said: list[str] = []
    root = build_root(["nginx"], said.append)
    assert find_root(["nginx", "libc6"]) == root
    assert list((root / "dev").iterdir()) == []
    assert (root / "etc/hosts").read_text() == (root / "etc/resolv.conf").read_text() == ""
    assert not (root / "etc/apt/apt.conf.d/99mmdebstrap").exists()
    assert sorted(path.name for path in root.parent.iterdir()) == ["fs", MARKER]
    data = json.loads((root.parent / MARKER).read_text())
    assert data["installed"] == {"libc6": "2.36-9", "nginx": "1.22.1-9"}
    assert "downloading packages with apt..." in said
    assert not [line for line in said if "skipping" in line]


def test_second_build_finds_the_first(machine: Path) -> None:
    """An existing root is not built again, even without the tools."""
    root = build_root(["nginx"], silent)
    install(machine, "mmdebstrap", "exit 1")
    assert build_root(["nginx", "libc6"], silent) == root


def test_vendors_are_ignored(machine: Path) -> None:
    """Only sources with the origin of a distribution are used; sources that were not read are left out."""
    root = build_root(["nginx"], silent)
    assert (root / "sources").read_text() == "deb http://mirror.example/debian bookworm main\n"


def test_settings_of_the_machine(machine: Path) -> None:
    """The machine's proxy is used, and only this user can read it; the machine's other settings are not used."""
    build_root(["nginx"], silent)
    transfer = cache_folder() / "apt" / "transfer.conf"
    assert transfer.read_text() == 'Acquire::http::Proxy "http://proxy.example:3128";\n'
    assert stat.S_IMODE(transfer.stat().st_mode) == 0o600


def test_mmdebstrap_is_fetched(machine: Path) -> None:
    """If mmdebstrap is not installed it is downloaded into the cache folder, runs there and finds its helper."""
    (machine / "mmdebstrap").rename(machine / "mmdebstrap-stand-in")
    perl = shutil.which("perl", path=os.defpath)
    assert perl is not None, "every Debian has perl"
    (machine / "perl").symlink_to(perl)
    said: list[str] = []
    assert build_root(["nginx"], said.append).is_dir()
    assert (cache_folder() / "tools/usr/bin/mmdebstrap").is_file()
    assert "mmdebstrap is not installed: downloading it into the cache folder" in said


def remove(name: str) -> Callable[[Path], None]:
    """Return a function that removes a program."""
    return lambda programs: (programs / name).unlink()


def fail(text: str) -> Callable[[Path], None]:
    """Return a function that makes mmdebstrap fail with an output."""
    return lambda programs: install(programs, "mmdebstrap", f"echo '{text}' >&2; exit 1")


@pytest.mark.parametrize(
    ("sabotage", "error", "message"),
    [
        (remove("mmdebstrap"), HostCannot, "apt install perl"),
        (remove("apt-get"), HostCannot, "apt-get is missing"),
        (lambda folder: install(folder, "apt-get", "echo 'E: no such host'"), HostCannot, "(?s)mirror.*no such host"),
        (fail("E: write: No space left on device"), HostCannot, "disk is full"),
        (fail("E: You don't have enough free space in /x".replace("'", "")), HostCannot, "disk is full"),
        (fail("unshare: unshare failed: No space left on device"), HostCannot, "user namespaces"),
        (fail("unshare: unshare failed: Operation not permitted"), HostCannot, "user namespaces"),
        (fail("E: Failed to fetch http://mirror.example/x"), HostCannot, "mirror cannot be reached"),
        (fail("E: something else"), HarnessError, "(?s)mmdebstrap failed.*something else"),
    ],
    ids=["perl", "apt", "offline", "full", "fuller", "userns-limit", "userns", "mirror", "other"],
)
def test_failures(machine: Path, sabotage: Callable[[Path], None], error: type[DualstackError], message: str) -> None:
    """A build that fails raises the right error with the reason, and leaves nothing."""
    sabotage(machine)
    with pytest.raises(error, match=message):
        build_root(["nginx"], silent)
    assert find_root(["nginx"]) is None


def test_no_source_of_the_distribution(machine: Path) -> None:
    """A machine whose apt has only sources of vendors gets an error."""
    (machine.parent / "etc/apt/sources.list").write_text("deb http://vendor.example/apt nodistro main\n")
    with pytest.raises(HostCannot, match="no source of this Debian or Ubuntu release"):
        build_root(["nginx"], silent)


def test_unknown_package(machine: Path) -> None:
    """A package that does not exist is reported, with the nearest one."""
    with pytest.raises(UsageError, match="no Debian package 'nginx-lihgt'; did you mean 'nginx-light'"):
        build_root(["gcc", "nginx-lihgt"], silent)


@pytest.mark.parametrize("name", ["--option", "two words", "Upper", "a,b", ""])
def test_no_package_name(machine: Path, name: str) -> None:
    """A text that cannot be a package name is not passed to a tool."""
    with pytest.raises(UsageError, match="not a Debian package name"):
        build_root([name], silent)


def test_full_disk_is_seen_beforehand(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A nearly full disk is refused before a download; the error says what to do."""
    monkeypatch.setattr(build, "_NEEDED", shutil.disk_usage(machine).total + 1)
    with pytest.raises(HostCannot, match="DUALSTACK_CACHE"):
        build_root(["nginx"], silent)


KILLED = """
import functools, sys
from pathlib import Path
from dualstack.rootfs import build, build_root
from dualstack.rootfs.apt import private_apt
build.private_apt = functools.partial(private_apt, etc=Path(sys.argv[1]))
build_root(["nginx"], lambda line: print(line, flush=True))
"""


def test_killed_build(machine: Path) -> None:
    """The remains of a killed build are not a root; the next build removes them and succeeds."""
    install(machine, "mmdebstrap", TOOLS["mmdebstrap"] + 'echo "I: half way"; exec sleep 600')
    command = [sys.executable, "-c", KILLED, str(machine.parent / "etc")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("half way" in line for line in process.stdout)
        process.send_signal(signal.SIGKILL)
    assert len(list(roots_folder().glob(".building-*"))) == 1
    assert find_root(["nginx"]) is None
    install(machine, "mmdebstrap", TOOLS["mmdebstrap"])
    said: list[str] = []
    assert build_root(["nginx"], said.append) == find_root(["nginx"])
    assert "removing the remains of a killed build" in said


def manifest(folder: Path, name: str, packages: list[str]) -> Path:
    """Write a manifest that names packages."""
    path = folder / f"{name}.toml"
    service = f'[service]\nname = "{name}"\npackages = {json.dumps(packages)}\ncommand = ["x"]\n'
    path.write_text(f'schema = 1\n{service}[[listen]]\nname = "x"\nport = 1\n')
    return path


def test_folders_for_manual_pages(machine: Path) -> None:
    """The folders for manual pages of Java and PostgreSQL exist, without pages."""
    root = build_root(["nginx"], silent)
    assert [path.name for path in sorted((root / "usr/share/man").iterdir())] == [f"man{n}" for n in range(1, 9)]


def test_one_root_for_several_manifests(machine: Path, tmp_path: Path) -> None:
    """Several manifests share one root with all their packages."""
    paths = [manifest(tmp_path, "a", ["nginx"]), manifest(tmp_path, "b", ["gcc", "nginx"]), manifest(tmp_path, "c", [])]
    assert packages_of(paths) == ["gcc", "nginx"]
    root = build_for(paths, silent)
    assert find_root(["gcc", "nginx"]) == root


def test_manifests_without_packages(tmp_path: Path) -> None:
    """Without packages in any manifest there is an error: nothing to build."""
    with pytest.raises(UsageError, match=r"nothing to build: no service.packages in .*c\.toml"):
        build_for([manifest(tmp_path, "c", [])], silent)
