"""gRPC in C++, Go, Python and JavaScript: every form of a listen address, clients by family, and streams."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from dualstack.build import build
from dualstack.families import BOTH, Family, endpoint
from dualstack.lab.protocol import Backend, Host, Lab, Program
from dualstack.manifest import Subject, load_manifest, subjects_of
from dualstack.results import Record
from dualstack.rootfs import find_root
from dualstack.service import SCRATCH, launch_connector, launch_service, readiness_of
from dualstack.testing import Deadline
from dualstack.verdict import Verdict
from tests.exam.examined import SERVICES
from tests.exam.test_exam import run, table_of

FOLDER = SERVICES / "named" / "grpc"
SERVERS = (
    "cpp-server",
    "cpp-exclusive",
    "cpp-unbracketed",
    "cpp-tls",
    "python-server",
    "python-split",
    "node-server",
    "node-authority",
    "go-server",
    "go-tls",
)
CLIENTS = ("cpp-client", "cpp-tls", "python-client", "node-client", "go-client", "go-tls", "curl")
OF_SERVERS = (
    "START-001",
    "LISTEN-001",
    "LISTEN-002",
    "LISTEN-004",
    "LISTEN-005",
    "LISTEN-008",
    "LISTEN-011",
    "INTEROP-001",
    "INTEROP-002",
    "SEC-004",
    "SEC-009",
)
OF_CLIENTS = ("START-001", "CONNECT-001", "CONNECT-003", "CONNECT-015", "CONNECT-017", "DNS-002")

CAUSES = {
    ("grpc-cpp/any", "SEC-009"): "RC-REUSEPORT",
    ("grpc-cpp-exclusive", "LISTEN-008"): "RC-DOUBLEBIND",
    ("grpc-cpp-unbracketed", "LISTEN-011"): "RC-SPLIT",
    ("grpc-python-split", "INTEROP-002"): "RC-SPLIT",
    ("grpc-go/ipv4", "SEC-004"): "RC-EXPOSE",
    ("grpc-go/any", "LISTEN-002"): "RC-V4SOCK",
}
"""The first cause of failures that show a property of gRPC."""

SECONDS = 60

STREAMING = {"python-server": "python", "node-server": "node", "go-server": "go", "cpp-server": "cpp"}
"""Servers, and the language of each; its client's manifest is LANGUAGE-client."""

TOPOLOGY = """\
title = "Dual-stack, no ::1"
represents = "a dual-stack host whose loopback interface has no IPv6 address"
summary = "As dual-stack, but the service's host has no ::1 on lo."

[host.service]
ipv4 = 1
ipv6 = 1
ipv6_loopback = false

[host.peer]
ipv4 = 2
ipv6 = 2
"""

SUITE = '''\
"""A host without ::1."""

from dualstack.testing import Level, ListenerWorld, Need, Requirement, Role


@Requirement(
    id="LOOPBACK-001",
    title="Clients of both families are served on a host without ::1",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service for both families serves clients of both, also if its own host has no IPv6 loopback address.",
    stimulus="Start the service on a dual-stack host without ::1 and dial it over both families.",
    wire="Each connection is answered.",
    cites=("RFC 4291 \u00a72.5.3",),
    topologies=("no-ipv6-loopback",),
    causes=("RC-V4SOCK",),
    needs=(Need.TCP, Need.NETWORK),
).attach
def test_without_loopback(world: ListenerWorld) -> None:
    """A client of each family is answered."""
    world.service.start()
    for family in world.families:
        world.answers(family, world.addresses(family)[0])
'''


@cache
def go_problem() -> str:
    """Build the programs in Go; return why that is not possible, or an empty text."""
    command = load_manifest(FOLDER / "go-server.toml").service.build[0]
    if shutil.which("go") is None:
        return "go is missing: install Go 1.26 or newer"
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"{' '.join(command)}: {done.stdout}{done.stderr}"


def is_runnable(path: Path) -> bool:
    """Return whether the root file system of a manifest exists, and its programs in Go can be built."""
    needs = load_manifest(path).service.packages
    return find_root(needs) is not None if needs else not path.name.startswith("go-") or not go_problem()


def runnable(names: tuple[str, ...]) -> list[Path]:
    """Return the manifests of these names that can run here; in CI all must."""
    found = [FOLDER / f"{name}.toml" for name in names]
    missing = [path for path in found if not is_runnable(path)]
    if os.environ.get("CI") == "true":
        assert not go_problem()
        assert not missing, f"dualstack rootfs build {' '.join(map(str, missing))}"
    if missing == found:
        pytest.skip(
            "no root file system with gRPC: dualstack rootfs build fixtures/services/named/grpc/cpp-server.toml"
        )
    return [path for path in found if path not in missing]


def examined(folder: Path, names: tuple[str, ...], requirements: tuple[str, ...]) -> tuple[list[Record], str]:
    """Run manifests with some requirements; return the records and their table, which has no fault."""
    chosen = [word for name in requirements for word in ("--requirement", name)]
    records = run(folder, runnable(names), (), *chosen)
    text, faults = table_of(records)
    assert not faults, "\n".join([text, *faults])
    return records, text


