"""Usage: help that teaches, errors that name what was meant; exit code 2 and nothing but the message."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from dualstack import __version__
from dualstack.report.provenance import provenance
from dualstack.results import read_records
from dualstack.runinfo import RunInfo
from dualstack.suites import requirements

COMMANDS = (
    "help",
    "completion",
    "man",
    "run",
    "survey",
    "check",
    "init",
    "list",
    "explain",
    "schema",
    "doctor",
    "report",
    "rootfs",
)


Command = Callable[..., CompletedProcess[str]]
"""How ``dualstack`` is run."""


def fault(done: CompletedProcess[str]) -> str:
    """Return the message of a command that was used wrongly, after checking that there is nothing else."""
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_help(dualstack: Command) -> None:
    """The help names every command with what it does, the first steps and the exit codes."""
    done = dualstack("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for name in COMMANDS:
        assert re.search(rf"^    {name}\s+\w", done.stdout, re.MULTILINE), name
    for text in ("first steps:", "exit codes:", "dualstack init", "dualstack run service.toml"):
        assert text in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(dualstack: Command, command: str) -> None:
    """Each command's help says what it does, in a sentence, and explains every option."""
    done = dualstack(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"[A-Z][^\0]*?\.\n\n", done.stdout.partition("\n\n")[2])
    options = re.findall(
        r"^  (--[a-z-]+|-n N, --workers N)(?: [A-Z/]+| \{[\w,]+\})?(?:  +|\n +)(\S.*)$", done.stdout, re.MULTILINE
    )
    assert len(options) == len(re.findall(r"^  (?:-n N, )?--[a-z]", done.stdout, re.MULTILINE))
    if command != "doctor":  # it takes nothing that an example could show
        examples = done.stdout.partition("\nexamples:\n")[2]
        assert examples.startswith(f"  dualstack {command}")


@pytest.mark.parametrize("line", ["check", "init", "list", "explain", "schema", "report", "run", "survey"])
def test_examples_are_right(dualstack: Command, line: str) -> None:
    """Every option that an example shows exists."""
    text = dualstack(line, "--help").stdout
    shown = {
        word
        for example in text.partition("\nexamples:\n")[2].split("\n")
        for word in re.findall(r"--?[a-z-]+", example.partition(" -- ")[0])
    }
    options = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text.partition("\nexamples:\n")[0]))
    assert {word for word in shown if word.startswith(("--", "-n"))} <= options


def test_no_command(dualstack: Command) -> None:
    """Without a command the short help names the first commands; the exit code is 2, as for any incomplete command."""
    done = dualstack()
    assert (done.returncode, done.stdout) == (2, "")
    assert "  dualstack try -- ./server --port 8080 " in done.stderr
    for name in ("try", "init", "check", "run", "explain", "doctor", "help"):
        assert re.search(rf"^  dualstack {name} +\w", done.stderr, re.MULTILINE), name


def test_version(dualstack: Command) -> None:
    """The version is that of the package."""
    assert dualstack("--version").stdout == f"dualstack {__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu", "x.toml"], "invalid choice: 'rnu' (choose from "),
        (["rnu", "x.toml"], "; did you mean 'run'?"),
        (["check"], "the following arguments are required: FILE; for example: dualstack check service.toml\n"),
        (["explain"], "the following arguments are required: ID"),
        (["rootfs"], "the following arguments are required: WHAT"),
        (
            ["list", "--topologeis"],
            "dualstack list: error: unrecognized arguments: --topologeis; did you mean '--topol",
        ),
        (["run", "x.toml", "--lsat-failed"], "unrecognized arguments: --lsat-failed; did you mean '--last-failed'?"),
        (
            ["shell", "--hots=x", "dual-stack"],
            "dualstack shell: error: unrecognized arguments: --hots=x; did you mean ",
        ),
        (["baseline", "--days", "0"], "argument --days: found '0', allowed: a number from 1 to 3660\n"),
        (["baseline", "--expires", "2020-01-01"], "argument --expires: found '2020-01-01', which is over; allowed: "),
        (["try", "--wait", "soon", "--", "x"], "argument --wait: found 'soon', allowed: a number of seconds above 0"),
        (["survey", "-n", "0", "x.toml"], "argument -n/--workers: found '0', allowed: a number from 1 to "),
        (["survey", "-n", "two", "x.toml"], "argument -n/--workers: found 'two', allowed: a number from 1 to "),
        (["run", "-n", "0", "x.toml"], "argument -n/--workers: found '0', allowed: a number from 1 to "),
        (["run", "-n", "100000", "x.toml"], " (16 for each CPU core)"),
        (["run", "--lab", "netsn", "x.toml"], "did you mean 'netns'?"),
    ],
)
def test_wrong_words(dualstack: Command, words: list[str], message: str) -> None:
    """The usage is printed, and below it what is wrong."""
    text = fault(dualstack(*words))
    assert text.startswith("usage: dualstack")
    assert message in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--topology", "ipv6-onyl"], "dualstack: no topology 'ipv6-onyl' (there are: dual-stack, "),
        (["--topology", "ipv6-onyl"], "; did you mean 'ipv6-only'?\n"),
        (["--suite", "conect"], "dualstack: no suite 'conect' (there are: advertise, connect, "),
        (["--suite", "conect"], "; did you mean 'connect'?\n"),
        (["--suite", "listen", "--requirement", "CONNECT-001"], "dualstack: no case to run: the selected"),
        (["--element", "ecko"], "--element: found 'ecko'; allowed: service, echo, connector; did you mean 'echo'?\n"),
        (["--known-only"], "dualstack: no case to run: --known-only: these manifests have no [[known]] table\n"),
        (["--requirement", "LISEN-005"], "dualstack: no requirement 'LISEN-005'; did you mean 'LISTEN-005'? "),
        (["--requirement", "LISTEN-404"], "dualstack: no requirement 'LISTEN-404'; did you mean 'LISTEN-"),
        (["--configuration", "both"], "no configuration 'both' (it has: none)\n"),
        (["-k", ""], "dualstack: -k '': found the end at column 1, allowed there: a word, not, or (\n"),
        (
            ["--requirement", "LISTEN-005", "--topology", "ipv6-only"],
            "dualstack: no case to run: the selected",
        ),
        pytest.param(["--results", "/dev/null"], "cannot be made: ", marks=pytest.mark.lab),
    ],
)
def test_wrong_selection(dualstack: Command, reference: Path, words: list[str], message: str) -> None:
    """A selection of what does not exist, or of nothing, ends the run before it begins."""
    text = fault(dualstack("run", reference, *words))
    assert message in text
    assert text.count("\n") == 1


