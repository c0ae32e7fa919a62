"""Services that do not start: one failure each, with what they say of it, and everything else blocked at no cost."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from dualstack.results import Record, read_records
from dualstack.verdict import Verdict

if TYPE_CHECKING:
    from tests.faults.conftest import Done, Outcome, Site

SECOND = '[[listen]]\nname = "admin"\nport = 7008\nprotocol = "echo"\n'
KNOWN = '[[known]]\nrequirement = ["LISTEN-001", "LISTEN-002"]\nreason = "it does not serve IPv6 clients"\n'
DECLARED = '[[known]]\nrequirement = "START-001"\nreason = "it needs what no lab has"\n'
EXEMPT = '[[exemption]]\nrequirement = "START-001"\nreason = "it starts on IPv6-only hosts alone"\n'

CRASH = 'raise LookupError("no database")'

LISTENERS = {
    "correct": ("serve(bound())", ""),
    "crashes": (CRASH, KNOWN),
    "declared": (CRASH, DECLARED),
    "exempt": (CRASH, EXEMPT),
    "ends-soon": ("server = bound()\nsay('the licence has expired')\nthreading.Event().wait(0.05)\nos._exit(7)", ""),
    "half": ("serve(bound())", SECOND),
    "hangs": ("say('ERROR: the database does not answer')\nsignal.pause()", ""),
    "elsewhere": (
        "server = socket.create_server(('', 7009))\nsay('up')\nsignal.pause()",
        "",
    ),
}
"""Programs of services, with what their manifests say besides."""

TIMEOUTS = {"half": 0.6, "hangs": 0.6, "elsewhere": 0.6}

CLIENT = """\
import socket, sys
host, port = sys.argv[1], int(sys.argv[2])
{fault}
with socket.create_connection((host, port), 5) as client:
    client.sendall(b"hello")
    assert client.recv(5) == b"hello"
"""

CLIENTS = {
    "good": "",
    "ipv4-literals": 'assert ":" not in host, "this is no address"',
    "wrong-port": "port = 9",
    "broken": 'sys.exit("unknown option --to")',
}
"""Clients, by what is wrong with them."""

SAYS = {
    "crashes": 'it exited with code 1 after {time}; its output says: "LookupError: no database"',
    "declared": "it exited with code 1 after {time}",
    "ends-soon": 'it exited with code 7 {time}; its output says: "the licence has expired"',
    "half": "TCP port 7008 is still closed after {time}",
    "hangs": "it is still not listening on TCP port 7007 after {time}; its output says: "
    '"ERROR: the database does not answer"',
    "elsewhere": "it is still not listening on TCP port 7007 after {time}; it listens on TCP port 7009 instead",
    "clients": 'it exited with code 1; its output says: "unknown option --to"',
}
"""What is said of each service that does not start, or only in part."""


def clients(site: "Site") -> str:
    """Write the clients; return their manifest's text."""
    text = 'schema = 1\n[service]\nname = "clients"\n'
    for name, fault in CLIENTS.items():
        script = site.folder / f"{name}.client.py"
        script.write_text(CLIENT.format(fault=fault), encoding="utf-8")
        command = json.dumps(["{python}", "-I", "-S", str(script), "{host}", "{port}"])
        text += f'[[connect]]\nname = "{name}"\ncommand = {command}\n'
    return text


def run(site: "Site", *arguments: str) -> "Done":
    """Run all of the services."""
    manifests = []
    for name, (code, more) in LISTENERS.items():
        path = site.service(name, code, timeouts={"ready": TIMEOUTS.get(name, 30.0)})
        path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
        manifests.append(path)
    manifests.append(site.manifest("clients", clients(site)))
    return site.run(*arguments, *manifests)


@pytest.fixture
def whole(once: "Callable[[str, Callable[[Site], Done]], Outcome]") -> "Outcome":
    """A run in which START-001 has a case of each service, by two processes."""
    chosen = ("START", "LISTEN-001", "LISTEN-002", "LISTEN-009", "CONNECT-001", "CONNECT-002")
    return once(
        "starts", lambda site: run(site, "-n", "2", *(word for item in chosen for word in ("--requirement", item)))
    )


@pytest.fixture
def lazy(once: "Callable[[str, Callable[[Site], Done]], Outcome]") -> "Outcome":
    """A run without START-001, by one process."""
    chosen = ("LISTEN-001", "LISTEN-009", "CONNECT-001")
    words = [word for item in chosen for word in ("--requirement", item)]
    return once("lazy", lambda site: run(site, "-n", "2", "--topology", "dual-stack", *words))


def of(outcome: "Outcome", subject: str) -> dict[str, Record]:
    """Return the records of a service, by what follows its name in their ids."""
    records = read_records(outcome.done.folder)
    return {item.case.replace(f":{subject}:", ":"): item for item in records if item.subject == subject}


