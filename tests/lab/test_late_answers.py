"""A late answer of a host's supervisor is never taken for that to another request."""

import json
import socket

import pytest

from dualstack.errors import HarnessError
from dualstack.lab.docker.multiplexer import Multiplexer
from dualstack.lab.docker.mux import CONTROL, frame
from dualstack.lab.docker.sidecar_client import SidecarClient

_STDOUT = b"\1\0\0\0"


def attached(data: bytes) -> bytes:
    """Return data as an engine sends what a container writes to its standard output."""
    return _STDOUT + len(data).to_bytes(4) + data


def test_a_host_that_answers_late_is_given_up() -> None:
    """After a request without an answer the host is gone: the answer that comes then reaches no other request."""
    ours, theirs = socket.socketpair()
    host = Multiplexer(ours, "service")
    with theirs:
        with pytest.raises(HarnessError, match=r"host 'service' did not 'up' within 0\.1 s"):
            host.ask({"do": "up"}, 0.1)
        with pytest.raises(OSError, match="Broken pipe"):
            theirs.sendall(attached(frame(CONTROL, json.dumps({"ok": "late"}).encode() + b"\n")))
        assert host.gone
        with pytest.raises(HarnessError):
            host.ask({"do": "recycle"}, 1.0)
    host.close()


def test_a_sidecar_that_answers_late_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a request without an answer its stream is closed."""
    monkeypatch.setattr("dualstack.lab.docker.sidecar_client._ANSWER_TIMEOUT", 0.1)
    ours, theirs = socket.socketpair()
    sidecar = SidecarClient(ours)
    with theirs:
        for _ in range(2):
            with pytest.raises(HarnessError, match="lost connection to the container's helper process"):
                sidecar.ask({"do": "trace"}, 0.0)
