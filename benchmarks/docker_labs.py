"""The cost of docker labs: against plain calls of the engine's API, against compose, and in a whole run.

Usage: ``python benchmarks/docker_labs.py [LABS] [MATRICES]``. The contestants take turns, every second round in the
opposite order. A ratio compares two turns of one round, and the median over the rounds counts. The first part makes
and removes one IPv6-only lab of three hosts. Our lab is up when every host is ready, and down when its last object is
gone. The others make the same network and the same containers of the same image, which only sleep: their time includes
no readiness check, no choice of prefixes and no attached streams. The second part runs the reference service's whole
matrix, on containers and on network namespaces.
"""

import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.types import IPAMConfig, IPAMPool

from dualstack.addressing import HostPlan, Plan, plan_addresses
from dualstack.content import ROOT
from dualstack.errors import HostCannot
from dualstack.families import Family
from dualstack.lab.docker import containers
from dualstack.lab.docker.backend import DockerBackend, DockerLab
from dualstack.lab.docker.engine import Engine, connect
from dualstack.lab.docker.labels import remove_container, remove_network
from dualstack.lab.docker.networks import make_network
from dualstack.results import read_records
from dualstack.topology import HostSpec, Topology, load_topology

REFERENCE = ROOT / "fixtures" / "services" / "reference" / "echo.toml"
MATRIX_SECONDS = 60

OURS, RAW, COMPOSE = "docker lab", "raw SDK calls", "compose"
TARGETS = {RAW: 1.2, COMPOSE: 1.0}
"""The most time that our lab may take, as a multiple of theirs."""

LABEL = "dualstack-benchmark"
SLEEP = ("sleep", "600")
"""The command of the others' containers: they exit without help if this process is killed."""

Turn = Callable[[], tuple[float, float]]
"""Makes and removes one lab; returns the seconds up and the seconds down."""


def topology_of_three() -> Topology:
    """Return the topology ipv6-only with a third host."""
    topology = load_topology("ipv6-only")
    return topology.model_copy(update={"host": {**topology.host, "third": HostSpec(ipv4=0)}})


@dataclass(frozen=True, slots=True)
class World:
    """What the others make: the objects of one of our labs.

    Attributes:
        engine: The container engine.
        image: The prober's image.
        topology: The topology.
        name: The name of the network and the value of the label.
        plan: The addresses, in prefixes that were free at the start.
    """

    engine: Engine
    image: str
    topology: Topology
    name: str
    plan: Plan

    @property
    def labels(self) -> dict[str, str]:
        """The label of all its objects."""
        return {LABEL: self.name}

    @property
    def subnets(self) -> list[dict[str, str]]:
        """The prefixes, with the bridge's addresses in them."""
        ipv4, ipv6 = self.plan.ipv4, self.plan.ipv6
        return [{"subnet": str(ipv4), "gateway": str(ipv4[-2])}, {"subnet": str(ipv6), "gateway": str(ipv6[0xFFFF])}]

    def endpoint(self, host: HostPlan) -> dict[str, Any]:
        """Return a host's addresses in the form of the engine's API."""
        return {"IPv4Address": host.address(Family.IPV4), "IPv6Address": host.address(Family.IPV6)}

    def container(self, host: HostPlan, network: str) -> containers.Plan:
        """Return what our backend would make of a host."""
        return containers.pause_plan(
            self.engine,
            image=self.image,
            topology=self.topology,
            name=host.name,
            network=network,
            endpoint=self.endpoint(host),
            mac=host.mac,
            labels=self.labels,
        )

    def remove(self) -> None:
        """Remove every object with the label; normally there is none."""
        wanted = {"label": f"{LABEL}={self.name}"}
        for item in self.engine.api.containers(all=True, filters=wanted):
            remove_container(self.engine, item["Id"])
        for item in self.engine.api.networks(filters=wanted):
            remove_network(self.engine, item["Id"])


