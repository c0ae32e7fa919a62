"""Every topology comes up as a docker lab and is what it claims to be, and so is a lab that is used again."""

import threading
import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_network
from typing import Any

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import BrokenLab, HarnessError, HostCannot, UsageError
from dualstack.families import Family
from dualstack.lab.changes import AcceptRouters, AddAddress, RemoveAddress, SwitchIpv6
from dualstack.lab.docker import containers
from dualstack.lab.docker.backend import DockerBackend, DockerLab
from dualstack.lab.docker.engine import Engine
from dualstack.lab.proofs import planned_proofs
from dualstack.lab.protocol import Backend, Host, Lab
from dualstack.lab.proving import prove
from dualstack.prober.messages import AddressRow, Advertise, Dial, Outcome, Serve
from dualstack.topology import Topology, load_topology
from dualstack.transport import AppProtocol, Transport
from tests.docker.worlds import MADE, REFUSED

MakeLab = Callable[[Topology | str], DockerLab]
Look = Callable[[Host], dict[str, Any]]


@pytest.mark.parametrize("name", REFUSED)
def test_twins_are_refused(make_lab: MakeLab, name: str) -> None:
    """A topology with two hosts of one hardware address is refused, with the host and the lab that can."""
    with pytest.raises(
        HostCannot, match=rf"topology {name}: host '.*' has the hardware .*: it needs the namespace lab"
    ):
        make_lab(name)


@pytest.mark.parametrize("name", MADE)
def test_every_topology_comes_up_and_proves_itself(make_lab: MakeLab, name: str) -> None:
    """Each topology's proofs all hold in a fresh lab, on both hosts."""
    topology = load_topology(name)
    proved = prove(make_lab(topology))
    planned = {f"{host}: {proof}" for host, proofs in planned_proofs(topology).items() for proof in proofs}
    assert set(proved) == planned


def test_backend_and_lab_keep_the_protocol(backend: DockerBackend, make_lab: MakeLab) -> None:
    """The docker backend is a `Backend`, and what it makes is a `Lab`."""
    as_protocol: Backend = backend
    lab: Lab = make_lab("dual-stack")
    assert as_protocol.name == "docker"
    assert lab.hosts["service"].interface == "eth0"
    assert lab.hosts["service"].plan == lab.plan.hosts["service"]


def test_an_ipv6_only_network_is_native_where_the_engine_can(engine: Engine, make_lab: MakeLab) -> None:
    """From API 1.48 on the engine itself gives no IPv4; before, the network has it, and the host took it away."""
    lab = make_lab("ipv6-only")
    found = engine.api.inspect_network(lab.network.identity)
    assert lab.network.native is engine.makes_ipv6_only
    if engine.makes_ipv6_only:
        assert found["EnableIPv4"] is False
        assert [pool["Subnet"] for pool in found["IPAM"]["Config"]] == [str(lab.plan.ipv6)]
    else:
        assert "EnableIPv4" not in found
        assert str(lab.plan.ipv4) in [pool["Subnet"] for pool in found["IPAM"]["Config"]]
    addresses = {row.address for row in lab.hosts["service"].prober.addresses() if row.family == "ipv4"}
    assert addresses == {"127.0.0.1"}


def test_pause_containers_have_little_power(engine: Engine, make_lab: MakeLab) -> None:
    """A pause container is not privileged, has two capabilities and cannot gain more, and publishes nothing."""
    lab = make_lab("dual-stack")
    for host in lab.members.values():
        found = engine.api.inspect_container(host.pause)["HostConfig"]
        assert found["Privileged"] is False
        assert found["CapDrop"] == ["ALL"]
        assert sorted(item.removeprefix("CAP_") for item in found["CapAdd"]) == ["NET_ADMIN", "NET_RAW"]
        assert found["SecurityOpt"] == ["no-new-privileges"]
        assert not found["PortBindings"]
    assert engine.api.inspect_network(lab.network.identity)["Internal"] is True


def test_hosts_have_the_planned_hardware_addresses(make_lab: MakeLab, look: Look) -> None:
    """Each host's interface has the hardware address of the plan, and the link-local address that follows from it."""
    lab = make_lab("dual-stack")
    for name, host in lab.members.items():
        assert look(host)["mac"] == host.plan.mac
        own = bytes.fromhex(host.plan.mac.replace(":", ""))
        number = bytes([own[0] ^ 2]) + own[1:3] + b"\xff\xfe" + own[3:]  # RFC 4291, appendix A
        link_local = str(IPv6Address(b"\xfe\x80" + bytes(6) + number))
        assert link_local in [row.address for row in lab.hosts[name].prober.addresses()]


