"""TLS as a layer: what both ends judge, however the bytes are split and whatever is damaged."""

import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualstack.authority import authority_certificate, issue
from dualstack.errors import UsageError
from dualstack.families import Family
from dualstack.prober.messages import Dial, Serve
from dualstack.protocols.application import Trait
from dualstack.protocols.certificates import ClientTls, ServerTls, TlsFault
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.exact import Replying
from dualstack.protocols.judgement import Judgement, Outcome
from dualstack.protocols.layers import closing, layered
from dualstack.protocols.registry import PROTOCOLS, client_for, server_for
from dualstack.protocols.tls import Secured
from dualstack.transport import AppProtocol

ADDRESS = "2001:db8::1"
SERVER = issue([ADDRESS, "192.0.2.1", "service.example"])
CLIENT = ClientTls(authority_certificate(), ADDRESS)
INSIDE = [name for name, protocol in PROTOCOLS.items() if protocol.serves and Trait.DECLARED not in protocol.traits]
"""The protocols that both ends speak."""

each_protocol = pytest.mark.parametrize("protocol", INSIDE)

Pieces = Callable[[bytes], Iterable[bytes]]


def whole(data: bytes) -> Iterable[bytes]:
    """Return what was sent in one piece."""
    return [data]


def ends(
    protocol: str, client: ClientTls | None = CLIENT, server: ServerTls | None = SERVER, size: int = 250
) -> tuple[Conversation, Conversation]:
    """Return a client and a server of a protocol inside TLS, or without it."""
    dial = Dial(Family.IPV6, ADDRESS, 443, protocol=protocol, token_size=size, tls=client)
    serve = Serve((ADDRESS,), 443, protocol=protocol, tls=server)
    return layered(client_for(dial), dial), layered(server_for(serve, ADDRESS), serve)


class Talk:
    """A client and a server that talk until one of them closes, or the client has judged.

    Attributes:
        client: The client's judgement.
        server: The server's last judgement.
        sent: What each of them has sent, in the order of the turns.
    """

    def __init__(self, client: Conversation, server: Conversation, pieces: Pieces = whole) -> None:
        """Exchange what they send; ``pieces`` splits it."""
        self.client: Judgement | None = None
        self.server: Judgement | None = None
        self.sent: list[bytes] = []
        here, there = client.start(), server.start()
        while (here or there) and self.client is None:
            self.sent += [here, there]
            back = self._hear(server, pieces(here))
            there += back.send
            turn = self._hear(client, pieces(there))
            self.server, self.client = back.judgement or self.server, turn.judgement
            here, there = turn.send, b""
        if here or closing(client):
            self.server = self._hear(server, pieces(here + closing(client))).judgement or self.server

    def _hear(self, end: Conversation, pieces: Iterable[bytes]) -> Turn:
        """Return the reaction of one end to all pieces."""
        sent, judgement = b"", None
        for piece in pieces:
            turn = end.receive(piece)
            sent += turn.send
            judgement = judgement or turn.judgement
        return Turn(sent, judgement)


def judged(talk: Talk) -> Judgement:
    """Return the client's judgement, which must be there."""
    assert talk.client is not None
    return talk.client


@each_protocol
def test_each_protocol_is_spoken_inside(protocol: str) -> None:
    """The client is answered through TLS with a verified certificate, in every protocol."""
    assert judged(Talk(*ends(protocol))).outcome is Outcome.ANSWERED


@pytest.mark.parametrize(("protocol", "chosen"), [(AppProtocol.GRPC, "h2"), ("http2", "h2"), (AppProtocol.HTTP, None)])
def test_http2_is_negotiated(protocol: str, chosen: str | None) -> None:
    """Both ends of HTTP/2 and gRPC offer h2 (RFC 9113 §3.2), and no other protocol offers anything."""
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    other.check_hostname, other.verify_mode = False, ssl.CERT_NONE
    other.set_alpn_protocols(["http/1.1", "h2"])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = other.wrap_bio(incoming, outgoing)
    client, server = ends(protocol)
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    incoming.write(server.receive(outgoing.read()).send)
    tls.do_handshake()
    assert tls.selected_alpn_protocol() == chosen
    assert (b"\x02h2" in client.start()) is bool(chosen)


def test_a_connection_alone_is_answered_by_the_handshake() -> None:
    """With ``connect`` nothing is said; the completed handshake is the answer."""
    judgement = judged(Talk(*ends(AppProtocol.CONNECT)))
    assert judgement.detail == "the handshake completed: TLSv1.3"


