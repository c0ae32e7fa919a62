"""What is proved of a lab follows from its topology."""

from typing import get_args

import pytest

from dualstack.errors import UsageError
from dualstack.lab.functions import FUNCTIONS
from dualstack.lab.proofs import PROOFS, claims, link_claims, planned_proofs
from dualstack.topology import Attachment, FunctionName, HostSpec, LinkSpec, load_topology, topology_names

EXPECTED: dict[str, dict[str, str]] = {
    "dual-stack-bindv6only": {
        "": "addresses no-route-out ipv4-path ipv6-path ipv4-loopback ipv6-loopback link-local af-inet6",
        "service": "bindv6only",
        "peer": "no-bindv6only",
    },
    "dual-stack": {
        "": "addresses no-route-out ipv4-path ipv6-path ipv4-loopback ipv6-loopback link-local no-bindv6only af-inet6",
    },
    "ipv4-only-disable-ipv6": {
        "": "addresses no-route-out ipv4-path no-ipv6-address ipv6-unreachable ipv4-loopback no-bindv6only af-inet6",
        "service": "disable-ipv6",
        "peer": "ipv6-loopback",
    },
    "ipv4-only-no-af-inet6": {
        "": "addresses no-route-out ipv4-path no-ipv6-address ipv6-unreachable ipv4-loopback no-bindv6only",
        "service": "disable-ipv6 no-af-inet6",
        "peer": "ipv6-loopback af-inet6",
    },
    "ipv4-only": {
        "": "addresses no-route-out ipv4-path no-ipv6-address ipv6-unreachable ipv4-loopback ipv6-loopback "
        "no-bindv6only af-inet6",
    },
    "ipv6-only-strict": {
        "": "addresses no-route-out ipv6-path no-ipv4-address ipv4-unreachable ipv6-loopback link-local "
        "no-bindv6only af-inet6",
        "service": "no-ipv4-loopback",
        "peer": "ipv4-loopback",
    },
    "ipv6-only": {
        "": "addresses no-route-out ipv6-path no-ipv4-address ipv4-unreachable ipv4-loopback ipv6-loopback "
        "link-local no-bindv6only af-inet6",
    },
    "multi-address": {
        "": "addresses no-route-out ipv4-path ipv6-path ipv4-loopback ipv6-loopback link-local no-bindv6only af-inet6",
    },
    "link-local": {
        "": "addresses no-route-out no-ipv4-address ipv4-unreachable ipv6-unreachable ipv4-loopback ipv6-loopback "
        "link-local link-local-path no-bindv6only af-inet6 no-ipv4-packets",
        "other": "twin",
    },
    "pmtu-1280": {
        "": "addresses no-route-out ipv4-path ipv6-path ipv4-loopback ipv6-loopback link-local no-bindv6only af-inet6",
        "peer": "behind-router path-mtu",
    },
    "pmtu-blackhole": {
        "": "addresses no-route-out ipv4-path ipv6-path ipv4-loopback ipv6-loopback link-local no-bindv6only af-inet6",
        "peer": "behind-router path-black-hole",
        "router": "silent",
    },
    "routed": {
        "": "addresses no-route-out ipv4-path ipv6-path ipv4-loopback ipv6-loopback link-local no-bindv6only af-inet6",
        "peer": "behind-router",
    },
    "relay": {
        "": "addresses no-route-out ipv4-path ipv6-path ipv4-loopback ipv6-loopback link-local no-bindv6only af-inet6",
    },
    "relay-4-to-6": {
        "": "addresses no-route-out ipv4-loopback ipv6-loopback no-bindv6only af-inet6",
        "service": "ipv4-path ipv6-path link-local",
        "peer": "ipv4-path no-ipv6-address ipv6-unreachable",
        "server": "ipv6-path no-ipv4-address ipv4-unreachable link-local",
    },
    "relay-6-to-4": {
        "": "addresses no-route-out ipv4-loopback ipv6-loopback no-bindv6only af-inet6",
        "service": "ipv4-path ipv6-path link-local",
        "peer": "ipv6-path no-ipv4-address ipv4-unreachable link-local",
        "server": "ipv4-path no-ipv6-address ipv6-unreachable",
    },
    "relay-ipv4-only": {
        "": "addresses no-route-out ipv4-path ipv4-loopback ipv6-loopback no-bindv6only af-inet6",
        "service": "no-ipv6-address ipv6-unreachable",
        **dict.fromkeys(("peer", "server"), "ipv6-path link-local"),
    },
    "relay-ipv6-only-strict": {
        "": "addresses no-route-out ipv6-path ipv6-loopback link-local no-bindv6only af-inet6",
        "service": "no-ipv4-address ipv4-unreachable no-ipv4-loopback",
        **dict.fromkeys(("peer", "server"), "ipv4-path ipv4-loopback"),
    },
    "nat64-clat": {
        "": "addresses no-bindv6only af-inet6 ipv4-loopback ipv6-loopback",
        "service": "ipv6-path no-ipv4-address link-local clat",
        "peer": "no-route-out ipv4-path no-ipv6-address ipv6-unreachable",
        "router": "no-route-out ipv4-path ipv6-path link-local translates pref64 resolver",
    },
    "nat64-dns64": {
        "": "addresses no-bindv6only af-inet6 ipv4-loopback ipv6-loopback no-route-out",
        "service": "ipv6-path no-ipv4-address ipv4-unreachable link-local",
        "peer": "ipv4-path no-ipv6-address ipv6-unreachable",
        "router": "ipv4-path ipv6-path link-local translates pref64 resolver",
    },
    "nat44": {
        "": "addresses no-route-out ipv4-path ipv6-path ipv4-loopback ipv6-loopback link-local no-bindv6only af-inet6",
        "service": "ipv4-hops ipv6-hops",
        "peer": "ipv6-hops",
        "router": "forwards nat44",
    },
    "nat44-clients": {
        "": "addresses no-route-out ipv4-path ipv6-path ipv4-loopback ipv6-loopback link-local no-bindv6only af-inet6",
        "service": "ipv6-hops",
        "peer": "ipv4-hops ipv6-hops",
        "router": "forwards nat44",
    },
    **{
        name: {
            "": "addresses no-route-out ipv4-path ipv6-path ipv4-loopback ipv6-loopback link-local no-bindv6only "
            "af-inet6 ipv6-hops",
            hidden: "ipv4-hops",
            "cpe": "ipv4-hops forwards nat44",
            "cgn": "forwards nat44",
        }
        for name, hidden in (("nat444", "service"), ("nat444-clients", "peer"))
    },
    "nat64-clients": {
        "": "addresses no-route-out ipv4-loopback ipv6-loopback no-bindv6only af-inet6",
        "service": "ipv4-path no-ipv6-address ipv6-unreachable",
        "peer": "ipv6-path no-ipv4-address ipv4-unreachable link-local",
        "router": "ipv4-path ipv6-path link-local translates pref64 resolver",
    },
    "nat64-native": {
        "": "addresses no-route-out ipv4-loopback ipv6-loopback no-bindv6only af-inet6",
        **dict.fromkeys(("service", "peer"), "ipv6-path no-ipv4-address ipv4-unreachable link-local"),
        "router": "ipv4-path ipv6-path link-local translates pref64 resolver",
        "old": "ipv4-path no-ipv6-address ipv6-unreachable",
    },
    "relay-nat64": {
        "": "addresses no-route-out ipv4-loopback ipv6-loopback no-bindv6only af-inet6",
        "service": "ipv4-path no-ipv6-address ipv6-unreachable",
        "peer": "ipv6-path no-ipv4-address ipv4-unreachable link-local",
        "server": "ipv4-path ipv6-path link-local",
        "router": "ipv4-path ipv6-path link-local translates pref64",
    },
    **{
        name: {
            "": "addresses no-route-out ipv6-path ipv4-loopback ipv6-loopback link-local no-bindv6only af-inet6 "
            "ipv6-hops no-ipv4-packets",
            **dict.fromkeys(("service", "peer"), "no-ipv4-address ipv4-unreachable"),
            **dict.fromkeys(("near", "far"), "ipv4-path no-ipv6-packets link-mtu forwards tunnel-6in4"),
        }
        for name in ("tunnel-6in4", "tunnel-6in4-1280")
    },
    "tunnel-6in4-single-stack": {
        "": "addresses no-route-out ipv4-loopback ipv6-loopback no-bindv6only af-inet6",
        **dict.fromkeys(("service", "peer"), "ipv6-path link-local no-ipv4-packets no-ipv4-address ipv4-unreachable"),
        "near": "ipv4-path ipv6-path link-local no-ipv4-packets no-ipv6-packets link-mtu forwards tunnel-6in4",
        "far": "ipv6-path no-ipv4-address ipv4-unreachable link-local no-ipv4-packets no-ipv6-packets link-mtu "
        "forwards tunnel-6in4",
        "other": "ipv4-path no-ipv6-address ipv6-unreachable no-ipv6-packets",
    },
    "two-links": {
        "": "addresses no-route-out ipv4-path ipv6-path ipv4-loopback ipv6-loopback link-local no-bindv6only af-inet6",
        "service": "ipv4-hops ipv6-hops",
        "peer": "ipv4-hops ipv6-hops",
        "router": "forwards",
    },
}
"""The proofs of each topology: those of every host under an empty name, and those of one host beside them."""

