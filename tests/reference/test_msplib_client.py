"""The display-control platform's demonstration client does what its document says; its port walks all addresses."""

import re
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from dualstack.deadline import Deadline
from dualstack.families import BOTH, Family
from dualstack.lab.protocol import Host, Lab
from dualstack.prober.messages import Names, Serve
from dualstack.prober.names import query_name
from dualstack.transport import AppProtocol

PORT = 3005
FORMS = ("msplib-client", "msplib-client-ported")
DONE = "send 250 bytes data\n250 bytes of data were received\n"
SERVERS = {"dual": BOTH, "ipv6-only": (Family.IPV6,), "ipv4-only": (Family.IPV4,)}
TARGETS = {
    "ipv4-literal": (Family.IPV4,),
    "ipv6-literal": (Family.IPV6,),
    "name-a": (Family.IPV4,),
    "name-aaaa": (Family.IPV6,),
    "name-both": (Family.IPV6, Family.IPV4),
}
"""What a target stands for, in the order of RFC 6724 on a dual-stack host."""

either_form = pytest.mark.parametrize("form", FORMS)

LINK_LOCAL_ECHO = """
import socket, sys
listener = socket.socket(socket.AF_INET6)
listener.bind((sys.argv[1], 3005, 0, socket.if_nametoindex(sys.argv[2])))
listener.listen()
print("listening")
client = listener.accept()[0]
client.sendall(client.recv(250, socket.MSG_WAITALL))
"""

SHORT_ANSWER = """
import socket
listener = socket.create_server(("::", 3005), family=socket.AF_INET6)
print("listening")
client = listener.accept()[0]
client.sendall(client.recv(250, socket.MSG_WAITALL)[:100])
"""


def spell(kind: str, peer: Host) -> str:
    """Return a target of `TARGETS` for the peer's addresses; the name server must run."""
    families = TARGETS[kind]
    if kind.endswith("literal"):
        return peer.plan.address(families[0])
    a, aaaa = ("ok" if family in families else "none" for family in BOTH)
    return query_name(a=a, aaaa=aaaa)


def serve(stack: ExitStack, host: Host, families: tuple[Family, ...]) -> None:
    """Serve an echo on the host's addresses of these families, as separate sockets."""
    addresses = tuple(host.plan.address(family) for family in families)
    stack.enter_context(host.prober.serve(Serve(addresses, PORT, protocol=AppProtocol.ECHO)))


@either_form
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.usefixtures("names")
def test_matrix(run: Any, lab: Lab, form: str, server: str, kind: str) -> None:
    """M43, M45, M46, M49: the document's form reaches the first address or nothing, the ported one any that is served.

    "name-both" towards an IPv4-only server is the name whose first address is dead.
    """
    ported = form.endswith("ported")
    tried = TARGETS[kind] if ported else TARGETS[kind][:1]
    reached = next((family for family in tried if family in SERVERS[server]), None)
    with ExitStack() as stack:
        serve(stack, lab.hosts["peer"], SERVERS[server])
        log = run.output(
            lab.hosts["service"], form, spell(kind, lab.hosts["peer"]), code=1 if ported and reached is None else 0
        )
    if reached is None:
        assert "connect() failed" in log
        assert "Connection refused" in log
        assert "send 250" not in log
    else:
        number = 10 if reached is Family.IPV6 else 2
        assert f"ServAddr Info: ai_family {number}, ai_socktype 1, ai_protocol 6\n{DONE}" in log


@either_form
def test_default_is_ipv4_loopback(run: Any, lab: Lab, form: str) -> None:
    """M40, M44: without an argument it connects to 127.0.0.1 port 3005, as AF_INET."""
    host = lab.hosts["service"]
    with host.prober.serve(Serve(("127.0.0.1",), PORT)):
        assert f"ServAddr Info: ai_family 2, ai_socktype 1, ai_protocol 6\n{DONE}" in run.output(host, form)


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(("form", "code"), [("msplib-client", 0), ("msplib-client-ported", 1)])
def test_unknown_name(run: Any, lab: Lab, form: str, code: int) -> None:
    """M42: a name without addresses is reported with getaddrinfo's own text."""
    log = run.output(lab.hosts["service"], form, query_name(), code=code)
    assert log.startswith("Host not found --> No address associated with hostname")


@either_form
def test_link_local_address_with_zone(run: Any, lab: Lab, form: str) -> None:
    """M48: inet_pton refuses fe80::1%eth0, so it takes the way of names, where getaddrinfo understands the zone."""
    host, peer = lab.hosts["service"], lab.hosts["peer"]
    rows = [row for row in peer.prober.addresses() if row.address.startswith("fe80:")]
    address = rows[0].address
    # A server on the link-local address itself needs a zone, which the prober's does not take.
    listening = run.python(peer, LINK_LOCAL_ECHO, address, peer.interface)
    run.until(listening, "^listening")
    assert DONE in run.output(host, form, f"{address}%{host.interface}")


def test_bracketed_literal(run: Any, lab: Lab) -> None:
    """M48: a literal in brackets is no host to the document's form; the ported one takes it."""
    host, peer = lab.hosts["service"], lab.hosts["peer"]
    bracketed = f"[{peer.plan.address(Family.IPV6)}]"
    with ExitStack() as stack:
        serve(stack, peer, BOTH)
        assert "Host not found --> " in run.output(host, "msplib-client", bracketed)
        assert DONE in run.output(host, "msplib-client-ported", bracketed)


def test_argument_that_is_too_long(run: Any, lab: Lab) -> None:
    """M48: 256 bytes overflow the document's buffer, which the compiler makes an abort; the ported form says no."""
    host = lab.hosts["service"]
    program = run.start(host, "msplib-client", "x" * 256)
    run.until(program, "buffer overflow detected")
    assert "Host not found" in run.output(host, "msplib-client", "x" * 255)
    assert "Host not found" in run.output(host, "msplib-client-ported", "x" * 5000, code=1)


@either_form
def test_server_closes_early(run: Any, lab: Lab, form: str) -> None:
    """M46: a server that closes after 100 of the 250 bytes is reported, with what came."""
    host, peer = lab.hosts["service"], lab.hosts["peer"]
    listening = run.python(peer, SHORT_ANSWER)
    run.until(listening, "^listening")
    log = run.output(host, form, peer.plan.address(Family.IPV6), code=1 if form.endswith("ported") else 0)
    assert log.endswith("The server closed the connection\n100 bytes of data were received\n")


def test_failed_sockets_are_closed(run: Any, lab: Lab) -> None:
    """M43, M47: three refused addresses before the live one cost no descriptor: five are enough for the whole run."""
    host, peer = lab.hosts["service"], lab.hosts["peer"]
    dead = (*peer.plan.configured[Family.IPV6][:2], host.plan.address(Family.IPV6))
    live = peer.plan.address(Family.IPV4)
    with ExitStack() as stack:
        stack.enter_context(peer.prober.names(Names((live,), a=(live,), aaaa=dead)))
        serve(stack, peer, (Family.IPV4,))
        launch = run.programs.launch("msplib-client-ported", query_name(a="ok", aaaa="ok"), scratch=run.scratch)
        limited = ("/bin/sh", "-c", 'ulimit -n 5 && exec "$@"', "sh", *launch.command)
        program = host.start(replace(launch, command=limited))
        ended = program.wait(Deadline(10, "the client to end"))
    log = program.log().text
    assert ended.code == 0, log
    assert log.endswith(DONE)
    assert sorted(re.findall("connect.. to (.*) failed: Connection refused", log)) == sorted(dead)
