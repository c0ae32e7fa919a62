"""The client's own port: what a server sends to it beside the connection, against real sockets."""

import socket
from collections.abc import Callable

import pytest

from dualstack.content import ROOT
from dualstack.families import BOTH, Family
from dualstack.prober.client import Prober, ProgramHandle
from dualstack.prober.messages import Await, Dial, Outcome, Serve
from dualstack.prober.sockets import with_zone
from dualstack.protocols.application import ScriptTurn
from dualstack.transport import AppProtocol, Transport

PORT = 7110
ZOO = ROOT / "fixtures" / "services" / "zoo"

each_family = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)


@each_family
def test_a_medium_arrives_in_datagrams(prober: Prober, family: Family) -> None:
    """The lab's RTSP server sends its medium from its own address to the client's even UDP port."""
    with prober.serve(Serve((family.loopback,), PORT, protocol="rtsp")) as server:
        result = prober.dial(Dial(family, family.loopback, PORT, protocol="rtsp-pull-udp"))
        (client,) = server.accepted()
    assert result.outcome is Outcome.ANSWERED, result
    assert "its first packet came to UDP port" in result.detail
    port = int(result.sent.partition("client_port=")[2].partition("-")[0])
    assert port % 2 == 0
    assert f"client_port={port}-{port + 1};server_port={PORT}-{PORT + 1}" in result.answer
    assert client.completed


def test_two_clients_get_their_own_datagrams(prober: Prober) -> None:
    """The server's UDP port is opened once, and each client gets the medium at its own port."""
    with prober.serve(Serve(("::1",), PORT, protocol="rtsp")):
        dials = [prober.dial(Dial(Family.IPV6, "::1", PORT, protocol="rtsp-pull-udp")) for _ in range(2)]
    assert [item.outcome for item in dials] == [Outcome.ANSWERED] * 2


def test_without_a_datagram_the_medium_did_not_come(prober: Prober) -> None:
    """A server that agrees to everything and sends no medium does not serve the client."""
    ok = "RTSP/1.0 200 OK\r\nCSeq: {}\r\nSession: 1\r\n{}\r\n"
    sdp = "v=0\r\no=- 1 1 IN IP6 ::1\r\nm=audio 0 RTP/AVP 0\r\na=control:x\r\n"
    described = f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n"
    turns = (
        ScriptTurn("CSeq: 1", ok.format(1, "")),
        ScriptTurn("CSeq: 2", ok.format(2, described) + sdp),
        ScriptTurn("CSeq: 3", ok.format(3, "Transport: RTP/AVP;unicast;server_port=2-3\r\n")),
        ScriptTurn("CSeq: 4", ok.format(4, "")),
    )
    with prober.serve(Serve(("::1",), PORT, protocol=AppProtocol.EXCHANGE, turns=turns)):
        result = prober.dial(Dial(Family.IPV6, "::1", PORT, protocol="rtsp-pull-udp", timeout=1))
    assert result.outcome is Outcome.WRONG
    assert result.detail.startswith("no packet of the medium came")


def test_a_link_local_address_has_its_zone() -> None:
    """The address of a socket's name can be bound again, also one that is on one link only."""
    index = socket.if_nametoindex("lo")
    assert with_zone(("fe80::1", 80, 0, index)) == with_zone(("fe80::1%lo", 80, 0, index)) == "fe80::1%lo"
    assert with_zone(("2001:db8::1", 80, 0, 0)) == "2001:db8::1"
    assert with_zone(("192.0.2.1", 80)) == "192.0.2.1"


@pytest.fixture
def ftp(start: Callable[..., ProgramHandle]) -> None:
    """Run the zoo's FTP server without a bug."""
    echoing, filing = ((ZOO / f"{name}.py").read_text(encoding="utf-8") for name in ("echoing", "filing"))
    program = start(f"{echoing}\n{filing.replace('from echoing import', '# ')}\nrun({PORT})")
    ready = program.wait_ready(Await(PORT, Transport.TCP, None, 20))
    assert ready.ready, f"{ready.detail}\n{program.log().text}"


@pytest.mark.usefixtures("ftp")
@pytest.mark.parametrize("send", [None, "PORT"])
def test_a_server_connects_to_its_client(prober: Prober, send: str | None) -> None:
    """After EPRT, and over IPv4 after PORT, the listing comes through a connection of the same family."""
    for family in BOTH if send is None else (Family.IPV4,):
        result = prober.dial(Dial(family, family.loopback, PORT, protocol="ftp-active", send=send))
        assert result.outcome is Outcome.ANSWERED, result
        assert f"{family.loopback} connected to" in result.detail
        assert "sent 6 bytes" in result.detail


@pytest.mark.usefixtures("ftp")
def test_a_refused_command_has_its_code(prober: Prober) -> None:
    """Another family is refused with 522, and what the server refuses is not served."""
    foreign = "EPRT |1|127.0.0.1|9|"
    result = prober.dial(Dial(Family.IPV6, "::1", PORT, protocol="ftp-active", send=foreign))
    assert (result.outcome, result.status) == (Outcome.ANSWERED, 522)
    result = prober.dial(Dial(Family.IPV6, "::1", PORT, protocol="ftp-active", send="PORT"))
    assert (result.outcome, result.status) == (Outcome.WRONG, 522)


def test_a_reply_without_a_connection_is_not_enough(prober: Prober) -> None:
    """A server that only says that it sends the listing does not serve the client."""
    lines = {"USER": "331 x", "PASS": "230 x", "EPRT": "200 x", "LIST": "150 soon\r\n226 done"}
    turns = (ScriptTurn(None, "220 x\r\n"), *(ScriptTurn(word, f"{said}\r\n") for word, said in lines.items()))
    with prober.serve(Serve(("::1",), PORT, protocol=AppProtocol.EXCHANGE, turns=turns)):
        result = prober.dial(Dial(Family.IPV6, "::1", PORT, protocol="ftp-active", timeout=1))
    assert result.outcome is Outcome.WRONG
    assert "LIST was answered '226 done', and no connection came to [::1]:" in result.detail
