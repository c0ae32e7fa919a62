"""Both ends of RTSP."""

import pytest

from dualstack.families import Family
from dualstack.protocols.advertised import Advertised
from dualstack.protocols.conversation import Aside, Turn
from dualstack.protocols.judgement import Judgement, Outcome
from dualstack.protocols.rtsp import Rtsp, RtspClient, RtspServer
from dualstack.protocols.rtsp_addresses import responses_in, sources_in, uris_in
from dualstack.protocols.rtsp_udp import RtspUdpClient

OVER = "nothing more came"
OPTIONS = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE\r\n\r\n"


def talk(client: RtspClient, server: RtspServer) -> tuple[Judgement, bytes, bytes]:
    """Return how a client judges its exchange with a server, what it sent and what it received."""
    sent, received, turn = client.start(), b"", Turn()
    pending = sent
    while turn.judgement is None:
        answer = server.receive(pending).send
        assert answer, "the server does not answer"
        received += answer
        turn = client.receive(answer)
        pending = turn.send
        sent += pending
    if turn.send:
        server.receive(turn.send)
    return turn.judgement, sent, received


def described(body: str, **fields: str) -> bytes:
    """Return a response to DESCRIBE."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    head = f"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\n{more}Content-Length: {len(body)}\r\n"
    return f"{head}\r\n{body}".encode()


@pytest.mark.parametrize(
    ("address", "host", "kind", "wildcard"),
    [("192.0.2.1", "192.0.2.1", "IP4", "0.0.0.0"), ("2001:db8::1", "[2001:db8::1]", "IP6", "::")],
)
def test_a_description_has_the_family_of_the_connection(address: str, host: str, kind: str, wildcard: str) -> None:
    """Each client asks with brackets around an IPv6 address, and gets addresses of its family."""
    judgement, sent, received = talk(RtspClient(address, 8554, "/x"), RtspServer(Family.of(address), 8554))
    assert judgement.outcome is Outcome.ANSWERED
    assert f"o= IN {kind} {address}, c= of the session IN {kind} {wildcard}" in judgement.detail
    assert f"OPTIONS rtsp://{host}:8554/x RTSP/1.0\r\n".encode() in sent
    assert f"DESCRIBE rtsp://{host}:8554/x RTSP/1.0\r\n".encode() in sent
    assert f"Content-Base: rtsp://{host}:8554/x/\r\n".encode() in received
    assert Rtsp.advertised(received) == (Advertised(address, 8554, "Content-Base"),)


def test_a_zone_stays_on_its_host() -> None:
    """A zone is not in the URI."""
    assert b" rtsp://[fe80::1]:554/ RTSP/1.0\r\n" in RtspClient("fe80::1%eth0", 554, "/").start()


def test_a_medium_is_pulled() -> None:
    """The client sets the first medium up, waits for its first packet, and ends the session."""
    server = RtspServer(Family.IPV6, 554)
    judgement, sent, received = talk(RtspClient("2001:db8::1", 554, "/x", pull=True), server)
    assert (judgement.outcome, judgement.detail) == (
        Outcome.ANSWERED,
        "the medium was set up, and its first packet has 172 bytes",
    )
    assert b"SETUP rtsp://[2001:db8::1]:554/x/stream=0 RTSP/1.0\r\n" in sent
    assert b"TEARDOWN rtsp://[2001:db8::1]:554/x/ RTSP/1.0\r\n" in sent
    assert [name for response in responses_in(received) for name, _ in uris_in(response)] == [
        "Content-Base",
        "RTP-Info",
    ]
    assert server.receive(b"").close
    assert (server.end(OVER).outcome, server.end(OVER).head.split("\r\n")[0]) == (
        Outcome.ANSWERED,
        "OPTIONS rtsp://[2001:db8::1]:554/x RTSP/1.0",
    )


@pytest.mark.parametrize(
    ("base", "control", "uri"),
    [
        ("rtsp://h/x/", "a", "rtsp://h/x/a"),
        ("rtsp://h/x", "a", "rtsp://h/x/a"),
        ("rtsp://h/x/", "rtsp://[::1]/y", "rtsp://[::1]/y"),
        ("rtsp://h/x/", "", "rtsp://h/x/"),
    ],
)
def test_the_uri_of_a_medium(base: str, control: str, uri: str) -> None:
    """A relative control attribute is joined with Content-Base, an absolute one is used as it is."""
    client = RtspClient("::1", 554, "/x", pull=True)
    client.start()
    client.receive(OPTIONS)
    body = f"v=0\r\no=- 1 1 IN IP6 ::1\r\nm=audio 0 RTP/AVP 0\r\na=control:{control}\r\n"
    assert client.receive(described(body, Content_Base=base)).send.startswith(f"SETUP {uri} RTSP/1.0\r\n".encode())


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "OPTIONS was answered by a response which begins with 'HTTP/1.1 400"),
        (b"RTSP/1.0 200 OK\r\nCSeq: 7\r\n\r\n", "whose CSeq is '7'; expected 1"),
        (b"RTSP/1.0 454 Session Not Found\r\nCSeq: 1\r\n\r\n", "'RTSP/1.0 454 Session Not Found'"),
        (b"RTSP/1.0 200", "of which only 'RTSP/1.0 200' came: nothing more"),
        (OPTIONS, "DESCRIBE was not answered: nothing more came"),
        (
            OPTIONS + b"RTSP/1.0 404 Not Found\r\nCSeq: 2\r\n\r\n",
            "DESCRIBE was answered by a response whose status line",
        ),
        (OPTIONS + b"RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n", "which is no description"),
        (OPTIONS + described("v=0\r\n"), "whose description is wrong: it has no line o="),
    ],
    ids=range(8),
)
def test_other_answers_are_wrong(answer: bytes, text: str) -> None:
    """Another protocol, another status, a part of a response or no description is wrong; nothing is silence."""
    client = RtspClient("2001:db8::1", 554, "/")
    assert client.end(OVER).outcome is not Outcome.ANSWERED
    client.start()
    assert client.end(OVER).outcome is Outcome.SILENT
    judgement = client.receive(answer).judgement or client.end(OVER)
    assert judgement.outcome is Outcome.WRONG
    assert text in judgement.detail


def test_a_medium_without_packets_is_wrong() -> None:
    """A session that is set up and sends nothing is not an answer; a packet of RTCP is none of the medium."""
    client = RtspClient("::1", 554, "/", pull=True)
    client.start()
    client.receive(OPTIONS + described("v=0\r\no=- 1 1 IN IP6 ::1\r\nm=audio 0 RTP/AVP 0\r\n"))
    play = client.receive(b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: ab;timeout=60\r\n\r\n")
    assert b"\r\nSession: ab\r\n" in play.send
    assert client.receive(b"RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n$\x01\x00\x01x").judgement is None
    assert client.end(OVER).detail == f"no packet of the medium came: {OVER}"


def test_addresses_of_a_transport() -> None:
    """The source of a medium is found in the Transport header, also in quotes."""
    text = b'RTSP/1.0 200 OK\r\nTransport: RTP/AVP;unicast;source="2001:db8::1";server_port=1-2\r\n\r\n'
    assert [sources_in(response) for response in responses_in(text)] == [["2001:db8::1"]]
    assert Rtsp.advertised(text) == (Advertised("2001:db8::1", None, "source of the Transport header"),)


@pytest.mark.parametrize(
    ("sent", "status", "outcome"),
    [
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", b"200 OK", Outcome.ANSWERED),
        (b"SETUP rtsp://h/x RTSP/1.0\r\nTransport: RTP/AVP;unicast\r\n\r\n", b"461 Unsupported", Outcome.ANSWERED),
        (b"FLY rtsp://h/x RTSP/1.0\r\n\r\n", b"501 Not Implemented", Outcome.WRONG),
        (b"GET / HTTP/1.1\r\n\r\n", b"400 Bad Request", Outcome.WRONG),
        (b"PLAY / RTSP/1.0\r\n\r\n" * 400, b"200 OK", Outcome.WRONG),
    ],
    ids=range(5),
)
def test_the_server_knows_what_it_did_not_understand(sent: bytes, status: bytes, outcome: Outcome) -> None:
    """Unknown methods, other protocols and too many requests at once are not understood, and answered."""
    server = RtspServer(Family.IPV4, 554)
    turn = server.receive(sent)
    assert turn.send.startswith(b"RTSP/1.0 " + status)
    assert len(turn.send) < 2 << 20
    assert server.end(OVER).outcome is outcome


def test_a_name_is_the_origin_for_both_families() -> None:
    """A client that asks with a name, or with another family's address, is not told an address of the other family."""
    for host, kind, origin in (("lab.test", "IP4", "lab.test"), ("192.0.2.1", "IP6", "::"), ("[::1", "IP6", "::")):
        sent = f"DESCRIBE rtsp://{host}/ RTSP/1.0\r\n\r\n".encode()
        answer = RtspServer(Family.IPV4 if kind == "IP4" else Family.IPV6, 554).receive(sent).send
        assert f"o=- 1 1 IN {kind} {origin}\r\n".encode() in answer


