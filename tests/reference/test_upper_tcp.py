"""The C tutorial's upper-case servers do what the tutorial says over IPv4, and their ports do it over both families."""

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dualstack.deadline import Deadline
from dualstack.families import BOTH, Family
from dualstack.lab.protocol import Lab
from dualstack.prober.messages import Dial, Dialled, Hold, Outcome, Serve
from dualstack.transport import AppProtocol

PORT = 9078
KINDS = ("single", "fork", "thread")
MANY = ("fork", "thread")

RESETTING_CLIENT = """
import socket, struct, sys
client = socket.create_connection((sys.argv[1], 9078))
client.sendall(b"x\\n")
client.recv(2, socket.MSG_WAITALL)
client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
client.close()
print("reset")
"""

IDLE_CLIENT = """
import socket, sys
client = socket.create_connection((sys.argv[1], 9078))
print("connected")
client.recv(1)
print("ended")
"""

CLIENTS_IN_TURN = """
import socket, sys
for _ in range(int(sys.argv[2])):
    with socket.create_connection((sys.argv[1], 9078)) as client:
        client.sendall(b"x")
        client.shutdown(socket.SHUT_WR)
        while client.recv(100):
            pass
print("done")
"""

either_family = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)
every_kind = pytest.mark.parametrize("kind", KINDS)
both_forms = pytest.mark.parametrize("form", ["", "-ported"], ids=["document", "ported"])


def request(lab: Lab, family: Family, **fields: Any) -> Dial:
    """Return an exchange with the server on the host ``service``."""
    address = lab.hosts["service"].plan.address(family)
    return replace(Dial(family, address, PORT, protocol=AppProtocol.UPPER, timeout=3.0), **fields)


def dial(lab: Lab, family: Family, **fields: Any) -> Dialled:
    """Hold one exchange with the server."""
    return lab.hosts["peer"].prober.dial(request(lab, family, **fields))


@every_kind
@both_forms
def test_upper_case_over_ipv4(run: Any, lab: Lab, kind: str, form: str) -> None:
    """L13, L15, L16: every server answers in upper case, copies it to its output and shows its client's address."""
    program = run.serve(lab.hosts["service"], f"upper-{kind}{form}", PORT)
    dialled = dial(lab, Family.IPV4)
    assert dialled.outcome is Outcome.ANSWERED
    run.until(program, f"^client ip: {re.escape(dialled.source)} port {dialled.source_port}$")
    run.until(program, re.escape(dialled.answer.strip()))


@every_kind
def test_document_is_ipv4_only(run: Any, lab: Lab, kind: str) -> None:
    """L5, L13: the document's servers listen on 0.0.0.0 and refuse IPv6."""
    run.serve(lab.hosts["service"], f"upper-{kind}", PORT)
    rows = [row for row in lab.hosts["service"].prober.sockets() if row.port == PORT]
    assert [(row.family, row.address) for row in rows] == [("ipv4", "0.0.0.0")]
    assert dial(lab, Family.IPV6).outcome is Outcome.REFUSED


@every_kind
def test_port_serves_ipv6(run: Any, lab: Lab, kind: str) -> None:
    """L16: the ported servers answer over IPv6 as well and show the whole address."""
    program = run.serve(lab.hosts["service"], f"upper-{kind}-ported", PORT)
    long = lab.hosts["peer"].plan.configured[Family.IPV6][1]
    dialled = dial(lab, Family.IPV6, source=long)
    assert dialled.outcome is Outcome.ANSWERED
    run.until(program, f"^client ip: {re.escape(long)} port {dialled.source_port}$")


@both_forms
def test_single_server_ends_with_its_client(run: Any, lab: Lab, form: str) -> None:
    """L13: the single server serves one client and ends, with status 0, at its end of stream."""
    program = run.serve(lab.hosts["service"], f"upper-single{form}", PORT)
    assert dial(lab, Family.IPV4).outcome is Outcome.ANSWERED
    assert program.wait(Deadline(5, "the server to end")).code == 0


