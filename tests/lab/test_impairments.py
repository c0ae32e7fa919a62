"""Connections to a host of the namespace lab are impaired, for as long as a block lasts, and proved to be."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from dualstack.errors import BrokenLab, HarnessError, HostCannot
from dualstack.families import BOTH, Family
from dualstack.lab import nftables
from dualstack.lab.changes import AcceptSegments, LimitSynRetries, Link, carry_out, pack
from dualstack.lab.impairments import ERRORS, Impairment, Kind, unreachable_codes
from dualstack.lab.netns import NetnsLab
from dualstack.lab.proving import prove
from dualstack.prober.messages import Dial, Dialled, Outcome, Serve
from dualstack.prober.processes import descendants, processes
from dualstack.topology import Topology
from dualstack.transport import AppProtocol
from dualstack.world import impaired as module
from dualstack.world.impaired import impaired, is_impaired

MakeLab = Callable[[Topology | str], NetnsLab]

PORT = 7600

each_family = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)


def dial(lab: NetnsLab, address: str, timeout: float = 5.0) -> Dialled:
    """Carry out an exchange from the service's host with a server on the client's."""
    request = Dial(Family.of(address), address, PORT, protocol=AppProtocol.ECHO, timeout=timeout)
    return lab.hosts["service"].prober.dial(request)


@each_family
@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Kind.DROP, {}),
        (Kind.HOLD, {"seconds": 0.1}),
        (Kind.LOSE, {"count": 1}),
        (Kind.RESET, {}),
        (Kind.STALL, {}),
        (Kind.NO_ROUTE, {}),
    ],
    ids=lambda value: value.value if isinstance(value, Kind) else "",
)
def test_connections_are_impaired_while_the_block_lasts(
    make_lab: MakeLab, family: Family, kind: Kind, fields: dict[str, float]
) -> None:
    """Connections to the address and port are impaired, the other family is not; afterwards none is."""
    lab = make_lab("dual-stack")
    client, server = lab.hosts["service"], lab.hosts["peer"]
    own, other = server.plan.address(family), server.plan.address(family.other)
    one = Impairment(kind, own, PORT, **fields)  # type: ignore[arg-type]
    with server.prober.serve(Serve((own, other), PORT)):
        with impaired(client, server, [one]) as handle:
            assert handle.hits() == [0]
            assert is_impaired(one, dial(lab, own, 0.5))
            assert handle.hits() == [0 if kind is Kind.NO_ROUTE else 1]
            assert dial(lab, other).outcome is Outcome.ANSWERED
        assert dial(lab, own).outcome is Outcome.ANSWERED
    prove(lab)


@each_family
def test_every_icmp_error_ends_an_attempt_at_once(make_lab: MakeLab, family: Family) -> None:
    """Each code fails connect() with its error; the fastest of three tries takes no retransmission: less than 0.5 s."""
    lab = make_lab("dual-stack")
    client, server = lab.hosts["service"], lab.hosts["peer"]
    address = server.plan.address(family)
    for code, error in enumerate(ERRORS[family]):
        if error:
            with impaired(client, server, [Impairment(Kind.UNREACHABLE, address, PORT, code=code)]):
                tries = [dial(lab, address) for _ in range(3)]
            assert {item.errno for item in tries} == {error}
            assert min(item.seconds for item in tries) < 0.5


@each_family
def test_a_held_connection_is_made_after_the_delay(make_lab: MakeLab, family: Family) -> None:
    """A client of known delay is never early; the fastest of five is less than 20 ms late, and the rest is its load."""
    lab = make_lab("dual-stack")
    client, server = lab.hosts["service"], lab.hosts["peer"]
    address = server.plan.address(family)
    for seconds in (0.01, 0.25):
        one = Impairment(Kind.HOLD, address, PORT, seconds=seconds)
        with server.prober.serve(Serve((address,), PORT)), impaired(client, server, [one]) as handle:
            took = [dial(lab, address).seconds for _ in range(5)]
        assert min(took) >= seconds
        assert min(*took, seconds + handle.lateness[0]) < seconds + 0.02


def test_delays_do_not_depend_on_other_processes(make_lab: MakeLab) -> None:
    """The impairing process has priority if the kernel permits that to the tests, as to root; no other one has it."""
    code = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))"
    allowed = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
    lab = make_lab("dual-stack")
    client, server = lab.hosts["service"], lab.hosts["peer"]
    with impaired(client, server, [Impairment(Kind.DROP, server.plan.address(Family.IPV4), PORT)]) as handle:
        assert handle.priority is allowed
        # Where supervisors write settings the kernel may wait in a loop: with priority they would stop the machine.
        assert [os.sched_getscheduler(pid) for pid in descendants(processes(), os.getpid())].count(
            os.SCHED_FIFO
        ) == allowed


def test_several_addresses_are_impaired_at_once(make_lab: MakeLab) -> None:
    """Each impairment of a block concerns its address alone, and counts its own SYNs."""
    lab = make_lab("dual-stack")
    client, server = lab.hosts["service"], lab.hosts["peer"]
    ipv4, ipv6 = (server.plan.address(family) for family in BOTH)
    both = [Impairment(Kind.RESET, ipv4, PORT), Impairment(Kind.HOLD, ipv6, PORT, seconds=0.05)]
    with server.prober.serve(Serve((ipv4, ipv6), PORT)), impaired(client, server, both) as handle:
        assert dial(lab, ipv4).outcome is Outcome.REFUSED
        assert dial(lab, ipv6).seconds >= 0.05
        assert dial(lab, ipv6).outcome is Outcome.ANSWERED
        assert handle.hits() == [1, 2]


def test_blocks_may_be_nested(make_lab: MakeLab) -> None:
    """An inner block impairs another address; when it ends, the outer one is still in force."""
    lab = make_lab("dual-stack")
    client, server = lab.hosts["service"], lab.hosts["peer"]
    ipv4, ipv6 = (server.plan.address(family) for family in BOTH)
    with server.prober.serve(Serve((ipv4, ipv6), PORT)), impaired(client, server, [Impairment(Kind.RESET, ipv4, PORT)]):
        with impaired(client, server, [Impairment(Kind.RESET, ipv6, PORT)]):
            assert {dial(lab, item).outcome for item in (ipv4, ipv6)} == {Outcome.REFUSED}
        assert dial(lab, ipv4).outcome is Outcome.REFUSED
        assert dial(lab, ipv6).outcome is Outcome.ANSWERED


def test_an_impairment_without_effect_is_a_broken_lab(make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the kernel's filter is missing, the proof's client is answered, and the block does not begin."""
    lab = make_lab("dual-stack")
    client, server = lab.hosts["service"], lab.hosts["peer"]
    one = Impairment(Kind.DROP, server.plan.address(Family.IPV6), PORT)
    monkeypatch.setattr(module, "DropSegments", lambda *_, **__: LimitSynRetries(6))
    monkeypatch.setattr(module, "AcceptSegments", lambda *_: LimitSynRetries(6))
    found = pytest.raises(BrokenLab, match=r"impairment not in force: SYNs to .+ are lost; a connection .+ answered")
    with found, impaired(client, server, [one]):
        pytest.fail("the block has begun")