def udp_client() -> tuple[RtspUdpClient, bytes]:
    """Return a client that has asked for a medium at its port 5004, and its request for the transport."""
    client = RtspUdpClient("2001:db8::1", 554, "/x", pull=True)
    client.receives_at("2001:db8::2", 5004)
    client.start()
    client.receive(OPTIONS)
    return client, client.receive(described("v=0\r\no=- 1 1 IN IP6 ::1\r\nm=audio 0 RTP/AVP 0\r\na=control:a\r\n")).send


def set_up(transport: str) -> bytes:
    """Return the responses to SETUP and PLAY."""
    head = "RTSP/1.0 200 OK\r\nCSeq: {}\r\nSession: 7\r\n"
    return f"{head.format(3)}Transport: {transport}\r\n\r\n{head.format(4)}\r\n".encode()


RTP = b"\x80" + bytes(11) + b"medium"


@pytest.mark.parametrize(
    ("transport", "source", "outcome"),
    [
        ("RTP/AVP;unicast;server_port=6-7", "2001:db8::1", Outcome.ANSWERED),
        ("RTP/AVP/UDP;unicast;source=2001:db8::8", "2001:db8::8", Outcome.ANSWERED),
        ("RTP/AVP/UDP;unicast;source=[2001:db8::8]", "2001:db8::8", Outcome.ANSWERED),
        ("RTP/AVP;unicast", "2001:db8::9", Outcome.WRONG),
    ],
)
def test_datagrams_come_from_the_server_or_the_named_source(transport: str, source: str, outcome: Outcome) -> None:
    """The first packet of RTP ends the exchange, and only at these addresses it is the medium."""
    client, asked = udp_client()
    assert b"Transport: RTP/AVP;unicast;client_port=5004-5005\r\n" in asked
    assert client.receive(set_up(transport)).judgement is None
    assert client.arrived(b"\x00" * 20, source).judgement is None
    judgement = client.arrived(RTP, source).judgement
    assert judgement is not None
    assert judgement.outcome is outcome


