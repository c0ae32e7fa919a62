"""The examples for continuous integration: they can be parsed, and say what works."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dualstack.cli.main import _parser
from dualstack.content import ROOT

CI = ROOT / "examples" / "ci"
FILES = sorted(CI.iterdir())


def scripts(value: Any) -> Iterator[str]:
    """Yield each line of shell in a parsed workflow: the values of ``run`` and ``script``."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"run", "script"}:
                yield from "\n".join(inner if isinstance(inner, list) else [inner]).splitlines()
            else:
                yield from scripts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from scripts(inner)


def lines(path: Path) -> list[str]:
    """Return the lines of shell of an example."""
    text = path.read_text(encoding="utf-8")
    return text.splitlines() if path.suffix == ".sh" else list(scripts(yaml.safe_load(text)))


def commands(path: Path) -> list[list[str]]:
    """Return the words of each ``dualstack`` command of an example."""
    own = [line.split("||")[0].strip().removeprefix("exec ") for line in lines(path)]
    return [shlex.split(line.replace('"$@"', ""))[1:] for line in own if line.startswith("dualstack ")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_command_is_one_of_ours(path: Path) -> None:
    """Each ``dualstack`` command of an example is accepted by the command line."""
    found = commands(path)
    assert found
    for words in found:
        assert _parser().parse_args(words).command == words[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_namespace_lab_comes_first(path: Path) -> None:
    """The first run of each example needs no Docker; a later one verifies the image."""
    runs = [words for words in commands(path) if words[0] == "run"]
    assert "docker" not in runs[0]
    assert any("docker" in words for words in runs[1:])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_package_index_is_needed(path: Path) -> None:
    """What is installed is named by a variable: a git tag or a wheel, never a bare name that an index resolves."""
    assert not re.search(r"docker\.io|pypi|ghcr", path.read_text(encoding="utf-8"))
    installs = [line for line in lines(path) if "pip install" in line]
    assert installs
    assert all('"$DUALSTACK"' in line for line in installs)


def test_user_namespaces_are_allowed_on_ubuntu() -> None:
    """The GitHub job of the namespace lab lifts the restriction of AppArmor before it runs anything of ours."""
    steps = yaml.safe_load((CI / "github-actions.yml").read_text(encoding="utf-8"))["jobs"]["program"]["steps"]
    shell = [step.get("run", "") for step in steps]
    lifted = next(place for place, line in enumerate(shell) if "apparmor_restrict_unprivileged_userns=0" in line)
    assert lifted < next(place for place, line in enumerate(shell) if line.startswith("dualstack "))


def test_gitlab_counts_each_case_once() -> None:
    """The JUnit file is named through the link to the newest run, without a pattern that also matches its target."""
    jobs = yaml.safe_load((CI / "gitlab-ci.yml").read_text(encoding="utf-8"))
    assert jobs[".report"]["artifacts"]["reports"]["junit"] == "dualstack-results/latest/junit.xml"
    assert all(jobs[name]["extends"] == ".report" for name in jobs["stages"])


def test_the_script_is_shell() -> None:
    """The shell reads the script without complaint."""
    done = subprocess.run(["sh", "-n", CI / "plain.sh"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