def test_nothing_inside_can_change_the_network(make_lab: MakeLab, look: Look) -> None:
    """Once a host is set up, what runs inside has the capability to capture packets and no other."""
    seen = look(make_lab("dual-stack").hosts["service"])
    assert seen["effective"] == seen["permitted"] == 1 << 13


@pytest.mark.parametrize("topology", ["dual-stack", "ipv6-only"])
def test_names_come_from_the_lab(make_lab: MakeLab, look: Look, topology: str) -> None:
    """resolv.conf names the peer and hosts the lab's addresses: nothing leads to the engine's own name server."""
    lab = make_lab(topology)
    seen = look(lab.hosts["service"])
    families = lab.topology.families()
    assert seen["resolv.conf"] == f"nameserver {lab.plan.hosts['peer'].configured[families[0]][0]}\n"
    own = [line.split()[0] for line in seen["hosts"].splitlines() if line.endswith(" service")]
    assert own == [lab.plan.hosts["service"].configured[family][0] for family in families]
    assert not [row for row in lab.hosts["service"].prober.sockets() if row.address == "127.0.0.11"]


def test_addresses_keep_their_order(make_lab: MakeLab) -> None:
    """A host with several addresses of a family has them in the order of the plan."""
    lab = make_lab("multi-address")
    wanted = lab.plan.hosts["service"].configured[Family.IPV4]
    rows = [row.address for row in lab.hosts["service"].prober.addresses() if row.address in wanted]
    assert tuple(rows) == wanted


