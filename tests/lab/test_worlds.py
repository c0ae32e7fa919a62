"""Every topology can be made as a namespace lab, and the lab proofs hold."""

import json
import os
import re
import signal
from collections.abc import Callable

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import HarnessError, UsageError
from dualstack.families import BOTH, Family
from dualstack.lab.netns import NetnsBackend, NetnsLab
from dualstack.lab.proofs import planned_proofs
from dualstack.lab.protocol import Backend, Lab
from dualstack.lab.proving import prove
from dualstack.prober.messages import DatagramBatch, Dial, Launch, Outcome, Sender, Serve
from dualstack.topology import Topology, load_topology, topology_names
from dualstack.transport import AppProtocol, Transport

MakeLab = Callable[[Topology | str], NetnsLab]


def ask(lab: NetnsLab, host: str, entry: str) -> object:
    """Return the JSON line that an entry point of `saboteur` answers."""
    with lab.hosts[host].inside(f"saboteur:{entry}") as stream, stream.makefile("rb") as lines:
        return json.loads(lines.readline())


@pytest.mark.parametrize("name", topology_names())
def test_every_topology_comes_up_and_proves_itself(make_lab: MakeLab, name: str) -> None:
    """All proofs of each topology hold in a new lab, on every host."""
    topology = load_topology(name)
    proved = prove(make_lab(topology))
    planned = {f"{host}: {proof}" for host, proofs in planned_proofs(topology).items() for proof in proofs}
    assert set(proved) == planned
    assert {line.partition(":")[0] for line in proved} == set(topology.host)


def test_backend_and_lab_keep_the_protocol(backend: NetnsBackend, make_lab: MakeLab) -> None:
    """The backend of namespace labs is a `Backend`, and what it makes is a `Lab`."""
    as_protocol: Backend = backend
    lab: Lab = make_lab("dual-stack")
    assert as_protocol.name == "netns"
    assert lab.hosts["service"].interface == "eth0"
    assert lab.hosts["service"].plan == lab.plan.hosts["service"]


def test_a_host_has_its_own_view_of_the_machine(make_lab: MakeLab) -> None:
    """A process in a host sees the lab's name, files and interfaces, and no descriptor of the supervisor's."""
    lab = make_lab("dual-stack")
    seen = ask(lab, "service", "look_around")
    assert isinstance(seen, dict)
    peer, own = lab.plan.hosts["peer"], lab.plan.hosts["service"]
    assert seen["hostname"] == "service"
    assert seen["files"]["hostname"] == "service\n"
    assert seen["files"]["resolv.conf"] == f"nameserver {peer.address(Family.IPV4)}\n"
    assert "hosts: files dns\n" in seen["files"]["nsswitch.conf"]
    for line in ("127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"):
        assert line in seen["files"]["hosts"].splitlines()
    for family in Family:
        assert f"{own.address(family)} service" in seen["files"]["hosts"].splitlines()
    assert seen["interfaces"] == seen["sysfs"] == ["eth0", "lo"]
    assert seen["localhost"] == ["127.0.0.1", "::1"]
    assert seen["descriptors"] == 4, "standard streams and the stream to the test"
    assert seen["uid"] == 0


def test_the_name_server_of_an_ipv6_world_is_an_ipv6_address(make_lab: MakeLab) -> None:
    """Without IPv4, resolv.conf and hosts have IPv6 addresses only."""
    lab = make_lab("ipv6-only")
    seen = ask(lab, "service", "look_around")
    assert isinstance(seen, dict)
    assert seen["files"]["resolv.conf"] == f"nameserver {lab.plan.hosts['peer'].address(Family.IPV6)}\n"
    assert not re.search(r"^198\.", seen["files"]["hosts"], re.MULTILINE)


def test_a_setting_that_does_not_hold_is_an_error(make_lab: MakeLab) -> None:
    """Every kernel setting is read back; one that differs, or does not exist, raises and is named."""
    told = ask(make_lab("dual-stack"), "service", "write_odd_setting")
    assert isinstance(told, list)
    odd, missing = told
    assert odd == "net/ipv4/ip_unprivileged_port_start: wrote 00, reads back 0"
    assert missing.startswith("net/ipv6/no_such_thing: cannot be written")


