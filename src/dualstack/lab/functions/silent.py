"""The function ``silent``: a router that drops what is too large for the path, and reports nothing.

Many firewalls drop ICMP, so that the senders behind them never learn the path MTU: a black hole (RFC 2923 §2.1). The
proof `path-black-hole` of the host behind the router shows which packets are lost.
"""

from dualstack.lab import nftables
from dualstack.lab.functions.function import Function
from dualstack.lab.observation import HostObservation, ProofFailure, shown

NAME = "silent"


def _silent(host: HostObservation) -> ProofFailure | None:
    """Of the paths through the router some lose large packets, and it reports none of that."""
    narrow = {item for item in host.paths if item.mtu < max(other.mtu for other in host.paths)}
    own = {address for one in host.plan.interfaces for addresses in one.configured.values() for address in addresses}
    said = {f"{item.mtu} bytes on the path to {item.target}" for item in narrow if item.mtu_source in own}
    return ProofFailure("large packets to be lost and not reported", shown(said)) if said or not narrow else None


SILENT = Function(settings={}, proofs={"silent": _silent}, filters=lambda _: nftables.add_silence(NAME))
