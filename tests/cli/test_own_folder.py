"""The folders of commands for temporary files, and what remains of them."""

import os
import tempfile
from pathlib import Path

import pytest

from dualstack.cli.own_folder import own_folder


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left(place: Path, name: str, *, age: float = 3600.0) -> Path:
    """Return a folder with a file, as a killed command leaves it."""
    folder = place / name
    folder.mkdir()
    (folder / "capture.pcap").write_bytes(b"packets")
    then = folder.stat().st_mtime - age
    os.utime(folder, (then, then))
    return folder


def test_a_folder_goes_with_its_command(place: Path) -> None:
    """It exists inside the block, and nothing of it afterwards."""
    with own_folder("shell") as folder:
        assert folder.parent == place
        assert folder.is_dir()
    assert list(place.iterdir()) == []


def test_what_a_killed_command_left_is_removed(place: Path) -> None:
    """The next command of the same name removes it; what is young, of another command or no folder stays."""
    old, young = left(place, "dualstack-shell-a"), left(place, "dualstack-shell-b", age=0)
    other, link = left(place, "dualstack-try-c"), place / "dualstack-shell-d"
    link.symlink_to(other)
    with own_folder("shell"):
        assert not old.exists()
    assert young.exists()
    assert (other / "capture.pcap").exists()
    assert link.is_symlink()


def test_a_folder_in_use_stays(place: Path) -> None:
    """A command that runs keeps its folder, however old it is."""
    with own_folder("shell") as used:
        os.utime(used, (0, 0))
        with own_folder("shell"):
            assert used.is_dir()
