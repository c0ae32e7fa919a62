"""Compose files: variables as the Compose specification has them, YAML 1.2 scalars, and the line of each key."""

from pathlib import Path

import pytest

from dualstack.compose.source import assignments, interpolated, read
from dualstack.errors import UsageError

MULTIPLYING = (
    "a0: &a0 [1]\n" + "".join(f"a{at}: &a{at} [{f'*a{at - 1},' * 10}]\n" for at in range(1, 9)) + "services: *a8"
)
"""A short file whose aliases stand for a hundred million values."""

KNOWN = {"SET": "value", "EMPTY": "", "OTHER": "second"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$SET and ${SET}", "value and value"),
        ("${MISSING}-$MISSING", "-"),
        ("${MISSING:-default} ${EMPTY:-default} ${EMPTY-default}", "default default "),
        ("${MISSING-default}", "default"),
        ("${MISSING:-${OTHER}}", "second"),
        ("${SET:+replacement}${EMPTY:+no}${EMPTY+set}${MISSING+no}", "replacementset"),
        ("${SET:?needed}", "value"),
        ("$$SET costs 5$", "$SET costs 5$"),
    ],
)
def test_variables(text: str, expected: str) -> None:
    """Each form of a variable stands for what the Compose specification says."""
    assert interpolated(text, KNOWN, ValueError) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("${MISSING:?give it}", "MISSING is not set: give it"), ("${EMPTY:?}", "EMPTY is not set"), ("${", "no variable")],
)
def test_wrong_variables(text: str, expected: str) -> None:
    """A variable that must be set, and a brace that is not closed, are errors."""
    with pytest.raises(ValueError, match=expected):
        interpolated(text, KNOWN, ValueError)


def written(folder: Path, text: str) -> Path:
    """Write a compose file."""
    path = folder / "compose.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_values_and_lines(tmp_path: Path) -> None:
    """A port is a text, not a number of base 60; merged keys are overridden; each key knows its line."""
    text = "x-base: &base\n  image: one\n  init: true\nservices:\n  web:\n    <<: *base\n    image: two\n"
    source = read(written(tmp_path, text + "    ports:\n      - 22:22\n      - 80\n    command: yes\n"))
    assert source.data["services"]["web"] == {"image": "two", "init": True, "ports": ["22:22", 80], "command": "yes"}
    assert source.at(("services", "web", "ports", "1")).endswith("compose.yaml:10: services.web.ports.1")
    assert source.at(("services", "web", "unknown")).endswith("compose.yaml:5: services.web.unknown")


def test_the_file_of_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables come from .env beside the file, and the environment overrides them."""
    (tmp_path / ".env").write_text("# a comment\nexport TAG='1 2'\nPORT=80 # of the host\n", encoding="utf-8")
    monkeypatch.setenv("PORT", "81")
    source = read(written(tmp_path, "services:\n  web:\n    image: a:${TAG}\n    ports: ['${PORT}']\n"))
    assert source.data["services"]["web"] == {"image": "a:1 2", "ports": ["81"]}
    assert dict(assignments(tmp_path / ".env")) == {"TAG": "1 2", "PORT": "80"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("services: [", r"compose\.yaml:1: no YAML"),
        ("services:\n  a: *b\n", r"compose\.yaml:2: no YAML"),
        ("- 1\n", 'no table "services"'),
        ("", 'no table "services"'),
        ("services: &a\n  web: *a\n", "nested too deeply"),
        (MULTIPLYING, "too large"),
        ("services:\n  web:\n    image: ${NO_SUCH:?set it}\n", r"compose\.yaml:3: services\.web\.image: .*set it"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, expected: str) -> None:
    """What is no compose file is named with its line; aliases neither loop nor multiply without end."""
    with pytest.raises(UsageError, match=expected):
        read(written(tmp_path, text))


def test_a_missing_file(tmp_path: Path) -> None:
    """A file that cannot be read is named."""
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read(tmp_path / "compose.yaml")
