"""Two sockets on one port: what the prober reports of every pair is what the kernel does.

`data/binding.csv` has one line for each transport, option of both sockets, state of the first and pair of addresses:
how the second is bound, how it listens, and which of the two (1, 2, or * for either) gets what comes for each local
address. It was measured without the prober; ``ipv4`` and ``ipv6`` stand for the host's addresses.
"""

import csv
import errno
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dualstack.errors import HarnessError
from dualstack.families import BOTH, Family, unmapped
from dualstack.lab.protocol import Backend, Host
from dualstack.prober.client import Prober, ServerHandle
from dualstack.prober.messages import Dial, Dialled, Hold, Outcome, Serve
from dualstack.topology import load_topology
from dualstack.transport import AppProtocol, Transport

TABLE = Path(__file__).with_name("data") / "binding.csv"
OK = "ok"
IN_USE = "EADDRINUSE"
ADDRESS, PORT = "SO_REUSEADDR", "SO_REUSEPORT"
AT_ONCE = 40  # pairs whose sockets are open at the same time

each_transport = pytest.mark.parametrize("transport", Transport, ids=lambda transport: transport.value)


@dataclass
class Pair:
    """Two sockets for one port, and the results.

    Attributes:
        listening: Whether the first one listens before the second is bound; if not, both are bound before they listen.
        first: The first address, and whether IPV6_V6ONLY is set; None to leave it alone.
        options: The options that the first socket sets, and those that the second one does.
        bind: How the second one is bound: ``ok``, or the name of an error.
        listen: How it listens; empty for UDP and for a socket that could not be bound.
        delivery: For each address that was dialled: 1, 2 or ``-``.
    """

    transport: Transport
    listening: bool
    first: tuple[str, bool | None]
    second: tuple[str, bool | None]
    options: tuple[str, str]
    port: int
    bind: str = OK
    listen: str = ""
    delivery: str = ""
    servers: list[ServerHandle] = field(default_factory=list)

    def open(self, prober: Prober) -> bool:
        """Bind both and make both listen; return whether that succeeded."""
        try:
            self.servers.append(prober.serve(self._serve(self.first, self.options[0], listening=self.listening)))
            self.servers.append(prober.serve(self._serve(self.second, self.options[1], listening=False)))
        except HarnessError as error:
            self.bind = name_of(error)
        if self.transport is Transport.UDP or self.bind != OK:
            return self.bind == OK
        if not self.listening:
            self.servers[0].listen()
        try:
            self.servers[1].listen()
            self.listen = OK
        except HarnessError as error:
            self.listen = name_of(error)
        return self.listen == OK

    def dials(self, addresses: Sequence[str]) -> list[Dial]:
        """Return the dials that show which socket serves each address."""
        return [Dial(Family.of(address), address, self.port, self.transport, AppProtocol.ECHO) for address in addresses]

    def close(self, dialled: Sequence[Dialled]) -> None:
        """Note which socket each dial reached, and close both."""
        clients = [
            {(unmapped(client.peer), client.peer_port): client for client in server.accepted()}
            for server in self.servers
        ]
        for how in dialled:
            reached = [str(number) for number, seen in enumerate(clients, 1) if (how.source, how.source_port) in seen]
            self.delivery += "+".join(reached) if how.outcome is Outcome.ANSWERED else "-"
        for server in self.servers:
            server.close()

    def _serve(self, where: tuple[str, bool | None], options: str, *, listening: bool) -> Serve:
        """Return one of the two sockets."""
        return Serve(
            (where[0],),
            self.port,
            self.transport,
            v6only=where[1],
            reuse_address=ADDRESS in options,
            reuse_port=PORT in options,
            listening=listening,
        )


def name_of(error: HarnessError) -> str:
    """Return the name of the kernel's error in the prober's message."""
    found = re.search(r": (E[A-Z]+) \(", str(error))
    assert found is not None, error
    return found[1]


