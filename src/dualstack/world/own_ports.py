"""What the packets show of data that a service sends to a port of its client."""

import re
from dataclasses import replace

from dualstack.errors import Inconclusive
from dualstack.families import Family
from dualstack.prober.messages import Dialled
from dualstack.transport import Transport
from dualstack.wire.expect import Template, present
from dualstack.wire.frames import ACK, SYN
from dualstack.world.listening import ListenerWorld

_BYTE = 256


def port_in(sent: str, pattern: re.Pattern[str]) -> int:
    """Return the port that a client has named.

    Args:
        sent: What the client sent.
        pattern: Has a group with the port, or two with its bytes; the last match counts.

    Raises:
        Inconclusive: It named none.
    """
    found = list(pattern.finditer(sent))
    groups = [int(item) for item in found[-1].groups() if item is not None] if found else []
    if not groups:
        raise Inconclusive("the client named no port of its own")
    return groups[0] if len(groups) == 1 else groups[0] * _BYTE + groups[1]


def shows_arrival(
    world: ListenerWorld,
    family: Family,
    dialled: Dialled,
    pattern: re.Pattern[str],
    transport: Transport = Transport.TCP,
) -> None:
    """Require that the packets show what the service sent to its client's port: a datagram, or the first SYN.

    Nothing of a client on the service's own host is on the link.
    """
    if world.clients.inside:
        return
    is_tcp, port = transport is Transport.TCP, port_in(dialled.sent, pattern)
    template = Template(
        family=family,
        kind=transport.value,
        dst=dialled.source,
        dport=port,
        flags=SYN if is_tcp else None,
        without=ACK if is_tcp else None,
    )
    world.shows(lambda wire: present(wire, replace(template, outgoing_mac=wire.mac)))