@pytest.mark.exam
def test_servers(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """M60-M63: [::] serves both families in every build; other forms do what their manifest says."""
    records, text = examined(tmp_path, SERVERS, OF_SERVERS)
    record_property("exam", f"exam: servers of gRPC\n{text}")
    passed = {(item.subject, item.requirement) for item in records if item.verdict is Verdict.PASS}
    ran = {item.subject for item in records}
    both = {"grpc-cpp/any", "grpc-cpp-tls", "grpc-python", "grpc-python-split", "grpc-js", "grpc-go/any", "grpc-go-tls"}
    right = {(name, requirement) for name in both & ran for requirement in ("LISTEN-001", "LISTEN-005")}
    if "grpc-cpp/any" in ran:
        right |= {("grpc-cpp/any", "LISTEN-008")}  # two sockets with SO_REUSEPORT share the port
    assert passed >= right
    known = {(item.subject, item.requirement): item.causes[:1] for item in records if item.verdict is Verdict.KNOWN}
    wanted = {key: (cause,) for key, cause in CAUSES.items() if key[0] in ran}
    assert {key: known.get(key) for key in wanted} == wanted


@pytest.mark.exam
def test_clients(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Clients send :authority with brackets; those that race the families have a measured attempt delay."""
    records, text = examined(tmp_path, CLIENTS, OF_CLIENTS)
    delays = {
        item.subject: measure.value
        for item in records
        for measure in item.measures
        if item.requirement == "DNS-002" and measure.name == "attempt delay"
    }
    record_property("exam", f"exam: clients of gRPC\n{text}\n{json.dumps(delays)}")
    ran = {item.subject for item in records}
    assert ran & {"grpc-python-client", "grpc-js-client", "grpc-go-client"} <= delays.keys()
    heads = [item for item in records if item.requirement == "CONNECT-017"]
    assert {item.verdict for item in heads} == {Verdict.PASS}, [(item.case, item.reason) for item in heads]
    assert {item.subject for item in heads} >= ran & {
        "curl-http2",
        "grpc-js-client",
        "grpc-python-client",
        "grpc-go-client",
    }


@pytest.fixture(scope="module")
def streaming(backend: Backend) -> dict[str, Subject]:
    """Return the servers and clients of `STREAMING` that can run here, built, by the names of their manifests."""
    found = runnable(tuple(STREAMING))
    clients = [path.with_name(f"{STREAMING[path.stem]}-client.toml") for path in found]
    subjects = {path.stem: subjects_of(path)[0] for path in (*found, *clients)}
    for subject in subjects.values():
        build(subject, backend)
    return subjects


@pytest.mark.exam
def test_streams(streaming: dict[str, Subject], lab: Lab) -> None:
    """The client of each language gets the one answer and the stream of three of each server, over both families."""
    service, peer = lab.hosts["service"], lab.hosts["peer"]
    for name in (name for name in streaming if name in STREAMING):
        server = service.start(launch_service(streaming[name], SCRATCH, af_inet6=True))
        ready = server.wait_ready(readiness_of(streaming[name]))
        assert ready.ready, f"{name}: {ready.detail}\n{server.log().text}"
        started = {
            (client, family): call(peer, streaming[client], service.plan.address(family))
            for client in streaming
            if client not in STREAMING
            for family in BOTH
        }
        for (client, family), program in started.items():
            ended = program.wait(Deadline(SECONDS, f"the end of {client}"))
            said = f"{client} of {name} over {family.label}: {ended}\n{program.log().text}"
            assert ended.code == 0, said
            assert "3 answers of a stream" in program.log().text, said
        server.stop("SIGTERM", Deadline(SECONDS, f"{name} to stop"))


def call(host: Host, client: Subject, address: str) -> Program:
    """Start a client on a host, for the service at an address."""
    (connector, *_) = client.manifest.connect
    scratch = f"{SCRATCH}-{client.name}-{Family.of(address).number}"
    target = endpoint(address, connector.port)
    return host.start(launch_connector(client, connector, scratch, host=address, target=target, af_inet6=True))


@pytest.mark.exam
def test_a_host_without_ipv6_loopback(tmp_path: Path) -> None:
    """Where ::1 cannot be bound, gRPC's C++ library listens on [::] with an IPv4 socket alone, and reports success."""
    suites = tmp_path / "no_loopback"
    (suites / "topologies").mkdir(parents=True)
    (suites / "topologies" / "no-ipv6-loopback.toml").write_text(TOPOLOGY, encoding="utf-8")
    (suites / "loopback").mkdir()
    (suites / "loopback" / "test_without_loopback.py").write_text(SUITE, encoding="utf-8")
    (suites / "__init__.py").write_text('"""Hosts without ::1."""\n', encoding="utf-8")
    manifests = runnable(("cpp-server", "node-server"))
    options = ("--configuration", "any", "--suites", str(suites), "--requirement", "LOOPBACK-001")
    records = {item.subject: item for item in run(tmp_path / "cpp", manifests[:1], (), *options)}
    cpp = records["grpc-cpp/any"]
    assert cpp.verdict is Verdict.FAIL
    assert "refused: ECONNREFUSED" in cpp.reason
    assert cpp.causes[0] == "RC-V4SOCK"
    (node,) = run(tmp_path / "js", manifests[1:], (), *options[2:])
    assert node.verdict is Verdict.PASS