@pytest.mark.parametrize("name", SAYS)
def test_one_failure_says_why(whole: "Outcome", name: str) -> None:
    """The failure names how it ended or what it waited for, what the output says, the command, and what to check."""
    record = of(whole, name)["START-001:service@dual-stack"]
    assert record.verdict is (Verdict.KNOWN if name == "declared" else Verdict.FAIL)
    (failed,) = [finding for finding in record.findings if not finding.ok]
    before, _, after = SAYS[name].partition("{time}")
    assert failed.happened.startswith(before)
    assert after in failed.happened
    assert "; check the manifest or the command first: " in failed.happened
    assert record.causes == ()


@pytest.mark.parametrize("name", ["crashes", "declared", "ends-soon", "hangs", "elsewhere"])
def test_every_other_case_is_blocked(whole: "Outcome", name: str) -> None:
    """Nothing is made for them, known ones among them; no cause is named, and the reason is that of the failure."""
    others = [item for item in of(whole, name).values() if item.requirement != "START-001"]
    applying = [item for item in others if item.verdict is not Verdict.NOT_APPLICABLE]
    assert len(applying) >= 4
    for record in applying:
        assert record.verdict is Verdict.BLOCKED, record
        assert record.reason.startswith("the service does not start (START-001): it ")
        assert (record.causes, record.steps, record.seconds) == ((), (), 0.0)


def test_a_part_that_does_not_start_blocks_itself(whole: "Outcome") -> None:
    """A closed port blocks the cases of its listener, a client that does nothing its own; the others are judged."""
    half, clients = of(whole, "half"), of(whole, "clients")
    assert half["LISTEN-001:admin@dual-stack"].reason.startswith("admin does not start (START-001): TCP port 7008 is")
    assert half["LISTEN-001:echo@dual-stack"].verdict is Verdict.PASS
    assert clients["CONNECT-001:broken@dual-stack"].verdict is Verdict.BLOCKED
    assert clients["CONNECT-001:good@dual-stack"].verdict is Verdict.PASS


@pytest.mark.parametrize("name", ["ipv4-literals", "wrong-port"])
def test_a_client_that_does_anything_starts(whole: "Outcome", name: str) -> None:
    """One that refuses IPv6 literals alone, or sends its packets elsewhere, fails by what it does wrong."""
    record = of(whole, "clients")[f"CONNECT-001:{name}@dual-stack"]
    assert record.verdict is Verdict.FAIL
    assert record.facts


def test_a_correct_service_starts(whole: "Outcome") -> None:
    """It passes START-001, and all of its cases are judged."""
    records = of(whole, "correct")
    assert records["START-001:service@dual-stack"].verdict is Verdict.PASS
    assert records["LISTEN-001:echo@dual-stack"].verdict is Verdict.PASS


@pytest.mark.parametrize("outcome", ["whole", "lazy"])
def test_an_exception_is_respected(outcome: str, request: pytest.FixtureRequest) -> None:
    """Where the manifest says that START-001 is not for a service, its cases are judged as ever."""
    found: Outcome = request.getfixturevalue(outcome)
    assert of(found, "exempt")["LISTEN-001:echo@dual-stack"].verdict is Verdict.FAIL


def test_the_run_says_so(whole: "Outcome") -> None:
    """The exit code is 1, and the closing sentence names how many do not start."""
    assert whole.done.code == 1
    said = "4 of 9 services do not start: check the manifest or the command first. 3 more do not behave as required."
    assert said in " ".join(whole.done.out.split())
    assert whole.left == []


def test_without_start_001_it_is_found_out_when_a_case_needs_it(lazy: "Outcome") -> None:
    """No case is added; one whose service never became ready is blocked where it starts nowhere, however it ended."""
    assert lazy.done.code == 1
    assert not [item for item in read_records(lazy.done.folder) if item.requirement == "START-001"]
    for name in ("crashes", "hangs", "elsewhere", "declared"):
        records = of(lazy, name).values()
        assert [item.verdict for item in records] == [Verdict.BLOCKED] * 2, name
        assert all(item.reason.startswith("the service does not start (START-001): it ") for item in records)
        assert all(item.causes == () for item in records)
    assert of(lazy, "clients")["CONNECT-001:broken@dual-stack"].verdict is Verdict.BLOCKED
    assert of(lazy, "clients")["CONNECT-001:wrong-port@dual-stack"].verdict is Verdict.FAIL
    assert of(lazy, "correct")["LISTEN-001:echo@dual-stack"].verdict is Verdict.PASS


def test_what_is_declared_is_as_expected(site: "Site") -> None:
    """A service whose manifest declares that it does not start ends a run with 0: its other cases are blocked."""
    path = site.service("declared", CRASH)
    path.write_text(path.read_text(encoding="utf-8") + DECLARED, encoding="utf-8")
    done = site.run("-n", "1", "--requirement", "START", "--requirement", "LISTEN-001", path)
    assert done.code == 0, done.out
    assert "Nothing unexpected: the service has known issues." in done.out


def test_a_run_in_which_nothing_applies_is_no_success(site: "Site") -> None:
    """It says that nothing was verified, and ends with 2."""
    done = site.run("-n", "1", "--requirement", "UDP-001", site.service("correct", "serve(bound())"))
    assert done.code == 2, done.out
    assert "Nothing was verified: none of 1 case applies (1 service)." in done.out
    assert done.about["exit_code"] == 2
