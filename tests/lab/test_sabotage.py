"""Every lab proof fails if the lab is not what its topology says: each is tried on a lab broken from the inside."""

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from dualstack.addressing import Plan
from dualstack.errors import BrokenLab
from dualstack.lab.netns import NetnsLab
from dualstack.lab.proofs import PROOFS, judge, planned_proofs
from dualstack.lab.protocol import Host
from dualstack.lab.proving import observe, prove
from dualstack.topology import Attachment, HostSpec, LinkSpec, Topology, load_topology

MakeLab = Callable[[Topology | str], NetnsLab]
Change = tuple[str, str, dict[str, Any]]

LO, LINK, CLAT = 1, 2, 3
IFA_F_NODAD = 0x02

NO_LINK_LOCAL = {"ipv4": 1, "ipv6": 1, "link_local": False}
NO_IPV6_LOOPBACK = {"ipv4": 1, "ipv6": 1, "ipv6_loopback": False}


@dataclass(frozen=True, slots=True)
class Sabotage:
    """Changes of a host of a lab, and the proof that must fail because of them."""

    proof: str
    world: str | Mapping[str, Any] | Topology
    changes: tuple[Change, ...]
    named: bool = True
    """Whether this is the first proof that fails, so that the error names it."""
    on: str = "service"
    """The host that is changed."""


def route(how: str, **fields: Any) -> Change:
    """Change a route."""
    return "route", how, fields


def addr(how: str, index: int, address: str, prefixlen: int, *, flags: int = IFA_F_NODAD) -> Change:
    """Change an address; an IPv6 one can be used at once, without duplicate address detection."""
    fields = {"index": index, "address": address, "prefixlen": prefixlen}
    return "addr", how, fields | ({"flags": flags} if ":" in address and how == "add" else {})


def neighbour(index: int, address: str) -> Change:
    """Give a neighbour a hardware address that no host has."""
    return "neigh", "replace", {"ifindex": index, "dst": address, "lladdr": "02:00:00:00:00:99", "state": 0x80}


def setting(name: str, value: str) -> Change:
    """Change a kernel setting."""
    return "sysctl", name, {"value": value}


def wide(destination: str) -> tuple[Change, Change]:
    """Replace a route by one with the link's MTU."""
    scope = 0 if ":" in destination else 253
    return route("del", dst=destination, scope=scope), route("add", dst=destination, scope=scope, oif=LINK)


def clients_on(link: LinkSpec) -> Topology:
    """Return the topology two-links with another link for the clients, and hosts with addresses that it carries."""
    topology = load_topology("two-links")
    own = Attachment(ipv4=int(link.ipv4), ipv6=int(link.ipv6))
    hosts = {
        name: spec.model_copy(update={"on": {**spec.on, "clients": own}}) if "clients" in spec.on else spec
        for name, spec in topology.host.items()
    }
    return topology.model_copy(update={"link": {**topology.link, "clients": link}, "host": hosts})


DOWN: Change = ("link", "set", {"index": LINK, "state": "down"})

