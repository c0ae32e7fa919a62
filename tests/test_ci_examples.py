"""CI: the examples, our own workflow and the hooks for commits. They parse, and their commands work."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dualstack.cli.parser import make_parser
from dualstack.content import ROOT

CI = ROOT / "examples" / "ci"
FILES = sorted(CI.iterdir())
SHARDED = [path for path in FILES if "-shards" in path.name]


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
        assert make_parser().parse_args(words).command == words[0]


@pytest.mark.parametrize("path", [item for item in FILES if item not in SHARDED], ids=lambda path: path.name)
def test_the_namespace_lab_comes_first(path: Path) -> None:
    """The first run of each example needs no Docker; a later one verifies the image."""
    runs = [words for words in commands(path) if words[0] == "run"]
    assert "docker" not in runs[0]
    assert any("docker" in words for words in runs[1:])


@pytest.mark.parametrize("path", SHARDED, ids=lambda path: path.name)
def test_all_shards_are_merged(path: Path) -> None:
    """The matrix has the numbers from 1 to n, each job runs one shard of n, and a later job merges all of them."""
    run, merge = commands(path)
    assert run[0] == "run"
    assert merge[:2] == ["merge", "shards/*"]
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.name.startswith("github"):
        strategy = jobs["jobs"]["shard"]["strategy"]
        assert strategy == {"fail-fast": False, "matrix": {"number": [1, 2, 3, 4]}}
        assert run[run.index("--shard") + 1] == "${{ matrix.number }}/${{ strategy.job-total }}"
        assert jobs["jobs"]["report"]["needs"] == "shard"
    else:
        assert jobs["shard"]["parallel"] == 4
        assert run[run.index("--shard") + 1] == "$CI_NODE_INDEX/$CI_NODE_TOTAL"
        assert jobs["stages"] == [jobs["shard"]["stage"], jobs["report"]["stage"]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_package_index_is_needed(path: Path) -> None:
    """What is installed is named by a variable: a git tag or a wheel, never a bare name that an index resolves."""
    assert not re.search(r"docker\.io|pypi|ghcr", path.read_text(encoding="utf-8"))
    installs = [line for line in lines(path) if "pip install" in line]
    assert installs
    assert all('"$DUALSTACK"' in line for line in installs)


def test_user_namespaces_are_allowed_on_ubuntu() -> None:
    """The GitHub job of the namespace lab lifts the restriction of AppArmor before it runs dualstack."""
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


WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
HOOKS = ROOT / ".pre-commit-config.yaml"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def recipe(target: str) -> list[str]:
    """Return the commands of a target of the Makefile."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found is not None
    return [line.strip() for line in found[1].splitlines()]


def test_the_workflow_runs_every_check() -> None:
    """Each push and pull request runs ``.ci/run``, which can be executed, after user namespaces are allowed."""
    parsed = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert parsed[True] == ["push", "pull_request"]  # YAML 1.1 reads the key "on" as a boolean
    assert parsed["permissions"] == {"contents": "read"}
    (job,) = parsed["jobs"].values()
    shell = [step.get("run", "") for step in job["steps"]]
    (run,) = (place for place, line in enumerate(shell) if shlex.split(line)[-1:] == [".ci/run"])
    assert any("apparmor_restrict_unprivileged_userns=0" in line for line in shell[:run])
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize("path", [WORKFLOW, *CI.glob("github-*.yml")], ids=lambda path: path.name)
def test_actions_are_pinned_by_their_major_version(path: Path) -> None:
    """Every action comes from GitHub itself, at a major version, the same one in the example and our workflow."""
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
    used = {step["uses"] for job in jobs for step in job["steps"] if "uses" in step}
    assert used
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", name) for name in used)
    artifacts = {f"actions/{word}-artifact@v4" for word in ("upload", "download")}
    assert used <= {"actions/checkout@v4", "actions/setup-python@v5", *artifacts}


def test_hooks_are_local_and_those_of_make() -> None:
    """The hooks for commits download nothing and run the commands of ``make style`` and ``make types``."""
    repositories = yaml.safe_load(HOOKS.read_text(encoding="utf-8"))["repos"]
    assert [item["repo"] for item in repositories] == ["local"]
    hooks = [hook for item in repositories for hook in item["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert "://" not in HOOKS.read_text(encoding="utf-8")
    commands = [hook["entry"].replace(" --force-exclude", "") for hook in hooks]
    made = [line.replace("$(RUN)", ".venv/bin/python -m") for line in (*recipe("style"), *recipe("types"))]
    assert commands == made


def test_contributing_names_every_target() -> None:
    """The table of targets has each target that ``make help`` shows, and no target that does not exist."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `make ([a-z]+)` \|", text, re.MULTILINE))
    shown = set(re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE)) - {"help"}
    assert shown <= told
    assert told <= set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