@every_kind
@both_forms
def test_half_close(run: Any, lab: Lab, kind: str, form: str) -> None:
    """L17, L18: after its own FIN the client still gets everything, and then the server's FIN."""
    run.serve(lab.hosts["service"], f"upper-{kind}{form}", PORT)
    for family in BOTH if form and kind != "single" else (Family.IPV4,):
        dialled = dial(lab, family, half_close=True, token_size=100_000)
        assert (dialled.outcome, len(dialled.answer)) == (Outcome.ANSWERED, 64 << 10)
        assert dialled.detail.endswith("then the service closed its side")


@pytest.mark.parametrize("kind", MANY)
def test_clients_in_parallel(run: Any, lab: Lab, kind: str) -> None:
    """L15, L16, L20: an idle client does not delay others; twenty clients of both families are served at a time.

    The parent's close() of a client's socket ends nothing while the child has it.
    """
    host = lab.hosts["service"]
    run.serve(host, f"upper-{kind}-ported", PORT)
    run.until(run.python(lab.hosts["peer"], IDLE_CLIENT, host.plan.address(Family.IPV6)), "^connected")
    dials = [request(lab, family) for family in BOTH] * 10
    assert {item.outcome for item in lab.hosts["peer"].prober.dial_all(dials)} == {Outcome.ANSWERED}


@pytest.mark.parametrize(("form", "zombies"), [("", 5), ("-ported", 0)], ids=["document", "ported"])
def test_children_are_reaped(run: Any, lab: Lab, tmp_path: Path, form: str, zombies: int) -> None:
    """L15: each client of the document's fork server leaves a zombie, the ported one's none."""
    host = lab.hosts["service"]
    # A name of its own finds the server and its children among all processes of the machine.
    name = f"z{os.getpid()}{form}"
    (tmp_path / name).symlink_to(run.programs.folder / f"upper-fork{form}")
    launch = run.programs.launch(f"upper-fork{form}", scratch=tmp_path)
    run.serve_launch(host, replace(launch, command=(str(tmp_path / name),)), PORT)
    client = run.python(lab.hosts["peer"], CLIENTS_IN_TURN, host.plan.address(Family.IPV4), "5")
    run.until(client, "^done")
    deadline = Deadline(5, f"{zombies} zombies")
    while states(name).count("Z") != zombies or len(states(name)) != zombies + 1:
        deadline.check(f"states of the server and its children: {states(name)}")


