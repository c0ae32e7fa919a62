"""FTP: data connections have the family of their control connection, whichever side opens them."""

import re
from dataclasses import replace

from dualstack.errors import NothingToJudge
from dualstack.families import Family, endpoint
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import Dialled, Outcome
from dualstack.protocols.ftp import Reply, replies_in
from dualstack.protocols.ftp_active import PROTOCOLS
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.transport import AppProtocol
from dualstack.wire.expect import answered
from dualstack.world import ListenerWorld
from dualstack.world.handed_out import asked
from dualstack.world.own_ports import shows_arrival
from dualstack.world.prerequisites import NO_FAMILY, UNSERVED, start_or_leave

ACTIVE = "ftp-active"
"""The protocol of a client to which the server connects."""

UNKNOWN = frozenset({500, 502})
"""Syntax error, and command not implemented: the server does not have the command."""

NOT_SUPPORTED = 522
"""Network protocol not supported (RFC 2428 §2)."""

OTHER_NUMBER = 3
"""A number of EPRT that is neither IPv4's nor IPv6's."""

UNUSED_PORT = 60009
"""A port at which no client waits; servers refuse those below 1024 (RFC 2577 §3)."""

_OWN_PORT = re.compile(r"^(?:EPRT \|\d\|[^|]*\|(\d+)\||PORT [\d,]*?(\d+),(\d+))\r$", re.MULTILINE)

REFUSALS = range(400, 600)
"""The codes of replies that refuse a command."""


@Requirement(
    id="META-005",
    title="The data ports of FTP can be used over both families",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="EPSV is answered with a port that is reached over the family of the control connection. PASV is "
    "answered with the IPv4 address that the client connected to; over IPv6 it is refused, because its reply has no "
    "form for an IPv6 address.",
    stimulus="Over each family that the service claims: log in as anonymous, send PASV and EPSV, and connect to the "
    "port of EPSV while the control connection is open.",
    wire="The connection to the data port is of the family of the control connection, and is answered.",
    cites=("RFC 2428 §3", "RFC 959 §4.1.2, §4.2", "RFC 4038 §5.1"),
    topologies=("dual-stack", "ipv6-only-strict"),
    causes=("RC-SIDECHANNEL", "RC-PASVIPV6", "RC-ADVERTISED"),
    needs=(Need.FTP, Need.MANY),
).attach
def test_data_ports(world: ListenerWorld) -> None:
    """Each client can use the data port that it gets."""
    start_or_leave(world)
    if not world.families:
        raise NothingToJudge(NO_FAMILY)
    ports = {family: data_port(world, family) for family in world.families}
    for family, port in ports.items():
        world.shows_served(family)
        if port and not world.clients.inside:
            world.shows(lambda wire, family=family, port=port: answered(wire, port, family))  # type: ignore[misc]  # mypy: default


def data_port(world: ListenerWorld, family: Family) -> int:
    """Require that the replies to a client of a family are right; return the data port that it has reached, or 0."""
    address = world.addresses(family)[0]
    dialled = world.client.hold(family, 1).clients[-1]
    if dialled.outcome is not Outcome.ANSWERED:
        raise NothingToJudge(f"{family.label} {UNSERVED}: {dialled.detail}")
    replies = replies_in(dialled.answer.encode("latin-1"))
    world.require(passive(replies["PASV"], family, address))
    port = replies["EPSV"].extended
    expected = f"EPSV over {family.label} is answered with a port: 229 and (|||port|)"
    world.require(Finding(bool(port), expected, f"it is answered {replies['EPSV'].text!r}"))
    if not port:
        return 0
    reached = world.client.carry_out(replace(world.client.exchange(family, protocol=AppProtocol.CONNECT), port=port))
    ok = reached.outcome is Outcome.ANSWERED
    what = f"an {family.label} client reaches the data port at {endpoint(address, port)}"
    world.require(Finding(ok, what, reached.detail, symptoms=() if ok else (Symptom.SIDE_PORT,)))
    return port if ok else 0


def passive(reply: Reply, family: Family, address: str) -> Finding:
    """Return whether the reply to PASV is right for a client of a family that has connected to an address."""
    if family is Family.IPV6:
        ok = reply.code in REFUSALS
        expected = "PASV over IPv6 is refused, because its reply has no form for an IPv6 address"
        symptom = Symptom.PASV_OVER_IPV6
    else:
        ok = reply.code in REFUSALS or (reply.passive or ("", 0))[0] == address
        expected = f"PASV over IPv4 is answered with {address}, or refused"
        symptom = Symptom.UNUSABLE_ADDRESS
    return Finding(ok, expected, f"it is answered {reply.text!r}", symptoms=() if ok else (symptom,))