def test_eight_labs_at_once(backend: DockerBackend) -> None:
    """Eight labs that are made at the same time have prefixes that do not overlap, and all prove themselves."""
    labs: list[DockerLab] = []
    threads = [threading.Thread(target=lambda: labs.append(backend.up(load_topology("dual-stack")))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert len(labs) == 8
        prefixes = [str(item) for lab in labs for item in (lab.plan.ipv4, lab.plan.ipv6)]
        assert len(set(prefixes)) == 16
        for prefix in prefixes:
            assert not ip_network(prefix).overlaps(ip_network("192.0.2.0/24" if "." in prefix else "fd00::/64"))
        for lab in labs:
            assert prove(lab)
    finally:
        for lab in labs:
            lab.close()


def _given_back(backend: DockerBackend, lab: DockerLab) -> DockerLab | None:
    """Close a lab and return it if it is kept for another case."""
    backend.forget_idle()
    lab.close()
    return backend.settle_idle()


def test_a_clean_lab_is_used_again(backend: DockerBackend) -> None:
    """A lab in which nothing is left serves the next case of its topology, and proves itself again."""
    lab = backend.up(load_topology("dual-stack"))
    prove(lab)
    lab.hosts["peer"].prober.ping()
    assert _given_back(backend, lab) is lab
    again = backend.up(load_topology("dual-stack"))
    assert again is lab
    assert prove(again)
    again.hosts["peer"].prober.ping()
    again.close()


def test_a_lab_with_a_busy_port_is_not(backend: DockerBackend) -> None:
    """A connection that lingers (TIME_WAIT) towards a client's port may hold the next service's: no second use."""
    lab = backend.up(load_topology("dual-stack"))
    address = lab.plan.hosts["peer"].address(Family.IPV4)
    with lab.hosts["peer"].prober.serve(Serve((address,), 40000)):
        dial = Dial(Family.IPV4, address, 40000, protocol=AppProtocol.ECHO)
        assert lab.hosts["service"].prober.dial(dial).outcome is Outcome.ANSWERED
    assert [row for row in lab.hosts["service"].prober.sockets() if row.state == "TIME_WAIT"]
    assert _given_back(backend, lab) is None


def test_no_icmp_error_is_held_back(backend: DockerBackend) -> None:
    """A UDP port that refuses does so every time, however often it is asked, so that the lab can be used again."""
    lab = backend.up(load_topology("ipv6-only"))
    address = lab.plan.hosts["service"].address(Family.IPV6)
    dials = [Dial(Family.IPV6, address, port, Transport.UDP, AppProtocol.ECHO) for port in range(20000, 20200)]
    assert {dialled.outcome for dialled in lab.hosts["peer"].prober.dial_all(dials)} == {Outcome.REFUSED}
    assert _given_back(backend, lab) is lab


def test_a_seccomp_profile_without_effect_is_found(backend: DockerBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that lets AF_INET6 through is a broken lab, not a world without IPv6."""
    monkeypatch.setattr(containers, "no_inet6_profile", lambda: {"defaultAction": "SCMP_ACT_ALLOW"})
    backend.forget_idle()
    with pytest.raises(BrokenLab, match=r"'no-af-inet6' failed on host 'service'.*found a socket"):
        backend.up(load_topology("ipv4-only-no-af-inet6"))


def test_an_unknown_entry_is_named(make_lab: MakeLab) -> None:
    """An entry point that does not exist is an error with its name, not a dead stream."""
    with pytest.raises(UsageError, match=r"no entry point 'dualstack\.lab\.facts:nothing'"):
        make_lab("dual-stack").hosts["service"].inside("dualstack.lab.facts:nothing")


def test_a_pause_container_that_was_killed_is_an_error_with_a_name(engine: Engine, backend: DockerBackend) -> None:
    """Without its pause container a host raises `HarnessError`, and its lab can still be closed."""
    lab = backend.up(load_topology("dual-stack"))
    engine.api.kill(lab.members["service"].pause)
    engine.api.wait(lab.members["service"].pause, condition="not-running")
    with pytest.raises(HarnessError, match=r"host 'service' is gone"):
        lab.hosts["service"].inside("dualstack.lab.facts:serve")
    lab.close()


def test_a_host_changes_while_a_case_runs(make_lab: MakeLab) -> None:
    """Addresses are added, with and without detection, and removed; IPv6 is switched off and on."""
    lab = make_lab("dual-stack")
    host = lab.hosts["service"]
    ipv4, ipv6 = (host.plan.planned[family][1] for family in Family)

    def own() -> set[str]:
        return {row.address for row in host.prober.addresses() if not row.tentative}

    for address in (ipv4, ipv6):
        host.apply(AddAddress(address))
        assert address in own()
        host.apply(RemoveAddress(address))
        assert address not in own()
    began = time.monotonic()
    host.apply(AddAddress(ipv6, detect=True))
    assert Deadline(30, "the address to be usable").until(lambda: ipv6 in own())
    assert time.monotonic() - began > 0.9
    host.apply(SwitchIpv6(enabled=False))
    assert not [address for address in own() if ":" in address]
    host.apply(SwitchIpv6(enabled=True))
    assert Deadline(30, "the link-local address").until(lambda: {address[:4] for address in own()} >= {"::1", "fe80"})
    host.apply(AddAddress(ipv6))
    with host.prober.serve(Serve((Family.IPV6.wildcard,), 7600)):
        dial = Dial(Family.IPV6, ipv6, 7600, protocol=AppProtocol.ECHO)
        assert lab.hosts["peer"].prober.dial(dial).outcome is Outcome.ANSWERED


def test_a_host_believes_router_advertisements_when_it_is_told_to(make_lab: MakeLab) -> None:
    """Of what the peer advertises it makes itself an address and a temporary one, deprecated when it is withdrawn."""
    lab = make_lab("dual-stack")
    host, peer = lab.hosts["service"], lab.hosts["peer"]
    prefix = "2001:db8:6104:7::"

    def advertised() -> list[AddressRow]:
        return [row for row in host.prober.addresses() if row.address.startswith("2001:db8:6104:7:")]

    host.apply(AcceptRouters(prefer_temporary=True))
    peer.prober.call(Advertise(prefix, peer.interface, 3600, 1800))
    usable = Deadline(30, "the addresses to be usable").until(
        lambda: {row.temporary for row in advertised() if not row.tentative} == {False, True}
    )
    assert usable, advertised()
    assert not any(row.deprecated for row in advertised())
    peer.prober.call(Advertise(prefix, peer.interface, 0, 0))
    assert Deadline(30, "the withdrawal").until(lambda: all(row.deprecated for row in advertised()))
    assert len(advertised()) == 2
    assert lab.members["service"].recycle() == "its addresses or settings were changed"


def test_a_changed_lab_is_not_used_again(backend: DockerBackend) -> None:
    """A lab with a host that was changed is removed: the next case gets another one."""
    lab = backend.up(load_topology("dual-stack"))
    host = lab.members["service"]
    host.apply(AddAddress(host.plan.planned[Family.IPV4][1]))
    assert host.recycle() == "its addresses or settings were changed"
    lab.close()
    assert backend.settle_idle() is not lab
