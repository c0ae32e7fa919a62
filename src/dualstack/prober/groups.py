"""The multicast groups that sockets of the host have joined."""

import asyncio
import ipaddress
import socket
from pathlib import Path
from time import monotonic

from dualstack.prober.messages.tables import AwaitGroup
from dualstack.prober.verbs import Agent, verb

_NET = Path("/proc/net")
_POLL_INTERVAL = 0.002  # seconds: no event reports that a group is joined


def joined_groups() -> frozenset[str]:
    """Return the groups of both families that are joined on any interface, in canonical form."""
    igmp, igmp6 = _NET / "igmp", _NET / "igmp6"
    ipv4 = [line.split()[0] for line in igmp.read_text().splitlines()[1:] if line.startswith("\t")]
    ipv6 = [line.split()[2] for line in igmp6.read_text().splitlines()] if igmp6.exists() else []
    found = [ipaddress.IPv4Address(socket.ntohl(int(text, 16))) for text in ipv4]
    return frozenset(map(str, [*found, *(ipaddress.IPv6Address(bytes.fromhex(text)) for text in ipv6)]))


@verb(AwaitGroup)
async def await_group(_: Agent, request: AwaitGroup) -> bool:
    """Return whether a group is joined, as soon as it is, and at the latest when the time is up."""
    wanted, end = str(ipaddress.ip_address(request.group)), monotonic() + request.timeout
    while wanted not in joined_groups():
        if monotonic() > end:
            return False
        await asyncio.sleep(_POLL_INTERVAL)
    return True