@Requirement(
    id="META-010",
    title="An FTP server connects to its client over the family of the control connection",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="After EPRT with the client's address the server opens the data connection to this address and port. So "
    "it does after PORT over IPv4. Over IPv6 it takes EPRT if it has active mode over IPv4; without active mode it "
    "refuses these commands.",
    stimulus="Over each family that the service claims: log in as anonymous, open a port at the client's address, send "
    "EPRT with both, and LIST; over IPv4 also PORT and LIST.",
    wire="The service opens a connection to the client's port, over the family of the control connection.",
    cites=("RFC 2428 §2", "RFC 959 §4.1.2, §5.2", "RFC 4038 §5.1"),
    topologies=("dual-stack", "ipv6-only-strict"),
    causes=("RC-SIDECHANNEL",),
    needs=(Need.FTP, Need.PLAIN, Need.MANY),
).attach
def test_active_mode(world: ListenerWorld) -> None:
    """The server opens the data connection to each client that asks for it."""
    start_or_leave(world)
    for family in world.families:
        asked(world, family)
    done = {(family, command): active(world, family, command) for family, command in ways(world)}
    taken = {key: dialled for key, dialled in done.items() if dialled.status not in REFUSALS}
    if not taken:
        raise NothingToJudge(f"it has no active mode: {next(iter(done.values())).detail}" if done else NO_FAMILY)
    by_port = (Family.IPV4, "PORT") in taken
    for (family, command), dialled in done.items():
        if (family, command) in taken or family is Family.IPV6 or not by_port:
            world.require(connected(dialled, family, command))
    for (family, _), dialled in taken.items():
        if dialled.outcome is Outcome.ANSWERED:
            shows_arrival(world, family, dialled, _OWN_PORT)
    for family in world.families:
        world.shows_served(family)


def ways(world: ListenerWorld) -> list[tuple[Family, str]]:
    """Return how clients ask for a data connection: each family with its commands."""
    return [(family, item) for family in world.families for item in ("EPRT", "PORT") if item in COMMANDS[family]]


COMMANDS = {Family.IPV4: ("EPRT", "PORT"), Family.IPV6: ("EPRT",)}
"""The commands that can name an address of each family."""


def active(world: ListenerWorld, family: Family, command: str) -> Dialled:
    """A client asks for a listing with EPRT or PORT, or sends another command after its login."""
    return world.client.carry_out(replace(world.client.exchange(family, protocol=ACTIVE), send=command))


def connected(dialled: Dialled, family: Family, command: str) -> Finding:
    """Return whether the server has sent the listing to the client's port."""
    ok = dialled.outcome is Outcome.ANSWERED
    expected = f"after {command} over {family.label} the server connects to its client's port, and sends the listing"
    return Finding(ok, expected, dialled.detail)


@Requirement(
    id="META-011",
    title="EPRT for a network protocol that the server does not have is refused with 522",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="A server that has EPRT refuses a network protocol that it does not have with 522, so that the client "
    "knows that another one may work: a number that is neither 1 (IPv4) nor 2 (IPv6), and that of a family which the "
    "service does not claim.",
    stimulus="Over each family that the service claims: log in as anonymous, and send EPRT with such a number.",
    wire="The exchanges are answered over the family of their client.",
    cites=("RFC 2428 §2",),
    topologies=("dual-stack",),
    causes=("RC-VAGUEREFUSAL",),
    needs=(Need.FTP, Need.PLAIN, Need.MANY),
).attach
def test_refused_network_protocols(world: ListenerWorld) -> None:
    """A network protocol that there is not gets its own reply."""
    start_or_leave(world)
    numbers = {OTHER_NUMBER: "2001:db8::1"}
    numbers |= {PROTOCOLS[item]: _EXAMPLE[item] for item in Family if item not in world.listener.families}
    for family in world.families:
        asked(world, family)
        own = active(world, family, f"EPRT |{PROTOCOLS[family]}|{world.client.exchange(family).source}|{UNUSED_PORT}|")
        if own.status in UNKNOWN:
            raise NothingToJudge(f"it has no EPRT: {own.detail}")
        for number, address in sorted(numbers.items()):
            dialled = active(world, family, f"EPRT |{number}|{address}|{UNUSED_PORT}|")
            expected = f"over {family.label} EPRT with the number {number} is refused with 522"
            world.require(Finding(dialled.status == NOT_SUPPORTED, expected, dialled.detail))
    if not world.findings:
        raise NothingToJudge(NO_FAMILY)
    for family in world.families:
        world.shows_served(family)


_EXAMPLE = {Family.IPV4: "192.0.2.1", Family.IPV6: "2001:db8::1"}
"""An address of each family; nothing is sent there."""
