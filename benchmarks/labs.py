"""Labs of three dual-stack hosts per second (up, ready, down, sustained), compared with other tools.

Usage: ``python benchmarks/labs.py [LABS] [ROUNDS]``. The contestants take turns, so that changes of the machine's load
affect all of them. It prints their rates and the ratios. The raw floor makes the same objects and waits for the same
readiness. A turn ends when the kernel has removed its last namespace, so no turn leaves work for the next.
"""

import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from dualstack.addressing import plan_addresses
from dualstack.families import BOTH
from dualstack.lab.namespaces import enter_namespaces, run_as_first_process
from dualstack.lab.netns import NetnsBackend
from dualstack.prober import libc
from dualstack.topology import HostSpec, Topology

TARGETS = {"raw netlink": 0.7, "ip commands": 2.5, "Mininet": 3.0}

Contestant = Callable[[int], float]
"""Makes a number of labs and returns the seconds that they took."""


def topology_of_three() -> Topology:
    """Return a topology of three dual-stack hosts."""
    hosts = {name: HostSpec() for name in ("service", "peer", "third")}
    return Topology(name="three", title="Three", represents="three", summary="", host=hosts)


def ours(stack: ExitStack) -> Contestant:
    """Return the backend of namespace labs."""
    backend = NetnsBackend()
    stack.callback(backend.close)
    topology = topology_of_three()
    backend.up(topology).close()

    def run(labs: int) -> float:
        started = time.perf_counter()
        for _ in range(labs):
            backend.up(topology).close()
        return time.perf_counter() - started

    return run


def program(stack: ExitStack, *command: str) -> Contestant:
    """Return a program that reads numbers of labs and answers seconds."""
    process = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    orders, answers = process.stdin, process.stdout
    if orders is None or answers is None:
        raise RuntimeError("pipes were asked for")
    stack.callback(orders.close)

    def run(labs: int) -> float:
        orders.write(f"{labs}\n")
        orders.flush()
        return float(answers.readline())

    run(1)
    return run


def serve_ip(_: int) -> None:
    """Make labs with the ip command, one process a step, as a shell script does."""
    libc.mount("none", "/", flags=libc.MS_REC | libc.MS_PRIVATE)
    libc.mount("proc", "/proc", "proc")
    libc.mount("tmpfs", "/run", "tmpfs")
    for line in sys.stdin:
        started = time.perf_counter()
        for _ in range(int(line)):
            ip_lab()
        print(time.perf_counter() - started, flush=True)


def ip(*arguments: str) -> str:
    """Run ip and return its output."""
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


def ip_lab() -> None:
    """Make one lab, wait until its links are up, and delete it."""
    topology = topology_of_three()
    plan = plan_addresses(topology)
    ip("netns", "add", "switch")
    ip("-n", "switch", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
    ip("-n", "switch", "link", "set", "br0", "up")
    for name in topology.host:
        ip("netns", "add", name)
        ip("netns", "exec", name, "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad")
        peer = ("peer", "name", "eth0", "netns", name, "address", plan.hosts[name].mac)
        ip("-n", "switch", "link", "add", name, "type", "veth", *peer)
        ip("-n", "switch", "link", "set", name, "master", "br0", "up")
        ip("-n", name, "link", "set", "lo", "up")
        for family in BOTH:
            address = f"{plan.hosts[name].address(family)}/{plan.prefix_length(family)}"
            ip("-n", name, "addr", "add", address, "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
    for name in topology.host:
        while json.loads(ip("-n", name, "-j", "link", "show", "eth0"))[0]["operstate"] != "UP":
            pass
    for name in ("switch", *topology.host):
        ip("netns", "del", name)


MININET = """\
import sys, time
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
def lab():
    net = Mininet(controller=None, switch=LinuxBridge)
    switch = net.addSwitch("s1")
    for number in (1, 2, 3):
        net.addLink(net.addHost(f"h{number}", ip=f"198.51.100.{number}/24"), switch)
    net.start()
    for number in (1, 2, 3):
        net.get(f"h{number}").cmd(f"ip addr add 2001:db8:51:1::{number}/64 dev h{number}-eth0 nodad")
    net.stop()
for line in sys.stdin:
    started = time.perf_counter()
    for _ in range(int(line)):
        lab()
    print(time.perf_counter() - started, flush=True)
"""


def contestants(stack: ExitStack) -> dict[str, Contestant]:
    """Return the contestants that this machine has."""
    here = Path(__file__)
    found = {
        "namespace lab": ours(stack),
        "raw netlink": program(stack, sys.executable, str(here.with_name("floor.py"))),
    }
    if shutil.which("ip"):
        found["ip commands"] = program(stack, sys.executable, str(here), "ip")
    if importlib.util.find_spec("mininet") and os.geteuid() == 0:
        found["Mininet"] = program(stack, "unshare", "-mn", sys.executable, "-c", MININET)
    return found


def main(labs: int, rounds: int) -> None:
    """Time the contestants in turn, and print the table."""
    with ExitStack() as stack:
        runs = contestants(stack)
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        drain = program(stack, sys.executable, str(Path(__file__).with_name("floor.py")), "drain")
        for _ in range(rounds):
            for name, run in runs.items():
                drain(0)
                seconds[name].append(run(labs // rounds) + drain(0))
    done = labs // rounds * rounds
    rates = {name: done / sum(times) for name, times in seconds.items()}
    print(f"{done} labs of 3 dual-stack hosts each, in {rounds} turns")
    for name, rate in rates.items():
        ratio = rates["namespace lab"] / rate
        target = TARGETS.get(name)
        verdict = (
            ""
            if target is None
            else f"  ours / this = {ratio:.2f} (target {target}): {'met' if ratio >= target else 'MISSED'}"
        )
        median = statistics.median(times * rounds / done * 1000 for times in seconds[name])
        print(f"{name:14} {rate:6.1f} labs/s  median turn {median:6.1f} ms a lab{verdict}")
    for name in TARGETS.keys() - rates.keys():
        print(f"{name:14} not installed")


if __name__ == "__main__":
    if sys.argv[1:] == ["ip"]:
        enter_namespaces()
        run_as_first_process(serve_ip, os.getppid())
    else:
        numbers = [int(argument) for argument in sys.argv[1:]]
        main(*(numbers + [60, 6][len(numbers) :]))
