"""Services without an ``[image]`` table: what their image is made of, also where nothing can be pulled."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dualstack.errors import HostCannot, UsageError
from dualstack.lab.docker.engine import Engine
from dualstack.lab.docker.images import assemble, image_id
from dualstack.manifest import Subject, subjects_of
from dualstack.manifest.subject import PYTHON_BASE
from dualstack.rootfs import images

CONNECTOR = '[[connect]]\nname = "client"\ncommand = {command}\n'


def subject(folder: Path, command: list[str], *lines: str) -> Subject:
    """Return a service that dials out, with more lines in its first table or after it."""
    text = ["schema = 1", "[service]", 'name = "tried"', *lines, CONNECTOR.format(command=json.dumps(command))]
    path = folder / "service.toml"
    path.write_text("\n".join(text), encoding="utf-8")
    return subjects_of(path)[0]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with one root file system, which holds one file and is said to have the package ``tried``."""
    monkeypatch.setenv("DUALSTACK_CACHE", str(tmp_path))
    root = tmp_path / "roots" / "a" / "fs"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "own").write_text(str(tmp_path), encoding="utf-8")
    marker = {"format": 1, "built": str(tmp_path), "requested": ["tried"], "installed": {}}
    (root.parent / "packages.json").write_text(json.dumps(marker), encoding="utf-8")
    return tmp_path


@pytest.fixture
def imported(engine: Engine, cache: Path) -> Iterator[str]:
    """The image of that root file system, which is removed in the end."""
    reference = images.packages_image(engine, ["tried"], cache / "service.toml")
    yield reference
    engine.api.remove_image(reference, force=True)


def test_packages_make_the_image(tmp_path: Path) -> None:
    """A service with packages gets an image of these, with its whole working directory."""
    table = subject(tmp_path, ["tried", "{host}"], 'packages = ["tried"]').image_table
    assert table is not None
    assert (table.packages, table.binary, table.base) == (["tried"], ["."], None)


def test_python_makes_the_image(tmp_path: Path) -> None:
    """A service of Python gets the public image of the same Python, and its files lie in /service."""
    found = subject(tmp_path, ["{python}", "client.py", "{host}"])
    assert found.image_table is not None
    assert found.image_table.base == PYTHON_BASE
    assert found.image_directory == "/service"
    assert found.image.startswith("dualstack-service:")


def test_other_programs_need_a_table(tmp_path: Path) -> None:
    """Of a program that only this machine has, no image can be made."""
    found = subject(tmp_path, ["./client", "{host}"])
    assert found.image_table is None
    assert found.image == ""


def test_services_of_one_folder_share_their_image(tmp_path: Path) -> None:
    """The image is named after what it is made of: the same folder and base make one image."""
    first = subject(tmp_path, ["{python}", "a.py", "{host}"])
    second = subject(tmp_path, ["{python}", "b.py", "{host}"])
    other = subject(tmp_path, ["tried", "{host}"], 'packages = ["tried"]')
    assert first.image == second.image
    assert first.image != other.image


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('packages = ["a"]', '"binary" belongs to'),
        ('packages = ["a"]\nbase = "b"\nbinary = "."', "found base and packages"),
    ],
)
def test_half_a_table_is_refused(tmp_path: Path, table: str, said: str) -> None:
    """Packages need files to be placed in their image, and are no base beside another."""
    with pytest.raises(UsageError, match=said):
        subject(tmp_path, ["{python}", "{host}"], "[image]", table)


def test_missing_root_names_the_manifest(engine: Engine, cache: Path) -> None:
    """Packages of which no root file system was built are an error that says how to build it for this manifest."""
    with pytest.raises(HostCannot, match=r"dualstack rootfs build .*service\.toml"):
        images.packages_image(engine, ["other"], cache / "service.toml")


def test_root_is_imported_once(engine: Engine, cache: Path, imported: str) -> None:
    """The same root file system is the same image, and another one is another."""
    before = image_id(engine, imported)
    assert before is not None
    assert images.packages_image(engine, ["tried"], cache / "service.toml") == imported
    assert image_id(engine, imported) == before
    marker = cache / "roots" / "a" / "packages.json"
    marker.write_text(marker.read_text().replace('"built": "', '"built": "later '), encoding="utf-8")
    other = images.packages_image(engine, ["tried"], cache / "service.toml")
    engine.api.remove_image(other)
    assert other != imported


def test_too_large_a_folder_is_refused(engine: Engine, imported: str, tmp_path: Path) -> None:
    """A working directory that is no service's is refused before it is read."""
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UsageError, match="more than 256 MiB"):
        assemble(engine, imported, tmp_path, ["."], tag="dualstack-test:huge", key="image")
