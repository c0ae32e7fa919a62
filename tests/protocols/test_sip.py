"""Both ends of SIP."""

import pytest

from dualstack.families import Family
from dualstack.prober.messages import Dial
from dualstack.protocols.advertised import Advertised
from dualstack.protocols.conversation import Conversation
from dualstack.protocols.headed import read_all
from dualstack.protocols.judgement import Outcome
from dualstack.protocols.registry import client_for
from dualstack.protocols.sip import Sip, SipServer, received_in, sent_by, top_via
from dualstack.transport import Transport

OVER = "nothing more came"


def client_of(source: str = "2001:db8::2", transport: Transport = Transport.UDP) -> Conversation:
    """Return a client of a server at 2001:db8::1."""
    return client_for(Dial(Family.IPV6, "2001:db8::1", 5060, transport, "sip", source=source))


def test_a_request_has_brackets() -> None:
    """IPv6 addresses are in brackets in the URI and in Via; a client that does not know its own has a name there."""
    (request,) = read_all(client_of().start())
    assert request.line == "OPTIONS sip:[2001:db8::1]:5060 SIP/2.0"
    assert top_via(request).startswith("SIP/2.0/UDP [2001:db8::2];rport;branch=z9hG4bK")
    (request,) = read_all(client_of("", Transport.TCP).start())
    assert top_via(request).startswith("SIP/2.0/TCP client.invalid;rport;")


@pytest.mark.parametrize("transport", Transport)
def test_both_ends_understand_each_other(transport: Transport) -> None:
    """The server echoes Via and adds where the request came from; a temporary response is no answer yet."""
    client, server = client_of(transport=transport), SipServer("2001:db8::2", transport)
    request = client.start()
    answer = server.receive(request).send
    via = top_via(read_all(answer)[0])
    assert (sent_by(via), received_in(via)) == ("[2001:db8::2]", "2001:db8::2")
    assert client.receive(answer.replace(b"200 OK", b"100 Trying")).judgement is None
    judgement = client.receive(answer).judgement
    assert judgement is not None
    assert (judgement.outcome, judgement.status) == (Outcome.ANSWERED, 200)
    assert server.end(OVER).outcome is Outcome.ANSWERED
    assert server.end(OVER).head.startswith("OPTIONS sip:[2001:db8::1]:5060 SIP/2.0\r\nvia: SIP/2.0/")


@pytest.mark.parametrize(
    ("change", "outcome", "text"),
    [
        (("200 OK", "404 Not Found"), Outcome.ANSWERED, "404 Not Found"),
        (("200 OK", "503 Service Unavailable"), Outcome.WRONG, "503 Service"),
        (("Call-ID: ", "Call-ID: x"), Outcome.WRONG, "the Call-ID of the response"),
        (("SIP/2.0 200", "HTTP/1.1 200"), Outcome.WRONG, "begins with 'HTTP/1.1"),
        (("\r\n\r\n", "\r\n"), Outcome.WRONG, "came: nothing more came"),
    ],
    ids=range(5),
)
def test_other_answers(change: tuple[str, str], outcome: Outcome, text: str) -> None:
    """A server that knows no such user lives; an error, a foreign answer or a part of one is wrong."""
    client = client_of()
    assert client.end(OVER).outcome is Outcome.SILENT
    answer = SipServer("::1", Transport.UDP).receive(client.start()).send.decode().replace(*change).encode()
    judgement = client.receive(answer).judgement or client.end(OVER)
    assert judgement.outcome is outcome
    assert text in judgement.detail


@pytest.mark.parametrize(
    ("via", "host", "received"),
    [
        ("SIP/2.0/UDP [2001:db8::2]:5060;rport=5060;received=2001:db8::2;branch=x", "[2001:db8::2]", "2001:db8::2"),
        ("SIP/2.0/UDP [2001:db8::2];received=[2001:db8::2]", "[2001:db8::2]", "[2001:db8::2]"),
        ("SIP / 2.0 / UDP client.test : 5060 ; received=::ffff:192.0.2.2", "client.test", "::ffff:192.0.2.2"),
        ("SIP/2.0/UDP 2001:db8::2;branch=x", "", ""),
        ("SIP/2.0/UDP a.test;branch=x, SIP/2.0/UDP b.test;received=192.0.2.9", "a.test", ""),
    ],
    ids=range(5),
)
def test_parts_of_via(via: str, host: str, received: str) -> None:
    """The host keeps its brackets, and an IPv6 address without them is none; received may have them or not."""
    assert (sent_by(via), received_in(via)) == (host, received)


def test_contacts_are_handed_out() -> None:
    """The hosts in Contact are what a client uses next."""
    contacts = "Contact: <sip:a@[2001:db8::1]:5061;transport=udp>, sip:b.test\r\nm: <sips:192.0.2.1>"
    assert Sip.advertised(f"SIP/2.0 200 OK\r\n{contacts}\r\n\r\n".encode()) == (
        Advertised("2001:db8::1", 5061, "Contact"),
        Advertised("b.test", None, "Contact"),
        Advertised("192.0.2.1", None, "Contact"),
    )


@pytest.mark.parametrize(
    ("method", "status", "outcome"),
    [
        ("REGISTER", "200 OK", Outcome.ANSWERED),
        ("INVITE", "486 Busy Here", Outcome.ANSWERED),
        ("ACK", "", Outcome.ANSWERED),
        ("FLY", "501 Not Implemented", Outcome.WRONG),
    ],
)
def test_methods_of_the_server(method: str, status: str, outcome: Outcome) -> None:
    """Each method has its status, ACK has no answer, and an unknown method is not understood."""
    server = SipServer("192.0.2.2", Transport.UDP)
    answer = server.receive(f"{method} sip:x SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nTo: <sip:x>\r\n\r\n".encode()).send
    assert answer.decode().partition("\r\n")[0] == (f"SIP/2.0 {status}" if status else "")
    assert server.end(OVER).outcome is outcome


def test_what_is_no_sip() -> None:
    """Over TCP another protocol ends the connection; over UDP the next datagram is answered."""
    for transport in Transport:
        server = SipServer("192.0.2.2", transport)
        assert server.receive(b"GET / HTTP/1.1\r\n\r\n").close is (transport is Transport.TCP)
        assert server.end(OVER).outcome is Outcome.WRONG
        assert bool(server.receive(b"OPTIONS sip:x SIP/2.0\r\n\r\n").send) is (transport is Transport.UDP)
