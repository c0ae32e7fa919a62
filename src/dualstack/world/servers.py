"""Servers on a lab's host: for a connector, for names, and canaries."""

from collections.abc import Iterator, Mapping, Sequence

from dualstack.authority import issue
from dualstack.errors import BrokenLab, UsageError
from dualstack.families import BOTH, Family
from dualstack.lab.protocol import Host
from dualstack.manifest import Connect
from dualstack.prober.behaviour import Action
from dualstack.prober.client import NameServerHandle, ServerHandle
from dualstack.prober.dns64 import WELL_KNOWN_ADDRESSES, WELL_KNOWN_NAME
from dualstack.prober.messages import Accepted, Dial, Names, Serve
from dualstack.prober.messages.naming import Resolve
from dualstack.prober.names import behaviours, query_name
from dualstack.protocols.application import ScriptTurn
from dualstack.rfc6052 import embed
from dualstack.transport import AppProtocol, Transport

_WITNESS_TIMEOUT = 2.0
"""Seconds that one dial of a canary may take."""


def serve_connector(
    host: Host, connector: Connect, addresses: tuple[str, ...], *, silent: bool = False
) -> ServerHandle:
    """Start the server that a connector expects, on these addresses of a host; ``silent``: one that never answers."""
    return host.prober.serve(
        Serve(
            addresses=addresses,
            port=connector.port,
            transport=connector.transport,
            protocol=AppProtocol.CONNECT if silent else connector.protocol,
            turns=tuple(ScriptTurn(turn.expect, turn.send, turn.close) for turn in connector.turns),
            tls=issue(addresses) if connector.tls is not None else None,
        )
    )


def serve_names(
    host: Host, addresses: Mapping[Family, Sequence[str]] | None = None, *, pref64: str = ""
) -> NameServerHandle:
    """Start a name server on the first address of each family on each link, with the records of `records_of`.

    Args:
        host: Where it runs.
        addresses: The records, by family; see `records_of`.
        pref64: The prefix with which it synthesizes AAAA records; it is then proved to do so.

    Raises:
        BrokenLab: It does not synthesize.
    """
    records = records_of(host, addresses)
    first = [one.configured[family][:1] for family in BOTH for one in host.plan.interfaces]
    listen = tuple(address for found in first for address in found)
    server = host.prober.names(Names(listen, a=records[Family.IPV4], aaaa=records[Family.IPV6], pref64=pref64))
    if pref64:
        _require_synthesis(host, pref64)
    return server


def _require_synthesis(host: Host, pref64: str) -> None:
    """Look up the name that shows the prefix, on the name server's own host, whose queries no capture has.

    Raises:
        BrokenLab: The name server does not answer as a DNS64 with this prefix does.
    """
    expected = {embed(pref64, address) for address in WELL_KNOWN_ADDRESSES}
    found = host.prober.call(Resolve(WELL_KNOWN_NAME, Family.IPV6))
    if set(found.addresses) != expected:
        raise BrokenLab(
            f"the name server of host {host.name!r} does not synthesize: {WELL_KNOWN_NAME} has "
            f"{', '.join(found.addresses) or found.error}, not {', '.join(sorted(expected))}"
        )


def records_of(host: Host, addresses: Mapping[Family, Sequence[str]] | None = None) -> dict[Family, tuple[str, ...]]:
    """Return the given addresses of each family; by default the host's first planned address."""
    given = addresses or {}
    return {family: tuple(given.get(family, (host.plan.address(family),))) for family in BOTH}


def require_addresses(name: str, records: Mapping[Family, Sequence[str]]) -> None:
    """Check that a name picks only addresses that there are.

    Raises:
        UsageError: It picks others.
    """
    for record, behaviour in (behaviours(name) or {}).items():
        for answer in behaviour.answers():
            family = Family.IPV6 if record == "AAAA" and answer.action is not Action.MAPPED else Family.IPV4
            there = len(records[family])
            if any(index >= there for index in answer.indexes):
                raise UsageError(f"{answer} in {name}: there are {there} {family.label} addresses, counted from 0")


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