def test_what_is_said_is_encrypted() -> None:
    """No byte of the request or the answer is visible between the two ends."""
    talk = Talk(*ends(AppProtocol.HTTP))
    assert judged(talk).status == 200
    assert not any(b"HTTP/1.1" in item for item in talk.sent)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("192.0.2.1", Outcome.ANSWERED),
        ("2001:db8:0:0::1", Outcome.ANSWERED),
        ("service.example", Outcome.ANSWERED),
        ("SERVICE.example", Outcome.ANSWERED),
        ("192.0.2.2", Outcome.WRONG),
        ("2001:db8::2", Outcome.WRONG),
        ("::ffff:192.0.2.1", Outcome.WRONG),
        ("other.example", Outcome.WRONG),
        ("example", Outcome.WRONG),
    ],
)
def test_the_certificate_must_be_for_the_name(name: str, outcome: Outcome) -> None:
    """A client accepts a certificate only for the name or address that it uses; the family of an address counts."""
    talk = Talk(*ends(AppProtocol.ECHO, ClientTls(CLIENT.ca, name)))
    assert judged(talk).outcome is outcome, judged(talk)
    if outcome is Outcome.WRONG:
        assert judged(talk).tls is TlsFault.OTHER_NAME
        assert judged(talk).detail == (
            f"the certificate is not for {name}: it names 2001:db8::1, 192.0.2.1, service.example"
        )


@pytest.mark.parametrize(
    ("count", "named"),
    [
        (5, "n0.example, n1.example, n2.example, n3.example, n4.example"),
        (7, "n0.example, n1.example, n2.example, n3.example, n4.example and 2 more"),
    ],
)
def test_a_certificate_with_many_names(count: int, named: str) -> None:
    """The judgement shows the first five names and counts the others."""
    server = issue([f"n{number}.example" for number in range(count)])
    talk = Talk(*ends(AppProtocol.ECHO, ClientTls(CLIENT.ca, "other.example"), server))
    assert judged(talk).detail == f"the certificate is not for other.example: it names {named}"


def test_a_certificate_of_another_authority_is_refused() -> None:
    """The client says why; the server records the alert."""
    trustme = pytest.importorskip("trustme")
    other = ClientTls(trustme.CA().cert_pem.bytes().decode(), ADDRESS)
    talk = Talk(*ends(AppProtocol.ECHO, other))
    reason = "the certificate cannot be verified: unable to get local issuer certificate"
    assert talk.client == Judgement(Outcome.WRONG, f"the TLS handshake failed: {reason}", tls=TlsFault.UNVERIFIED)
    assert talk.server == Judgement(
        Outcome.WRONG, "the TLS handshake failed: the client sent the alert 'unknown ca'", tls=TlsFault.ALERT
    )


def test_a_client_without_authority_verifies_nothing() -> None:
    """It accepts a certificate of any issuer, for any name."""
    assert judged(Talk(*ends(AppProtocol.ECHO, ClientTls("", "other.example")))).outcome is Outcome.ANSWERED


def test_only_names_are_sent() -> None:
    """The client sends a DNS name (SNI), and never an address (RFC 6066 §3)."""
    name, _ = ends(AppProtocol.ECHO, ClientTls(CLIENT.ca, "service.example"))
    literal, _ = ends(AppProtocol.ECHO, ClientTls(CLIENT.ca, "192.0.2.1"))
    assert b"service.example" in name.start()
    assert b"192.0.2.1" not in literal.start()


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00", b"echo"])
def test_an_answer_without_tls(answer: bytes) -> None:
    """The judgement says that the service does not speak TLS, and what it sent."""
    client, _ = ends(AppProtocol.ECHO)
    client.start()
    judgement = client.receive(answer).judgement
    assert judgement is not None
    assert (judgement.outcome, judgement.tls) == (Outcome.WRONG, TlsFault.PLAIN)
    assert judgement.detail.startswith("the service does not speak TLS: it sent '")


def test_an_echo_without_tls() -> None:
    """A service that sends the client's first bytes back does not speak TLS, in whatever pieces they arrive."""
    for size in (1, 5, 100, 5000):
        client, _ = ends(AppProtocol.ECHO)
        turns = [client.receive(piece) for piece in in_sizes([size])(client.start())]
        judgement = turns[-1].judgement
        assert judgement is not None
        assert judgement.tls is TlsFault.PLAIN
        assert judgement.detail == "the service does not speak TLS: it sent the same bytes back"