def test_a_process_that_has_died_is_an_error(make_lab: MakeLab) -> None:
    """Its hits cannot be read: the error names the host."""
    lab = make_lab("dual-stack")
    client, server = lab.hosts["service"], lab.hosts["peer"]
    with impaired(client, server, [Impairment(Kind.DROP, server.plan.address(Family.IPV4), PORT)]) as handle:
        handle._stream.shutdown(2)
        with pytest.raises(HarnessError, match="connections to peer"):
            handle.hits()


def test_a_kernel_without_nftables_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine cannot impair connections; the case is not judged."""

    def refuse(_: list[nftables.Message]) -> None:
        raise OSError(next(iter(nftables.MISSING)), "no")

    monkeypatch.setattr(nftables, "send", refuse)
    change = AcceptSegments("name", "192.0.2.1")
    with pytest.raises(HostCannot, match="this kernel has no nftables"):
        carry_out(pack(change, Link("lo", 24, 64)), settings=False)


def test_the_kernel_gives_up_sooner(make_lab: MakeLab) -> None:
    """With one SYN retry a connection that gets no answer fails with ETIMEDOUT within 5 s."""
    lab = make_lab("dual-stack")
    client, server = lab.hosts["service"], lab.hosts["peer"]
    address = server.plan.address(Family.IPV6)
    client.apply(LimitSynRetries(1))
    with impaired(client, server, [Impairment(Kind.DROP, address, PORT)]):
        dialled = dial(lab, address, timeout=20)
    assert dialled.errno == "ETIMEDOUT"
    assert dialled.seconds < 5


def test_one_code_stands_for_each_error() -> None:
    """The codes that cases use cover every error that Linux reports, each once."""
    for family in BOTH:
        chosen = [ERRORS[family][code] for code in unreachable_codes(family)]
        assert sorted(chosen) == sorted(set(ERRORS[family]) - {""})
