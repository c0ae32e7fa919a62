"""A real Kafka broker: what is configured right meets what is required, and each mistake is caught by its name."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.manifest import load_manifest
from dualstack.rootfs import find_root
from dualstack.verdict import Verdict
from tests.exam.examined import EVERYTHING
from tests.exam.test_exam import run, table_of
from tests.named.kafka import KAFKA, fetch

pytestmark = pytest.mark.exam

CORRECT = ("kafka", "families")
CLUSTERS = ("three",)
REQUIRED = ("START-001", "META-001", "LISTEN-001", "LISTEN-002", "LISTEN-003", "LISTEN-004")
"""What is required of brokers that are configured right; with DUALSTACK_EXAM=all it is everything that applies."""

CLIENTS = ("kcat",)
OF_CLIENTS = ("CONNECT-001", "CONNECT-002", "CONNECT-003", "CONNECT-008")
"""What is required of clients that list the brokers, of the lab's own one; test_kafka_clients has the real broker."""

MISTAKES = {
    "not-advertised": "META-001",
    "advertises-ipv4": "META-001",
    "advertises-unknown-name": "META-001",
    "controller-ipv4": "LISTEN-002",
    "controller-localhost": "LISTEN-002",
    "both-wildcards": "START-001",
    "ipv4": "SEC-004",
}
"""What catches each mistake."""


@pytest.fixture(scope="module", autouse=True)
def _broker() -> None:
    """Fetch the broker."""
    fetch()


def manifest(name: str) -> Path:
    """Return the path of a manifest."""
    return KAFKA / f"{name}.toml"


def chosen(*requirements: str) -> list[str]:
    """Return the options that choose these requirements."""
    return [word for requirement in requirements for word in ("--requirement", requirement)]


def test_brokers_that_are_configured_right(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Brokers that advertise a name, or an address for each family, break only what their manifests explain."""
    options = [] if EVERYTHING else chosen(*REQUIRED)
    names = (*CORRECT, *CLUSTERS) if EVERYTHING else CORRECT
    records = run(tmp_path, [manifest(name) for name in names], (), *options)
    text, faults = table_of(records)
    record_property("exam", f"exam: kafka\n{text}")
    assert not faults, "\n".join([text, *faults])


def test_mistakes_are_caught(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Each mistake of a configuration is caught by the requirement that is about it, where the manifest says."""
    paths = [manifest(name) for name in MISTAKES]
    records = run(tmp_path, paths, (), "--known-only", *chosen(*sorted(set(MISTAKES.values()))))
    text, faults = table_of(records)
    record_property("exam", f"exam: kafka's mistakes\n{text}")
    assert not faults, "\n".join([text, *faults])
    caught = {(Path(record.manifest).stem, record.requirement) for record in records}
    assert caught >= set(MISTAKES.items())


def test_clients_list_brokers(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """The lab's broker, of protocol = "kafka", is enough for ``kcat -L``, over each family and by name."""
    path = manifest("kcat")
    if find_root(load_manifest(path).service.packages) is None and os.environ.get("CI") != "true":
        pytest.skip(f"no root file system: dualstack rootfs build {path}")
    records = run(tmp_path, [path], (), *chosen(*OF_CLIENTS))
    text, faults = table_of(records)
    record_property("exam", f"exam: kafka's clients\n{text}")
    assert not faults, "\n".join([text, *faults])
    passed = {item.requirement for item in records if item.verdict is Verdict.PASS}
    assert passed == set(OF_CLIENTS)


def test_no_mistake_is_left_out() -> None:
    """Every manifest of the folder is examined, as a right one, a cluster, a client or a mistake."""
    named = {*CORRECT, *CLUSTERS, *CLIENTS, *MISTAKES}
    assert {path.stem for path in KAFKA.glob("*.toml")} == named
