"""What ``dualstack run`` runs again, in which order, until when, and how much it shows."""

import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from dualstack.cli.choosing import Choice, choose
from dualstack.cli.parser import make_parser
from dualstack.report.load import load
from dualstack.results import Record, append_record, read_records
from dualstack.verdict import Verdict

Command = Callable[..., CompletedProcess[str]]

SERVER = """
import socket
server = socket.create_server(("0.0.0.0", 8080))
while True:
    connection, _ = server.accept()
    with connection:
        connection.sendall(connection.recv(4096))
"""

MANIFEST = f"""
schema = 1
[service]
name = "shop"
command = ["{sys.executable}", "server.py"]
[[listen]]
name = "web"
port = 8080
protocol = "echo"
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Return the manifest of a service that serves IPv4 only, and claims both families."""
    (tmp_path / "server.py").write_text(SERVER, encoding="utf-8")
    path = tmp_path / "service.toml"
    path.write_text(MANIFEST, encoding="utf-8")
    return path


def chosen(manifest: Path, *words: str) -> Choice:
    """Return what ``dualstack run`` with these words chooses; its results are in ``out`` beside the manifest."""
    return choose(make_parser().parse_args(["run", str(manifest), *words]), manifest.parent / "out")


def recorded(manifest: Path, **verdicts: Verdict) -> None:
    """Write the results of an earlier run: a verdict for each requirement, on a dual-stack host."""
    folder = manifest.parent / "out" / "earlier"
    folder.mkdir(parents=True, exist_ok=True)
    for name, verdict in verdicts.items():
        requirement = name.replace("_", "-")
        append_record(folder, Record(requirement, "", "MUST", "shop", str(manifest), "web", "dual-stack", verdict))


def test_only_what_failed(manifest: Path) -> None:
    """Only cases that failed last time are chosen; one that does not apply or has another key is not."""
    recorded(manifest, LISTEN_001=Verdict.FAIL, LISTEN_002=Verdict.PASS, UDP_001=Verdict.FAIL)
    choice = chosen(manifest, "--last-failed")
    assert [case.id for case in choice.cases] == ["LISTEN-001:shop:web@dual-stack"]
    assert choice.selection.cases == {"LISTEN-001:shop:web@dual-stack"}
    assert choice.note == ""


@pytest.mark.parametrize("verdict", [None, Verdict.PASS])
def test_everything_if_nothing_failed(manifest: Path, verdict: Verdict | None) -> None:
    """Without earlier results, or without a failure in them, every case is chosen, and a sentence says so."""
    if verdict:
        recorded(manifest, LISTEN_001=verdict)
    choice = chosen(manifest, "--last-failed")
    assert choice.cases == chosen(manifest).cases
    assert choice.note.startswith("no case failed in the newest results" if verdict else "no earlier results in ")
    assert choice.note.endswith(": every case runs")


def test_words_of_keys(manifest: Path) -> None:
    """``-k`` chooses by the key's text, together with every other restriction."""
    chosen_keys = {
        case.id for case in chosen(manifest, "-k", "listen-001 and not ipv", "--requirement", "LISTEN").cases
    }
    assert chosen_keys == {
        case.id for case in chosen(manifest, "--requirement", "LISTEN-001").cases if "ipv" not in case.id
    }
    assert chosen_keys


def test_failures_first_with_a_budget(manifest: Path) -> None:
    """With a time budget everything is chosen, and what failed last time is first."""
    recorded(manifest, LISTEN_001=Verdict.FAIL)
    choice = chosen(manifest, "--time-budget", "5")
    assert choice.first == ("LISTEN-001:shop:web@dual-stack",)
    assert choice.cases == chosen(manifest).cases


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-k", "web and"], "dualstack: -k 'web and': found the end at column 8"),
        (["-k", "nothing-like-it"], "no case to run: the key of no selected case matches -k 'nothing-like-it'"),
        (["--time-budget", "0"], "argument --time-budget: found '0', allowed: a number of seconds above 0"),
        (["--time-budget", "nan"], "found 'nan', allowed: a number of seconds above 0"),
        (["-q", "-v"], "not allowed with argument"),
        (["--keep", "--lab", "docker"], "dualstack: --keep: no shell in a docker lab: its hosts have no programs but"),
    ],
)
def test_wrong_words(dualstack: Command, manifest: Path, words: list[str], message: str) -> None:
    """What cannot be meant is refused with what is allowed."""
    done = dualstack("run", manifest, *words)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.lab
