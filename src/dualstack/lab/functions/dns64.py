"""The function ``dns64``: the lab's name server, on this host, gives names without AAAA records synthesized ones.

RFC 6147. The name server is the one of every lab (`dualstack.prober.nameserver`); it gets the prefix when a case starts
it, and answers ``ipv4only.arpa`` (RFC 7050, RFC 8880) too. `dualstack.world.servers` proves that it synthesizes.
"""

from dualstack.lab.files import resolver_of
from dualstack.lab.functions.function import Function, Passage, Site
from dualstack.lab.observation import HostObservation, ProofFailure


def _passages(site: Site) -> tuple[Passage, ...]:
    """Return the paths of the other hosts to the name server that their resolv.conf names."""
    addresses = {name: resolver_of(site.plan, name) for name in site.plan.hosts if name != site.host}
    return tuple(Passage("resolver", name, address, address) for name, address in addresses.items())


def _found(host: HostObservation) -> ProofFailure | None:
    """The other hosts reach it at the address at which they look for a name server."""
    return host.passages_failed("resolver")


DNS64 = Function(proofs={"resolver": _found}, passages=_passages)
