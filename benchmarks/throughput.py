"""The throughput of what carries packets in a lab, tunnels and translators, as ratios to the kernel's router.

It shows how much of a slow transfer is the lab's: no service behind them is faster than this. Each figure is the
median of several transfers of 5 MiB in each direction. Usage: ``python benchmarks/throughput.py``; exit code 1 if one
of them carries less than a hundredth of what the router carries.
"""

import statistics
import sys

from dualstack.families import Family
from dualstack.lab.functions.translation import prefix_of
from dualstack.lab.netns import NetnsBackend, NetnsLab
from dualstack.lab.proving import prove
from dualstack.prober.messages import Dial, Outcome, Serve
from dualstack.rfc6052 import embed
from dualstack.topology import load_topology
from dualstack.transport import AppProtocol, Transport

PORT, SIZE, TIMES = 7990, 5 << 20, 5
ROUTER, OTHERS = "routed", ("tunnel-6in4", "tunnel-6in4-1280", "nat64-dns64", "nat64-clat")
LEAST = 0.01
"""The smallest ratio of their throughput to the router's."""


def ends(lab: NetnsLab) -> tuple[str, str, str]:
    """Return the client, the server, and the address at which the client reaches it.

    IPv4 hosts do not reach every host behind a translator, so there the service is the client.
    """
    prefix = prefix_of(lab.topology)
    if not prefix:
        return "peer", "service", lab.hosts["service"].plan.address(Family.IPV6)
    address = lab.hosts["peer"].plan.address(Family.IPV4)
    behind_clat = "clat" in lab.topology.host["service"].functions
    return "service", "peer", address if behind_clat else embed(prefix, address)


def throughput(backend: NetnsBackend, name: str) -> float:
    """Return the bits per second of transfers through a lab, both directions counted."""
    lab = backend.up(load_topology(name))
    try:
        prove(lab)
        client, server, address = ends(lab)
        dial = Dial(Family.of(address), address, PORT, protocol=AppProtocol.ECHO, token_size=SIZE, timeout=60)
        listening = tuple(family.wildcard for family in Family)
        with lab.hosts[server].prober.serve(Serve(listening, PORT, Transport.TCP, AppProtocol.ECHO)):
            seconds = []
            for _ in range(TIMES):
                dialled = lab.hosts[client].prober.dial(dial)
                if dialled.outcome is not Outcome.ANSWERED:
                    sys.exit(f"{name}: {dialled.detail}")
                seconds.append(dialled.seconds)
        return 2 * 8 * SIZE / statistics.median(seconds)
    finally:
        lab.close()


def main() -> None:
    """Print the figures."""
    backend = NetnsBackend()
    try:
        router = throughput(backend, ROUTER)
        print(f"{ROUTER}: {router / 1e6:.0f} Mbit/s")
        ratios = []
        for name in OTHERS:
            found = throughput(backend, name)
            ratios.append(found / router)
            print(f"{name}: {found / 1e6:.1f} Mbit/s, {ratios[-1]:.3f} of {ROUTER}")
    finally:
        backend.close()
    if min(ratios) < LEAST:
        sys.exit(f"a process carries less than {LEAST:g} of what the kernel's router carries")


if __name__ == "__main__":
    main()