def states(name: str) -> list[str]:
    """Return the states of all processes of that name, as the kernel writes them: S is sleeping, Z a zombie."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, _, rest = path.read_text().partition(f"({name})")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if rest and number.strip().isdigit():
            found.append(rest.split()[0])
    return found


@pytest.mark.parametrize("kind", MANY)
@both_forms
def test_one_clients_reset(run: Any, lab: Lab, kind: str, form: str) -> None:
    """L9, L16: a client's reset ends the document's thread server; every other server continues to serve."""
    host = lab.hosts["service"]
    program = run.serve(host, f"upper-{kind}{form}", PORT)
    run.until(run.python(lab.hosts["peer"], RESETTING_CLIENT, host.plan.address(Family.IPV4)), "^reset")
    run.until(program, "^read error: Connection reset by peer")
    if (kind, form) == ("thread", ""):
        assert program.wait(Deadline(5, "the server to end")).code == 1
    else:
        assert dial(lab, Family.IPV4).outcome is Outcome.ANSWERED


@pytest.mark.parametrize(("form", "restarts"), [("", False), ("-ported", True)], ids=["document", "ported"])
def test_restart_after_closing_first(run: Any, lab: Lab, form: str, *, restarts: bool) -> None:
    """L11, L13: with its own connection in TIME_WAIT a server restarts only if both had SO_REUSEADDR."""
    host = lab.hosts["service"]
    server = run.serve(host, f"upper-thread{form}", PORT)
    client = run.python(lab.hosts["peer"], IDLE_CLIENT, host.plan.address(Family.IPV4))
    run.until(client, "^connected")
    run.until(server, "^client ip")
    server.stop("SIGTERM", Deadline(5, "the server to stop"))
    run.until(client, "^ended")
    rows = [row.state for row in host.prober.sockets() if row.port == PORT]
    assert rows in (["TIME_WAIT"], ["FIN_WAIT2"])
    if restarts:
        run.serve(host, f"upper-thread{form}", PORT)
    else:
        log = run.output(host, f"upper-thread{form}", code=1)
        assert log == "bind error: Address already in use\n"


@every_kind
@pytest.mark.parametrize("taken", BOTH, ids=lambda family: family.value)
def test_port_fails_loudly(run: Any, lab: Lab, kind: str, taken: Family) -> None:
    """A port that is taken in either family ends the ported servers with status 1 and the reason."""
    hold = Hold(family=taken, address=taken.wildcard, port=PORT)
    with lab.hosts["service"].prober.hold(hold):
        log = run.output(lab.hosts["service"], f"upper-{kind}-ported", code=1)
    assert log == "cannot listen on '::' port 9078: Address already in use\n"


@every_kind
@pytest.mark.topology("ipv4-only-no-af-inet6")
def test_port_without_ipv6_sockets(run: Any, lab: Lab, kind: str) -> None:
    """Where there is no AF_INET6 the ported servers say so and serve IPv4."""
    program = run.serve(lab.hosts["service"], f"upper-{kind}-ported", PORT)
    assert dial(lab, Family.IPV4).outcome is Outcome.ANSWERED
    run.until(program, r"^listening on 0\.0\.0\.0:9078 \(IPv4 only\)")


@every_kind
@pytest.mark.topology("dual-stack-bindv6only")
def test_port_does_not_depend_on_bindv6only(run: Any, lab: Lab, kind: str) -> None:
    """Where IPv6 sockets are IPv6-only by default the ported servers still serve IPv4."""
    run.serve(lab.hosts["service"], f"upper-{kind}-ported", PORT)
    assert dial(lab, Family.IPV4).outcome is Outcome.ANSWERED


def test_document_client_does_not_notice_the_end_of_its_input(run: Any, lab: Lab) -> None:
    """L14: the document's client knows 127.0.0.1:9078 only, and sends its last line for ever."""
    host = lab.hosts["service"]
    with host.prober.serve(Serve(("127.0.0.1",), PORT, protocol=AppProtocol.UPPER)) as serving:
        client = run.start(host, "upper-client", text="once\n")
        deadline = Deadline(10, "the same line to be sent ten times")
        while sum(item.received for item in serving.accepted()) < len("once\n") * 10:
            deadline.check(client.log().text)
        assert client.poll() is None
        client.stop("SIGKILL", Deadline(5, "the client to stop"))


@either_family
def test_ported_client(run: Any, lab: Lab, family: Family) -> None:
    """L8, L14: the ported client takes a host of either family, answers line by line, and ends with its input."""
    peer = lab.hosts["peer"]
    with peer.prober.serve(Serve((peer.plan.address(family),), PORT, protocol=AppProtocol.UPPER)) as serving:
        log = run.output(lab.hosts["service"], "upper-client-ported", peer.plan.address(family), text="one\ntwo\n")
        accepted = serving.accepted()
    assert log == "ONE\nTWO\n"
    assert accepted[0].peer_port > 1023


@pytest.mark.usefixtures("names")
def test_ported_client_without_a_server(run: Any, lab: Lab) -> None:
    """L4: no server: the ported client ends with status 1 and the reason of each address."""
    peer = lab.hosts["peer"]
    log = run.output(lab.hosts["service"], "upper-client-ported", peer.plan.address(Family.IPV6), code=1)
    assert f"connect() to {peer.plan.address(Family.IPV6)} failed: Connection refused" in log