def test_a_client_without_tls() -> None:
    """The server records that the client does not speak TLS, and answers nothing in plain text."""
    _, server = ends(AppProtocol.HTTP)
    turn = server.receive(b"GET / HTTP/1.1\r\n\r\n")
    assert turn.close
    assert not turn.send
    assert turn.judgement is not None
    assert turn.judgement.tls is TlsFault.PLAIN


def test_an_end_before_the_handshake() -> None:
    """Without any byte the service is silent; after the first bytes it is wrong."""
    client, server = ends(AppProtocol.ECHO)
    hello = client.start()
    silent = client.end("the service closed the connection", closed=True)
    assert silent == Judgement(Outcome.SILENT, "the TLS handshake did not complete: the service closed the connection")
    client.receive(server.receive(hello).send[:100])
    assert client.end("the service closed the connection", closed=True).outcome is Outcome.WRONG


def established(protocol: str) -> tuple[Conversation, Conversation, bytes]:
    """Return both ends after the handshake, and what the server sends to the first request."""
    client, server = ends(protocol)
    finished = client.receive(server.receive(client.start()).send).send
    return client, server, server.receive(finished).send


def test_an_end_without_close_notify_is_not_orderly() -> None:
    """A body that ends with the connection may be truncated; with close_notify it is complete."""
    client, server = without_length(), saying(RESPONSE)
    answer = server.receive(client.receive(server.receive(client.start()).send).send).send
    assert client.receive(answer).judgement is None
    cut = client.end("the service closed the connection", closed=True)
    assert cut.outcome is Outcome.WRONG
    assert "without close_notify" in cut.detail
    client, server = without_length(), saying(RESPONSE)
    answer = server.receive(client.receive(server.receive(client.start()).send).send).send + closing(server)
    judgement = client.receive(answer).judgement
    assert judgement is not None
    assert judgement.outcome is Outcome.ANSWERED


RESPONSE = b"HTTP/1.1 200 OK\r\n\r\nbody"


def without_length() -> Conversation:
    """Return an HTTP client inside TLS."""
    dial = Dial(Family.IPV6, ADDRESS, 443, protocol=AppProtocol.HTTP, tls=CLIENT)
    return layered(client_for(dial), dial)


def saying(answer: bytes) -> Conversation:
    """Return a server inside TLS that answers each piece with the same bytes."""
    return layered(Replying(lambda _: answer), Serve((ADDRESS,), 443, tls=SERVER))


def test_a_server_answers_close_notify() -> None:
    """The server ends its side of the session too, and closes the connection."""
    client, server, _ = established(AppProtocol.UPPER)
    turn = server.receive(closing(client))
    assert turn.close
    assert turn.send
    assert turn.judgement is not None
    assert turn.judgement.outcome is Outcome.ANSWERED


def test_nothing_is_said_at_the_end_of_a_broken_session() -> None:
    """Before the handshake and after a failure there is no close_notify; a conversation without layers has none."""
    client, _ = ends(AppProtocol.ECHO)
    client.start()
    assert closing(client) == b""
    client.receive(b"no TLS")
    assert closing(client) == b""
    plain, _ = ends(AppProtocol.ECHO, None, None)
    assert closing(plain) == b""


def test_a_key_of_another_certificate_is_refused() -> None:
    """A server cannot be made from what does not fit together."""
    other = issue(["192.0.2.1"])
    with pytest.raises(UsageError, match="the certificate and key cannot be used: key values mismatch"):
        ends(AppProtocol.ECHO, server=ServerTls(SERVER.certificate, other.key))


def in_sizes(sizes: list[int]) -> Pieces:
    """Return how to split bytes into pieces of these sizes in turn."""

    def split(data: bytes) -> Iterator[bytes]:
        """Yield the pieces."""
        turn = 0
        while data:
            size = sizes[turn % len(sizes)]
            yield data[:size]
            data, turn = data[size:], turn + 1

    return split


@each_protocol
@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 300), min_size=1, max_size=6))
def test_splitting_changes_nothing(protocol: str, sizes: list[int]) -> None:
    """Both ends judge alike however TCP splits what they send, with every protocol inside."""
    talk, split = Talk(*ends(protocol)), Talk(*ends(protocol), in_sizes(sizes))
    assert split.client == talk.client
    assert (split.server is None) == (talk.server is None)
    assert split.server is None or split.server.outcome is talk.server.outcome  # type: ignore[union-attr]  # see above


