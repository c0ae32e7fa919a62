"""Services that misbehave, all in one run: each is judged, what was measured is kept, and nothing is left.

They all listen on the same port: every case has its own network.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dualstack.verdict import Verdict

if TYPE_CHECKING:
    from tests.faults.conftest import Done, Outcome, Site

ONE_CASE = ("--requirement", "LISTEN-001", "--topology", "dual-stack")

FLOOD = 100 << 20
"""How many bytes the service that floods its log writes before it listens."""

SERVICES = {
    "correct": "serve(bound())",
    "exits-at-once": 'sys.exit("no licence file")',
    "never-opens": "signal.pause()",
    "opens-late": "threading.Event().wait(1)\nserve(bound())",
    "opens-too-late": "threading.Event().wait(4)\nserve(bound())",
    "crashes": """\
server = bound()
client, _ = server.accept()
client.recv(1)
say("about to crash")
os.kill(os.getpid(), signal.SIGSEGV)
signal.pause()
""",
    "floods": f"""\
line = b"x" * 79 + b"\\n"
block = line * 1000
for _ in range({FLOOD} // len(block)):
    os.write(1, block)
say("the last line")
serve(bound())
""",
    "floods-on": """\
def flood():
    while True:
        os.write(1, b"y" * 4096)

threading.Thread(target=flood, daemon=True).start()
serve(bound())
""",
    "ignores-sigterm": "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nserve(bound())",
    "forks-away": """\
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.chdir("/")
nowhere = os.open(os.devnull, os.O_RDWR)
for descriptor in range(3):
    os.dup2(nowhere, descriptor)
serve(bound())
""",
    "garbage": """\
os.write(1, bytes(range(256)) + b"\\x1b]0;owned\\x07\\x1b[2J\\x1b[31mred\\r\\n" + "\\u20ac".encode()[:2])
serve(bound())
""",
    "garbage-then-exits": """\
os.write(2, b"\\x00\\xff\\x1b[2J\\x1b[31m<script>alert(1)</script> ]]> \\xe2\\x82")
sys.exit(3)
""",
    "port-taken": """\
ready_read, ready_write = os.pipe()
if os.fork() == 0:
    server = bound()
    os.write(ready_write, b"!")
    signal.pause()
os.read(ready_read, 1)
serve(bound())
""",
    "no-interpreter": "",
}

TIMEOUTS = {
    "never-opens": {"ready": 1.0},
    "opens-too-late": {"ready": 0.5},
    "crashes": {"exchange": 2.0},
    "ignores-sigterm": {"stop": 0.5},
    "port-taken": {"exchange": 0.5},
}


EXPECTED = {
    "correct": (Verdict.PASS, ""),
    "exits-at-once": (
        Verdict.BLOCKED,
        r"does not start \(START-001\): it exited with code 1 after .*s: \"no licence file\"",
    ),
    "never-opens": (Verdict.BLOCKED, r"it is still not listening on TCP port 7007 after [123.]+ s; it printed nothing"),
    "opens-late": (Verdict.PASS, ""),
    "opens-too-late": (Verdict.BLOCKED, r"it is still not listening on TCP port 7007 after [\d.]+ m?s"),
    "crashes": (Verdict.FAIL, "ECONNRESET"),
    "floods": (Verdict.PASS, ""),
    "floods-on": (Verdict.PASS, ""),
    "ignores-sigterm": (Verdict.PASS, ""),
    "forks-away": (Verdict.PASS, ""),
    "garbage": (Verdict.PASS, ""),
    "garbage-then-exits": (Verdict.BLOCKED, "exited with code 3"),
    "port-taken": (Verdict.FAIL, r"0\.5 s"),
    "no-interpreter": (Verdict.BLOCKED, "names the interpreter '/no/such/interpreter', which cannot be executed"),
}
"""The verdict on each service, and its reason as a regular expression."""


@pytest.fixture
def outcome(once: "Callable[[str, Callable[[Site], Done]], Outcome]") -> "Outcome":
    """All services in one run."""

    def run(site: "Site") -> "Done":
        manifests = [site.service(name, code, timeouts=TIMEOUTS.get(name, {})) for name, code in SERVICES.items()]
        script = site.folder / "no-interpreter.sh"
        script.write_text("#!/no/such/interpreter -x\n")
        script.chmod(0o755)
        floods = site.folder / "floods.toml"
        floods.write_text(floods.read_text() + '[ready]\nlog = "^the last line$"\n')
        path = manifests[-1]
        path.write_text(path.read_text().replace('["{python}", "-I", "-S", ', '["./no-interpreter.sh", '))
        measured = (sys.executable, str(Path(__file__).with_name("measured.py")), str(site.folder / "memory"))
        return site.run(*ONE_CASE, "-n", "2", *manifests, wrapper=measured)

    return once("misbehaving", run)


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_judged(outcome: "Outcome", name: str) -> None:
    """The verdict is about the service, and its reason names the cause."""
    verdict, words = EXPECTED[name]
    record = outcome.done.records[name]
    assert record.verdict is verdict, record
    assert re.search(words, record.reason), record
    assert bool(record.reason) is (verdict is not Verdict.PASS)
    assert bool(record.facts) is (verdict is Verdict.FAIL)


def test_the_run_keeps_everything_and_says_that_services_fell_short(outcome: "Outcome") -> None:
    """The exit code is 1; every case is in the records, in report.html and in junit.xml, each with its capture."""
    assert outcome.done.code == 1
    assert outcome.done.about["exit_code"] == 1
    outcome.done.must_have_kept(*SERVICES)
    captures = [outcome.done.folder / record.capture for record in outcome.done.records.values()]
    assert all(path.stat().st_size > 24 for path in captures)
    assert outcome.done.err == ""


def test_nothing_is_left(outcome: "Outcome") -> None:
    """No process, namespace or temporary file outlives the run, whatever its services did."""
    assert outcome.left == []
    assert not [path for path in outcome.done.folder.iterdir() if path.name.startswith(".") or path.suffix == ".new"]


@pytest.mark.parametrize("name", ["crashes", "port-taken"])
def test_an_end_in_mid_exchange_is_told(outcome: "Outcome", name: str) -> None:
    """A service that has ended, although its port still answers the network, is named, with its last log line."""
    how, last = {
        "crashes": ("was ended by SIGSEGV", "about to crash"),
        "port-taken": ("exited with code 1", "OSError: [Errno 98] Address already in use"),
    }[name]
    record = outcome.done.records[name]
    assert f'the service {how}; its output says: "{last}"' in record.reason
    assert f"stop the service: it had ended by itself: it {how}" in record.steps[-1].what


def test_a_flooded_log_is_bounded(outcome: "Outcome") -> None:
    """Of 100 MiB of output the tail is kept; the run's processes never hold it all."""
    record = outcome.done.records["floods"]
    assert len(record.log) < 64 << 10
    assert record.log.splitlines()[-1] == "the last line"
    memory = int((outcome.done.folder.parents[1] / "memory").read_text())
    assert memory < 1.8 * FLOOD, "what the largest process takes by itself, and most of the flood"


def test_output_without_end_is_bounded(outcome: "Outcome") -> None:
    """A service that never ceases to write is judged and stopped like any other."""
    record = outcome.done.records["floods-on"]
    assert 0 < len(record.log) < 64 << 10
    assert "was ended by SIGTERM" in record.steps[-1].what


def test_a_service_that_ignores_sigterm_is_killed(outcome: "Outcome") -> None:
    """It is killed after its stop timeout, which says nothing against it."""
    assert "it had to be killed" in outcome.done.records["ignores-sigterm"].steps[-1].what


def test_a_service_that_forked_away_is_judged(outcome: "Outcome") -> None:
    """What a daemon left behind serves: its sockets are seen as the service's own."""
    record = outcome.done.records["forks-away"]
    assert record.works == {"ipv4": True, "ipv6": True}
    assert {row.port for row in record.sockets} == {7007}


def test_garbage_does_no_harm(outcome: "Outcome") -> None:
    """What a service prints reaches no terminal, no HTML and no XML as anything but text."""
    assert "\\xfe\\xff" in outcome.done.records["garbage"].log
    assert outcome.done.records["garbage"].log.endswith("\\xe2\\x82"), "half a character is shown as bytes"
    acting = {chr(code) for code in (*range(32), 127, *range(128, 160))} - set("\t\n\r")
    assert not acting & set(outcome.done.out)
    assert not acting & set(outcome.done.report)
    assert "<script>alert" not in (outcome.done.folder / "report.html").read_text(encoding="utf-8")
    messages = [element.get("message", "") for element in outcome.done.junit.iter("skipped")]
    assert any("<script>alert(1)</script> ]]>" in message for message in messages)
