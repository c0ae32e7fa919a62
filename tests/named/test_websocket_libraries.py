"""WebSocket libraries of Node and Python: both ends, TLS, URLs in messages, and Autobahn's cases over each family."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.families import BOTH, Family
from dualstack.lab.protocol import Host, Lab, Program
from dualstack.prober.messages import Launch
from dualstack.prober.messages.naming import WriteHosts
from dualstack.testing import Deadline
from dualstack.verdict import Verdict
from tests.exam.examined import SERVICES
from tests.exam.test_exam import run, table_of

FOLDER = SERVICES / "named" / "websocket"
WHERE = "../../fixtures/services/named/websocket/"
PORT = 7681

LIBRARIES = ("ws", "python-websockets")
RUNNER = ("autobahn",)
SECURE = ("ws-tls", "python-websockets-tls")
ROOMS = ("ws-room-host", "ws-room-plain", "ws-room-ipv4")

OF_LIBRARIES = (
    *("START-001", "LISTEN-001", "LISTEN-002", "LISTEN-003", "LISTEN-004", "LISTEN-005"),
    *("CONNECT-001", "CONNECT-003", "CONNECT-005", "CONNECT-017", "DNS-002", "DNS-003"),
)
OF_SECURE = ("START-001", "LISTEN-001", "CONNECT-001", "CONNECT-003", "CONNECT-015", "CONNECT-017")
OF_ROOMS = ("START-001", "META-001")
OF_RUNNER = ("CONNECT-001", "CONNECT-003", "CONNECT-017")

CASES = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*")
"""Framing, Ping, reserved bits, opcodes, fragments, UTF-8, Close; without limits (9) and compression (12, 13)."""

NAMES = {Family.IPV4: "ipv4.lab.test", Family.IPV6: "ipv6.lab.test"}
"""Names that have an address of one family: kosoku cannot connect to an IPv6 address."""

FINE = {"OK", "NON-STRICT", "INFORMATIONAL"}
"""What may come of a case of Autobahn; the others are FAILED, UNIMPLEMENTED and ERROR."""

FAILING: dict[str, set[str]] = {"ws": set(), "python-websockets": {"7.1.5"}}
"""The cases that fail: in a Close that answers one inside a fragmented message, websockets sends another code."""

SECONDS = 180


def install(kind: str) -> None:
    """Install the libraries into ``build/``; without a package index the tests fail."""
    done = subprocess.run([sys.executable, "../install.py", kind], cwd=FOLDER, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> None:
    """Install the libraries."""
    for kind in ("npm", "python"):
        install(kind)


def examined(
    folder: Path, names: tuple[str, ...], requirements: tuple[str, ...], record_property: Callable[[str, object], None]
) -> dict[tuple[str, str, str, str], Verdict]:
    """Run manifests with some requirements; return the verdicts, none of which is unexpected."""
    chosen = [word for name in requirements for word in ("--requirement", name)]
    records = run(folder, [FOLDER / f"{name}.toml" for name in names], (), *chosen)
    text, faults = table_of(records)
    record_property("exam", f"named: websocket libraries\n{text}")
    assert not faults, "\n".join([text, *faults])
    return {(item.subject, item.element, item.requirement, item.topology): item.verdict for item in records}


def test_libraries(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Servers serve both families; a client that races the families is prompt, and one that tries in turn arrives."""
    found = examined(tmp_path, LIBRARIES, OF_LIBRARIES, record_property)
    for subject in ("ws", "python-websockets"):
        assert found[subject, "websocket", "LISTEN-001", "dual-stack"] is Verdict.PASS
    for subject, client in (("ws", "client"), ("python-websockets", "client"), ("python-websockets", "racing")):
        assert found[subject, client, "DNS-003", "dual-stack"] is Verdict.PASS
    prompt = {key: found["python-websockets", key, "DNS-002", "dual-stack"] for key in ("client", "racing")}
    assert prompt == {"client": Verdict.KNOWN, "racing": Verdict.PASS}


def test_runner(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """The runner kosoku connects to names of both families, and cannot connect to an IPv6 address."""
    found = examined(tmp_path, RUNNER, OF_RUNNER, record_property)
    verdicts = {name: found["autobahn", "client", name, "dual-stack"] for name in ("CONNECT-001", "CONNECT-003")}
    assert verdicts == {"CONNECT-001": Verdict.KNOWN, "CONNECT-003": Verdict.PASS}


def test_over_tls(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """wss: both families are served, and clients verify the address in wss://[2001:db8::1]/ and send no server name."""
    found = examined(tmp_path, SECURE, OF_SECURE, record_property)
    for subject in SECURE:
        assert found[subject, "websocket", "LISTEN-001", "dual-stack"] is Verdict.PASS
        for requirement in ("CONNECT-001", "CONNECT-015"):
            assert found[subject, "client", requirement, "dual-stack"] is Verdict.PASS


def test_urls_in_messages(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """A URL of the server in a message must be usable: one without brackets, or of the other family, is caught."""
    found = examined(tmp_path, ROOMS, OF_ROOMS, record_property)
    verdicts = {name: found[name, "websocket", "META-001", "dual-stack"] for name in ROOMS}
    assert verdicts == dict(zip(ROOMS, (Verdict.PASS, Verdict.KNOWN, Verdict.KNOWN), strict=True))


@pytest.mark.topology("dual-stack")
@pytest.mark.parametrize(
    "server",
    [pytest.param(name, marks=pytest.mark.service(f"{WHERE}{name}.toml")) for name in ("ws", "python-websockets")],
)
def test_autobahn(server: str, lab: Lab, service: Program, record_property: Callable[[str, object], None]) -> None:
    """Of each case of Autobahn's test suite the same comes over IPv4 and IPv6; none fails but those of `FAILING`."""
    peer, plan = lab.hosts["peer"], lab.hosts["service"].plan
    peer.prober.call(WriteHosts("".join(f"{plan.address(family)} {NAMES[family]}\n" for family in BOTH)))
    found = {family: autobahn(peer, family, *CASES) for family in BOTH}
    unlike = [case for case, come in found[Family.IPV4].items() if come != found[Family.IPV6][case] or come not in FINE]
    if unlike:  # cases have time limits of 1 s, which a busy machine may exceed
        found = {family: results | autobahn(peer, family, *unlike) for family, results in found.items()}
    assert len(found[Family.IPV4]) > 200
    assert found[Family.IPV4] == found[Family.IPV6]
    assert {case for case, come in found[Family.IPV4].items() if come not in FINE} == FAILING[server]
    record_property("exam", f"named: websocket, {server}: {len(found[Family.IPV4])} cases of Autobahn over each family")


def autobahn(host: Host, family: Family, *cases: str) -> dict[str, str]:
    """Run cases of Autobahn against the service over a family; return what came of each."""
    command = (sys.executable, "-B", "autobahn.py", f"ws://{NAMES[family]}:{PORT}", *cases)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": "build/python"}
    program = host.start(Launch(command, str(FOLDER), environment, f"/dev/shm/autobahn-{family.number}-{len(cases)}"))  # noqa: S108 - of the lab's host
    ended = program.wait(Deadline(SECONDS, f"the end of {shlex.join(command)}"))
    assert ended.code in (0, 1), f"{ended}\n{program.log().text}"
    line = next(line for line in program.log().text.splitlines() if line.startswith("{"))
    return dict(json.loads(line))
