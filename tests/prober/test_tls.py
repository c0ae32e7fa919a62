"""TLS between the prober's clients and servers, over real connections."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dualstack.authority import authority_certificate, issue
from dualstack.errors import UsageError
from dualstack.families import BOTH, Family
from dualstack.prober.client import Prober
from dualstack.prober.messages import Dial, HoldConnections, Outcome, Serve, Stage
from dualstack.protocols.certificates import ClientTls, ServerTls, TlsFault
from dualstack.transport import AppProtocol

PORT = 7443
LOOPBACKS = tuple(family.loopback for family in BOTH)
SERVE = Serve(LOOPBACKS, PORT, tls=issue(LOOPBACKS))

each_family = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)


def to(family: Family, protocol: AppProtocol = AppProtocol.ECHO, name: str = "") -> Dial:
    """Return a dial over TLS that verifies the address, or a name."""
    tls = ClientTls(authority_certificate(), name or family.loopback)
    return Dial(family, family.loopback, PORT, protocol=protocol, tls=tls, timeout=5.0)


@each_family
@pytest.mark.parametrize("protocol", [AppProtocol.CONNECT, AppProtocol.ECHO, AppProtocol.UPPER, AppProtocol.HTTP])
def test_an_exchange_over_tls(prober: Prober, family: Family, protocol: AppProtocol) -> None:
    """The client is answered; what it reports as sent is encrypted, and the answer is what the server said."""
    with prober.serve(replace(SERVE, protocol=protocol)) as serving:
        result = prober.dial(to(family, protocol))
        (client,) = serving.accepted()
    assert result.outcome is Outcome.ANSWERED, result
    assert result.tls is None
    assert client.tls is None
    if protocol is AppProtocol.HTTP:
        assert result.answer.startswith("HTTP/1.1 200 OK")
        assert client.head.startswith("GET / HTTP/1.1")
        assert "GET" not in result.sent


@each_family
def test_a_certificate_for_another_address(prober: Prober, family: Family) -> None:
    """A certificate for the other family's address is refused, with the names that it has."""
    other = family.other.loopback
    with prober.serve(replace(SERVE, tls=issue([other]))):
        result = prober.dial(to(family))
    assert (result.outcome, result.tls) == (Outcome.WRONG, TlsFault.OTHER_NAME)
    assert result.detail == f"the certificate is not for {family.loopback}: it names {other}"


@pytest.mark.parametrize(("name", "sent"), [("", ""), ("localhost", "localhost")])
def test_the_server_name_is_recorded(prober: Prober, name: str, sent: str) -> None:
    """The name that a client sends (SNI) is recorded, also if the certificate is not for it; an address is not sent."""
    with prober.serve(SERVE) as serving:
        prober.dial(to(Family.IPV6, name=name))
        (client,) = serving.accepted()
    assert client.server_name == sent


def test_another_certificate_for_later_clients(prober: Prober) -> None:
    """A server presents the certificate that was given last."""
    with prober.serve(SERVE) as serving:
        assert prober.dial(to(Family.IPV6, name="service.example")).tls is TlsFault.OTHER_NAME
        serving.present(issue(["service.example"]))
        assert prober.dial(to(Family.IPV6, name="service.example")).outcome is Outcome.ANSWERED
        assert prober.dial(to(Family.IPV6)).tls is TlsFault.OTHER_NAME


def test_a_server_without_tls(prober: Prober) -> None:
    """The client says what came instead; the server records a client that speaks TLS as it records any bytes."""
    with prober.serve(replace(SERVE, tls=None, protocol=AppProtocol.HTTP)):
        result = prober.dial(to(Family.IPV4, AppProtocol.HTTP))
    assert result.outcome in (Outcome.WRONG, Outcome.SILENT), result


def test_a_client_without_tls(prober: Prober) -> None:
    """The server closes its connection, and records why."""
    with prober.serve(SERVE) as serving:
        result = prober.dial(replace(to(Family.IPV4), tls=None))
        (client,) = serving.accepted()
    assert result.outcome is Outcome.SILENT
    assert client.tls is TlsFault.PLAIN


def test_a_client_that_trusts_another_authority(prober: Prober) -> None:
    """Its alert is recorded by the server."""
    trustme = pytest.importorskip("trustme")
    stranger = ClientTls(trustme.CA().cert_pem.bytes().decode(), "127.0.0.1")
    with prober.serve(SERVE) as serving:
        result = prober.dial(replace(to(Family.IPV4), tls=stranger))
        (client,) = serving.accepted()
    assert result.tls is TlsFault.UNVERIFIED
    assert client.tls is TlsFault.ALERT


def test_a_certificate_that_cannot_be_used(prober: Prober) -> None:
    """The first client's error would be too late: the server is refused."""
    with pytest.raises(UsageError, match="certificate and key"):
        prober.serve(replace(SERVE, tls=ServerTls("no certificate", "no key")))


@pytest.mark.parametrize("stage", [Stage.CONNECTED, Stage.HALF_SENT, Stage.SENT, Stage.ANSWERED])
def test_connections_that_stay_open(prober: Prober, stage: Stage) -> None:
    """A client that stops at a stage keeps its connection; nothing ends its TLS session."""
    with (
        prober.serve(SERVE),
        prober.hold_connections(HoldConnections((to(Family.IPV6),), stage)) as held,
    ):
        assert held.held == 1
        assert held.ends().open == 1


@contextmanager
def python_server(tmp_path: Path) -> Iterator[list[object]]:
    """Run a server of Python's own on PORT that echoes once; yield what it saw at the end of the session."""
    made = issue(LOOPBACKS)
    path = tmp_path / "server.pem"
    path.write_text(made.key + made.certificate, encoding="ascii")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    seen: list[object] = []

    def serve(listener: socket.socket) -> None:
        """Echo what comes, then note the end."""
        client, _ = listener.accept()
        with client, context.wrap_socket(client, server_side=True, suppress_ragged_eofs=False) as stream:
            stream.sendall(stream.recv(1000))
            try:
                seen.append(stream.recv(1000))
            except OSError as error:
                seen.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        seen.append(listener.getsockname()[1])
        yield seen
        thread.join(10)


def test_a_client_ends_its_session(tmp_path: Path) -> None:
    """After an exchange the client sends close_notify, so that the service sees an orderly end (RFC 8446 §6.1)."""
    import asyncio  # noqa: PLC0415 - this client runs in the test's own network, not on a host

    from dualstack.prober.dialling import exchange  # noqa: PLC0415 - the same

    with python_server(tmp_path) as seen:
        port = seen[0]
        assert isinstance(port, int)
        result = asyncio.run(exchange(replace(to(Family.IPV4), port=port)))
    assert result.outcome is Outcome.ANSWERED, result
    assert seen[1:] == [b""]
