"""The certificate authority of the lab: it issues the certificates of services and servers that speak TLS.

There is one in each process that runs cases. Its key stays in that process's memory and ends with it.
"""

from collections.abc import Collection, Iterable, Iterator
from functools import cache
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

from dualstack.families import BOTH
from dualstack.lab.functions.crossing import dialled_at
from dualstack.lab.protocol import Lab
from dualstack.manifest import Listen
from dualstack.manifest.texts import stands_in
from dualstack.manifest.tls import CA_FILE, certificate_file, key_file
from dualstack.protocols.certificates import ClientTls, ServerTls

if TYPE_CHECKING:
    from trustme import CA


def authority_certificate() -> str:
    """Return the certificate of the authority, in PEM."""
    return _authority().cert_pem.bytes().decode()


def issue(names: Iterable[str]) -> ServerTls:
    """Return a certificate for these DNS names and IP addresses, and its key. It is new each time.

    An IPv4-mapped IPv6 address is also there as the IPv4 address, which some clients compare with.
    """
    from trustme import KeyType  # noqa: PLC0415 - see `_authority`

    wanted = dict.fromkeys(form for name in names for form in _forms(name))
    leaf = _authority().issue_cert(*wanted, key_type=KeyType.ECDSA)
    chain = "".join(item.bytes().decode() for item in leaf.cert_chain_pems)
    return ServerTls(certificate=chain, key=leaf.private_key_pem.bytes().decode())


def client_tls(listener: Listen, address: str) -> ClientTls | None:
    """Return what a client of a listener checks if it dials an address; None if the listener does not speak TLS."""
    if listener.tls is None:
        return None
    ca = authority_certificate() if listener.tls.is_from_lab else ""
    return ClientTls(ca, listener.tls.server_name or address.partition("%")[0])


def files_for(texts: Collection[str], listeners: Iterable[Listen], names: Collection[str]) -> dict[str, str]:
    """Return the files of the lab's authority that a start needs, by their path in the private folder.

    Args:
        texts: The texts of the start: the authority's certificate is there if one of them has ``{ca}``.
        listeners: The listeners; each for which the lab issues a certificate gets a new one.
        names: What their certificates are for besides ``localhost``, unless the manifest gives a name.
    """
    files = {CA_FILE: authority_certificate()} if any(stands_in("ca", text) for text in texts) else {}
    for listener in listeners:
        if listener.tls is not None and listener.tls.is_from_lab:
            made = issue([listener.tls.server_name] if listener.tls.server_name else (*names, "localhost"))
            files |= {certificate_file(listener.name): made.certificate, key_file(listener.name): made.key}
    return files


def names_for(listeners: Iterable[Listen], lab: Lab) -> tuple[str, ...]:
    """Return what certificates of a lab's service are for; empty if no listener speaks TLS.

    Every address that its host has or may get in a case, the loopback addresses, and those at which clients behind a
    translator reach it.
    """
    if all(listener.tls is None for listener in listeners):
        return ()
    host, roles = lab.hosts["service"], lab.topology.roles
    behind = dialled_at(lab.topology, lab.plan, roles.client, roles.service)
    planned = [address for family in BOTH for address in (*host.plan.planned[family], family.loopback)]
    present = [row.address for row in host.prober.addresses()]
    return tuple(dict.fromkeys([*planned, *present, *(address for family in BOTH for address in behind[family])]))


@cache
def _authority() -> "CA":
    """Return the authority of this process; its key is made when the first certificate is needed."""
    from trustme import CA, KeyType  # noqa: PLC0415 - it takes a quarter of a second, and few services use TLS

    return CA(organization_name="dualstack", organization_unit_name="lab", key_type=KeyType.ECDSA)


def _forms(name: str) -> Iterator[str]:
    """Yield a name or address, without its zone; after an IPv4-mapped address also the IPv4 address."""
    bare = name.partition("%")[0]
    yield bare
    try:
        mapped = IPv6Address(bare).ipv4_mapped
    except ValueError:
        return
    if mapped is not None:
        yield str(mapped)
