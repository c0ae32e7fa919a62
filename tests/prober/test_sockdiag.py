"""The socket table and the host's configuration, as the kernel reports them."""

from collections.abc import Callable

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import HarnessError, UsageError
from dualstack.families import BOTH, Family
from dualstack.prober.client import Prober, ProgramHandle
from dualstack.prober.messages import Await, Dial, Hold, Serve, SocketRow
from dualstack.prober.messages.tables import ListRoutes, ListSockets
from dualstack.transport import AppProtocol, Transport

PORT = 7300

each_transport = pytest.mark.parametrize("transport", Transport, ids=lambda transport: transport.value)


def rows(prober: Prober, port: int = PORT) -> list[SocketRow]:
    """Return the rows of a port, without those that only remember a connection."""
    return [row for row in prober.sockets() if row.port == port and row.state != "TIME_WAIT"]


@each_transport
@pytest.mark.parametrize("v6only", [True, False])
def test_v6only_is_told(prober: Prober, transport: Transport, v6only: bool) -> None:  # noqa: FBT001 - a parameter
    """For a socket on :: the column has the option that was set, over TCP and UDP."""
    with prober.hold(Hold(Family.IPV6, "::", PORT, transport, v6only=v6only)):
        (row,) = rows(prober)
    assert (row.family, row.transport, row.address, row.v6only) == ("ipv6", transport.value, "::", v6only)
    assert row.state == ("LISTEN" if transport is Transport.TCP else "UNCONN")
    assert row.peer == ""


@each_transport
def test_an_ipv4_socket_has_no_v6only(prober: Prober, transport: Transport) -> None:
    """The column is empty for IPv4."""
    with prober.hold(Hold(Family.IPV4, "0.0.0.0", PORT, transport)):
        (row,) = rows(prober)
    assert (row.family, row.address, row.v6only) == ("ipv4", "0.0.0.0", None)


def test_connections_that_are_not_accepted_are_counted(prober: Prober, start: Callable[..., ProgramHandle]) -> None:
    """A program that accepts the first connection and no other has one that waits; the tables are equal."""
    program = start(
        "import signal, socket\n"
        f"own = socket.create_server(('::1', {PORT}), family=socket.AF_INET6, backlog=9)\n"
        "print('up', flush=True)\nkept = own.accept()\nsignal.pause()"
    )
    assert program.wait_ready(Await(0, Transport.TCP, "up", 10)).ready, program.log().text
    (before,) = rows(prober)
    assert (before.waiting, before.backlog) == (0, 9)
    for _ in range(2):
        prober.dial(Dial(Family.IPV6, "::1", PORT, protocol=AppProtocol.CONNECT))
    waits = Deadline(5, "one connection waits")
    assert waits.until(lambda: [row.waiting for row in rows(prober) if row.state == "LISTEN"] == [1])
    (after,) = [row for row in rows(prober) if row.state == "LISTEN"]
    assert after == before


def test_the_prober_owns_its_own(prober: Prober) -> None:
    """The agent's sockets have its name and number as owner: it is PID 1."""
    with prober.hold(Hold(Family.IPV4, "127.0.0.1", PORT)):
        (row,) = rows(prober)
    assert row.owner == "prober(1)"


def test_failed_sockets_are_counted(prober: Prober, start: Callable[..., ProgramHandle]) -> None:
    """A refused socket that is still open is CLOSE beside an established one; both refusals have counted as failed."""
    before = prober.failed_attempts()
    with prober.serve(Serve(("::1",), PORT)):
        program = start(
            "import signal, socket\n"
            "kept = [socket.socket(socket.AF_INET6), socket.socket(), socket.socket()]\n"
            f"kept[0].connect(('::1', {PORT}))\n"
            f"for item in kept[1:]:\n    print(item.connect_ex(('127.0.0.1', {PORT})), flush=True)\n"
            "kept[2].close()\nprint('up', flush=True)\nsignal.pause()"
        )
        assert program.wait_ready(Await(0, Transport.TCP, "up", 10)).ready, program.log().text
        assert sorted(prober.tcp_states(program.tcp_sockets())) == ["CLOSE", "ESTABLISHED"]
    assert prober.failed_attempts() - before == 2


