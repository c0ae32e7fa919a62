"""Real clients produce to a real broker of Kafka and consume from it, over each family and without IPv4."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dualstack.families import Family, endpoint
from dualstack.lab.protocol import Host, Lab, Program
from dualstack.manifest import load_manifest, subjects_of
from dualstack.prober.messages import Launch
from dualstack.rootfs import cache_folder, find_root
from dualstack.service import SCRATCH, environment_of, launch_service, readiness_of
from dualstack.testing import AppProtocol, Deadline, Dial, Outcome
from tests.exam.examined import EVERYTHING
from tests.named.kafka import KAFKA, fetch

pytestmark = pytest.mark.exam

FAMILIES = "../../fixtures/services/named/kafka/families.toml"
THREE = "../../fixtures/services/named/kafka/three.toml"
PORT = 9092
PORTS = (9092, 9192, 9292)
"""The ports of the three brokers."""

SECONDS = 180
LIVE = ("kafka-python", "aiokafka", "confluent-kafka")
"""The clients that continue after a restart of the broker."""

STEPS = ("create", "produce", "consume")


@pytest.fixture(scope="module")
def libraries() -> Path:
    """Install the libraries of the clients into the cache folder, once for each machine; return their folder."""
    fetch()
    wanted = KAFKA / "clients.txt"
    name = hashlib.sha256(wanted.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = cache_folder() / "named" / f"kafka-clients-{name}"
    if not (folder / "complete").exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(folder)]
        done = subprocess.run([*command, "-r", str(wanted)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        (folder / "complete").touch()
    return folder


@pytest.fixture
def environment(libraries: Path) -> dict[str, str]:
    """Return the environment variables of a client."""
    return {"PATH": os.environ["PATH"], "HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONPATH": str(libraries)}  # noqa: S108


@pytest.fixture(scope="module")
def kcat() -> str:
    """Return the root file system that has kcat; empty without one, but not in CI."""
    root = find_root(load_manifest(KAFKA / "kcat.toml").service.packages)
    assert root is not None or os.environ.get("CI") != "true", f"dualstack rootfs build {KAFKA / 'kcat.toml'}"
    return "" if root is None else str(root)


def start(host: Host, environment: dict[str, str], *words: str) -> Program:
    """Start the program of the clients on a host."""
    command = (sys.executable, "-B", "clients.py", *words)
    folders = (environment["PYTHONPATH"],)
    scratch = f"/dev/shm/{'-'.join((words[0], *words[2:]))}"  # noqa: S108 - of the lab's host
    return host.start(Launch(command, str(KAFKA), environment, scratch, folders=folders))


def work(host: Host, environment: dict[str, str], *clients: tuple[str, ...]) -> None:
    """Require that clients do their steps, all at the same time; each is given as its words."""
    started = {words: start(host, environment, *words) for words in clients}
    for words, program in started.items():
        require_success(program, " ".join(words))


def require_success(program: Program, name: str) -> str:
    """Require that a program ends with success; return its output."""
    ended = program.wait(Deadline(SECONDS, f"the end of {name}"))
    text = program.log().text
    assert ended.code == 0, f"{name}: {ended}\n{text}"
    return text


def kcat_works(host: Host, root: str, bootstrap: str, topic: str, *options: str) -> None:
    """Require that kcat lists the broker, and that the messages that it produces come back to it, in a group."""
    if not root:
        return
    wanted = "".join(f"{number}\n" for number in range(10))
    own = ["-b", bootstrap, *(word for option in options for word in ("-X", option))]
    group = ["-q", "-X", "auto.offset.reset=earliest", "-c", "10", "-G", f"{topic}-consuming", topic]
    for step, words in {"list": ["-L"], "produce": ["-P", "-t", topic], "consume": group}.items():
        scratch = f"/dev/shm/kcat-{topic}-{step}"  # noqa: S108 - of the lab's host
        command, given = ("kcat", *own, *words), wanted if step == "produce" else ""
        program = host.start(
            Launch(command, str(KAFKA), environment_of(root, scratch), scratch, root=root, input=given)
        )
        text = require_success(program, " ".join(command))
        assert "1 brokers:" in text or step != "list", text
        assert sorted(text.split()) == wanted.split() or step != "consume", text


@contextmanager
def following(host: Host, environment: dict[str, str], *words: str) -> Iterator[Program]:
    """Start a client that shows each message."""
    program = start(host, environment, *words, "follow")
    yield program
    program.stop("SIGKILL", Deadline(10, "the end of a client"))


def restarted(service: Program, lab: Lab) -> Program:
    """Stop the broker and start it again with its data."""
    subject, host = subjects_of(KAFKA / "families.toml")[0], lab.hosts["service"]
    service.stop("SIGTERM", Deadline(60, "the broker to stop"))
    program = host.start(launch_service(subject, SCRATCH, af_inet6=True))
    ready = program.wait_ready(readiness_of(subject))
    assert ready.ready, f"{ready.detail}\n{program.log().text}"
    return program


@pytest.mark.topology("dual-stack")
@pytest.mark.service(FAMILIES)
def test_each_family(libraries: Path, environment: dict[str, str], kcat: str, lab: Lab, service: Program) -> None:
    """Clients that know one address of the broker, IPv4 or IPv6, create a topic, produce, consume and rebalance.

    A client that keeps to one family works over this family, and gets no answer from an address of the other one.
    """
    peer, plan = lab.hosts["peer"], lab.hosts["service"].plan
    ipv4, ipv6 = (endpoint(plan.address(family), PORT) for family in (Family.IPV4, Family.IPV6))
    work(
        peer,
        environment,
        *(
            (library, bootstrap, f"{library}-{name}", *STEPS)
            for library in ("kafka-python", "aiokafka", "java")
            for name, bootstrap in (("ipv4", ipv4), ("ipv6", ipv6))
        ),
        ("confluent-kafka-v4", ipv4, "confluent-4", *STEPS),
        ("confluent-kafka-v6", ipv6, "confluent-6", *STEPS),
    )
    for family, bootstrap in (("v4", ipv4), ("v6", ipv6)):
        kcat_works(peer, kcat, bootstrap, f"kcat-{family}", f"broker.address.family={family}")
    work(
        peer,
        environment,
        ("kafka-python", ipv6, "kafka-python-ipv6", "rebalance"),
        ("aiokafka", ipv6, "aiokafka-ipv6", "rebalance"),
        ("confluent-kafka", ipv6, "confluent-6", "rebalance"),
    )


@pytest.mark.topology("ipv6-only-strict")
@pytest.mark.service(FAMILIES)
def test_without_ipv4(libraries: Path, environment: dict[str, str], kcat: str, lab: Lab, service: Program) -> None:
    """On hosts without IPv4 clients produce and consume; after a restart of the broker they continue."""
    peer, plan = lab.hosts["peer"], lab.hosts["service"].plan
    bootstrap = endpoint(plan.address(Family.IPV6), PORT)
    work(peer, environment, *((library, bootstrap, library, *STEPS) for library in (*LIVE, "java")))
    kcat_works(peer, kcat, bootstrap, "kcat")
    with ExitStack() as stack:
        programs = {
            library: stack.enter_context(following(peer, environment, library, bootstrap, library)) for library in LIVE
        }
        for program in programs.values():
            assert program.wait_log("^message 10$", Deadline(SECONDS, "messages")), program.log().text
        service = restarted(service, lab)
        work(peer, environment, *((library, bootstrap, library, "produce") for library in LIVE))
        for program in programs.values():
            assert program.wait_log("^message 20$", Deadline(SECONDS, "messages")), program.log().text
    service.stop("SIGTERM", Deadline(60, "the broker to stop"))


@pytest.mark.topology("ipv6-only-strict")
@pytest.mark.service(THREE)
def test_three_brokers_without_ipv4(libraries: Path, environment: dict[str, str], lab: Lab, service: Program) -> None:
    """Three brokers elect a controller, replicate and serve clients on a host without IPv4, and each names all three.

    A topic has a replica on each broker, and a message is acknowledged when all have it.
    """
    peer, plan = lab.hosts["peer"], lab.hosts["service"].plan
    bootstrap = endpoint(plan.address(Family.IPV6), PORT)
    chosen = LIVE if EVERYTHING else LIVE[-1:]
    steps = (*STEPS, "rebalance") if EVERYTHING else STEPS
    work(peer, environment, *((library, bootstrap, library, *steps) for library in chosen))
    for port in PORTS:
        address = plan.address(Family.IPV6)
        dialled = peer.prober.dial(Dial(Family.IPV6, address, port, protocol=AppProtocol.KAFKA, timeout=SECONDS))
        assert dialled.outcome is Outcome.ANSWERED, dialled.detail
        named = [f"host {address!r} port {other}" for other in PORTS]
        assert all(broker in dialled.detail for broker in named), dialled.detail