@pytest.mark.parametrize("family", Family, ids=lambda family: family.value)
def test_no_icmp_error_is_held_back(make_lab: MakeLab, family: Family) -> None:
    """A closed UDP port refuses every datagram: by default a kernel stops after six."""
    lab = make_lab("dual-stack")
    address = lab.plan.hosts["service"].address(family)
    dials = [Dial(family, address, port, Transport.UDP, AppProtocol.ECHO) for port in range(20000, 20200)]
    outcomes = {dialled.outcome for dialled in lab.hosts["peer"].prober.dial_all(dials)}
    assert outcomes == {Outcome.REFUSED}


def test_a_process_inside_ends_with_its_lab(make_lab: MakeLab) -> None:
    """A process that waits for its stream is killed when the lab is closed."""
    lab = make_lab("dual-stack")
    with lab.hosts["peer"].inside("saboteur:wait_for_the_end") as stream:
        assert stream.recv(16) == b"here\n"
        lab.close()
        stream.settimeout(5)
        assert stream.recv(1) == b""


def test_an_entry_that_fails_ends_its_stream(make_lab: MakeLab, capfd: pytest.CaptureFixture[str]) -> None:
    """An entry point that raises closes its stream, and the supervisor still serves."""
    lab = make_lab("dual-stack")
    with lab.hosts["service"].inside("saboteur:fail") as stream:
        stream.settimeout(5)
        assert stream.recv(1) == b""
    lab.hosts["service"].prober.ping()


def test_an_unknown_entry_is_named(make_lab: MakeLab) -> None:
    """An entry point that does not exist is an error with its name, not a dead stream."""
    with pytest.raises(UsageError, match=r"no entry point 'dualstack\.lab\.facts:nothing'"):
        make_lab("dual-stack").hosts["service"].inside("dualstack.lab.facts:nothing")


def test_the_prober_is_alone_in_its_pid_namespace(make_lab: MakeLab, launch: Callable[..., Launch]) -> None:
    """The prober sees only itself and its children, so killing everything that it sees is complete."""
    host = make_lab("dual-stack").hosts["service"]
    program = host.start(launch("/bin/sh", "-c", "cat /proc/[0-9]*/comm; echo $$"))
    assert program.wait(Deadline(5, "sh")).code == 0
    *names, own = program.log().text.splitlines()
    assert set(names) == {"prober", "sh"}
    assert int(own) < 10


def test_addresses_keep_their_order(make_lab: MakeLab) -> None:
    """A host with several addresses of a family has them in the order of the plan."""
    lab = make_lab("multi-address")
    rows = [row.address for row in lab.hosts["service"].prober.addresses() if row.address.startswith("198.")]
    assert tuple(rows) == lab.plan.hosts["service"].configured[Family.IPV4]


@pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)
def test_the_kernel_has_a_favourite_among_several_addresses(make_lab: MakeLab, family: Family) -> None:
    """A datagram service that lets the kernel choose answers from one and the same address, whichever was asked."""
    lab = make_lab("multi-address")
    service, peer = lab.hosts["service"], lab.hosts["peer"]
    asked = service.plan.configured[family]
    senders = tuple(Sender(address, peer.plan.configured[family][0], 0, ("one", "two")) for address in asked)
    with service.prober.serve(Serve((family.wildcard,), 7000, Transport.UDP, AppProtocol.ECHO)):
        results = peer.prober.call(DatagramBatch(senders, 7000))
    assert [found.address for result in results for found in result.received] == [
        service.plan.preferred_source(family)
    ] * 6
    assert len(asked) == 3


def test_a_supervisor_that_was_killed_is_an_error_with_a_name() -> None:
    """Without its supervisor a backend raises `HarnessError`, and closing its labs still works."""
    backend = NetnsBackend()
    lab = backend.up(load_topology("dual-stack"))
    assert backend._supervisor is not None
    os.kill(backend._supervisor.pids[0], signal.SIGKILL)
    assert backend._supervisor._first_gone(5)
    with pytest.raises(HarnessError, match="lab supervisor is gone"):
        lab.hosts["service"].inside("dualstack.lab.facts:serve")
    lab.close()
    backend.close()
    assert backend.leftovers() == []