HOSTS = [(name, host) for name in topology_names() for host in load_topology(name).host]


@pytest.mark.parametrize(("name", "host"), HOSTS, ids=[" ".join(pair) for pair in HOSTS])
def test_proofs_follow_from_the_hosts(name: str, host: str) -> None:
    """Each host has the proofs of what its topology says of it, and no others, in the order of the registry."""
    topology = load_topology(name)
    public = [f"{family.value}-public-route" for family in topology.families(host) if host == topology.roles.service]
    expected = [*EXPECTED[name][""].split(), *EXPECTED[name].get(host, "").split(), *public]
    planned = planned_proofs(topology)[host]
    assert sorted(planned) == sorted(expected)
    assert planned == sorted(planned, key=list(PROOFS).index)


def test_disabled_ipv6_has_no_addresses() -> None:
    """A host cannot have IPv6 addresses and disable_ipv6."""
    topology = load_topology("dual-stack")
    host = {**topology.host, "service": HostSpec(disable_ipv6=True)}
    with pytest.raises(UsageError, match="disable_ipv6 leaves no IPv6 address"):
        planned_proofs(topology.model_copy(update={"host": host}))


@pytest.mark.parametrize("field", sorted(HostSpec.model_fields))
def test_every_field_of_a_host_is_claimed(field: str) -> None:
    """Whatever field of a host is changed, other proofs are demanded: nothing can be said that nothing proves."""
    ordinary = HostSpec()
    value = getattr(ordinary, field)
    others = {
        "via": "router",
        "twin": "peer",
        "mtu": 1280,
        "on": {"lan": Attachment(ipv6=1)},
        "functions": ("forward",),
    }
    changed_to = others.get(field, not value if isinstance(value, bool) else 0)
    other = HostSpec(**{field: changed_to})
    assert claims(other) != claims(ordinary)
    assert claims(other) <= set(PROOFS)


@pytest.mark.parametrize("field", sorted({*LinkSpec.model_fields} - {"behind", "prefix"}))
def test_every_field_of_a_link_is_claimed(field: str) -> None:
    """Whatever field of a link is changed, other proofs are demanded of the hosts on it.

    What hides a link is proved by the function that it must name, and its prefix by the addresses.
    """
    topology = load_topology("two-links")
    changed = LinkSpec(**{field: {"mtu": 1280, "over": "servers"}.get(field, False)})
    other = topology.model_copy(update={"link": {**topology.link, "clients": changed}})
    for host in ("peer", "router"):
        assert link_claims(other, host) - link_claims(topology, host)
    if field != "over":  # a tunnel that carries nothing, because the peer has no IPv4 for it
        assert link_claims(other, "service") == link_claims(topology, "service")


def test_functions_have_proofs() -> None:
    """Each function that a topology can name has a module with its proofs."""
    assert set(FUNCTIONS) == set(get_args(FunctionName))
    assert all(set(function.proofs) <= set(PROOFS) and function.proofs for function in FUNCTIONS.values())
