"""The folders of homes and /tmp that a service sees."""

from pathlib import Path

import pytest

from dualstack.visible import visible_folders


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home folder."""
    made = tmp_path / "home"
    (made / "work/shop/server").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(made))
    return made


def shown(home: Path, *texts: str, folder: str = "work/shop/server") -> list[str]:
    """Return the folders of a home that a service in it sees."""
    directory = home / folder
    paths = visible_folders(directory, directory / "service.toml", texts)
    return [str(Path(path).relative_to(home)) for path in paths]


def test_a_repository_is_shown(home: Path) -> None:
    """A service sees the repository that it is in."""
    (home / "work/shop/.git").mkdir()
    assert shown(home) == ["work/shop"]


def test_without_a_repository(home: Path) -> None:
    """Without a repository it sees the manifest's folder and the one above, but never a home."""
    assert shown(home) == ["work/shop", "work/shop/server"]
    assert shown(home, folder="work") == ["work"]


def test_a_program_is_shown_with_what_is_beside_it(home: Path) -> None:
    """The folders of named files are shown, of a ``bin`` what is above it, unless that may hold credentials."""
    for path in ("node/v20/bin/node", ".tool/bin/tool", ".shell/shims/x", "bin/own", "data/list"):
        (home / path).parent.mkdir(parents=True)
        (home / path).touch()
    (home / ".git").mkdir()  # the home itself is a repository
    named = [str(home / path) for path in ("node/v20/bin/node", ".tool/bin/tool", ".shell/shims/x", "bin/own")]
    assert shown(home, *named[:2]) == [".tool/bin", "node/v20"]
    assert shown(home, ":".join(named[2:])) == [".shell", "bin"]
    assert shown(home, f"--list={home}/data/list", f"{home}/nowhere/x") == ["data"]


def test_what_everybody_sees_is_not_named(home: Path) -> None:
    """Folders that are not hidden need not be shown."""
    (home / ".git").mkdir()
    assert shown(home, "/usr/bin/env", "/etc/hosts") == []