@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.integers(1, 300), min_size=1, max_size=6))
def test_splitting_changes_no_refusal(sizes: list[int]) -> None:
    """A certificate for other names is refused alike however the bytes are split."""
    other = ClientTls(CLIENT.ca, "192.0.2.9")
    assert Talk(*ends(AppProtocol.HTTP, other), in_sizes(sizes)).client == Talk(*ends(AppProtocol.HTTP, other)).client


WOUND = st.tuples(st.sampled_from(["cut", "flip", "replace", "double", "remove"]), st.integers(0, 1999), st.binary())
"""Damage, where it is (in thousandths of twice the length: often near the beginning), and other bytes."""


def hurt(whole: bytes, wounds: list[tuple[str, int, bytes]]) -> bytes:
    """Return damaged bytes. The bytes of TLS are new each time, so the damage is drawn before them."""
    data = bytearray(whole)
    for kind, place, noise in wounds:
        at = place * len(data) // 2000
        match kind:
            case "cut":
                del data[at:]
            case "flip" if data:
                data[at] ^= 1 << place % 8
            case "replace":
                data[at : at + len(noise)] = noise
            case "double":
                data[at:at] = data[at : at + 64]
            case "remove":
                del data[at : at + 8]
    return bytes(data)


WOUNDS = st.lists(WOUND, min_size=1, max_size=3)


@settings(max_examples=100, deadline=None)
@given(first=WOUNDS, second=WOUNDS)
def test_damaged_records_never_raise(first: list[tuple[str, int, bytes]], second: list[tuple[str, int, bytes]]) -> None:
    """Whatever becomes of the server's bytes, the client judges it in the end, and its judgement stays."""
    client, server = ends(AppProtocol.ECHO)
    flight = server.receive(client.start()).send
    turn = client.receive(hurt(flight, first))
    if turn.judgement is None and turn.send:
        turn = client.receive(hurt(server.receive(turn.send).send, second))
    judgement = turn.judgement or client.end("nothing more came")
    assert judgement.detail
    if turn.judgement is not None:
        assert client.receive(flight).judgement == judgement


@settings(max_examples=100, deadline=None)
@given(first=WOUNDS, second=WOUNDS)
def test_damaged_clients_never_raise(first: list[tuple[str, int, bytes]], second: list[tuple[str, int, bytes]]) -> None:
    """However the client's bytes are damaged, the server continues or closes, and never raises."""
    client, server = ends(AppProtocol.HTTP)
    turn = server.receive(hurt(client.start(), first))
    answer = client.receive(turn.send) if turn.send else Turn()
    if answer.send:
        turn = server.receive(hurt(answer.send, second))
    assert turn.judgement is None or turn.judgement.detail


@given(data=st.binary(max_size=400))
def test_noise_never_raises(data: bytes) -> None:
    """Neither end raises on bytes that never were TLS."""
    for end in ends(AppProtocol.ECHO):
        end.start()
        turn = end.receive(data)
        assert turn.judgement is None or turn.judgement.tls is not None


def test_memory_is_bounded() -> None:
    """However much comes, in pieces of any size, no more than one record waits in the layer."""
    client, server = ends(AppProtocol.ECHO, size=300_000)
    finished = client.receive(server.receive(client.start()).send).send
    assert isinstance(server, Secured)
    most = 0
    for piece in in_sizes([1000, 1, 40_000])(finished):
        server.receive(piece)
        most = max(most, server._engine.incoming.pending)
    assert len(finished) > 300_000
    assert most < 17_000


def test_time_is_linear() -> None:
    """An echo of eight times the size takes less than thirty times as long; quadratic work would take 64 times."""
    small, large = seconds(100_000), seconds(800_000)
    assert large < 30 * small


def seconds(size: int) -> float:
    """Return the shortest time of three echoes of this size in pieces of 1000 bytes."""
    found = []
    for _ in range(3):
        pair = ends(AppProtocol.ECHO, size=size)
        began = time.perf_counter()
        assert judged(Talk(*pair, in_sizes([1000]))).outcome is Outcome.ANSWERED
        found.append(time.perf_counter() - began)
    return min(found)
