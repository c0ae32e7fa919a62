"""``dualstack baseline`` and ``run --baseline``: a run fails for news only."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from dualstack.manifest import load_baseline
from dualstack.verdict import Verdict
from tests.cli.conftest import REFERENCE
from tests.report.conftest import record, write_run

Command = Callable[..., CompletedProcess[str]]
"""How ``dualstack`` is run."""

ZOO = REFERENCE.parents[1] / "zoo"


def test_a_baseline_is_written_once(dualstack: Command, tmp_path: Path) -> None:
    """An existing file is kept, unless it is replaced, or what it lacks is added; then its text stays."""
    folder = write_run(tmp_path / "run", [record(Verdict.FAIL)])
    first = dualstack("baseline", folder)
    assert (first.returncode, first.stdout) == (0, "baseline.toml: 1 case written\n")
    again = dualstack("baseline", folder)
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.startswith("dualstack: baseline.toml: exists; --add adds")
    path = tmp_path / "baseline.toml"
    path.write_text(path.read_text(encoding="utf-8") + "# a remark\n", encoding="utf-8")
    more = write_run(tmp_path / "more", [record(Verdict.FAIL), record(Verdict.FAIL, element="b")])
    assert dualstack("baseline", more, "--add", "--owner", "ann").stdout == "baseline.toml: 1 case added\n"
    assert "# a remark\n" in path.read_text(encoding="utf-8")
    assert [(entry.elements, entry.owner) for entry in load_baseline(path)] == [(["http"], ""), (["b"], "ann")]
    assert dualstack("baseline", more, "--force", "--expires", "2999-01-31").returncode == 0
    path.write_text(path.read_text(encoding="utf-8").replace("2999-", "2020-"), encoding="utf-8")
    assert all(entry.has_expired for entry in load_baseline(path))
    expired = dualstack("baseline", more, "--add")
    assert expired.stdout == "baseline.toml: 0 cases added\n"
    assert "dualstack: baseline.toml:9: expired, and still fails; change its date there\n" in expired.stderr


def test_bad_baselines_are_refused(dualstack: Command, tmp_path: Path, reference: Path) -> None:
    """A baseline that does not exist, or is none, is refused before anything starts, with its line."""
    none = dualstack("run", reference, "--baseline", "none.toml")
    assert none.returncode == 2
    assert "none.toml: cannot be read: No such file or directory" in none.stderr
    (tmp_path / "b.toml").write_text('schema = 1\n[[known]]\nservice = "a"\n', encoding="utf-8")
    bad = dualstack("run", reference, "--baseline", "b.toml")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "b.toml:2: known[0].requirement: missing" in bad.stderr
    assert not (tmp_path / "dualstack-results").exists()


@pytest.mark.lab
def test_a_run_fails_for_news_only(dualstack: Command, tmp_path: Path) -> None:
    """A run that fails succeeds with the baseline that is made of it, and fails again when its entries have expired."""
    text = (ZOO / "kernel-default.toml").read_text(encoding="utf-8").partition("[[known]]")[0]
    manifest = tmp_path / "service.toml"
    manifest.write_text(text.replace("[service]\n", f'[service]\ndirectory = "{ZOO}"\n'), encoding="utf-8")
    words = ("run", manifest, "--requirement", "LISTEN-005")
    assert dualstack(*words).returncode == 1
    assert dualstack("baseline", "--owner", "ann").stdout == "baseline.toml: 1 case written\n"
    accepted = dualstack(*words, "--baseline", "baseline.toml")
    assert (accepted.returncode, accepted.stderr) == (0, "")
    assert "failures  0 new, 1 in the baseline, 0 expired\n" in accepted.stdout
    path = tmp_path / "baseline.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("expires = 20", "expires = 19"), encoding="utf-8")
    expired = dualstack(*words, "--baseline", "baseline.toml")
    assert expired.returncode == 1
    assert "failures  0 new, 0 in the baseline, 1 expired\n" in expired.stdout
    assert (
        "Note: baseline.toml:9: LISTEN-005 of kernel-default on dual-stack-bindv6only: expired on 19" in expired.stdout
    )