def test_a_connection_shows_both_ends(prober: Prober, start: Callable[..., ProgramHandle]) -> None:
    """A program's connection is ESTABLISHED, with the peer bracketed, and belongs to it."""
    with prober.serve(Serve(("::1",), PORT)):
        program = start(
            f"import socket, signal; c = socket.create_connection(('::1', {PORT})); print('up', flush=True); "
            "signal.pause()"
        )
        assert program.wait_ready(Await(0, Transport.TCP, "up", 10)).ready, program.log().text
        there = prober.sockets(Transport.TCP)
    (row,) = [row for row in there if row.peer == f"[::1]:{PORT}" and row.state != "TIME_WAIT"]
    assert (row.state, row.v6only) == ("ESTABLISHED", None)
    assert row.owner.startswith("python")


def test_a_mapped_client_is_shown_as_the_kernel_has_it(prober: Prober, start: Callable[..., ProgramHandle]) -> None:
    """An IPv4 connection on a dual-stack socket is an IPv6 socket with mapped addresses."""
    program = start(
        f"""
import socket
s = socket.create_server(("::", {PORT}), family=socket.AF_INET6, dualstack_ipv6=True)
c = s.accept()[0]; print("up", flush=True); c.recv(1000)
"""
    )
    assert program.wait_ready(Await(PORT, Transport.TCP, None, 10)).ready
    with prober.serve(Serve(("127.0.0.1",), PORT + 1)):
        pass
    prober._channel.send(Dial(Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.EXCHANGE, expect="x"))
    assert program.wait_ready(Await(0, Transport.TCP, "up", 10)).ready
    found = [row for row in rows(prober) if row.state == "ESTABLISHED"]
    assert [(row.family, row.address) for row in found] == [("ipv6", "::ffff:127.0.0.1")]
    assert found[0].peer.startswith("[::ffff:127.0.0.1]:")


def test_the_first_of_several_owners_is_named(prober: Prober, start: Callable[..., ProgramHandle]) -> None:
    """A socket that a parent shares with its workers belongs to the lowest number: the parent."""
    program = start(
        f"""
import os, signal, socket
s = socket.create_server(("127.0.0.1", {PORT}))
if not os.fork(): signal.pause()
print(os.getpid(), flush=True); signal.pause()
"""
    )
    assert program.wait_ready(Await(PORT, Transport.TCP, r"^\d+$", 10)).ready
    (row,) = rows(prober)
    assert row.owner.endswith(f"({program.log().text.strip()})")


def test_the_socket_of_a_component_has_its_name(prober: Prober, start: Callable[..., ProgramHandle]) -> None:
    """A socket belongs to the component whose process, or a child of it, has it open; others to none."""
    code = "import os, socket, time; s = socket.create_server(('127.0.0.1', {})); os.fork(); time.sleep(99)"
    store = start(code.format(PORT + 1), component="store")
    service = start(code.format(PORT))
    for program, port in ((store, PORT + 1), (service, PORT)):
        assert program.wait_ready(Await(port, Transport.TCP, None, 10)).ready
    listening = [row for row in prober.sockets(Transport.TCP) if row.state == "LISTEN"]
    assert {row.port: row.component for row in listening} == {PORT: "", PORT + 1: "store"}
    store.stop("SIGTERM", Deadline(5, "the store to end"))
    assert {row.component for row in prober.sockets(Transport.TCP)} == {""}


def test_a_component_that_is_not_seen_is_named_by_its_sockets(
    prober: Prober, start: Callable[..., ProgramHandle]
) -> None:
    """The request may name the sockets of a component whose processes the agent cannot see."""
    code = f"""
import os, signal, socket
s = socket.create_server(("127.0.0.1", {PORT}))
print(os.fstat(s.fileno()).st_ino, flush=True); signal.pause()
"""
    program = start(code)
    assert program.wait_ready(Await(PORT, Transport.TCP, r"^\d+$", 10)).ready
    inode = int(program.log().text)
    found = prober.call(ListSockets(Transport.TCP, {"cache": (1,), "store": (inode,)}))
    assert {row.component for row in found if row.state == "LISTEN"} == {"store"}