def prepare_world(backend: DockerBackend) -> World:
    """Return what the others make, in prefixes that our backend found free."""
    topology, name = topology_of_three(), f"{LABEL}-{secrets.token_hex(4)}"
    image = backend.prepare()
    trial = make_network(backend.engine, topology, name, {LABEL: name})
    remove_network(backend.engine, trial.identity)
    return World(backend.engine, image, topology, name, plan_addresses(topology, trial.ipv4, trial.ipv6))


def timed(up: Callable[[], object], down: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that each of the two calls takes."""
    started = time.perf_counter()
    up()
    between = time.perf_counter()
    down()
    return between - started, time.perf_counter() - between


def ours(backend: DockerBackend, topology: Topology) -> Turn:
    """Return a turn of our backend; it waits for the removal, which a run does not do between its cases."""
    made: list[DockerLab] = []

    def down() -> None:
        made.pop().close()
        backend.settle_idle()

    return lambda: timed(lambda: made.append(backend.up(topology)), down)


def raw(world: World, threads: ThreadPoolExecutor) -> Turn:
    """Return a turn that makes the same objects with the fewest calls, the hosts in parallel."""
    api = world.engine.api
    made: list[str] = []

    def start(host: HostPlan) -> str:
        plan = world.container(host, world.name)
        wish = {
            "Image": plan.image,
            "Entrypoint": SLEEP[:1],
            "Cmd": SLEEP[1:],
            "Labels": plan.labels,
            # Without AutoRemove: an explicit removal would have to wait for it.
            "HostConfig": {**plan.host, "LogConfig": {"Type": "none"}, "AutoRemove": False},
            **plan.more,
        }
        identity = str(api.create_container_from_config(wish)["Id"])
        api.start(identity)
        return identity

    def up() -> None:
        pools = [IPAMPool(**subnet) for subnet in world.subnets]
        network = api.create_network(
            world.name,
            driver="bridge",
            options={"com.docker.network.bridge.enable_ip_masquerade": "false"},
            ipam=IPAMConfig(pool_configs=pools),
            internal=True,
            enable_ipv6=True,
            labels=world.labels,
        )
        made[:] = [str(network["Id"])]
        made.extend(threads.map(start, world.plan.hosts.values()))

    def down() -> None:
        network, *hosts = made
        list(threads.map(lambda identity: api.remove_container(identity, force=True, v=True), hosts))
        api.remove_network(network)

    return lambda: timed(up, down)


def compose_command() -> list[str]:
    """Return the command of compose on this machine; empty if it is not installed."""
    for words in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(words[0]):
            asked = subprocess.run([*words, "version"], capture_output=True, text=True, check=False)
            if asked.returncode == 0:
                print(f"{' '.join(words)}: {asked.stdout.splitlines()[0]}")
                return words
    return []


def compose_file(world: World) -> str:
    """Return the same objects as a compose file (JSON is valid YAML)."""
    services = {}
    for host in world.plan.hosts.values():
        plan = world.container(host, world.name)
        services[host.name] = {
            "image": plan.image,
            "entrypoint": SLEEP,
            "hostname": host.name,
            "labels": world.labels,
            "cap_drop": plan.host["CapDrop"],
            "cap_add": plan.host["CapAdd"],
            "security_opt": plan.host["SecurityOpt"],
            "sysctls": plan.host["Sysctls"],
            "ipc": plan.host["IpcMode"],
            "logging": {"driver": "none"},
            "mac_address": host.mac,
            # A process 1 ignores SIGTERM: down would wait for ten seconds.
            "stop_signal": "SIGKILL",
            "networks": {
                "link": {"ipv4_address": host.address(Family.IPV4), "ipv6_address": host.address(Family.IPV6)}
            },
        }
    link = {
        "driver": "bridge",
        "driver_opts": {"com.docker.network.bridge.enable_ip_masquerade": "false"},
        "internal": True,
        "enable_ipv6": True,
        "ipam": {"config": world.subnets},
        "labels": world.labels,
    }
    return json.dumps({"services": services, "networks": {"link": link}})


def compose(world: World, words: list[str], folder: Path) -> Turn:
    """Return a turn of compose with the same objects."""
    path = folder / "compose.json"
    path.write_text(compose_file(world), encoding="utf-8")

    def run(*arguments: str) -> None:
        command = [*words, "-p", world.name, "-f", str(path), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")

    return lambda: timed(lambda: run("up", "-d"), lambda: run("down"))


def load() -> str:
    """Return the load of the machine, to print beside a figure."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def compare_labs(rounds: int) -> None:
    """Time the contestants in turn, and print their times."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        backend = DockerBackend(reuse=False)
        stack.callback(backend.close)
        world = prepare_world(backend)
        stack.callback(world.remove)
        threads = stack.enter_context(ThreadPoolExecutor(len(world.topology.host)))
        turns = {OURS: ours(backend, world.topology), RAW: raw(world, threads)}
        if words := compose_command():
            turns[COMPOSE] = compose(world, words, folder)
        for turn in turns.values():
            turn()
        seconds = play(turns, rounds)
        print(f"IPv6-only lab of 3 hosts, engine {world.engine.version}, {rounds} rounds, {load()}")
        for name in (OURS, RAW, COMPOSE):
            print(f"  {describe(name, seconds)}")


def play(turns: dict[str, Turn], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return each contestant's seconds up and down, for each round; the order alternates."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in turns}
    for number in range(rounds):
        for name in list(turns)[:: -1 if number % 2 else 1]:
            seconds[name].append(turns[name]())
    return seconds


def describe(name: str, seconds: dict[str, list[tuple[float, float]]]) -> str:
    """Return one contestant's line."""
    if name not in seconds:
        return f"{name:14} not installed"
    up, down = (statistics.median(column) for column in zip(*seconds[name], strict=True))
    line = f"{name:14} up {up * 1000:6.0f} ms  down {down * 1000:6.0f} ms"
    if name not in TARGETS:
        return line
    pairs = list(zip(seconds[OURS], seconds[name], strict=True))
    both = statistics.median(sum(one) / sum(other) for one, other in pairs)
    of_up, of_down = (statistics.median(one[side] / other[side] for one, other in pairs) for side in (0, 1))
    verdict = "met" if both <= TARGETS[name] else "MISSED"
    parts = f"up {of_up:.2f}, down {of_down:.2f}"
    return f"{line}  ours / this = {both:.2f} ({parts}; target ≤ {TARGETS[name]}): {verdict}"


def matrix(folder: Path, kind: str) -> tuple[float, Counter[str]]:
    """Verify the reference service on every topology; return the wall seconds and the number of each verdict."""
    command = [sys.executable, "-m", "dualstack", "run", "--lab", kind, "--results", str(folder), str(REFERENCE)]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - began
    if done.returncode not in {0, 1}:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return wall, Counter(item.verdict.value for item in read_records(folder / "latest"))


def compare_matrices(rounds: int) -> None:
    """Print the time of the reference service's matrix on both kinds of labs."""
    walls: dict[str, list[float]] = {"docker": [], "netns": []}
    with tempfile.TemporaryDirectory() as name:
        for _ in range(rounds):
            for kind, column in walls.items():
                wall, verdicts = matrix(Path(name) / kind, kind)
                column.append(wall)
                print(f"  --lab {kind:6} {wall:6.1f} s  {dict(verdicts)}  {load()}")
    wall = statistics.median(walls["docker"])
    ratio = statistics.median(one / other for one, other in zip(*walls.values(), strict=True))
    verdict = "met" if wall <= MATRIX_SECONDS else "MISSED"
    print(f"reference service's matrix on containers: {wall:.1f} s (target ≤ {MATRIX_SECONDS} s): {verdict}")
    print(f"  docker / netns = {ratio:.2f}")


def main(labs: int, matrices: int) -> None:
    """Print both tables."""
    try:
        connect().close()
    except HostCannot as error:
        sys.exit(f"this benchmark needs a container engine: {error}")
    compare_labs(labs)
    compare_matrices(matrices)


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    main(*(numbers + [10, 3][len(numbers) :]))
