"""The prefix of a translator in router advertisements (PREF64, RFC 8781): the message, and what hosts are told."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptPREF64, IPv6
from scapy.utils import rdpcap

from dualstack.lab.functions.translation import OTHER_PREFIXES
from dualstack.lab.netns import NetnsLab
from dualstack.lab.proofs import PROOFS
from dualstack.lab.protocol import Host
from dualstack.lab.proving import observe, prove
from dualstack.lab.translating.advertising import LIFETIME, advertisement, prefixes_in
from dualstack.topology import Topology
from dualstack.wire.capture import Capture

MakeLab = Callable[[Topology | str], NetnsLab]
PREFIX = "2001:db8:64::/96"
OPTION = advertisement(PREFIX)[16:]
HEAD = advertisement(PREFIX)[:16]
MTU = bytes([5, 1, 0, 0, 0, 0, 5, 0])


def told(host: Host) -> list[str]:
    """Return the prefixes in the answer to a host that asks."""
    with host.inside("dualstack.lab.facts:serve") as stream:
        stream.sendall(json.dumps({"do": "solicit", "interface": "eth0"}).encode() + b"\n")
        stream.settimeout(30)
        found: list[str] = json.loads(stream.makefile().readline())["prefixes"]
        return found


@pytest.mark.parametrize("prefix", [PREFIX, *OTHER_PREFIXES])
def test_the_option_is_that_of_the_rfc(prefix: str) -> None:
    """To scapy it has type 38, the code of the prefix length, a lifetime in units of 8 s, and the prefix."""
    message = ICMPv6ND_RA(advertisement(prefix))
    option = message[ICMPv6NDOptPREF64]
    assert (message.routerlifetime, option.type, option.len) == (0, 38, 2)
    assert option.scaledlifetime * 8 == LIFETIME
    address, _, length = prefix.partition("/")
    assert (option.prefix, option.get_field("plc").i2repr(option, option.plc)) == (address, f"/{length}")
    assert list(prefixes_in(advertisement(prefix))) == [prefix]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (MTU + OPTION, [PREFIX]),
        (OPTION + OPTION, [PREFIX, PREFIX]),
        (b"", []),
        (MTU, []),
        (OPTION[:-1], []),
        (b"\x26\x00" + OPTION[2:], []),
        (OPTION[:2] + b"\x00\x00" + OPTION[4:], []),
        (OPTION[:3] + bytes([OPTION[3] | 7]) + OPTION[4:], []),
        (b"\x26\x01" + OPTION[2:8], []),
    ],
    ids=["another option", "two", "none", "no prefix", "cut", "no length", "withdrawn", "unknown code", "short"],
)
def test_only_whole_prefixes_are_read(options: bytes, found: list[str]) -> None:
    """Other options are skipped; a prefix that is withdrawn, cut off or of no known length is none."""
    assert list(prefixes_in(HEAD + options)) == found


@pytest.mark.parametrize("topology", ["nat64-dns64", "nat64-native", "nat64-clients"])
def test_hosts_are_told_the_prefix_that_is_in_use(make_lab: MakeLab, topology: str) -> None:
    """A host that asks receives the topology's prefix, or another one if the translator uses that."""
    lab = make_lab(topology)
    host = lab.hosts["peer" if topology == "nat64-clients" else "service"]
    assert told(host) == [lab.topology.pref64]
    for prefix in OTHER_PREFIXES[:2]:
        lab.daemons["the NAT64 translator"].ask({"use": prefix})
        assert told(host) == [prefix]


def test_a_lab_that_advertises_another_prefix_is_found(make_lab: MakeLab) -> None:
    """The proof fails if the prefix on the wire is not the topology's."""
    lab = make_lab("nat64-dns64")
    assert "router: pref64" in prove(lab)
    lab.daemons["the NAT64 translator"].ask({"use": OTHER_PREFIXES[0]})
    fault = PROOFS["pref64"](observe(lab)["router"])
    assert fault is not None
    assert OTHER_PREFIXES[0] in fault.found


def test_the_advertisement_is_on_the_wire(make_lab: MakeLab, tmp_path: Path) -> None:
    """A capture of the host has the router's message: to all nodes, from its link-local address, with hop limit 255."""
    lab = make_lab("nat64-dns64")
    with Capture.start(lab.hosts["service"], tmp_path / "x.pcap") as capture:
        assert told(lab.hosts["service"]) == [PREFIX]
        capture.stop()
    (message,) = (packet[IPv6] for packet in rdpcap(str(tmp_path / "x.pcap")) if ICMPv6ND_RA in packet)
    router = lab.plan.hosts["router"].interfaces[0].link_local
    assert (message.src, message.dst, message.hlim) == (router, "ff02::1", 255)
    assert message[ICMPv6NDOptPREF64].prefix == "2001:db8:64::"


def test_hosts_take_nothing_else_from_it(make_lab: MakeLab) -> None:
    """A host that was told the prefix has no default route and no other address: its proofs hold."""
    lab = make_lab("nat64-dns64")
    assert told(lab.hosts["service"]) == [PREFIX]
    assert {"service: no-route-out", "service: addresses"} <= set(prove(lab))
