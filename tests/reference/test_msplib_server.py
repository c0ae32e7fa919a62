"""The display-control platform's demonstration server does what its document says, and its port does it better."""

from typing import Any

import pytest

from dualstack.deadline import Deadline
from dualstack.families import BOTH, Family
from dualstack.lab.protocol import Lab, Program
from dualstack.prober.messages import Dial, Dialled, Hold, HoldConnections, Outcome, Stage
from dualstack.transport import AppProtocol

PORT = 3005
MESSAGE = 250
SILENT_CLIENT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2]))).recv(1)"
TWO_PIECES = """
import fcntl, os, select, signal, socket, struct, sys

def read(path):
    with open(path) as file:
        return file.read()

def until(condition):
    while not condition():
        select.select([], [], [], 0.001)

def state():
    return read(f"/proc/{pid}/stat").rpartition(")")[2].split()[0]

def in_recv():
    # A connection that was accepted has an inode; from then on there is nothing else to sleep in.
    rows = [line.split() for line in read("/proc/net/tcp6").splitlines()[1:]]
    accepted = any(row[1].endswith(":0BBD") and row[3] == "01" and row[9] != "0" for row in rows)
    return accepted and state() == "S"

def send(data):
    client.sendall(data)
    until(lambda: struct.unpack("i", fcntl.ioctl(client, 0x5411, bytes(4)))[0] == 0)  # SIOCOUTQ: all acknowledged

when, program, address = sys.argv[1:]
numbers = [name for name in os.listdir("/proc") if name.isdigit()]
pid = next(int(number) for number in numbers if read(f"/proc/{number}/comm").strip() == program[:15])
if when == "busy":
    os.kill(pid, signal.SIGSTOP)
    until(lambda: state() == "T")
client = socket.create_connection((address, 3005))
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
if when == "waiting":
    until(in_recv)
send(b"x" * 100)
if when == "busy":
    os.kill(pid, signal.SIGCONT)
    until(in_recv)
send(b"y" * 150)
at_once = select.select([client], [], [], 1)[0]
client.shutdown(socket.SHUT_WR)
print(len(client.recv(250, socket.MSG_WAITALL)), "at once" if at_once else "only after the end of stream")
"""
FORMS = ("msplib-server", "msplib-server-ported")

either_form = pytest.mark.parametrize("form", FORMS)
either_family = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)


def dial(lab: Lab, family: Family, **fields: Any) -> Dialled:
    """Hold one exchange of 250 bytes with the server."""
    address = lab.hosts["service"].plan.address(family)
    wanted: dict[str, Any] = {"protocol": AppProtocol.ECHO, "timeout": 3.0} | fields
    return lab.hosts["peer"].prober.dial(Dial(family, address, PORT, **wanted))


def ended(program: Program) -> int | None:
    """Wait for the server's end; return its exit code."""
    return program.wait(Deadline(5, "the server to end")).code


@either_form
def test_one_dual_stack_socket_on_the_wildcard(run: Any, lab: Lab, form: str) -> None:
    """M22, M24: the server listens with one AF_INET6 socket on :: that is not IPv6-only."""
    run.serve(lab.hosts["service"], form, PORT)
    rows = [row for row in lab.hosts["service"].prober.sockets() if row.port == PORT]
    assert [(row.family, row.address, row.v6only, row.state) for row in rows] == [("ipv6", "::", False, "LISTEN")]


@either_form
@either_family
def test_one_port_serves_both_families(run: Any, lab: Lab, form: str, family: Family) -> None:
    """M20, M32, M33: port 3005 echoes 250 bytes over either family; the server then ends with status 0."""
    program = run.serve(lab.hosts["service"], form, PORT)
    assert dial(lab, family).outcome is Outcome.ANSWERED
    assert ended(program) == 0
    assert not [row for row in lab.hosts["service"].prober.sockets() if row.port == PORT and row.state == "LISTEN"]


