"""The servers of relays in worlds that are not about the server: each runs on the service's own host, on loopback."""

from collections.abc import Sequence
from dataclasses import replace

from dualstack.families import BOTH, endpoint
from dualstack.lab.protocol import Host, Lab
from dualstack.manifest import Listen, Relaying, Subject
from dualstack.prober.client import ServerHandle
from dualstack.prober.messages import Serve
from dualstack.protocols.application import ScriptTurn
from dualstack.world.journal import Journal


def serve_relay(host: Host, relaying: Relaying, addresses: Sequence[str]) -> ServerHandle:
    """Start the server of a relay on these addresses of a host."""
    return host.prober.serve(
        Serve(
            addresses=tuple(addresses),
            port=relaying.relay.port,
            transport=relaying.transport,
            protocol=relaying.server_protocol,
            turns=tuple(ScriptTurn(turn.expect, turn.send, turn.close) for turn in relaying.relay.turns),
            proxy=(relaying.relay.sends_proxy,) if relaying.relay.sends_proxy else (),
        )
    )


class Upstreams:
    """The servers of the relays of one service in one lab; they run from the first start of the service on.

    Attributes:
        targets: The address or name of the server of each relay, by the relay's name, as the service is configured.
        addresses: The loopback addresses of the service's host, on which the servers listen.
    """

    def __init__(self, subject: Subject, lab: Lab, journal: Journal) -> None:
        """Prepare; nothing is started.

        Args:
            subject: The service's manifest, with one of its configurations.
            lab: The lab; the servers run on the service's host.
            journal: Where steps are noted.
        """
        self.targets: dict[str, str] = {}
        self._relaying = subject.relaying
        self.addresses = tuple(family.loopback for family in BOTH if family in lab.topology.loopbacks())
        self._host = lab.hosts["service"]
        self._journal = journal
        self._open: dict[str, ServerHandle] = {}

    def start(self) -> None:
        """Start the server of each relay that has no target yet, on the loopback addresses of the service's host.

        The relay is configured with the name ``localhost``, so that it may use either family; if it takes no names,
        with 127.0.0.1 where that exists, else with ::1.
        """
        for item in self._relaying:
            if item.name in self.targets:
                continue
            self.targets[item.name] = "localhost" if item.relay.names else self.addresses[0]
            if item.name not in self._open:
                self._open[item.name] = serve_relay(self._host, item, self.addresses)
                where = " and ".join(endpoint(address, item.relay.port) for address in self.addresses)
                self._journal.note(f"the server of {item.name} listens on {where}, on the service's own host")

    def asked(self, listener: Listen) -> Listen:
        """Return a listener; if its clients name the server, they name the one that its relay has now."""
        asked = listener.tunnel
        own = (self.targets.get(item.name) for item in self._relaying if item.listener.name == listener.name)
        target = next(own, None)
        return listener if asked is None or target is None else listener.through(replace(asked, host=target))

    def stop(self) -> None:
        """Stop the servers."""
        while self._open:
            self._open.popitem()[1].close()
