"""The interoperability of IPv4 and IPv6 sockets, cell by cell: what the prober reports is what the kernel does.

`data/interoperation.csv` has one line for each transport, server and client: where the server is bound, with which
IPV6_V6ONLY, what the client dials, how that ends, which packets are sent, and what either side sees of the other. It
was measured without the prober. ``service4``, ``peer6`` … stand for addresses.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dualstack.errors import HarnessError
from dualstack.families import Family
from dualstack.lab.protocol import Backend, Lab
from dualstack.prober.client import Prober, ServerHandle
from dualstack.prober.messages import Dial, Dialled, Serve
from dualstack.topology import HostSpec, load_topology
from dualstack.transport import AppProtocol, Transport
from dualstack.wire.attempts import Fate, attempts
from dualstack.wire.capture import Capture
from dualstack.wire.evidence import CaptureData

TABLE = Path(__file__).with_name("data") / "interoperation.csv"
FIRST_PORT = 20000
ANSWERED = "ok"
FATES = {ANSWERED: Fate.ANSWERED, "ECONNREFUSED": Fate.REFUSED}


@dataclass(frozen=True)
class Cell:
    """One line of the table, with the port that is its own; so no packet of it can be taken for another's."""

    row: dict[str, str]
    port: int

    @property
    def transport(self) -> Transport:
        """Its transport."""
        return Transport(self.row["transport"])

    def serve(self, prober: Prober) -> ServerHandle | str:
        """Start the server; return it, or the result that the table has for one that cannot be bound."""
        v6only = self.row["server_v6only"]
        serve = Serve((self.row["server"],), self.port, self.transport, v6only=v6only == "1" if v6only else None)
        try:
            return prober.serve(serve)
        except HarnessError as error:
            return f"bind {str(error).partition(': ')[2].split()[0]}"

    def dial(self) -> Dial:
        """Return what the client does."""
        target, v6only = self.row["target"], self.row["client_v6only"]
        return Dial(
            family=Family.of(target),
            address=target,
            port=self.port,
            transport=self.transport,
            protocol=AppProtocol.ECHO,
            v6only=v6only == "1" if v6only else None,
        )

    def found(self, server: ServerHandle | str, dialled: Dialled, wire: CaptureData) -> dict[str, str]:
        """Return the line of the table that this run makes; every packet to the port is looked at."""
        seen = attempts(wire, self.port, self.transport)
        if isinstance(server, str):
            return self.row | {"result": server}
        clients = server.accepted()
        result = dialled.errno or ANSWERED
        if {attempt.fate for attempt in seen} != ({FATES[result]} if result in FATES else set()):
            result += f", but the packets say: {', '.join(map(str, seen)) or 'nothing was sent'}"
        return self.row | {
            "result": result,
            "wire": "+".join(sorted({attempt.family.label for attempt in seen})),
            "client": "" if dialled.errno else dialled.source,
            "peer": "+".join(client.peer for client in clients),
            "local": "+".join(client.address for client in clients),
        }


def cells(lab: Lab) -> Iterator[Cell]:
    """Yield the table's lines with this lab's addresses."""
    names = {
        f"{name}{family.number}": host.plan.address(family) for name, host in lab.hosts.items() for family in Family
    }
    with TABLE.open(encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file)):
            for name, address in names.items():
                row |= {key: text.replace(name, address) for key, text in row.items()}
            yield Cell(row, FIRST_PORT + number)


@pytest.fixture
def lab(backend: Backend) -> Iterator[Lab]:
    """Make two dual-stack hosts with one address of each family: there is one that a client can have."""
    world = load_topology("dual-stack")
    made = backend.up(world.model_copy(update={"host": dict.fromkeys(world.host, HostSpec())}))
    yield made
    made.close()


def test_every_cell(lab: Lab, wire: Capture) -> None:
    """U1 to U4: each of the 80 cells ends as it should, by its errno, by its packets and by the peer that is seen."""
    table = list(cells(lab))
    assert len(table) == 80
    servers = [cell.serve(lab.hosts["service"].prober) for cell in table]
    dialled = lab.hosts["peer"].prober.dial_all([cell.dial() for cell in table])
    recorded = wire.stop()
    recorded.require_live(Family)
    differ = []
    for cell, server, how in zip(table, servers, dialled, strict=True):
        found = cell.found(server, how, recorded)
        if cell.transport is Transport.UDP:  # the prober's server does not ask for a datagram's local address
            found["local"] = cell.row["local"]
        differ += [f"expected {cell.row}\n   found {found}"] if found != cell.row else []
    assert not differ, "\n".join(differ)
