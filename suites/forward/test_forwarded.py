"""An HTTP service behind a relay takes its client's address from a field of the request."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

from dualstack.families import BOTH, Family, unmapped
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import Outcome
from dualstack.protocols.forwarded import Field
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.proxy_headers import CLIENTS


@Requirement(
    id="FORWARD-017",
    title="An HTTP service takes clients of both families from Forwarded or X-Forwarded-For",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="Over a connection of either family, the service shows the client that the field names, an IPv4 or an "
    "IPv6 address: in Forwarded with and without a port, quoted, among other parameters, whose names are in any case; "
    "in X-Forwarded-For an address alone, an IPv6 one in lower and upper case. A request is served if its status is no "
    "error, or the one that a request without the field gets.",
    stimulus="Over each family, send a request without the field, then with each form of the field that the manifest "
    "names; read the client's address from the answer or from the service's log.",
    wire="No claim: the evidence is what the service shows.",
    cites=("RFC 7239 §4, §6", "RFC 4291 §2.2"),
    topologies=("dual-stack",),
    causes=("RC-FORWARDED", "RC-ACLTEXT"),
    needs=(Need.FORWARDED, Need.PEER),
).attach
def test_takes_clients_of_both_families_from_a_field(world: ListenerWorld) -> None:
    """The service shows the client that the field names."""
    proxy = world.listener.proxy
    assert proxy is not None  # Need.FORWARDED
    assert proxy.forwarded is not None  # Need.FORWARDED
    for family in world.served():
        found = [shows(world, family, proxy.forwarded, value, client) for client, value in forms(proxy.forwarded)]
        ignored = all(Symptom.RELAY_DISTRUSTED in item.symptoms for item in found)
        for item in found:
            world.require(item if ignored else replace(item, symptoms=(Symptom.FORWARDED,)))


def forms(field: Field) -> Iterator[tuple[str, str]]:
    """Yield clients of both families, each with a value of the field that names it alone."""
    ipv4, ipv6 = (CLIENTS[family] for family in BOTH)
    if field == "X-Forwarded-For":
        yield from ((ipv4, ipv4), (ipv6, ipv6), (ipv6, ipv6.upper()))
        return
    yield from ((ipv4, f"for={ipv4}"), (ipv4, f'for="{ipv4}:4711"'))
    yield from ((ipv6, f'for="[{ipv6}]"'), (ipv6, f'for="[{ipv6}]:4711"'), (ipv6, f'For="[{ipv6.upper()}]"'))
    yield from ((client, f"{node};proto=http;by=203.0.113.43") for client, node in nodes(ipv4, ipv6))
    yield from ((client, f"proto=http;{node}") for client, node in nodes(ipv4, ipv6))


def nodes(ipv4: str, ipv6: str) -> Iterator[tuple[str, str]]:
    """Yield a client of each family, with the parameter that names it."""
    yield from ((ipv4, f"for={ipv4}"), (ipv6, f'for="[{ipv6}]"'))


def shows(world: ListenerWorld, family: Family, field: Field, value: str, client: str) -> Finding:
    """Return whether a request over ``family`` with a field is served, and the service shows the client in it.

    A service that shows the address from which the request came has not used the field.
    """
    world.note(f"the next request has {field}: {value}")
    dialled = world.client.carry_out(replace(world.client.exchange(family), fields=((field, value),)))
    where = f"over {family.label}, with {field}: {value},"
    served = dialled.outcome is Outcome.ANSWERED and world.client.is_usual(family, dialled)
    shown = world.client.shown_address(dialled, client) if served else ""
    happened = f'{where} it shows "{shown}"' if served else f"{where} {dialled.detail}"
    ok = served and is_same(shown, client)
    ignored = served and not ok and is_same(shown, dialled.source)
    symptom = Symptom.RELAY_DISTRUSTED if ignored else Symptom.FORWARDED
    return Finding(ok, f"{where} the service shows {client}", happened, symptoms=(symptom,))


def is_same(shown: str, client: str) -> bool:
    """Return whether a text is the client's address, in any notation."""
    try:
        return ip_address(unmapped(shown.strip("[]"))) == ip_address(client)
    except ValueError:
        return False