def test_the_first_failure_ends_the_run(dualstack: Command, manifest: Path, tmp_path: Path) -> None:
    """With ``-x`` the cases after the first failure have no result, the reason is said, and the exit code is 1."""
    done = dualstack("run", manifest, "-x", "-n", "1", "--suite", "listen", "--results", "out")
    assert done.returncode == 1, done.stderr
    records = list(read_records(tmp_path / "out" / "latest"))
    assert [record.verdict for record in records].count(Verdict.FAIL) == 1
    run = load(tmp_path / "out" / "latest").run
    assert run.planned is not None
    assert run.planned > len(records)
    failed = next(record.case for record in records if record.verdict is Verdict.FAIL)
    assert f"planned cases did not run: {failed} failed, and a failure ends this run." in done.stdout


@pytest.mark.lab
def test_quiet_and_then_what_failed(dualstack: Command, manifest: Path, tmp_path: Path) -> None:
    """``-q`` shows failures and the headline; ``--last-failed -v`` then runs these cases alone, a line for each."""
    words = ["run", manifest, "-k", "LISTEN-001 or START", "--results", "out"]
    first = dualstack(*words, "-q")
    assert first.returncode == 1, first.stderr
    assert first.stdout.startswith("\n✗ fail")
    assert first.stdout.endswith("\nThe service does not behave as required.\n")
    failed = {item.case for item in read_records(tmp_path / "out" / "latest") if item.verdict is Verdict.FAIL}
    again = dualstack("run", manifest, "--last-failed", "-v", "--results", "out")
    assert again.returncode == 1
    assert {item.case for item in read_records(tmp_path / "out" / "latest")} == failed
    assert sum(case in line for line in again.stdout.splitlines() for case in failed if line[:1] == "[") == len(failed)


@pytest.mark.lab
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_time_that_is_used_up(dualstack: Command, manifest: Path, tmp_path: Path, workers: str) -> None:
    """What a time budget leaves no time for has no result and never passes; the exit code is 3."""
    words = ["--suite", "udp", "--suite", "listen", "--time-budget", "0.001", "-n", workers, "--results", "out"]
    done = dualstack("run", manifest, *words)
    assert done.returncode == 3, done.stderr
    found = load(tmp_path / "out" / "latest")
    assert {record.verdict for record in found.records} == {Verdict.NOT_APPLICABLE}
    assert found.run.stopped == "the time budget of 0.001 s is used up"
    assert "planned cases did not run: the time budget of 0.001 s is used up." in done.stdout
    assert not list((tmp_path / "out" / "latest").glob("stopped"))


@pytest.mark.lab
def test_a_time_in_which_nothing_runs(dualstack: Command, manifest: Path) -> None:
    """If the time is up before any case has a result, that is said in one line; the exit code is 3."""
    done = dualstack("run", manifest, "--requirement", "LISTEN-001", "--time-budget", "0.001", "--results", "out")
    assert (done.returncode, done.stderr) == (3, "dualstack: no case ran: the time budget of 0.001 s is used up\n")


@pytest.mark.lab
def test_a_run_that_is_compared(dualstack: Command, manifest: Path, tmp_path: Path) -> None:
    """``--compare latest`` means the run before this one; the report with the comparison is written once."""
    latest = tmp_path / "out" / "latest"
    words = ["run", manifest, "-k", "LISTEN-001 and dual-stack or START", "--results", "out"]
    assert dualstack(*words).returncode == 1
    text = SERVER.replace('(("0.0.0.0", 8080))', '(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True)')
    (tmp_path / "server.py").write_text(text, encoding="utf-8")
    done = dualstack(*words, "--compare", "out/latest")
    headline = next(line for line in done.stdout.splitlines() if line.startswith("compared  "))
    assert headline.startswith("compared  0 broken, 1 fixed, "), done.stderr
    report = latest / "report.html"
    assert headline.removeprefix("compared  ") in report.read_text(encoding="utf-8")
    assert report.stat().st_mtime_ns <= (latest / "pytest.log").stat().st_mtime_ns  # which is written after pytest
