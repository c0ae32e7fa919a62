"""What crosses the translators of a lab, and what its DNS64 answers."""

import json
from collections.abc import Callable

import pytest

from dualstack.errors import BrokenLab
from dualstack.families import Family
from dualstack.lab.functions.translation import CLAT_IPV4, OTHER_PREFIXES, mappings
from dualstack.lab.netns import NetnsLab
from dualstack.lab.proving import prove
from dualstack.prober.messages import Dial, Names, Outcome, Serve
from dualstack.prober.messages.naming import Resolve
from dualstack.prober.names import query_name
from dualstack.rfc6052 import embed
from dualstack.topology import Topology
from dualstack.transport import AppProtocol, Transport
from dualstack.world import servers
from dualstack.world.servers import serve_names

MakeLab = Callable[[Topology | str], NetnsLab]
PORT = 7000
MIBIBYTE = 1 << 20


def peer_address(lab: NetnsLab) -> str:
    """Return the IPv4 address of the server."""
    return lab.hosts["peer"].plan.address(Family.IPV4)


def send(lab: NetnsLab, address: str, size: int, source: str = "service") -> tuple[int, bool]:
    """Send bytes from a host to an address, where they are echoed; return how many came back, and their hash."""
    with lab.hosts[source].inside("saboteur:echoed") as stream:
        stream.sendall(json.dumps({"address": address, "port": PORT, "size": size}).encode() + b"\n")
        stream.settimeout(30)
        size, same = json.loads(stream.makefile("rb").readline())
    return size, same


@pytest.mark.parametrize("topology", ["nat64-dns64", "nat64-clat"])
def test_a_mebibyte_arrives(make_lab: MakeLab, topology: str) -> None:
    """A mebibyte crosses each translator in both directions, over one connection, with segments as large as fit."""
    lab = make_lab(topology)
    address = peer_address(lab)
    target = address if topology == "nat64-clat" else embed(lab.topology.pref64, address)
    with lab.hosts["peer"].prober.serve(Serve((address,), PORT)) as serving:
        assert send(lab, target, MIBIBYTE) == (MIBIBYTE, True)
        (client,) = serving.accepted()
    own = mappings(lab.topology, lab.plan)
    assert client.peer in own.values()
    assert all(answer["counts"]["dropped"] == 0 for answer in lab.daemons.check().values())


def test_datagrams_larger_than_the_link(make_lab: MakeLab) -> None:
    """Fragments are translated: a datagram of 4000 bytes crosses the translator and comes back."""
    lab = make_lab("nat64-dns64")
    address = peer_address(lab)
    dial = Dial(
        Family.IPV6,
        embed(lab.topology.pref64, address),
        PORT,
        transport=Transport.UDP,
        protocol=AppProtocol.ECHO,
        token_size=4000,
    )
    with lab.hosts["peer"].prober.serve(Serve((address,), PORT, Transport.UDP)):
        assert lab.hosts["service"].prober.dial(dial).outcome is Outcome.ANSWERED


def test_ipv4_clients_reach_an_ipv6_service(make_lab: MakeLab) -> None:
    """An IPv4 client reaches the IPv6-only host at the address that stands for it, as with SIIT-DC (RFC 7755)."""
    lab = make_lab("nat64-dns64")
    own = lab.hosts["service"].plan.address(Family.IPV6)
    with lab.hosts["service"].prober.serve(Serve((own,), PORT)) as serving:
        dial = Dial(Family.IPV4, mappings(lab.topology, lab.plan)[own], PORT, protocol=AppProtocol.ECHO)
        assert lab.hosts["peer"].prober.dial(dial).outcome is Outcome.ANSWERED
        assert serving.accepted()[0].peer == embed(lab.topology.pref64, peer_address(lab))


def test_a_clat_gives_programs_ipv4(make_lab: MakeLab) -> None:
    """Programs on a host with a CLAT have the source address 192.0.0.1, and its interface a smaller MTU."""
    lab = make_lab("nat64-clat")
    with lab.hosts["service"].inside("saboteur:own_address") as stream:
        stream.sendall(json.dumps(peer_address(lab)).encode() + b"\n")
        assert json.loads(stream.makefile("rb").readline()) == [CLAT_IPV4, 1480]


@pytest.mark.parametrize("prefix", ["2001:db8:64::/96", *OTHER_PREFIXES])
def test_dns64_and_translator_agree(make_lab: MakeLab, prefix: str) -> None:
    """The address that the name server synthesizes is the one that the translator takes for the server."""
    lab = make_lab("nat64-dns64")
    lab.daemons["the NAT64 translator"].ask({"use": prefix})
    records = {Family.IPV4: (peer_address(lab),)}
    name = query_name(a="ok")
    with (
        serve_names(lab.hosts["resolver"], records, pref64=prefix) as names,
        lab.hosts["peer"].prober.serve(Serve((peer_address(lab),), PORT)),
    ):
        found = lab.hosts["service"].prober.call(Resolve(name, Family.IPV6))
        assert found.addresses == (embed(prefix, peer_address(lab)),)
        dial = Dial(Family.IPV6, found.addresses[0], PORT, protocol=AppProtocol.ECHO)
        assert lab.hosts["service"].prober.dial(dial).outcome is Outcome.ANSWERED
        (query,) = (query for query in names.queries() if query.name == name)
        assert (query.record, query.family, query.answers) == ("AAAA", "ipv6", 1)


def test_a_name_server_that_does_not_synthesize_breaks_the_lab(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A DNS64 is proved when it is started: one without a prefix does not know the name that shows it."""
    lab = make_lab("nat64-dns64")
    monkeypatch.setattr(servers, "Names", lambda listen, a, aaaa, **_: Names(listen, a, aaaa))
    with pytest.raises(BrokenLab, match=r"'router' does not synthesize: ipv4only\.arpa has EAI_NONAME, not 2001:"):
        serve_names(lab.hosts["resolver"], {}, pref64="2001:db8:64::/96")


def test_it_is_the_only_path(make_lab: MakeLab) -> None:
    """Without its translator the IPv6-only host reaches no IPv4 host."""
    lab = make_lab("nat64-dns64")
    prove(lab)
    lab.daemons.close()
    with lab.hosts["peer"].prober.serve(Serve((peer_address(lab),), PORT)):
        dial = Dial(Family.IPV6, embed(lab.topology.pref64, peer_address(lab)), PORT, timeout=0.3)
        assert not lab.hosts["service"].prober.dial(dial).connected
