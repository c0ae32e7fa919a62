"""A connector that the lab's server cannot speak with is not failed for it."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from dualstack.errors import Inconclusive, RequirementBroken
from dualstack.families import Family
from dualstack.manifest import Connect
from dualstack.prober.messages import Accepted, Exit
from dualstack.protocols.certificates import TlsFault
from dualstack.protocols.exact import Replying
from dualstack.world.connecting import ConnectorWorld
from dualstack.world.runs import Run
from dualstack.world.unspoken import revealed, why_unspoken

if TYPE_CHECKING:
    from tests.world.conftest import MadeUp

MakeWorld = Callable[..., "MadeUp"]

CONNECT = '[[connect]]\nname = "main"\ncommand = ["./client", "{host}"]\nport = 8080\nprotocol = "http"\n'
SERVER, CLIENT = "2001:db8::1", "2001:db8::2"
OUT = Ether(src="02:00:5e:10:00:01", dst="02:00:5e:10:00:02") / IPv6(src=CLIENT, dst=SERVER)
BACK = Ether(src="02:00:5e:10:00:02", dst="02:00:5e:10:00:01") / IPv6(src=SERVER, dst=CLIENT)
SYN = OUT / TCP(sport=999, dport=8080, flags="S", seq=1)
SYN_ACK = BACK / TCP(sport=8080, dport=999, flags="SA", seq=1, ack=2)
RESET = BACK / TCP(sport=8080, dport=999, flags="RA", ack=2)

FAULT = "it exited with code 1"
MUTE = Run(FAULT, Exit(1), 0.1, said=True, reached=f"{CLIENT} → {SERVER}", unspoken='set protocol = "…"')
DONE = Run("", Exit(0), 0.1, said=True, reached=f"{CLIENT} → {SERVER}")


def connector(**keys: Any) -> Connect:
    """Return a connector with these keys."""
    return Connect.model_validate({"name": "x", "command": ["./x", "{host}"], **keys})


def client(received: int = 9, *, understood: bool = True) -> Accepted:
    """Return a connection as the server accepted it."""
    return Accepted(SERVER, CLIENT, 999, received, 0, 0.0, understood=understood, detail="the client sent 'x'")


@pytest.mark.parametrize(
    ("keys", "clients", "spoken"),
    [
        pytest.param({"protocol": "http"}, (client(understood=False),), False, id="not understood"),
        pytest.param({"protocol": "http"}, (client(0), client(understood=False)), False, id="one of two says nothing"),
        pytest.param({"protocol": "http"}, (client(), client(understood=False)), True, id="one of two is understood"),
        pytest.param({"protocol": "http"}, (client(),), True, id="understood"),
        pytest.param({"protocol": "http"}, (client(0),), True, id="connected, and nothing sent"),
        pytest.param({"protocol": "http"}, (), True, id="not connected"),
        pytest.param({"protocol": "echo"}, (client(),), True, id="a declared echo"),
        pytest.param({}, (client(),), False, id="no protocol declared"),
        pytest.param({}, (client(0),), False, id="no protocol declared, and nothing sent"),
        pytest.param({}, (), True, id="no protocol declared, and not connected"),
        pytest.param({}, (replace(client(), tls=TlsFault.ALERT),), True, id="TLS failed"),
        pytest.param({}, (replace(client(), tls=TlsFault.PLAIN),), False, id="the client speaks no TLS"),
        pytest.param({"transport": "udp"}, (client(),), True, id="udp"),
    ],
)
def test_who_cannot_be_spoken_with(keys: dict[str, str], clients: tuple[Accepted, ...], spoken: bool) -> None:  # noqa: FBT001 - a row
    """It must have connected, and its bytes are not understood, or the manifest names no protocol."""
    assert (why_unspoken(connector(**keys), clients) == "") is spoken


def test_the_reader_learns_what_to_do() -> None:
    """The sentence names the keys, what the server spoke, and what the client sent."""
    why = why_unspoken(connector(protocol="http"), (client(understood=False),))
    for text in ("tell the harness what the server says", "protocol = ", "turns", '"http"', "the client sent 'x'"):
        assert text in why
    assert 'names no protocol, so the server spoke "echo"' in why_unspoken(connector(), (client(),))


@pytest.mark.parametrize(
    ("sent", "advice", "protocol"),
    [
        (b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", 'it speaks HTTP: set protocol = "http"', "http"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 'it speaks HTTP/2: set protocol = "http2"', "http2"),
        (b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", 'it speaks Redis: set protocol = "redis"', "redis"),
        (b"\x10\x1a\x00\x04MQTT\x04\x02", 'it speaks MQTT: set protocol = "mqtt"', "mqtt"),
        (b"OPTIONS rtsp://[::1]/ RTSP/1.0\r\n", 'it speaks RTSP: set protocol = "rtsp"', "rtsp"),
        (b"\x16\x03\x01\x02\x00\x01", "it speaks TLS: add [connect.tls]", ""),
        (b"GETTING STARTED\r\n", "begin with 'GETTING STARTED\\r\\n'", ""),
    ],
)
def test_what_it_speaks_is_recognised(sent: bytes, advice: str, protocol: str) -> None:
    """What a client sends to a server that sends it back shows its protocol, and the reason names the key to set."""
    server = Replying(bytes)
    server.receive(sent)
    came = replace(client(), detail=server.end("nothing more came").detail)
    why = why_unspoken(connector(), (came,))
    assert why.endswith(advice)
    assert revealed(["packets were lost", why]) == protocol


def world_after(
    make_world: MakeWorld,
    *runs: Run,
    packets: tuple[Any, ...] = (SYN, SYN_ACK),
    elsewhere: bool = False,
    completes: bool | None = None,
) -> ConnectorWorld:
    """Return a world whose connector ran like this towards an IPv6 address.

    Args:
        make_world: Makes it.
        runs: The results of its runs.
        packets: What was captured.
        elsewhere: Whether it completes an exchange with another target.
        completes: What START-001 has found out; None if it did not run.
    """
    made = make_world(ConnectorWorld, CONNECT)
    made.wire(*packets)
    world: ConnectorWorld = made.world
    world.completes = completes
    left = list(runs)

    def run(host: str, _: object, **__: object) -> Run:
        result = left.pop(0)
        world.connector_runs.done.append((host, 0.0, result))
        return result

    world._completes_elsewhere = lambda: elsewhere  # type: ignore[method-assign]
    world.connector_runs.run = run  # type: ignore[method-assign, assignment]  # no lab is there to run it
    for _ in runs:
        world.connect(SERVER, None, Family.IPV6)  # type: ignore[arg-type]  # the runs are made up
    world.finish()
    return world


def test_a_connection_without_a_common_language_is_inconclusive(make_world: MakeWorld) -> None:
    """The packets show the connection; the rest is inconclusive, and no family counts as failed."""
    world = world_after(make_world, MUTE)
    with pytest.raises(Inconclusive, match=r"it connects, but .* cannot speak with it; set protocol"):
        world.conclude()
    assert [finding.ok for finding in world.findings] == [True]
    assert world.works == {}


@pytest.mark.parametrize("packets", [(SYN,), (SYN, RESET)], ids=["unanswered", "reset"])
def test_a_connection_that_packets_do_not_show_has_failed(make_world: MakeWorld, packets: tuple[Any, ...]) -> None:
    """Without an established connection over the family the run is a failure."""
    with pytest.raises(RequirementBroken, match=FAULT):
        world_after(make_world, MUTE, packets=packets).conclude()


def test_a_server_that_could_speak_with_it_once_can(make_world: MakeWorld) -> None:
    """If one run of the case has completed its exchange, another one that has not is a failure."""
    world = world_after(make_world, DONE, MUTE)
    with pytest.raises(RequirementBroken, match=FAULT):
        world.conclude()
    assert world.works == {"ipv6": False}


def test_a_server_that_can_speak_with_it_elsewhere_can(make_world: MakeWorld) -> None:
    """If the connector completes its exchange with another target, the server speaks its protocol: this run failed."""
    world = world_after(make_world, MUTE, elsewhere=True)
    with pytest.raises(RequirementBroken, match=FAULT):
        world.conclude()


@pytest.mark.parametrize(("completes", "error"), [(True, RequirementBroken), (False, Inconclusive)])
def test_the_start_has_shown_whether_the_server_speaks_with_it(
    make_world: MakeWorld,
    completes: bool,  # noqa: FBT001 - a row
    error: type[Exception],
) -> None:
    """What START-001 has found out holds for each case of the connector: nothing is tried again."""
    world = world_after(make_world, MUTE, elsewhere=not completes, completes=completes)
    with pytest.raises(error):
        world.conclude()


def test_a_failure_of_another_kind_comes_first(make_world: MakeWorld) -> None:
    """A finding that is not as expected breaks the requirement, whatever the server understood."""
    world = world_after(make_world, MUTE)
    world.shows_connected(Family.IPV4)
    with pytest.raises(RequirementBroken, match="IPv4"):
        world.conclude()


def test_an_ordinary_run_fails_or_passes_as_before(make_world: MakeWorld) -> None:
    """Runs that the server could speak with are judged by their result."""
    world_after(make_world, DONE).conclude()
    with pytest.raises(RequirementBroken, match=FAULT):
        world_after(make_world, Run(FAULT, Exit(1), 0.1, said=True, reached="x")).conclude()


@pytest.mark.parametrize(("excuse", "level"), [("; why", "SHOULD"), ("", "")])
def test_an_excused_run_deviates(make_world: MakeWorld, excuse: str, level: str) -> None:
    """A failed run with an excuse breaks no MUST, and the finding says why; one without it is as before."""
    world: ConnectorWorld = make_world(ConnectorWorld, CONNECT).world
    world.connector_runs.run = lambda *_, **__: Run(FAULT, Exit(1), 8.0, said=True)  # type: ignore[method-assign]
    assert not world.connect(SERVER, None, Family.IPV6, excuse=lambda _: excuse)  # type: ignore[arg-type]  # as above
    (finding,) = world.findings
    assert (finding.ok, finding.level, finding.happened) == (False, level, FAULT + excuse)