def play(host: Host, pairs: Sequence[Pair]) -> None:
    """Open the pairs on a host, and dial all its addresses."""
    own = [address for family in BOTH for address in (family.loopback, host.plan.address(family))]
    for start in range(0, len(pairs), AT_ONCE):
        some = pairs[start : start + AT_ONCE]
        opened = [pair for pair in some if pair.open(host.prober)]
        dialled = host.prober.dial_all([dial for pair in opened for dial in pair.dials(own)])
        for pair in some:
            number = opened.index(pair) * len(own) if pair in opened else len(dialled)
            pair.close(dialled[number : number + len(own)])


@pytest.fixture(params=["dual-stack", "dual-stack-bindv6only"])
def host(backend: Backend, request: pytest.FixtureRequest) -> Iterator[Host]:
    """Return a host of a lab, with net.ipv6.bindv6only off and on."""
    lab = backend.up(load_topology(request.param))
    yield lab.hosts["service"]
    lab.close()


def table(host: Host) -> list[tuple[dict[str, str], Pair]]:
    """Return the lines of the table, each with its pair of sockets on another port."""
    addresses = {family.value: host.plan.address(family) for family in BOTH}
    with TABLE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    pairs = []
    for port, row in enumerate(rows, 20000):
        first, second = (
            (addresses.get(text.partition("/")[0], text.partition("/")[0]), text.endswith("/v6only"))
            for text in (row["first"], row["second"])
        )
        options = (row["option"], row["option"])
        pairs.append(Pair(Transport(row["transport"]), row["first_is"] == "listening", first, second, options, port))
    return list(zip(rows, pairs, strict=True))


def test_every_pair(host: Host) -> None:
    """R1 to R4, R9, L11, L12: all 729 pairs end as they should, whatever the kernel's default for IPV6_V6ONLY is."""
    rows = table(host)
    assert len(rows) == 9 * 81
    play(host, [pair for _, pair in rows])
    differ = []
    for row, pair in rows:
        found = row | {"bind": pair.bind, "listen": pair.listen, "delivery": pair.delivery}
        if not re.fullmatch(row["delivery"].replace("*", "[12]"), pair.delivery) or found != row | {
            "delivery": pair.delivery
        }:
            differ.append(f"expected {row}\n   found {found}")
    assert not differ, f"{len(differ)} pairs differ\n" + "\n".join(differ)


WHERE = {
    (Transport.TCP, "", False): "bind",
    (Transport.TCP, "", True): "bind",
    (Transport.TCP, ADDRESS, False): "listen",
    (Transport.TCP, ADDRESS, True): "bind",
    (Transport.TCP, PORT, False): None,
    (Transport.TCP, PORT, True): None,
    (Transport.UDP, "", False): "bind",
    (Transport.UDP, ADDRESS, False): None,
    (Transport.UDP, PORT, False): None,
}
"""Where 0.0.0.0 and a :: that takes IPv4 too collide: by transport, option of both, whether the first one listens."""


def wildcards(host: Host, *options: tuple[str, str]) -> Iterator[tuple[Pair, bool]]:
    """Yield 0.0.0.0 and :: in either order, each with whether :: takes IPv4 too."""
    port = 20000
    for v6only in (True, False, None):
        dual = not (host.spec.bindv6only if v6only is None else v6only)
        for transport, listening in dict.fromkeys((transport, listening) for transport, _, listening in WHERE):
            for first, second in (("0.0.0.0", "::"), ("::", "0.0.0.0")):
                for both in options:
                    yield Pair(transport, listening, (first, v6only), (second, v6only), both, port), dual
                    port += 1


def test_two_wildcards(host: Host) -> None:
    """R1 to R6, R9: 0.0.0.0 and :: collide in either order unless IPV6_V6ONLY is on, set or by the kernel's default.

    With SO_REUSEADDR it is listen() that fails over TCP, unless the first one listens already, and nothing over UDP;
    with SO_REUSEPORT nothing does. Where both are there, IPv4 goes to 0.0.0.0 and IPv6 to ::, whichever came first.
    """
    pairs = list(wildcards(host, *((option, option) for option in ("", ADDRESS, PORT))))
    assert len(pairs) == 3 * 2 * len(WHERE)
    play(host, [pair for pair, _ in pairs])
    for pair, dual in pairs:
        fails = WHERE[pair.transport, pair.options[0], pair.listening] if dual else None
        listens = "" if pair.transport is Transport.UDP or fails == "bind" else OK
        assert pair.bind == (IN_USE if fails == "bind" else OK), pair
        assert pair.listen == (IN_USE if fails == "listen" else listens), pair
        split = "1122" if pair.first[0] == "0.0.0.0" else "2211"
        assert pair.delivery == ("" if fails else split), pair


