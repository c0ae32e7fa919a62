"""A service in a container is waited for as on a host of namespaces; the engine is a substitute."""

import asyncio
import json
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import HarnessError
from dualstack.lab.docker import sidecar
from dualstack.lab.docker.engine import Engine
from dualstack.lab.docker.program import ContainerProgram
from dualstack.lab.docker.view import ContainerView
from dualstack.prober.messages import Await, SocketRow
from dualstack.transport import Transport

LISTENS = SocketRow("ipv6", "tcp", "LISTEN", "::", 8080, "", v6only=False, owner="")


def row(**fields: Any) -> SocketRow:
    """Return a listening socket of the service, with some fields changed."""
    return replace(LISTENS, **fields)


class Api:
    """The few calls of the engine's API that following a container takes."""

    def __init__(self) -> None:
        """Begin with a container that runs."""
        self.ended = threading.Event()
        self.code = 0
        self.health = "healthy"

    def wait(self, _: str, timeout: float | None = None) -> dict[str, int]:
        """Return the exit status when the container has ended."""
        self.ended.wait(timeout)
        return {"StatusCode": self.code}

    def kill(self, _: str, __: int) -> None:
        """End the container."""
        self.ended.set()

    def inspect_container(self, _: str) -> dict[str, Any]:
        """Return the state of the health check."""
        return {"State": {"Health": {"Status": self.health}, "OOMKilled": False}}


class Container:
    """A container of the substitute: its program, and what it does."""

    def __init__(self) -> None:
        """Start it; it has no sockets, and no sidecar can be started."""
        self.api = Api()
        self.rows: list[SocketRow] = []
        self.seconds: float | None = None
        self.sidecars = 0
        self._output, stream = socket.socketpair()
        engine = cast("Engine", type("Substitute", (), {"api": self.api}))
        self.program = ContainerProgram(
            engine,
            "0" * 64,
            stream,
            foreign=lambda: self.rows,
            checked=True,
            sidecar=self._sidecar,
            discard=lambda: None,
        )

    def write(self, text: str) -> None:
        """Write to the standard output."""
        self._output.sendall(struct.pack("!BxxxI", 1, len(text)) + text.encode())

    def end(self, code: int) -> None:
        """End."""
        self.api.code = code
        self._output.close()
        self.api.ended.set()

    def _sidecar(self) -> socket.socket:
        """Start a sidecar that says for how long the service had no processor."""
        if self.seconds is None:
            raise HarnessError("no sidecar")
        self.sidecars += 1
        ours, theirs = socket.socketpair()

        def serve() -> None:
            with theirs, theirs.makefile("rb") as lines:
                for _ in lines:
                    answer = json.dumps({"ok": {"seconds": self.seconds}}).encode() + b"\n"
                    theirs.sendall(struct.pack("!BxxxI", 1, len(answer)) + answer)

        threading.Thread(target=serve, daemon=True).start()
        return ours


@pytest.fixture
def container() -> Iterator[Container]:
    """A container that ends with the test."""
    made = Container()
    yield made
    made.end(0)
    made.program.stop("SIGTERM", Deadline(10, "its end"))


def condition(**fields: Any) -> Await:
    """Return a condition with some fields changed."""
    return replace(Await(port=8080, transport=Transport.TCP, log=None, timeout=0.2), **fields)


def later(act: Callable[[], None]) -> None:
    """Do something while a test waits."""
    threading.Timer(0.05, act).start()


def test_it_is_ready_with_its_socket_and_its_line(container: Container) -> None:
    """Port and line must both be there."""
    container.write("starting\n")
    container.rows = [LISTENS]
    later(lambda: container.write("ready to serve\n"))
    readiness = container.program.wait_ready(condition(log="^ready", timeout=30.0))
    assert readiness.ready, readiness.detail
    assert readiness.seconds > 0.01


def test_an_end_ends_the_wait(container: Container) -> None:
    """A container that ends before it is ready is not waited for any longer."""
    later(lambda: container.end(3))
    readiness = container.program.wait_ready(condition(timeout=30.0))
    assert not readiness.ready
    assert readiness.exit is not None
    assert readiness.exit.code == 3
    assert readiness.detail.startswith("it exited with code 3 after ")


def test_another_programs_socket_is_not_its_own(container: Container) -> None:
    """A socket with an owner is not the service's; without a sidecar its time is as it was given."""
    container.rows = [row(owner="prober(1)")]
    readiness = container.program.wait_ready(condition())
    assert not readiness.ready
    assert readiness.detail.startswith("TCP port 8080 belongs to prober(1), not to it (after ")


def test_the_health_check_must_pass(container: Container) -> None:
    """A service that listens is not ready while its image's health check has not passed."""
    container.rows = [LISTENS]
    container.api.health = "starting"
    readiness = container.program.wait_ready(condition())
    assert not readiness.ready
    assert readiness.detail.startswith("its image's health check is starting (after ")
    container.api.health = "healthy"
    assert container.program.wait_ready(condition()).ready


def test_a_starved_service_gets_more_time(container: Container) -> None:
    """A service that had no processor for a while is waited for that much longer; one sidecar says so."""
    container.seconds = 0.2
    readiness = container.program.wait_ready(condition())
    assert not readiness.ready
    assert readiness.seconds >= 0.4
    assert container.sidecars == 1


def test_the_socket_of_a_component_is_not_the_services() -> None:
    """A service is not ready because a component listens; the text does not say that the service listens there."""
    view = ContainerView(
        None,
        poll=lambda: None,
        foreign=lambda: [row(component="store"), row(port=8081)],
        unhealthy=list,
        starved=lambda: 0.0,
    )
    assert [item.owners for item in view.listeners(Transport.TCP, 8080)] == [("store",)]
    assert view.own_ports() == [(Transport.TCP, 8081)]


def test_a_sidecar_lists_the_sockets_of_its_processes() -> None:
    """The sidecar answers with the inodes of sockets that the processes beside it have open."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen(["/bin/sleep", "9"], pass_fds=(server.fileno(),)) as program,
    ):
        answer = asyncio.run(sidecar.answer({"do": "sockets"}))
        program.kill()
        assert os.fstat(server.fileno()).st_ino in answer["ok"]["inodes"]


def test_a_sidecar_lists_tcp_sockets_in_every_state() -> None:
    """A TCP socket that was never connected is listed, a UDP socket is not."""
    with (
        socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as unused,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        subprocess.Popen(["/bin/sleep", "9"], pass_fds=(unused.fileno(), datagrams.fileno())) as program,
    ):
        found = asyncio.run(sidecar.answer({"do": "tcp_sockets"}))["ok"]["inodes"]
        program.kill()
        assert os.fstat(unused.fileno()).st_ino in found
        assert os.fstat(datagrams.fileno()).st_ino not in found


def test_a_sidecar_counts_the_time_without_a_processor() -> None:
    """The sidecar answers with seconds."""
    answer = asyncio.run(sidecar.answer({"do": "starved"}))
    assert answer["ok"]["seconds"] >= 0.0