@either_form
def test_restarts_at_once(run: Any, lab: Lab, form: str) -> None:
    """M23: after the server has closed first, its address in TIME_WAIT, the next server can bind at once."""
    service, peer = (lab.hosts[name] for name in ("service", "peer"))
    run.serve(service, form, PORT)
    exchange = Dial(Family.IPV6, service.plan.address(Family.IPV6), PORT, protocol=AppProtocol.ECHO)
    with peer.prober.hold_connections(HoldConnections((exchange,), Stage.ANSWERED)) as client:
        assert Deadline(10, "the server to close").until(lambda: client.ends().closed == 1)

    def waits() -> bool:
        return any(row.state == "TIME_WAIT" for row in service.prober.sockets() if row.port == PORT)

    assert Deadline(10, "the connection to be in TIME_WAIT").until(waits)
    run.serve(service, form, PORT)
    assert dial(lab, Family.IPV4).outcome is Outcome.ANSWERED


@either_form
def test_backlog_of_ten(run: Any, lab: Lab, form: str) -> None:
    """M25, L6: eleven connections wait to be accepted, as Linux counts a backlog of 10; more are ignored, not reset."""
    program = run.serve(lab.hosts["service"], form, PORT)
    address = lab.hosts["service"].plan.address(Family.IPV4)
    peer = lab.hosts["peer"].prober
    # The server waits for this client's 250 bytes, so that all others stay in its accept queue.
    run.python(lab.hosts["peer"], SILENT_CLIENT, address, str(PORT))
    run.until(program, "^Client port is")
    results = peer.dial_all([Dial(Family.IPV4, address, PORT, protocol=AppProtocol.CONNECT, timeout=0.7)] * 16)
    queued = [item for item in results if item.connected]
    ignored = [item for item in results if not item.connected]
    assert len(queued) == 11
    assert {item.outcome for item in ignored} == {Outcome.SILENT}


@either_family
def test_document_shows_the_mapped_address(run: Any, lab: Lab, family: Family) -> None:
    """M26-M28: the document's form says that it is ready, and shows every client as AF_INET6, an IPv4 one as mapped."""
    program = run.serve(lab.hosts["service"], "msplib-server", PORT)
    dialled = dial(lab, family)
    assert ended(program) == 0
    mapped = "::ffff:" if family is Family.IPV4 else ""
    assert program.log().text.splitlines() == [
        "Ready for client connect().",
        "Client family: 10",
        f"Client address is {mapped}{dialled.source}",
        f"Client port is {dialled.source_port}",
        "250 bytes of data were received",
    ]


@either_family
def test_port_shows_the_address_itself(run: Any, lab: Lab, family: Family) -> None:
    """The ported form says what it listens on, and shows an IPv4 client's address as IPv4."""
    program = run.serve(lab.hosts["service"], "msplib-server-ported", PORT)
    dialled = dial(lab, family)
    assert ended(program) == 0
    lines = program.log().text.splitlines()
    assert "listening on [::]:3005 (IPv4 and IPv6)" in lines
    assert f"Client address is {dialled.source}" in lines


@either_family
def test_message_in_two_pieces(run: Any, lab: Lab, family: Family) -> None:
    """M30: the ported form echoes 100 and 150 bytes, sent apart, as one message of 250."""
    program = run.serve(lab.hosts["service"], "msplib-server-ported", PORT)
    assert dial(lab, family, chunks=(100, 150)).outcome is Outcome.ANSWERED
    ended(program)
    assert "250 bytes of data were received" in program.log().text


@either_family
def test_low_water_mark_met_in_time(run: Any, lab: Lab, family: Family) -> None:
    """M29, M30: the document's recv() returns both pieces at once, if it waits before the first one comes."""
    host = lab.hosts["service"]
    program = run.serve(host, "msplib-server", PORT)
    client = run.python(host, TWO_PIECES, "waiting", "msplib-server", host.plan.address(family))
    run.until(client, "^250 at once")
    assert ended(program) == 0
    assert program.log().text.count("250 bytes of data were received") == 1


@pytest.mark.parametrize(
    ("form", "answer"),
    [("msplib-server", "^250 only after the end of stream"), ("msplib-server-ported", "^250 at once")],
)
def test_low_water_mark_missed(run: Any, lab: Lab, form: str, answer: str) -> None:
    """M30 is not the whole truth: a recv() that finds the first piece is not woken by the second, on Linux.

    The second piece alone is less than SO_RCVLOWAT. The document's form then hangs until the client closes; the ported
    one does without SO_RCVLOWAT.
    """
    host = lab.hosts["service"]
    run.serve(host, form, PORT)
    client = run.python(host, TWO_PIECES, "busy", form, host.plan.address(Family.IPV4))
    run.until(client, answer)