def test_only_one_suite(dualstack: Command, reference: Path, tmp_path: Path) -> None:
    """A run of a suite has the cases of its folder, whatever their ids begin with, and no others."""
    done = dualstack("run", reference, "--suite", "listen", "--topology", "ipv6-only", "--results", "out")
    assert done.returncode == 0, done.stderr
    checked = {record.requirement for record in read_records(tmp_path / "out" / "latest")}
    assert checked == {item.id for item in requirements(["listen"]).values() if "ipv6-only" in item.topologies}
    assert {name.split("-")[0] for name in checked} >= {"LISTEN", "INTEROP"}


def test_explain_unknown(dualstack: Command) -> None:
    """An unknown requirement is answered with the nearest."""
    assert fault(dualstack("explain", "CONECT-001")) == (
        "dualstack: no requirement 'CONECT-001'; did you mean 'CONNECT-001'? (dualstack list shows them all)\n"
    )


def test_a_suite_of_what_the_service_is_not(dualstack: Command, tmp_path: Path) -> None:
    """A suite for connectors has no case of a service that only listens, and the message says why."""
    path = tmp_path / "server.toml"
    path.write_text(
        'schema = 1\nservice = { name = "x", command = ["true"] }\n[[listen]]\nname = "web"\nport = 80\n', "utf-8"
    )
    text = fault(dualstack("run", path, "--suite", "connect"))
    assert text.endswith(" do not apply to these services, which have [[listen]] only\n")


def test_a_run_keeps_its_command(dualstack: Command, reference: Path, tmp_path: Path) -> None:
    """The results say with which command the run was started; here no case applies, so that no lab is made."""
    done = dualstack("run", reference, "--suite", "forward", "--results", "my results")
    assert (done.returncode, "none of 3 cases applies" in done.stdout) == (2, True)
    run = json.loads((tmp_path / "my results" / "latest" / "run.json").read_text(encoding="utf-8"))
    assert run["command"] == f"dualstack run {reference} --suite forward --results 'my results'"
    assert dict(provenance(RunInfo(command="dualstack run x.toml", arguments=("a b",))))["Command"].endswith(" x.toml")
    assert dict(provenance(RunInfo(arguments=("a b",))))["Command"] == "pytest 'a b'"


def test_explain_an_unknown_cause(dualstack: Command) -> None:
    """A code that no cause has is refused with the nearest one."""
    message = fault(dualstack("explain", "rc-v6onl"))
    assert message.startswith("dualstack: no cause 'rc-v6onl'; did you mean 'RC-V6ONLY'?")


def test_explain_a_group(dualstack: Command) -> None:
    """The name of a group is answered with its requirements."""
    text = fault(dualstack("explain", "listen"))
    assert text.startswith("dualstack: 'listen' is a group of requirements: LISTEN-001, LISTEN-002, ")


def test_try_without_a_command(dualstack: Command) -> None:
    """The example is that of a client if a client is tried; a wrong protocol is an error of its option."""
    assert fault(dualstack("try")) == "dualstack: no command; for example: dualstack try -- ./server --port 8080\n"
    assert "dualstack try --client -- curl http://{target}/\n" in fault(dualstack("try", "--client"))
    text = fault(dualstack("try", "--client", "--protocol", "htp", "--", "true", "{target}"))
    assert text.startswith("dualstack: --protocol: found protocol 'htp', allowed: connect, ")
    assert text.endswith("; did you mean 'http'?\n")


def test_report_without_a_run(dualstack: Command, tmp_path: Path) -> None:
    """A report needs a run's results; an empty folder, a missing one and a file have none."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for name in ("empty", "missing", "file"):
        assert fault(dualstack("report", name)) == (
            f"dualstack: {name}: no run's results (it has neither records.jsonl nor run.json); "
            "dualstack run writes them\n"
        )
    assert "dualstack-results/latest: no run's results" in fault(dualstack("report"))


def test_survey_of_an_unknown_state(dualstack: Command, reference: Path) -> None:
    """A state of the kernel that does not exist is answered with those that do, and the nearest."""
    text = fault(dualstack("survey", reference, "--state", "normall"))
    assert text.startswith("dualstack: no state 'normall' (there are: normal, bindv6only, ")
    assert text.endswith("; did you mean 'normal'?\n")


def test_survey_of_a_client(dualstack: Command, tmp_path: Path) -> None:
    """A survey looks at listeners; without any it says so instead of printing an empty table."""
    path = tmp_path / "client.toml"
    path.write_text('schema = 1\nservice.name = "x"\n[[connect]]\nname = "c"\ncommand = ["true", "{host}"]\n')
    assert "nothing to survey: none of these manifests has a [[listen]] table" in fault(dualstack("survey", path))
