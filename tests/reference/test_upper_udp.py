"""The C tutorial's UDP server does what the tutorial says over IPv4, and its port does it over both families."""

import re
from dataclasses import replace
from typing import Any

import pytest

from dualstack.deadline import Deadline
from dualstack.families import BOTH, Family
from dualstack.lab.protocol import Lab, Program
from dualstack.prober.messages import Dial, Dialled, Hold, Outcome, Serve, SpoofedDatagram
from dualstack.transport import AppProtocol, Transport

PORT = 8000

EMPTY_DATAGRAM = """
import socket, sys
host, port = sys.argv[1], 8000
family, kind, protocol, _, address = socket.getaddrinfo(host.encode(), port, type=socket.SOCK_DGRAM)[0]
client = socket.socket(family, kind, protocol)
client.settimeout(5)
client.connect(address)
client.send(b"")
print("answer", client.recv(100))
client.send(b"next")
print("answer", client.recv(100))
"""

either_family = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)


def serve(run: Any, lab: Lab, form: str) -> Program:
    """Start the server on the host ``service``."""
    program: Program = run.serve(lab.hosts["service"], form, PORT, transport=Transport.UDP)
    return program


def dial(lab: Lab, family: Family, address: str = "", **fields: Any) -> Dialled:
    """Hold one exchange with the server."""
    wanted = address or lab.hosts["service"].plan.address(family)
    plain = Dial(family, wanted, PORT, transport=Transport.UDP, protocol=AppProtocol.UPPER, timeout=1.0)
    return lab.hosts["peer"].prober.dial(replace(plain, **fields))


@pytest.mark.parametrize("form", ["upper-udp", "upper-udp-ported"])
def test_answers_its_sender(run: Any, lab: Lab, form: str) -> None:
    """L21: without listen, accept or connect, each datagram goes back to its sender in upper case."""
    program = serve(run, lab, form)
    for _ in range(3):
        dialled = dial(lab, Family.IPV4)
        assert dialled.outcome is Outcome.ANSWERED
        run.until(program, f"^received from {re.escape(dialled.source)} at PORT {dialled.source_port}$")


def test_document_is_ipv4_only(run: Any, lab: Lab) -> None:
    """L21: the document's server refuses IPv6: ICMPv6 port unreachable."""
    serve(run, lab, "upper-udp")
    assert dial(lab, Family.IPV6).outcome is Outcome.REFUSED


def test_port_serves_ipv6(run: Any, lab: Lab) -> None:
    """L21: the ported server answers over IPv6 as well, and shows the whole address."""
    program = serve(run, lab, "upper-udp-ported")
    long = lab.hosts["peer"].plan.configured[Family.IPV6][1]
    dialled = dial(lab, Family.IPV6, source=long, token_size=8000)
    assert dialled.outcome is Outcome.ANSWERED
    run.until(program, f"^received from {re.escape(long)} at PORT {dialled.source_port}$")


@pytest.mark.topology("multi-address")
def test_port_answers_from_the_address_that_was_asked(run: Any, lab: Lab) -> None:
    """The ported server answers from each of its addresses; the document's from the one that the kernel prefers."""
    host = lab.hosts["service"]
    first = serve(run, lab, "upper-udp")
    answered = [dial(lab, Family.IPV4, address).outcome for address in host.plan.configured[Family.IPV4]]
    assert answered == [Outcome.ANSWERED, Outcome.SILENT, Outcome.SILENT]
    first.stop("SIGTERM", Deadline(5, "the server to stop"))
    serve(run, lab, "upper-udp-ported")
    for family in BOTH:
        for address in host.plan.configured[family]:
            assert dial(lab, family, address).outcome is Outcome.ANSWERED


@pytest.mark.topology("ipv4-only-no-af-inet6")
def test_port_without_ipv6_sockets(run: Any, lab: Lab) -> None:
    """Where there is no AF_INET6 the ported server says so and serves IPv4."""
    program = serve(run, lab, "upper-udp-ported")
    assert dial(lab, Family.IPV4).outcome is Outcome.ANSWERED
    run.until(program, r"^listening on 0\.0\.0\.0:8000 \(IPv4 only\)")


@pytest.mark.topology("dual-stack-bindv6only")
def test_port_does_not_depend_on_bindv6only(run: Any, lab: Lab) -> None:
    """Where IPv6 sockets are IPv6-only by default the ported server still serves IPv4."""
    serve(run, lab, "upper-udp-ported")
    assert dial(lab, Family.IPV4).outcome is Outcome.ANSWERED


@pytest.mark.parametrize("form", ["upper-udp", "upper-udp-ported"])
def test_empty_datagram(run: Any, lab: Lab, form: str) -> None:
    """L22 is wrong: a datagram of no bytes is received as 0 and ends nothing; it is answered by one of no bytes."""
    serve(run, lab, form)
    for family in BOTH if form.endswith("ported") else (Family.IPV4,):
        client = run.python(lab.hosts["peer"], EMPTY_DATAGRAM, lab.hosts["service"].plan.address(family))
        run.until(client, "^answer b''")
        run.until(client, "^answer b'NEXT'")


def test_port_drops_forged_senders(run: Any, lab: Lab) -> None:
    """A mapped sender over IPv6 is neither answered nor shown; real IPv4 clients and IPv6 clients are."""
    program = serve(run, lab, "upper-udp-ported")
    host, peer = lab.hosts["service"].plan, lab.hosts["peer"]
    spoofed = peer.plan.configured[Family.IPV4][1]
    peer.prober.call(SpoofedDatagram(f"::ffff:{spoofed}", 4000, host.address(Family.IPV6), PORT, "spoofed"))
    for family in BOTH:
        dialled = dial(lab, family)
        assert dialled.outcome is Outcome.ANSWERED
        run.until(program, f"^received from {re.escape(dialled.source)} at PORT {dialled.source_port}$")
    assert spoofed not in program.log().text


@either_family
def test_taken_port_is_loud(run: Any, lab: Lab, family: Family) -> None:
    """A port that is taken in either family ends the ported server: it does not share it by SO_REUSEADDR."""
    hold = Hold(family=family, address=family.wildcard, port=PORT, transport=Transport.UDP)
    with lab.hosts["service"].prober.hold(hold):
        log = run.output(lab.hosts["service"], "upper-udp-ported", code=1)
    assert log == "cannot listen on '::' port 8000: Address already in use\n"


def test_document_client(run: Any, lab: Lab) -> None:
    """L22: the document's client asks 127.0.0.1:8000, line by line, and ends with its input."""
    host = lab.hosts["service"]
    with host.prober.serve(Serve(("127.0.0.1",), PORT, Transport.UDP, AppProtocol.UPPER)):
        assert run.output(host, "upper-udp-client", text="one\ntwo\n") == "ONE\nTWO\n"


@either_family
def test_ported_client(run: Any, lab: Lab, family: Family) -> None:
    """L22: the ported client asks a host of either family."""
    address = lab.hosts["peer"].plan.address(family)
    with lab.hosts["peer"].prober.serve(Serve((address,), PORT, Transport.UDP, AppProtocol.UPPER)):
        assert run.output(lab.hosts["service"], "upper-udp-client-ported", address, text="one\ntwo\n") == "ONE\nTWO\n"


def test_ported_client_without_a_server(run: Any, lab: Lab) -> None:
    """L22 is wrong: a datagram socket may be connected, and then gets the error that no socket is there."""
    address = lab.hosts["peer"].plan.address(Family.IPV6)
    log = run.output(lab.hosts["service"], "upper-udp-client-ported", address, text="one\n", code=1)
    assert log == "no answer: Connection refused\n"