SABOTAGES = {
    "an address too many": Sabotage("addresses", "dual-stack", (addr("add", LINK, "198.51.100.200", 24),)),
    "an address too few": Sabotage("addresses", "multi-address", (addr("del", LINK, "2001:db8:51:1::103", 64),)),
    "a tentative address": Sabotage(
        "addresses",
        "ipv6-only",
        (
            DOWN,
            setting("ipv6/conf/all/accept_dad", "1"),
            setting("ipv6/conf/eth0/accept_dad", "1"),
            setting("ipv6/conf/eth0/dad_transmits", "60"),
            ("link", "set", {"index": LINK, "state": "up"}),
            addr("add", LINK, "2001:db8:51:1::101", 64, flags=0),
        ),
    ),
    "the link is down": Sabotage("ipv4-path", "dual-stack", (DOWN,), named=False),
    "IPv4 swallowed": Sabotage(
        "ipv4-path", "dual-stack", (route("add", type="blackhole", dst="198.51.100.34/32"),), named=True
    ),
    "IPv6 swallowed": Sabotage(
        "ipv6-path", "dual-stack", (route("add", type="blackhole", dst="2001:db8:51:1::201/128"),), named=True
    ),
    "IPv6 to nobody": Sabotage(
        "ipv6-path",
        "ipv6-only",
        (neighbour(LINK, "2001:db8:51:1::201"),),
    ),
    "an IPv4 address": Sabotage("no-ipv4-address", "ipv6-only", (addr("add", LINK, "169.254.7.7", 16),), named=False),
    "a link-local IPv6 address": Sabotage("no-ipv6-address", "ipv4-only", (addr("add", LINK, "fe80::7", 64),)),
    "an IPv4 route": Sabotage("ipv4-unreachable", "ipv6-only", (route("add", dst="198.51.100.0/24", oif=LINK),)),
    "an IPv6 route": Sabotage("ipv6-unreachable", "ipv4-only", (route("add", dst="2001:db8:51:1::/64", oif=LINK),)),
    "a public IPv4 route": Sabotage("ipv4-unreachable", "ipv6-only", (route("add", dst="8.8.8.8/32", oif=LINK),)),
    "no public IPv4 route": Sabotage("ipv4-public-route", "dual-stack", (route("del", dst="8.8.8.8/32", scope=253),)),
    "no public IPv6 route": Sabotage(
        "ipv6-public-route", "dual-stack", (route("del", dst="2001:4860:4860::8888/128"),)
    ),
    "no 127.0.0.1": Sabotage("ipv4-loopback", "dual-stack", (addr("del", LO, "127.0.0.1", 8),)),
    "lo is down": Sabotage(
        "ipv6-loopback", "dual-stack", (("link", "set", {"index": LO, "state": "down"}),), named=False
    ),
    "no ::1": Sabotage("ipv6-loopback", "ipv4-only", (addr("del", LO, "::1", 128),)),
    "127.0.0.1": Sabotage("no-ipv4-loopback", "ipv6-only-strict", (addr("add", LO, "127.0.0.1", 8),)),
    "another 127": Sabotage("no-ipv4-loopback", "ipv6-only-strict", (addr("add", LO, "127.9.9.9", 8),)),
    "::1": Sabotage("no-ipv6-loopback", NO_IPV6_LOOPBACK, (addr("add", LO, "::1", 128),)),
    "no link-local": Sabotage("link-local", "dual-stack", (addr("del", LINK, "fe80::5eff:fe10:1", 64),)),
    "a link-local address that gets no answer": Sabotage(
        "link-local-path", "link-local", (neighbour(LINK, "fe80::5eff:fe10:2"),)
    ),
    "a twin with another address": Sabotage(
        "twin",
        "link-local",
        (addr("del", LINK, "fe80::5eff:fe10:2", 64), addr("add", LINK, "fe80::7", 64)),
        named=False,
        on="other",
    ),
    "link-local": Sabotage("no-link-local", NO_LINK_LOCAL, (addr("add", LINK, "fe80::7", 64),)),
    "bindv6only off": Sabotage("bindv6only", "dual-stack-bindv6only", (setting("ipv6/bindv6only", "0"),)),
    "bindv6only on": Sabotage("no-bindv6only", "dual-stack", (setting("ipv6/bindv6only", "1"),)),
    "IPv6 enabled on lo": Sabotage(
        "disable-ipv6", "ipv4-only-disable-ipv6", (setting("ipv6/conf/lo/disable_ipv6", "0"),)
    ),
    "IPv6 enabled on the link": Sabotage(
        "disable-ipv6", "ipv4-only-disable-ipv6", (setting("ipv6/conf/eth0/disable_ipv6", "0"),)
    ),
    "an IPv4 default route": Sabotage(
        "no-route-out", "dual-stack", (route("add", dst="default", gateway="198.51.100.33"),)
    ),
    "an IPv6 default route": Sabotage(
        "no-route-out", "ipv6-only", (route("add", dst="::/0", gateway="2001:db8:51:1::201"),), named=False
    ),
    "IPv4 past the router": Sabotage("behind-router", "pmtu-1280", (route("del", dst="198.51.100.33/32"),), named=True),
    "IPv6 past the router": Sabotage("behind-router", "pmtu-1280", (route("del", dst="2001:db8:51:1::201/128"),)),
    "a router that does not forward": Sabotage(
        "behind-router", "pmtu-1280", (setting("ipv6/conf/all/forwarding", "0"),), named=False, on="router"
    ),
    "a wide way over IPv4": Sabotage("path-mtu", "pmtu-1280", (*wide("198.51.100.40/32"),), on="router"),
    "a wide way over IPv6": Sabotage(
        "path-mtu", "pmtu-1280", (*wide("2001:db8:51:1:aaaa:bbbb:cccc:208/128"),), on="router"
    ),
    "a narrow way back": Sabotage("path-mtu", "pmtu-1280", (setting("ipv6/conf/eth0/mtu", "1400"),), on="router"),
    "a hole that carries everything over IPv4": Sabotage(
        "path-black-hole", "pmtu-blackhole", (route("del", dst="198.51.100.33/32", scope=253),), on="router"
    ),
    "a hole that carries everything over IPv6": Sabotage(
        "path-black-hole", "pmtu-blackhole", (route("del", dst="2001:db8:51:1::201/128"),), on="router"
    ),
    "a router that reports after all": Sabotage(
        "silent", "pmtu-blackhole", (("nftables", "silent", {"families": ["ipv4", "ipv6"]}),), named=False, on="router"
    ),
    "a NAT that translates nothing": Sabotage(
        "nat44", "nat44", (("nftables", "nat44", {"families": ["ipv4"]}),), named=False, on="router"
    ),
    "a NAT that nobody can pass": Sabotage("nat44", "nat44", (route("del", dst="198.18.1.0/24"),), named=False),
    "a tunnel whose link is down": Sabotage(
        "tunnel-6in4", "tunnel-6in4", (("link", "set", {"index": LINK + 1, "state": "down"}),), named=False, on="near"
    ),
    "a router that does not forward IPv4": Sabotage(
        "ipv4-hops", "two-links", (setting("ipv4/ip_forward", "0"),), named=False, on="router"
    ),
    "a router that does not forward IPv6": Sabotage(
        "ipv6-hops", "two-links", (setting("ipv6/conf/all/forwarding", "0"),), named=False, on="router"
    ),
    "a router's function that is off": Sabotage(
        "forwards", "two-links", (setting("ipv4/ip_forward", "0"),), named=False, on="router"
    ),
    "a translator beside which the kernel forwards": Sabotage(
        "translates", "nat64-dns64", (setting("ipv4/ip_forward", "1"),), on="router"
    ),
    "no route to the translator": Sabotage("translates", "nat64-dns64", (route("del", dst="2001:db8:64::/96"),)),
    "no route from the translator": Sabotage(
        "translates", "nat64-dns64", (route("del", dst="198.18.2.0/24"),), on="peer"
    ),
    "no route to the name server": Sabotage(
        "resolver", "nat64-dns64", (route("add", type="blackhole", dst="2001:db8:51:1::301/128"),), named=False
    ),
    "a CLAT without a default route": Sabotage(
        "clat", "nat64-clat", (("link", "set", {"index": CLAT, "state": "down"}),)
    ),
    "a CLAT whose packets do not come back": Sabotage(
        "clat", "nat64-clat", (route("del", dst="2001:db8:51:3::1/128"),), on="router"
    ),
    "a wide interface on a narrow link": Sabotage(
        "link-mtu", clients_on(LinkSpec(mtu=1280)), (("link", "set", {"index": LINK, "mtu": 1500}),), on="peer"
    ),
    "another interface": Sabotage(
        "no-route-out", "dual-stack", (("link", "add", {"ifname": "v0", "kind": "veth", "peer": {"ifname": "v1"}}),)
    ),
}