def test_an_option_of_one_helps_nobody(host: Host) -> None:
    """L12: SO_REUSEADDR or SO_REUSEPORT must be set by both; one of each kind is as good as none."""
    mixed = [(one, other) for one in ("", ADDRESS, PORT) for other in ("", ADDRESS, PORT) if one != other]
    pairs = list(wildcards(host, *mixed))
    play(host, [pair for pair, _ in pairs])
    for pair, dual in pairs:
        assert pair.bind == (IN_USE if dual else OK), pair


def test_the_error_is_number_98(host: Host) -> None:
    """R1: the error is what Linux calls "Address already in use", number 98, and says where."""
    serve = Serve(("0.0.0.0",), 20000)
    with host.prober.serve(Serve(("::",), 20000, v6only=False)), pytest.raises(HarnessError) as raised:
        host.prober.serve(serve)
    assert str(raised.value) == "the prober cannot bind tcp 0.0.0.0:20000: EADDRINUSE (Address already in use)"
    assert errno.EADDRINUSE == 98


@each_transport
def test_other_ports_never_collide(host: Host, transport: Transport) -> None:
    """R10: 0.0.0.0 and a :: that takes IPv4 too have nothing against each other on two ports."""
    with (
        host.prober.serve(Serve(("0.0.0.0",), 20000, transport)),
        host.prober.serve(Serve(("::",), 20001, transport, v6only=False)),
    ):
        dials = [Dial(Family.IPV4, "127.0.0.1", port, transport, AppProtocol.ECHO) for port in (20000, 20001)]
        assert [how.outcome for how in host.prober.dial_all(dials)] == [Outcome.ANSWERED] * 2


@each_transport
@pytest.mark.parametrize("v6only", [None, True, False])
def test_what_is_left_alone_is_the_kernels(host: Host, transport: Transport, v6only: bool | None) -> None:  # noqa: FBT001 - a parameter
    """Without the option, IPV6_V6ONLY is net.ipv6.bindv6only, for a held port and for a server."""
    expected = host.spec.bindv6only if v6only is None else v6only
    with (
        host.prober.hold(Hold(Family.IPV6, "::", 20000, transport, v6only=v6only)),
        host.prober.serve(Serve(("::",), 20001, transport, v6only=v6only)),
    ):
        rows = {row.port: row.v6only for row in host.prober.sockets(transport) if not row.peer}
    assert rows.items() >= {20000: expected, 20001: expected}.items()


def test_a_held_port_may_be_shared(host: Host) -> None:
    """A held port with SO_REUSEPORT takes others of its user that have it; with SO_REUSEADDR it may be listened on."""
    held = Hold(Family.IPV4, "0.0.0.0", 20000, reuse_address=False, reuse_port=True)
    with host.prober.hold(held):
        host.prober.hold(held).close()
        with pytest.raises(HarnessError, match=IN_USE):
            host.prober.serve(Serve(("0.0.0.0",), 20000))
    with host.prober.hold(Hold(Family.IPV4, "0.0.0.0", 20000, listening=False, reuse_address=True)):
        host.prober.serve(Serve(("0.0.0.0",), 20000)).close()
    with host.prober.hold(Hold(Family.IPV4, "0.0.0.0", 20000, listening=False)), pytest.raises(HarnessError):
        host.prober.serve(Serve(("0.0.0.0",), 20000))


def test_a_server_that_is_only_bound(host: Host) -> None:
    """A TCP server that is only bound refuses; once it listens it answers, and it cannot listen on a taken port."""
    dial = Dial(Family.IPV4, "127.0.0.1", 20000, protocol=AppProtocol.ECHO)
    with host.prober.serve(Serve(("0.0.0.0",), 20000, listening=False)) as serving:
        assert host.prober.dial(dial).outcome is Outcome.REFUSED
        serving.listen()
        assert host.prober.dial(dial).outcome is Outcome.ANSWERED
