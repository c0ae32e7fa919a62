"""The function ``forward``: the host routes IPv4 and IPv6 packets between its links.

The proofs `ipv4-hops` and `ipv6-hops` of the hosts on these links show that it does so, and that it decrements the hop
limit.
"""

from dualstack.families import BOTH
from dualstack.lab.functions.function import Function
from dualstack.lab.observation import HostObservation, ProofFailure, same


def _forwards(host: HostObservation) -> ProofFailure | None:
    """The kernel forwards the packets of both families."""
    return same(
        {family.label for family in BOTH}, {family.label for family in BOTH if host.facts.forwards[family.value]}
    )


FORWARD = Function(
    settings={"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1"},
    proofs={"forwards": _forwards},
)