def world(of: str | Mapping[str, Any] | Topology) -> Topology:
    """Return a topology, also by name, or one with these fields of the service's host and an ordinary peer."""
    if isinstance(of, Topology):
        return of
    if isinstance(of, str):
        return load_topology(of)
    hosts = {"service": HostSpec(**of), "peer": HostSpec(ipv6=1)}
    return Topology(name="made-up", title="Made up", represents="a test", summary="", host=hosts)


def commit(lab: NetnsLab, changes: tuple[Change, ...], host: str) -> None:
    """Make the changes inside a host."""
    with lab.hosts[host].inside("saboteur:obey") as stream:
        stream.sendall(json.dumps(changes).encode() + b"\n")
        stream.settimeout(10)
        assert stream.recv(16) == b"done\n", "the sabotage itself failed"


@pytest.mark.parametrize("sabotage", SABOTAGES.values(), ids=SABOTAGES)
def test_a_broken_lab_is_found(make_lab: MakeLab, sabotage: Sabotage) -> None:
    """A lab that was proved and then broken fails exactly the proof of what was broken."""
    lab = make_lab(world(sabotage.world))
    assert sabotage.proof in {line.partition(": ")[2] for line in prove(lab)}
    commit(lab, sabotage.changes, sabotage.on)
    seen = observe(lab)
    planned = planned_proofs(lab.topology)
    fault = next(
        (f for host in seen if sabotage.proof in planned[host] and (f := PROOFS[sabotage.proof](seen[host]))), None
    )
    assert fault is not None
    named = f"lab proof '{sabotage.proof}' failed" if sabotage.named else "lab proof '.*' failed"
    with pytest.raises(BrokenLab, match=rf"{named} on host '(service|peer|router|other)' of .*: expected .+, found .+"):
        judge(lab.topology, seen)


