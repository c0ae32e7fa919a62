"""Services with components that misbehave, all in one run: each is judged, no cause is invented, nothing is left."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from dualstack.verdict import Verdict

if TYPE_CHECKING:
    from tests.faults.conftest import Done, Outcome, Site

ONE_CASE = ("--requirement", "LISTEN-001", "--topology", "dual-stack")

STORE = """\
def stored(host="::1"):
    store = socket.socket(socket.AF_INET6)
    store.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    store.bind((host, int(sys.argv[2])))
    store.listen()
    say("the store listens")
    return store

"""
"""What every component begins with, after the prelude of the services."""

ASKING = """\
def ask():
    try:
        with socket.create_connection(("::1", int(sys.argv[2])), timeout=5) as store:
            return store.recv(1)
    except OSError:
        return b""

"""

NEEDS_STORE = """\
server = bound()
while True:
    client = server.accept()[0]
    if ask():
        threading.Thread(target=converse, args=(client,), daemon=True).start()
    else:
        client.close()
"""
"""A service that closes the connections of its clients when its store is gone."""

DIES = """\
store = stored()
client = store.accept()[0]
print("fatal: the store is out of memory", file=sys.stderr, flush=True)
os._exit(1)
"""
"""It keeps its client's connection until its own end: the service answers only after that."""

LIVES = """\
store = stored()
while True:
    with store.accept()[0] as client:
        client.sendall(b"1")
"""

SERVICES = {
    "correct": (NEEDS_STORE, LIVES),
    "exits-at-once": (NEEDS_STORE, 'sys.exit("fatal: no data folder")'),
    "never-opens": (NEEDS_STORE, "signal.pause()"),
    "dies": (NEEDS_STORE, DIES),
    "dies-unnoticed": (NEEDS_STORE.replace("if ask():", "if ask() or True:"), DIES),
    "ignores-sigterm": (NEEDS_STORE, "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + LIVES),
    "exposed": (NEEDS_STORE, LIVES.replace("stored()", 'stored("::")')),
    "no-interpreter": (NEEDS_STORE, ""),
}
"""The program of each service, and that of its component."""

EXPECTED = {
    "correct": (Verdict.PASS, ""),
    "exits-at-once": (
        Verdict.BLOCKED,
        r"does not start \(START-001\): component store does not start: it exited with code 1 after .*no data folder",
    ),
    "never-opens": (Verdict.BLOCKED, "component store does not start: it is still not listening on TCP port 7100"),
    "dies": (Verdict.FAIL, "component store exited with code 1 by itself; its output says: .*out of memory"),
    "dies-unnoticed": (Verdict.PASS, ""),
    "ignores-sigterm": (Verdict.PASS, ""),
    "exposed": (Verdict.PASS, ""),
    "no-interpreter": (Verdict.BLOCKED, "component store does not start: .*'/no/such/interpreter', which cannot be"),
}
"""The verdict on each service, and its reason as a regular expression."""

COMPONENT = """
[[component]]
name = "store"
command = {command}
port = 7100
"""


@pytest.fixture
def outcome(once: "Callable[[str, Callable[[Site], Done]], Outcome]") -> "Outcome":
    """All services in one run."""

    def run(site: "Site") -> "Done":
        script = site.folder / "no-interpreter.sh"
        script.write_text("#!/no/such/interpreter -x\n")
        script.chmod(0o755)
        manifests = []
        for name, (service, store) in SERVICES.items():
            component = site.service(f"{name}-store", STORE + store)
            command = component.read_text().partition("command = ")[2].partition("\n")[0]
            component.unlink()
            command = command.replace("]", ', "{port}"]') if name != "no-interpreter" else '["./no-interpreter.sh"]'
            path = site.service(
                name, ASKING + service, timeouts={"stop": 0.5, "ready": 1.0 if "opens" in name else 30.0}
            )
            text = path.read_text().replace(f'{site.token}"]\n', f'{site.token}", "{{store.port}}"]\n', 1)
            path.write_text(text + COMPONENT.format(command=command))
            manifests.append(path)
        return site.run(*ONE_CASE, "-n", "2", *manifests)

    return once("components", run)


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_judged(outcome: "Outcome", name: str) -> None:
    """The verdict is about the service; the reason names the component that failed, and no cause is given for that."""
    verdict, words = EXPECTED[name]
    record = outcome.done.records[name]
    assert record.verdict is verdict, record.reason
    assert re.search(words, record.reason), record.reason
    assert record.causes == ()


def test_a_component_starts_first_and_stops_last(outcome: "Outcome") -> None:
    """The store is ready before the service starts, and is stopped after it."""
    record = outcome.done.records["correct"]
    steps = [step.what for step in record.steps if re.match(r"(start|stop) |after .* is ready", step.what)]
    assert [re.sub(r":.*|after \d+ ms ", "", step) for step in steps] == [
        "start component store",
        "component store is ready",
        "start the service",
        "the service is ready",
        "stop the service",
        "stop component store",
    ]


def test_the_output_of_a_component_is_kept_apart(outcome: "Outcome") -> None:
    """It is never in the service's output; it is in the record and in the report if the component failed."""
    records = outcome.done.records
    assert not any("the store listens" in record.log for record in records.values())
    assert records["correct"].component_logs == {}
    assert list(records["dies"].component_logs) == ["store"]
    assert "the store is out of memory" in records["dies"].component_logs["store"]
    assert "the store is out of memory" in outcome.done.report
    assert records["dies"].facts[0].startswith("Component store exited with code 1 by itself")


def test_a_component_that_dies_unnoticed_is_a_step(outcome: "Outcome") -> None:
    """A requirement that is met stays met, and the steps show how the component ended."""
    steps = [step.what for step in outcome.done.records["dies-unnoticed"].steps]
    assert any("component store exited with code 1 by itself" in step for step in steps)
    assert any("stop component store: it had ended by itself" in step for step in steps)


def test_a_component_that_ignores_its_signal_is_killed(outcome: "Outcome") -> None:
    """It has the time that a service has, and is then killed."""
    steps = [step.what for step in outcome.done.records["ignores-sigterm"].steps]
    assert "stop component store: it had to be killed" in steps


def test_the_socket_of_a_component_has_its_name(outcome: "Outcome") -> None:
    """The socket table shows it, also one that is reachable from other hosts, and tells it from the service's."""
    rows = outcome.done.records["exposed"].sockets
    assert {(row.port, row.component) for row in rows} == {(7007, ""), (7100, "store")}
    assert "component store: " in outcome.done.report


def test_nothing_is_left(outcome: "Outcome") -> None:
    """No process of a component outlives the run."""
    assert outcome.left == []
