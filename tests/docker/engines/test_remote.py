"""An engine that is reached over TLS, as a remote one is: the same labs, over its API alone."""

import contextlib
import os
import select
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.docker.engines.conftest import Bench, OwnEngine

IDLE = 300.0
"""Seconds after which a connection that is not used is given up: the test is over then."""


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """Make a certificate that serves as authority, as the engine's and as the client's."""
    if shutil.which("openssl") is None:
        pytest.skip("no docker lab: certificates need openssl")
    folder = tmp_path / "certificates"
    folder.mkdir()
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    shutil.copy(folder / "cert.pem", folder / "ca.pem")
    return folder


@contextlib.contextmanager
def over_tls(socket_path: str, certificates: Path) -> Iterator[str]:
    """Serve an engine's socket over TLS on the loopback interface; give the address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.load_verify_locations(certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept() -> None:
        with contextlib.suppress(OSError):  # the listener is closed in the end
            while True:
                client, _ = listener.accept()
                threading.Thread(target=forward, args=(client,), daemon=True).start()

    def forward(client: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            context.wrap_socket(client, server_side=True) as outer,
            socket.socket(socket.AF_UNIX) as inner,
        ):
            inner.connect(socket_path)
            pass_on(outer, inner)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def pass_on(outer: ssl.SSLSocket, inner: socket.socket) -> None:
    """Pass on what comes from either side, and the client's end of what it sends, until the engine has ended."""
    wanted: list[socket.socket] = [outer, inner]
    while ready := select.select(wanted, [], [], IDLE)[0]:
        if outer in ready:
            while True:
                data = outer.recv(16 << 10)
                inner.sendall(data)
                if not outer.pending():
                    break
            if not data:
                inner.shutdown(socket.SHUT_WR)
                wanted.remove(outer)
        if inner in ready:
            if not (data := inner.recv(64 << 10)):
                return
            outer.sendall(data)


def test_labs_on_an_engine_over_tls(
    bench: "Bench", own_engine: "OwnEngine", certificates: Path, reference: Path
) -> None:
    """The reference service passes on an engine that is reached with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH."""
    with over_tls(own_engine.address.removeprefix("unix://"), certificates) as address:
        done = bench.run(
            "--requirement",
            "LISTEN-001",
            "--requirement",
            "CONNECT-001",
            reference,
            DOCKER_HOST=address,
            DOCKER_TLS_VERIFY="1",
            DOCKER_CERT_PATH=os.fspath(certificates),
            # The SDK lets these override the authority in DOCKER_CERT_PATH.
            REQUESTS_CA_BUNDLE="",
            CURL_CA_BUNDLE="",
        )
    assert done.code == 0, done
    assert {case.partition(":")[0] for case in done.verdicts} == {"LISTEN-001", "CONNECT-001"}