@either_form
@pytest.mark.parametrize("size", [0, 1, 249])
def test_short_message_is_not_echoed(run: Any, lab: Lab, form: str, size: int) -> None:
    """M31: fewer than 250 bytes and a FIN: the server says so, echoes nothing, and closes."""
    program = run.serve(lab.hosts["service"], form, PORT)
    dialled = dial(lab, Family.IPV6, protocol=AppProtocol.EXCHANGE, send="x" * size, expect=".", half_close=True)
    assert dialled.answer == ""
    assert ended(program) == (1 if form.endswith("ported") else 0)
    assert program.log().text.splitlines()[-2:] == [
        f"{size} bytes of data were received",
        "The client closed the connection before all of the data was sent",
    ]


@pytest.mark.parametrize(("form", "code"), [("msplib-server", 0), ("msplib-server-ported", 1)])
@pytest.mark.parametrize("taken", BOTH, ids=lambda family: family.value)
def test_failing_call_is_named(run: Any, lab: Lab, form: str, code: int, taken: Family) -> None:
    """M34: a port that is taken in either family is named; only the ported form says it by its exit status as well."""
    hold = Hold(family=taken, address=taken.wildcard, port=PORT)
    with lab.hosts["service"].prober.hold(hold):
        log = run.output(lab.hosts["service"], form, code=code)
    assert "Address already in use" in log
    assert code == 1 or log == "bind() failed: Address already in use\n"


@pytest.mark.topology("ipv4-only-no-af-inet6")
def test_kernel_without_ipv6_sockets(run: Any, lab: Lab) -> None:
    """M34, K8: without AF_INET6 the document's form only says that socket() failed; the ported one serves IPv4."""
    host = lab.hosts["service"]
    assert run.output(host, "msplib-server") == "socket() failed: Address family not supported by protocol\n"
    program = run.serve(host, "msplib-server-ported", PORT)
    assert dial(lab, Family.IPV4).outcome is Outcome.ANSWERED
    assert "listening on 0.0.0.0:3005 (IPv4 only)" in program.log().text


@pytest.mark.topology("dual-stack-bindv6only")
def test_kernel_default_of_v6only(run: Any, lab: Lab) -> None:
    """M35: where IPv6 sockets are IPv6-only by default the document's form refuses IPv4, the ported one serves it."""
    host = lab.hosts["service"]
    first = run.serve(host, "msplib-server", PORT)
    assert dial(lab, Family.IPV4).outcome is Outcome.REFUSED
    assert dial(lab, Family.IPV6).outcome is Outcome.ANSWERED
    ended(first)
    run.serve(host, "msplib-server-ported", PORT)
    assert dial(lab, Family.IPV4).outcome is Outcome.ANSWERED


@pytest.mark.parametrize("address", ["::", "[::]", "0.0.0.0", "{own}", "[{own}]"])
def test_port_takes_every_spelling(run: Any, lab: Lab, address: str) -> None:
    """The ported form takes IPv6 listen addresses with and without brackets, and serves what they cover."""
    host = lab.hosts["service"]
    own = host.plan.address(Family.IPV6)
    program = run.start(host, "msplib-server-ported", address.replace("{own}", own))
    run.until(program, r"Ready for client connect\(\)")
    refused = Family.IPV6 if address == "0.0.0.0" else Family.IPV4 if "own" in address else None
    for family in (item for item in BOTH if item is refused):
        assert dial(lab, family).outcome is Outcome.REFUSED
    assert dial(lab, refused.other if refused else Family.IPV4).outcome is Outcome.ANSWERED


@pytest.mark.parametrize(
    "address", ["[::1", "::1]", "::1:80x", "[127.0.0.1]", "[]", "localhost", "1.2.3.4.5", "x" * 300]
)
def test_port_refuses_what_is_no_address(run: Any, lab: Lab, address: str) -> None:
    """The ported form refuses a malformed listen address with status 1, instead of listening somewhere else."""
    assert "cannot listen on" in run.output(lab.hosts["service"], "msplib-server-ported", address, code=1)
