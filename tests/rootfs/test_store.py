"""The cache folder: complete roots are found, incomplete ones are not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dualstack.errors import HostCannot
from dualstack.rootfs.store import (
    MARKER,
    building,
    cache_folder,
    find_root,
    folder_for,
    list_roots,
    remove_tree,
    roots_folder,
    write_marker,
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use a temporary cache folder."""
    monkeypatch.setenv("DUALSTACK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def silent(_line: str) -> None:
    """Ignore a line of progress."""


def make_root(*packages: str, others: tuple[str, ...] = ()) -> Path:
    """Make the files of a build."""
    folder = folder_for(packages)
    (folder / "fs").mkdir(parents=True)
    write_marker(folder, packages, dict.fromkeys([*packages, *others], "1.0"), "2026-01-01T00:00:00+00:00")
    return folder / "fs"


def test_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DUALSTACK_CACHE decides, then XDG_CACHE_HOME unless it is relative, then the home folder."""
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("DUALSTACK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "dualstack"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "dualstack"


def test_nothing_was_built() -> None:
    """Without a cache folder there is no root, and no error."""
    assert list_roots() == []
    assert find_root(["gcc"]) is None


def test_superset_is_found() -> None:
    """A root is found by any of its packages, also by dependencies."""
    root = make_root("gcc", "make", others=("libc6",))
    assert find_root(["make"]) == root
    assert find_root(["gcc", "libc6"]) == root
    assert find_root(["gcc", "nginx"]) is None


def test_smallest_fitting_root_is_taken() -> None:
    """Of several roots the smallest one is used."""
    make_root("gcc", "make", others=("a", "b", "c"))
    small = make_root("gcc", others=("a",))
    assert find_root(["gcc"]) == small


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"format": 0}'], ids=["none", "empty", "cut", "list", "old"])
def test_folder_that_is_not_whole(text: str | None) -> None:
    """A folder without a complete marker of this version is not a root."""
    folder = make_root("gcc").parent
    (folder / MARKER).unlink()
    if text is not None:
        (folder / MARKER).write_text(text)
    assert list_roots() == []


def test_marker_without_file_system() -> None:
    """A marker alone is not a root."""
    make_root("gcc").rmdir()
    assert find_root(["gcc"]) is None


def test_marker_tells_names_and_versions() -> None:
    """The marker has the requested packages and the versions of all installed ones."""
    folder = make_root("make", "gcc", others=("libc6",)).parent
    data = json.loads((folder / MARKER).read_text())
    assert data["requested"] == ["gcc", "make"]
    assert data["installed"]["libc6"] == "1.0"
    assert list_roots()[0].built.startswith("2026-")


def test_unfinished_build_is_removed() -> None:
    """The remains of a killed build are not a root, and the next build removes them, also read-only ones."""
    left = roots_folder() / ".building-1"
    (left / "fs" / "locked").mkdir(parents=True)
    (left / "fs" / "locked" / "file").touch()
    (left / "fs" / "locked").chmod(0o500)
    write_marker(left, ["gcc"], {"gcc": "1"}, "now")
    assert list_roots() == []
    said: list[str] = []
    with building(said.append) as folder:
        assert not left.exists()
        assert folder.is_dir()
    assert not folder.exists()
    assert said == ["removing the remains of a killed build"]


def test_failed_build_leaves_nothing() -> None:
    """A build that raises leaves no folder."""

    def fail() -> None:
        with building(silent) as folder:
            (folder / "fs").mkdir()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [path.name for path in roots_folder().iterdir()] == [".lock"]


HOLDER = """
import sys
from dualstack.rootfs.store import building
with building(print):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_builds_wait_for_each_other() -> None:
    """A second build reports that it waits, and continues when the first one ends."""
    said: list[str] = []
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        end = other.stdin

        def progress(line: str) -> None:
            said.append(line)
            end.close()

        with building(progress):
            other.wait(10)
    assert said == ["another build is running; waiting until it ends"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_cache_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only cache folder raises HostCannot, which says what to do."""
    (tmp_path / "closed").mkdir(mode=0o500)
    monkeypatch.setenv("DUALSTACK_CACHE", str(tmp_path / "closed" / "cache"))
    with pytest.raises(HostCannot, match="DUALSTACK_CACHE"), building(silent):
        pass


def test_cache_folder_that_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file at the path of the cache folder is reported."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("DUALSTACK_CACHE", str(tmp_path / "file"))
    with pytest.raises(HostCannot, match=r"file/roots: cannot be written"), building(silent):
        pass


def test_remove_tree_follows_no_link(tmp_path: Path) -> None:
    """The target of a link in the folder is not changed."""
    (tmp_path / "outside").mkdir(mode=0o500)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")
    remove_tree(tmp_path / "tree")
    remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
    assert (tmp_path / "outside").stat().st_mode & 0o777 == 0o500