def test_one_transport_can_be_listed(prober: Prober) -> None:
    """The rows of the other transport are omitted."""
    with (
        prober.hold(Hold(Family.IPV4, "127.0.0.1", PORT)),
        prober.hold(Hold(Family.IPV4, "127.0.0.1", PORT, Transport.UDP)),
    ):
        assert {row.transport for row in prober.sockets(Transport.UDP)} == {"udp"}
        assert {row.transport for row in prober.sockets(Transport.TCP)} == {"tcp"}
        assert {row.transport for row in rows(prober)} == {"tcp", "udp"}


def test_a_dead_client_leaves_an_ownerless_row(prober: Prober) -> None:
    """A connection in TIME_WAIT has no owner."""
    with prober.serve(Serve(("127.0.0.1",), PORT)):
        prober.dial(Dial(Family.IPV4, "127.0.0.1", PORT))
        waiting = [row for row in prober.sockets(Transport.TCP) if row.state == "TIME_WAIT"]
    assert waiting
    assert {row.owner for row in waiting} == {""}


def test_the_loopback_addresses_are_listed(prober: Prober) -> None:
    """A host with only lo has two addresses, neither tentative nor duplicate."""
    found = {(row.family, row.address, row.prefix_length, row.interface) for row in prober.addresses()}
    assert found == {("ipv4", "127.0.0.1", 8, "lo"), ("ipv6", "::1", 128, "lo")}
    assert not any(row.tentative or row.duplicate for row in prober.addresses())


def test_addresses_are_listed(linked_prober: Prober) -> None:
    """Configured addresses appear; one is tentative as long as its link has no carrier to probe for duplicates on."""
    found = {
        row.address: (row.family, row.prefix_length, row.interface, row.tentative)
        for row in linked_prober.addresses()
        if row.interface != "lo"
    }
    assert found == {
        "198.51.100.1": ("ipv4", 24, "eth0", False),
        "2001:db8::1": ("ipv6", 64, "eth0", False),
        "2001:db8::2": ("ipv6", 64, "eth0", True),
    }


def test_routes_are_listed(linked_prober: Prober) -> None:
    """Routes of the link, over gateways, and unreachable ones appear; multicast and local ones do not."""
    found = {(row.destination, row.gateway, row.interface, row.kind) for row in linked_prober.call(ListRoutes())}
    assert found == {
        ("default", "198.51.100.254", "eth0", "unicast"),
        ("198.51.100.0/24", "", "eth0", "unicast"),
        ("192.0.2.0/24", "", "", "unreachable"),
        ("default", "2001:db8::ffff", "eth0", "unicast"),
        ("2001:db8::/64", "", "eth0", "unicast"),
    }


def test_a_host_without_links_has_no_routes(prober: Prober) -> None:
    """The main table of a host with only lo is empty for both families."""
    assert [row for row in prober.call(ListRoutes()) if row.interface != "lo"] == []


def test_kernel_settings_are_read(prober: Prober) -> None:
    """A setting is read as text; its name has dots."""
    assert prober.sysctl("net.ipv6.bindv6only") == "0"
    assert prober.sysctl("net.ipv6.conf.lo.disable_ipv6") == "0"


def test_an_unknown_kernel_setting_is_an_error(prober: Prober) -> None:
    """A setting that does not exist, and a path as its name, are errors."""
    with pytest.raises(HarnessError, match=r"net\.ipv6\.nothing"):
        prober.sysctl("net.ipv6.nothing")
    with pytest.raises(UsageError, match="no name"):
        prober.sysctl("../../etc/passwd")


def test_both_families_are_in_the_table(prober: Prober) -> None:
    """One server on both loopbacks is two rows."""
    with prober.serve(Serve(tuple(family.loopback for family in BOTH), PORT)):
        assert {row.family for row in rows(prober) if row.state == "LISTEN"} == {"ipv4", "ipv6"}
