"""Servers on a lab's host: for a connector, for names, and canaries."""

from collections.abc import Iterator, Sequence

from dualstack.authority import issue
from dualstack.families import BOTH, Family
from dualstack.lab.protocol import Host
from dualstack.manifest import Connect
from dualstack.prober.client import NameServerHandle, ServerHandle
from dualstack.prober.messages import Accepted, Dial, Names, Serve
from dualstack.prober.names import query_name
from dualstack.protocols.application import ScriptTurn
from dualstack.transport import AppProtocol, Transport

_WITNESS_TIMEOUT = 2.0
"""Seconds that one dial of a canary may take."""


def serve_connector(host: Host, connector: Connect, addresses: tuple[str, ...]) -> ServerHandle:
    """Start the server that a connector expects, on these addresses of a host."""
    return host.prober.serve(
        Serve(
            addresses=addresses,
            port=connector.port,
            transport=connector.transport,
            protocol=connector.protocol,
            turns=tuple(ScriptTurn(turn.expect, turn.send, turn.close) for turn in connector.turns),
            tls=issue(addresses) if connector.tls is not None else None,
        )
    )


def serve_names(host: Host) -> NameServerHandle:
    """Start a name server on the first address of each family; A and AAAA records are the host's planned addresses."""
    plan = host.plan
    listen = tuple(address for family in BOTH for address in plan.configured[family][:1])
    return host.prober.names(Names(listen, a=(plan.address(Family.IPV4),), aaaa=(plan.address(Family.IPV6),)))


def targets_of(connector: Connect, host: Host) -> Iterator[str]:
    """Yield a target on a host of each kind that a connector takes: it may take literals of one family only."""
    if connector.names:
        yield query_name(a="ok", aaaa="ok")
    if connector.literals:
        yield from (host.plan.address(family) for family in BOTH)


class Canary:
    """An HTTP server that a service contacts only if a client has made it fetch from there."""

    def __init__(self, host: Host, addresses: tuple[str, ...], port: int) -> None:
        """Start it on these addresses of a host."""
        self._port = port
        self._serving: ServerHandle = host.prober.serve(Serve(addresses, port, Transport.TCP, AppProtocol.HTTP))
        self._seen = 0

    def close(self) -> None:
        """Stop it."""
        self._serving.close()

    def fresh(self) -> tuple[Accepted, ...]:
        """Return the connections that it has accepted since the last call."""
        accepted = self._serving.accepted()
        seen, self._seen = self._seen, len(accepted)
        return accepted[seen:]

    def missed(self, addresses: Sequence[str], host: Host) -> list[str]:
        """Dial each address from a host; return those whose connection the canary did not accept."""
        dials = [Dial(Family.of(item), item, self._port, timeout=_WITNESS_TIMEOUT, v6only=None) for item in addresses]
        ports = [dialled.source_port for dialled in host.prober.dial_all(dials)]
        heard = {client.peer_port for client in self.fresh()}
        return [address for address, port in zip(addresses, ports, strict=True) if port not in heard]