class _Substitute:
    """A lab one of whose hosts, normally the service's, answers from another entry point."""

    def __init__(self, lab: NetnsLab, entry: str, host: str = "service") -> None:
        self.topology: Topology = lab.topology
        self.plan: Plan = lab.plan
        self.hosts: Mapping[str, Host] = {**lab.hosts, host: _SubstituteHost(lab.hosts[host], entry)}
        self.daemons = lab.daemons

    def close(self) -> None:
        """Do nothing: the lab is closed elsewhere."""


class _SubstituteHost:
    """A host that runs one entry point in place of any other."""

    def __init__(self, host: Host, entry: str) -> None:
        self.name, self.spec, self.plan, self.interface = host.name, host.spec, host.plan, host.interface
        self.prober, self.start = host.prober, host.start
        self._inside, self._entry = host.inside, entry
        self.place, self.fetch = host.place, host.fetch
        self.apply = host.apply

    def inside(self, _: str) -> socket.socket:
        """Run the substitute."""
        return self._inside(self._entry)


@pytest.mark.parametrize(
    ("proof", "topology", "entry"),
    [
        ("af-inet6", "ipv4-only", "saboteur:serve_without_inet6"),
        ("no-af-inet6", "ipv4-only-no-af-inet6", "saboteur:serve_with_open_sandbox"),
    ],
)
def test_a_broken_process_world_is_found(make_lab: MakeLab, proof: str, topology: str, entry: str) -> None:
    """A missing AF_INET6 is found, and so is one that the sandbox does not remove."""
    lab = make_lab(topology)
    assert f"service: {proof}" in prove(lab)
    seen = observe(_Substitute(lab, entry))
    assert PROOFS[proof](seen["service"]) is not None
    with pytest.raises(BrokenLab):
        judge(lab.topology, seen)


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_one_packet_of_the_other_family_is_found(make_lab: MakeLab, family: str) -> None:
    """A single IPv4 or ARP packet on a link without IPv4, or an IPv6 packet on one without IPv6, breaks the lab."""
    lab = make_lab(clients_on(LinkSpec(ipv4=family == "ipv6", ipv6=family == "ipv4")))
    proof = f"no-{family}-packets"
    assert {f"peer: {proof}", f"router: {proof}"} <= set(prove(lab))
    with pytest.raises(BrokenLab, match=rf"'{proof}' failed on host '(peer|router)' .* expected no .* on eth[01]"):
        prove(_Substitute(lab, f"saboteur:serve_with_{family}_frame", "peer"))


def test_every_proof_is_sabotaged() -> None:
    """Every proof has a test that makes it fail."""
    tried = {sabotage.proof for sabotage in SABOTAGES.values()} | {"af-inet6", "no-af-inet6"}
    tried |= {"no-ipv4-packets", "no-ipv6-packets"}
    tried |= {"pref64"}  # in test_pref64.py
    assert tried == set(PROOFS)