def test_a_datagram_before_the_response_to_play_counts() -> None:
    """The medium may overtake the response, which is awaited."""
    client, _ = udp_client()
    setup, _, play = set_up("RTP/AVP;unicast").rpartition(b"RTSP/1.0")
    client.receive(setup)
    assert client.arrived(RTP, "2001:db8::1").judgement is None
    judgement = client.receive(b"RTSP/1.0" + play).judgement
    assert judgement is not None
    assert judgement.detail == "the medium was set up, and its first packet came to UDP port 5004, 18 bytes"


def test_another_transport_than_the_requested_one_is_wrong() -> None:
    """A server that answers with interleaving has not set up datagrams."""
    client, _ = udp_client()
    judgement = client.receive(set_up("RTP/AVP/TCP;interleaved=0-1")).judgement
    assert judgement is not None
    assert "expected RTP/AVP over UDP" in judgement.detail


def test_the_server_sends_datagrams_to_the_port_of_its_client() -> None:
    """SETUP opens the server's port, PLAY sends the medium; without a usable port the transport is not supported."""
    server = RtspServer(Family.IPV6, 8555)
    turn = server.receive(b"SETUP x RTSP/1.0\r\nTransport: RTP/AVP;unicast;client_port=5004-5005\r\n\r\n")
    assert turn.aside == Aside(8554, 5004)
    assert b"client_port=5004-5005;server_port=8554-8555\r\n" in turn.send
    turn = server.receive(b"PLAY x RTSP/1.0\r\n\r\n")
    assert turn.aside is not None
    assert (len(turn.aside.datagrams), turn.aside.datagrams[0][:1]) == (25, b"\x80")
    assert b"$" not in turn.send
    for wrong in ("RTP/AVP;unicast", "RTP/AVP;client_port=0-1", "RTP/AVP;client_port=65536-7", "x;client_port=6-7"):
        turn = server.receive(f"SETUP x RTSP/1.0\r\nTransport: {wrong}\r\n\r\n".encode())
        assert (turn.send[:12], turn.aside) == (b"RTSP/1.0 461", None)
