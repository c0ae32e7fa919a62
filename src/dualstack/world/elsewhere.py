"""Captures on other hosts than that of the service, and what a record keeps of them."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from dualstack.lab.protocol import Host
from dualstack.timeline import Station
from dualstack.wire.evidence import CaptureData
from dualstack.wire.formatting import packets

_RELAY = "relay"
_PATH = ("client", _RELAY, "server")
"""The roles of the hosts of a relayed connection, in the order of its path."""


class Elsewhere(NamedTuple):
    """A capture on another host than that of the service.

    Attributes:
        role: What the host is in the case: ``client``, ``server``, ``tunnel`` or ``neighbour``.
        host: The host.
        wire: What was captured.
    """

    role: str
    host: Host
    wire: CaptureData


def stations_of(
    own: Host,
    elsewhere: Sequence[Elsewhere],
    ports: Collection[int],
    *,
    since: float,
    folder: Path,
    when: tuple[float, float] | None = None,
) -> tuple[Station, ...]:
    """Return the hosts of a case that captured packets, in the order of the path; none if it was the service's alone.

    Args:
        own: The service's host. Its packets are not repeated.
        elsewhere: The captures of the others.
        ports: The ports that the conversation is from or to.
        since: The time that the packets' own counts from, in seconds since the epoch.
        folder: The run's folder.
        when: The time whose packets matter; see `packets`.
    """
    if not elsewhere:
        return ()
    roles = {item.role for item in elsewhere}
    found = [Station(own.name, _RELAY if roles <= set(_PATH) else "service", _addresses(own))]
    found += [
        Station(
            host=item.host.name,
            role=item.role,
            addresses=_addresses(item.host),
            capture=str(item.wire.path.relative_to(folder)),
            packets=packets(item.wire, ports, since=since, host=item.host.name, when=when),
        )
        for item in elsewhere
    ]
    return tuple(sorted(found, key=lambda item: _PATH.index(item.role) if item.role in _PATH else len(_PATH)))


def _addresses(host: Host) -> tuple[str, ...]:
    """Return every address that a host can have."""
    return tuple(address for one in host.plan.interfaces for known in one.planned.values() for address in known)
