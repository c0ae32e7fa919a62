"""Topology files: their values, and the faults of wrong ones."""

import ipaddress
import re
from pathlib import Path

import pytest

from dualstack.addressing import plan_addresses
from dualstack.errors import UsageError
from dualstack.families import BOTH, Family
from dualstack.lab.files import host_files
from dualstack.topology import TOPOLOGIES, load_topology, read_topology, topology_names

GOOD = """\
title = "A world"
represents = "a host"
summary = "What it is like."
[host.service]
ipv6 = 0
[host.peer]
"""


def fault_of(tmp_path: Path, text: str) -> str:
    """Return the faults of a topology with this text, without file name and line numbers."""
    path = tmp_path / "wörld one.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        read_topology(path)
    lines = [re.fullmatch(rf"{re.escape(str(path))}:\d+: (.*)", line) for line in str(raised.value).splitlines()]
    assert all(lines), raised.value
    return "\n".join(line[1] for line in lines if line)


def test_reads_a_file(tmp_path: Path) -> None:
    """A topology has the name of its file; by default a host has one address of each family."""
    path = tmp_path / "a-world.toml"
    path.write_text(GOOD, encoding="utf-8")
    topology = read_topology(path)
    assert topology.name == "a-world"
    assert topology.families() == (Family.IPV4,)
    assert topology.families("peer") == BOTH
    assert topology.host["peer"].ipv4_loopback


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("ipv6 = 0", "ipv5 = 0", "host.service.ipv5: unknown key; did you mean 'ipv6'? (allowed: af_inet6, "),
        ("ipv6 = 0", "ipv6 = 9", "host.service.ipv6: found 9; allowed: 8 or less"),
        ("ipv6 = 0", "ipv6 = -1", "host.service.ipv6: found -1; allowed: 0 or more"),
        ("ipv6 = 0", 'bindv6only = "maybe"', "host.service.bindv6only: found 'maybe'; allowed: true or false"),
        ("[host.peer]", "[host.pear]", "host.peer: missing"),
        ("[host.service]", "[hosts.service]", "hosts: unknown key; did you mean 'host'? (allowed: host, link, name, "),
        ('title = "A world"\n', "", "title: missing"),
        (
            "[host.service]",
            'proofs = ["addresses"]\n[host.service]',
            "proofs: unknown key; did you mean 'roles'? (allowed: host, link, name, ",
        ),
        ('title = "A world"', "title = A world", "not TOML: "),
    ],
)
def test_faults(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """A fault has file, key, what was found, what is allowed, and the nearest key."""
    assert old in GOOD
    assert fault_of(tmp_path, GOOD.replace(old, new)).startswith(fault)


ROUTED = GOOD.replace("[host.peer]\n", '[host.peer]\nipv6 = 0\nvia = "router"\nmtu = 1400\n[host.router]\nipv6 = 0\n')


def test_reads_a_router(tmp_path: Path) -> None:
    """A host can be behind a router with a smaller path MTU than the link."""
    path = tmp_path / "routed.toml"
    path.write_text(ROUTED, encoding="utf-8")
    topology = read_topology(path)
    assert topology.routers == {"router"}
    assert (topology.path_mtu(), topology.path_mtu("service")) == (1400, 1500)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            '"router"',
            '"ruoter"',
            "host.peer.via: found 'ruoter'; allowed: service, peer, router; did you mean 'router'?",
        ),
        (
            '"router"',
            '"peer"',
            "host.peer.via: found 'peer'; a router is a separate host, not the service's",
        ),
        (
            '"router"',
            '"service"',
            "host.peer.via: found 'service'; a router is a separate host, not the serv",
        ),
        (
            "[host.router]\n",
            '[host.third]\nvia = "other"\n[host.other]\n[host.router]\n',
            "host.peer.via: found 'router', but a topology has one router: other, router",
        ),
        (
            "[host.router]\n",
            '[host.router]\nvia = "router"\n',
            "host.router.via: found 'router'; a router is",
        ),
        (
            "ipv6 = 0\nvia",
            "via",
            "host.peer.via: host 'router' has no IPv6 address to route packets of 'peer'",
        ),
        ('via = "router"\n', "", "host.peer.mtu: found 1400, which needs host.peer.via, its router"),
        ("1400", "1279", "host.peer.mtu: found 1279; allowed: 1280 or more"),
        ("1400", "1501", "host.peer.mtu: found 1501; allowed: 1500 or less"),
        (
            "[host.router]\n",
            '[host.router]\nfunctions = ["forward"]\n',
            "host.router.functions: only for a topology with links",
        ),
        (
            "[host.service]\n",
            '[host.service]\nfunctions = ["silent"]\n',
            "host.service.functions: found 'silent', but no host names it in via",
        ),
        ("via =", "vai =", "host.peer.vai: unknown key; did you mean 'via'? (allowed: "),
        ("via =", "behind =", "host.peer.behind: unknown key; it is now 'via' (allowed: "),
    ],
)
def test_faults_of_routers(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """A fault of a router or a path MTU has file, key, what was found and what is needed."""
    assert old in ROUTED
    assert fault_of(tmp_path, ROUTED.replace(old, new, 1)).startswith(fault)


LINKED = """\
title = "A world"
represents = "a host"
summary = "What it is like."
[link.lan]
[link.v6only]
ipv4 = false
mtu = 1280
[host.service]
on = { lan = { ipv4 = 1, ipv6 = 1 } }
[host.peer]
on = { v6only = { ipv6 = 2 } }
[host.router]
on = { lan = { ipv4 = 1, ipv6 = 1 }, v6only = { ipv6 = 1 } }
functions = ["forward"]
"""


TUNNEL = (TOPOLOGIES / "tunnel-6in4.toml").read_text()
END = "internet = { ipv4 = 1 }, tunnel = { ipv6 = 1 } }"
FUNCTIONS = 'functions = ["forward", "tunnel-6in4"]'


def test_reads_a_tunnel() -> None:
    """A link may be a tunnel over another one; it is the last interface of its two ends."""
    plan = plan_addresses(load_topology("tunnel-6in4"))
    assert [one.over for one in plan.hosts["near"].interfaces] == ["", "", "internet"]
    assert plan.link_of(plan.hosts["near"].interfaces[2].planned[Family.IPV6][0]) == "tunnel"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            'over = "internet"',
            'over = "inet"',
            "link.tunnel.over: found 'inet'; allowed: servers, clients, internet, tu",
        ),
        ('over = "internet"', 'over = "tunnel"', "link.tunnel.over: found 'tunnel'; allowed: an Ethernet that carries"),
        ('over = "internet"', 'over = "servers"', "link.tunnel.over: found 'servers'; allowed: an Ethernet that carr"),
        ("ipv4 = false\nover", "over", "link.tunnel: a tunnel carries IPv6 alone; write ipv4 = false"),
        (
            "mtu = 1480",
            "mtu = 1481",
            "link.tunnel.mtu: found 1481; allowed: 1480 or less, because of the outer IPv4 he",
        ),
        (
            "[host.near]",
            f"[host.third]\non = {{ {END}\n{FUNCTIONS}\n[host.near]",
            "link.tunnel: a tunnel has two ends, found 3: third, near, far",
        ),
        (END, "tunnel = { ipv6 = 1 }, internet = { ipv4 = 1 } }", "host.near.on.tunnel: write tunnels after all other"),
        (END, "tunnel = { ipv6 = 1 } }", "host.near.on.tunnel: it needs an interface on 'internet', which carries the"),
        (FUNCTIONS, 'functions = ["forward"]', "host.near.functions: add 'tunnel-6in4': it is on 'tunnel'"),
        (
            "on = { servers = { ipv6 = 1 } }\n",
            'on = { servers = { ipv6 = 1 } }\nfunctions = ["tunnel-6in4"]\n',
            "host.service.functions: found 'tunnel-6in4', but it is on no tunnel",
        ),
    ],
)
def test_faults_of_tunnels(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """A fault of a tunnel or of one of its ends has file, key, what was found and what is needed."""
    assert old in TUNNEL
    assert fault in fault_of(tmp_path, TUNNEL.replace(old, new, 1))


def test_a_tunnel_needs_an_end_with_ipv4(tmp_path: Path) -> None:
    """One end may have no IPv4 address: the tunnel then carries nothing. Without any, nothing would be tried."""
    text = TUNNEL.replace("internet = { ipv4 = 1 }", "internet = {}")
    fault = "link.tunnel: none of its ends has an IPv4 address; write host.near.on.internet.ipv4 = 1"
    assert fault_of(tmp_path, text) == fault


def test_reads_links(tmp_path: Path) -> None:
    """A topology has links, which carry both families by default, and hosts with the addresses that they name."""
    path = tmp_path / "linked.toml"
    path.write_text(LINKED, encoding="utf-8")
    topology = read_topology(path)
    assert {name: link.families for name, link in topology.links.items()} == {"lan": BOTH, "v6only": (Family.IPV6,)}
    assert (topology.families("service"), topology.families("peer")) == (BOTH, (Family.IPV6,))
    assert topology.host["router"].addresses(Family.IPV6) == 2
    assert topology.routers == {"router"}
    assert (topology.path_mtu(), topology.path_mtu("service")) == (1280, 1280)


def test_reads_roles(tmp_path: Path) -> None:
    """Hosts may have other names than the usual ones if roles say which they are; the client's is the name server."""
    path = tmp_path / "roles.toml"
    text = GOOD.replace("[host.service]", '[roles]\nservice = "web"\nclient = "phone"\n[host.web]')
    path.write_text(text.replace("[host.peer]", "[host.phone]"), encoding="utf-8")
    topology = read_topology(path)
    assert topology.families() == (Family.IPV4,)
    plan = plan_addresses(topology)
    assert (plan.service, plan.client) == ("web", "phone")
    assert host_files(plan, "web")["resolv.conf"] == f"nameserver {plan.hosts['phone'].address(Family.IPV4)}\n"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("{ v6only =", "{ v6onyl =", "host.peer.on.v6onyl: unknown link; allowed: lan, v6only; did you mean 'v6only'?"),
        (
            "{ ipv6 = 2 }",
            "{ ipv4 = 1, ipv6 = 2 }",
            "host.peer.on.v6only.ipv4: found 1, but the link carries no IPv4; write 0, or remove link.v6only.ipv4",
        ),
        ("{ ipv6 = 2 }", "{ ipv6 = 9 }", "host.peer.on.v6only.ipv6: found 9; allowed: 8 or less"),
        ("on = { v6only = { ipv6 = 2 } }\n", "", "host.peer.on: missing; write which links it is on: on = { lan = {"),
        (
            "on = { v6only = { ipv6 = 2 } }",
            "on = { v6only = { ipv6 = 2 } }\nipv6 = 1",
            "host.peer.ipv6: only for a topology without [link.NAME]: write it in host.peer.on",
        ),
        (
            "on = { v6only = { ipv6 = 2 } }",
            'on = { v6only = { ipv6 = 2 } }\nvia = "router"',
            "host.peer.via: only for a topology without [link.NAME]: the routes follow from the links",
        ),
        (
            "on = { v6only = { ipv6 = 2 } }",
            "on = { v6only = { ipv6 = 2 } }\nmtu = 1280",
            "host.peer.mtu: only for a topology without [link.NAME]: write link.NAME.mtu",
        ),
        (
            "on = { v6only = { ipv6 = 2 } }",
            'on = { v6only = { ipv6 = 2 } }\ntwin = "sevrice"',
            "host.peer.twin: found 'sevrice'; allowed: service, router; did you mean 'service'?",
        ),
        (
            "on = { v6only = { ipv6 = 2 } }",
            'on = { v6only = { ipv6 = 2 } }\ntwin = "router"',
            "host.peer.twin: found 'router', which is on link 'v6only' too: there it would be a duplicate",
        ),
        (
            "on = { lan = { ipv4 = 1, ipv6 = 1 }, v6only = { ipv6 = 1 } }",
            "on = { v6only = { ipv6 = 1 }, lan = { ipv4 = 1, ipv6 = 1 } }",
            "host.router.on: write 'lan', the link of the service, first: eth0 is on it",
        ),
        (
            'functions = ["forward"]\n',
            "",
            "host.service.on: no path over IPv6 to 'peer' on link 'v6only'; connect the links by a host with functions",
        ),
        (", v6only = { ipv6 = 1 } }", " }", "host.router.functions: found 'forward', which needs two links"),
        (
            '"forward"',
            '"foward"',
            "host.router.functions[0]: found 'foward'; allowed: 'forward', 'silent', 'tunnel-6in4', 'nat44',",
        ),
        ("[link.lan]", "[link.lan]\n[link.x]\nipv4 = false\nipv6 = false", "link.x: it carries no family; remove ipv4"),
        ("mtu = 1280", "mtu = 1279", "link.v6only.mtu: found 1279; allowed: 1280 or more"),
        (
            "ipv4 = false",
            "ipv5 = false",
            "link.v6only.ipv5: unknown key; did you mean 'ipv6'? (allowed: behind, ipv4, ipv6, mtu, over, prefix)",
        ),
        (
            "[link.lan]",
            '[roles]\nservice = "sevrice"\n[link.lan]',
            "roles.service: found 'sevrice'; allowed: service, ",
        ),
        (
            "[link.lan]",
            '[roles]\nclient = "router"\n[link.lan]',
            "roles.client: found 'router', but there is a host 'peer': rename it, or give it the role",
        ),
        ("[link.lan]", '[roles]\nrouter = "router"\n[link.lan]', "roles.router: unknown key"),
        ("[link.lan]", '[roles]\nserver = "sevrer"\n[link.lan]', "roles.server: found 'sevrer'; allowed: service, "),
        ("host.router", "host.server", "roles.server: missing, but there is a host 'server': rename it, or give it"),
    ],
)
def test_faults_of_links(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """A fault of a link, a function or a role has file, line, key, what is allowed, and what to write."""
    assert old in LINKED
    assert fault_of(tmp_path, LINKED.replace(old, new, 1)).startswith(fault)


def test_links_need_their_tables(tmp_path: Path) -> None:
    """Without a table of a link, a host has neither functions nor a twin."""
    for key, value in (("functions", '["forward"]'), ("twin", '"service"')):
        fault = fault_of(tmp_path, f"{GOOD}{key} = {value}\n")
        assert fault.startswith(f"host.peer.{key}: only for a topology with links: write a table [link")


def test_every_fault_is_named(tmp_path: Path) -> None:
    """Two faults are two lines."""
    text = GOOD.replace("ipv6 = 0", "ipv6 = 9").replace("[host.peer]", "[host.peer]\nmtus = 1500")
    assert len(fault_of(tmp_path, text).splitlines()) == 2


def test_unknown_name() -> None:
    """For a topology that does not exist the error lists all and the nearest."""
    with pytest.raises(
        UsageError, match=r"no topology 'ipv6-onyl' \(there are: .*multi-address.*\); did you mean 'ipv6-only'\?"
    ):
        load_topology("ipv6-onyl")


def test_a_path_is_no_name() -> None:
    """A name with a path outside of the folder of topologies is refused."""
    with pytest.raises(UsageError, match="no topology"):
        load_topology("../topologies/dual-stack")


def test_all_can_be_loaded() -> None:
    """All topologies of this repository are valid, and have the names of their files."""
    names = topology_names()
    assert len(names) >= 8
    assert [load_topology(name).name for name in names] == names


TRANSLATED = """\
title = "A world"
represents = "a host"
summary = "What it is like."
pref64 = "3fff:64::/56"
[roles]
resolver = "router"
[link.v6]
[link.v4]
[host.service]
on = { v6 = { ipv6 = 1 } }
functions = ["clat"]
[host.peer]
on = { v4 = { ipv4 = 1 } }
[host.router]
on = { v6 = { ipv6 = 1 }, v4 = { ipv4 = 1 } }
functions = ["nat64", "dns64"]
"""


def test_reads_a_translator(tmp_path: Path) -> None:
    """A topology has a translator with a prefix, and its name server is where the role says."""
    path = tmp_path / "translated.toml"
    path.write_text(TRANSLATED, encoding="utf-8")
    topology = read_topology(path)
    plan = plan_addresses(topology)
    assert topology.pref64 == "3fff:64::/56"
    assert host_files(plan, "service")["resolv.conf"] == "nameserver 2001:db8:51:1::301\n"
    assert host_files(plan, "peer")["resolv.conf"] == "nameserver 198.18.1.65\n"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("3fff:64::/56", "3fff:64::/60", "pref64: found '3fff:64::/60'; allowed lengths: 32, 40, 48, 56, "),
        ("3fff:64::/56", "64:ff9b::/96", "pref64: found '64:ff9b::/96', which stands for global IPv4 addr"),
        ("3fff:64::/56", "3fff:64::1/56", "pref64: found '3fff:64::1/56': 3fff:64::1/56 has host bits set"),
        ("3fff:64::/56", "no prefix", "pref64: found 'no prefix': "),
        ('["clat"]', '["forward"]', "host.service.functions: found 'forward', which needs two links"),
        (
            "v6 = { ipv6 = 1 } }\nf",
            "v6 = { ipv4 = 1 } }\nf",
            "host.service.functions: found 'clat', which is for a host ",
        ),
        (
            '["nat64", "dns64"]',
            "[]",
            'pref64: only for a topology that has a host with functions = ["nat64"]\nhost.service.fun',
        ),
        ('"dns64"]', '"forward"]', "host.router.functions: found 'forward' and 'nat64': the kernel must not forward"),
        ('resolver = "router"', "", "host.router.functions: found 'dns64', which needs roles.resolver = 'router'"),
        (
            'resolver = "router"',
            'resolver = "ruoter"',
            "roles.resolver: found 'ruoter'; allowed: service, peer, router",
        ),
        (
            "v4 = { ipv4 = 1 } }\nf",
            "v4 = { } }\nf",
            "host.router.functions: found 'nat64', which needs a link with IPv6 ",
        ),
    ],
)
def test_faults_of_translators(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """A fault of a translator, a prefix or a name server has file, line, key, what was found and what is needed."""
    assert old in TRANSLATED
    assert fault_of(tmp_path, TRANSLATED.replace(old, new, 1)).startswith(fault)


HIDDEN = """\
title = "A world"
represents = "a host"
summary = "What it is like."
[link.home]
behind = "router"
prefix = "192.168.51.0/24"
[link.internet]
[host.service]
on = { home = { ipv4 = 1 } }
[host.peer]
on = { internet = { ipv4 = 1 } }
[host.router]
on = { home = { ipv4 = 1 }, internet = { ipv4 = 1 } }
functions = ["forward", "nat44"]
"""


def test_reads_a_hidden_link(tmp_path: Path) -> None:
    """A link that a host hides has its own prefix in the namespace lab, and a planned one elsewhere."""
    path = tmp_path / "hidden.toml"
    path.write_text(HIDDEN, encoding="utf-8")
    topology = read_topology(path)
    assert plan_addresses(topology).hosts["service"].address(Family.IPV4) == "192.168.51.1"
    given = plan_addresses(topology, ipaddress.IPv4Network("172.20.0.0/24"))
    assert given.hosts["service"].address(Family.IPV4) == "172.20.0.1"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            'behind = "router"',
            'behind = "ruoter"',
            "link.home.behind: found 'ruoter'; allowed: service, peer, router; did",
        ),
        (
            'behind = "router"',
            'behind = "peer"',
            "link.home.behind: found 'peer', which does not hide anything: add 'nat44'",
        ),
        ('behind = "router"\n', "", "link.home.prefix: only for a link that is hidden: write behind"),
        ("192.168.51.0/24", "192.168.51.0/23", "link.home.prefix: found '192.168.51.0/23': "),
        ("192.168.51.0/24", "192.168.50.0/23", "link.home.prefix: found '192.168.50.0/23'; allowed: a /24 of private"),
        ("192.168.51.0/24", "8.8.8.0/24", "link.home.prefix: found '8.8.8.0/24'; allowed: a /24 of private"),
        (
            "[link.internet]",
            '[link.internet]\nbehind = "router"',
            "host.router.functions: found 'nat44', but no link with ",
        ),
        ('"forward", "nat44"', '"nat44"', "host.router.functions: found 'nat44', which needs 'forward' too"),
        ('"forward", "nat44"', '"forward"', "link.home.behind: found 'router', which does not hide anything"),
    ],
)
def test_faults_of_hidden_links(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """A fault of what hides a link has file, line, key, what was found and what is needed."""
    assert old in HIDDEN
    assert fault_of(tmp_path, HIDDEN.replace(old, new, 1)).startswith(fault)


def test_a_prefix_needs_a_translator(tmp_path: Path) -> None:
    """A prefix in a topology without a translator is a fault."""
    fault = fault_of(tmp_path, 'pref64 = "3fff::/32"\n' + GOOD)
    assert fault == 'pref64: only for a topology that has a host with functions = ["nat64"]'
