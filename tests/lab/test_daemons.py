"""Daemons of a lab: what happens when one is missing, dies or hangs."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.errors import BrokenLab, DualstackError, HostCannot
from dualstack.families import Family
from dualstack.lab import daemons
from dualstack.lab.daemons import RunningDaemon
from dualstack.lab.functions.function import Daemon, Site
from dualstack.lab.functions.nat64 import NAT64
from dualstack.lab.netns import NetnsLab
from dualstack.lab.proving import prove
from dualstack.prober.messages import Dial, Outcome, Serve
from dualstack.prober.processes import descendants, processes
from dualstack.rfc6052 import embed
from dualstack.topology import Topology
from dualstack.transport import AppProtocol

MakeLab = Callable[[Topology | str], NetnsLab]
WHAT = "the NAT64 translator"


def translators() -> list[int]:
    """Return the processes below this one that translate: no other process here has two packet sockets in one host."""
    below = descendants(processes(), os.getpid())
    return [number for number in below if len(_packet_sockets(Path("/proc", str(number)))) > 1]


def _packet_sockets(process: Path) -> set[str]:
    """Return the packet sockets of a process in its network namespace; none of one that has ended."""
    try:
        names = [str(one.readlink()) for one in (process / "fd").iterdir()]
        packets = [line.split()[-1] for line in (process / "net/packet").read_text().splitlines()[1:]]
    except OSError:
        return set()
    return {name for name in names if name.removeprefix("socket:[").removesuffix("]") in packets}


@pytest.fixture
def lab(make_lab: MakeLab) -> NetnsLab:
    """Return a lab with a translator, which was proved."""
    made = make_lab("nat64-dns64")
    prove(made)
    return made


def test_packets_are_counted(lab: NetnsLab) -> None:
    """A translator reports how many packets it has translated to each family."""
    before = lab.daemons.check()[WHAT]["counts"]
    address = embed("2001:db8:64::/96", lab.hosts["peer"].plan.address(Family.IPV4))
    with lab.hosts["peer"].prober.serve(Serve((lab.hosts["peer"].plan.address(Family.IPV4),), 7000)):
        dial = Dial(Family.IPV6, address, 7000, protocol=AppProtocol.ECHO)
        assert lab.hosts["service"].prober.dial(dial).outcome is Outcome.ANSWERED
    after = lab.daemons.check()[WHAT]["counts"]
    assert all(after[name] > before[name] for name in ("ipv4", "ipv6"))
    assert (after["errors"], after["dropped"]) == (before["errors"], 0)


def test_one_that_has_died_breaks_the_lab(lab: NetnsLab) -> None:
    """A translator that was killed is found by the check, and a proof of the same lab fails too."""
    (number,) = translators()
    os.kill(number, signal.SIGKILL)
    with pytest.raises(BrokenLab, match=r"^the NAT64 translator of host 'router' has died without an error message$"):
        lab.daemons.check()
    with pytest.raises(
        BrokenLab, match="lab proof 'translates' failed on host 'router' of nat64-dns64: expected a conn"
    ):
        prove(lab)


def test_one_that_hangs_breaks_the_lab(lab: NetnsLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A translator that was stopped is found by the check when its time is up."""
    (number,) = translators()
    monkeypatch.setattr(daemons, "_ANSWER_TIMEOUT", 0.2)
    lab.daemons[WHAT]._stream.settimeout(0.2)
    os.kill(number, signal.SIGSTOP)
    with pytest.raises(BrokenLab, match=r"^the NAT64 translator of host 'router' has not answered for 0.2 s$"):
        lab.daemons.check()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"ipv6": ["eth7"]}, BrokenLab, r"cannot run: OSError: .*No such device.* \(process.py:\d+\)$"),
        (
            {"prefix": "3fff::/60"},
            BrokenLab,
            r"cannot run: ValueError: 3fff::/60: RFC 6052 knows no prefix of this len",
        ),
    ],
)
def test_one_that_cannot_run_says_why(
    lab: NetnsLab, change: dict[str, object], error: type[DualstackError], message: str
) -> None:
    """The last error of a translator that ends is the lab's."""
    daemon = NAT64.daemon(Site(lab.topology, lab.plan, "router"))
    assert daemon is not None
    with pytest.raises(error, match=f"^the NAT64 translator of host 'router' {message}"):
        RunningDaemon(Daemon(daemon.what, daemon.entry, {**daemon.order, **change}), lab.hosts["router"])


def test_one_that_the_machine_does_not_permit(lab: NetnsLab) -> None:
    """Where packet sockets are forbidden the lab is none that this host can make: the service is not judged."""
    with pytest.raises(HostCannot, match=r"^a daemon of host 'service' cannot run: no packet sockets here$"):
        RunningDaemon(Daemon("a daemon", "saboteur:refuse", {}), lab.hosts["service"])


def test_the_prefix_changes(lab: NetnsLab) -> None:
    """A translator uses another prefix when it is asked to, and not the first one any more."""
    other, peer = "3fff:656:6456:5600::/56", lab.hosts["peer"].plan.address(Family.IPV4)
    with lab.hosts["peer"].prober.serve(Serve((peer,), 7000)):
        lab.daemons[WHAT].ask({"use": other})
        for prefix, timeout in ((other, 5.0), ("2001:db8:64::/96", 0.2)):
            dial = Dial(Family.IPV6, embed(prefix, peer), 7000, protocol=AppProtocol.ECHO, timeout=timeout)
            assert lab.hosts["service"].prober.dial(dial).connected is (prefix == other)
