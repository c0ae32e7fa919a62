"""A connector recognises every textual form of an address, and refuses what is none."""

import ipaddress

from dualstack.errors import NothingToJudge
from dualstack.families import Family, endpoint
from dualstack.finding import Finding
from dualstack.lab.changes import AddAddress
from dualstack.manifest import Connect
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.evidence import CaptureData
from dualstack.world import ConnectorWorld
from dualstack.world.address_texts import ambiguous, forms, malformed
from dualstack.world.connecting import Run
from dualstack.world.run_attempts import attempts_by_run
from dualstack.world.servers import serve_connector, serve_names


@Requirement(
    id="ADDR-001",
    title="Recognises every textual form of an IPv6 address",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="The service connects to an IPv6 address in each form of RFC 4291: in upper case, with leading zeros, "
    "with :: at any place or without it, and with its last 32 bits as a dotted quad.",
    stimulus="The server listens on its IPv6 address. As a control, run the connector with the usual form of this "
    "address (RFC 5952): it must succeed (CONNECT-001). Then run it with each other form (in brackets if a port "
    "follows it).",
    wire="Every connection attempt is IPv6.",
    cites=("RFC 4291 §2.2", "RFC 5952 §2, §3.2"),
    topologies=("dual-stack",),
    causes=("RC-ADDRTEXT", "RC-INETATON", "RC-SPLIT"),
    needs=(Need.IPV6, Need.LITERALS),
).attach
def test_every_form(world: ConnectorWorld) -> None:
    """Each form of the server's IPv6 address leads to the server."""
    address = world.peer.plan.address(Family.IPV6)
    with serve_names(world.peer), world.serve(Family.IPV6) as serving:
        usual = world.connector_runs.run(address, serving)
        if usual.problem and not usual.unspoken:
            raise NothingToJudge(f"the connector does not reach {address} (CONNECT-001): {usual.problem}")
        for what, text in forms(address).items():
            world.note(f"the address {what}: {text}")
            world.connect(text, serving, Family.IPV6)
    world.shows_connected(Family.IPV6)


@Requirement(
    id="ADDR-002",
    title="Refuses a malformed address",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="Given a text that looks like an address and is none, the service reports an error and connects to "
    "nothing. It does not drop a part of the text to make an address of it.",
    stimulus="The server listens on its addresses. Run the connector with malformed texts, each of which becomes the "
    "address of the server if a part of it is ignored: a ninth group, a second ::, a group of five digits, a prefix "
    "length, a number above 255, a fifth number. As a control, run it with the address itself.",
    wire="The runs with malformed texts make no connection attempt.",
    cites=("RFC 4291 §2.2", "RFC 3986 §3.2.2"),
    topologies=("dual-stack",),
    causes=("RC-ADDRTEXT", "RC-SPLIT"),
    needs=(Need.LITERALS, Need.ENDS),
).attach
def test_malformed(world: ConnectorWorld) -> None:
    """A malformed address is an error."""
    with serve_names(world.peer), world.serve(*world.families) as serving:
        for family in world.families:
            address = world.peer.plan.address(family)
            usual = world.connector_runs.run(address, serving)
            if usual.problem and not usual.unspoken:
                world.note(f"it does not reach {address} either, so malformed forms of it show nothing")
                continue
            for what, text in malformed(address).items():
                run = world.connector_runs.run(text, serving, certificate_for=address)
                world.require(refuses(run, world.connector, f"{endpoint(text, world.connector.port)} ({what})"))
                if run.how is None:
                    break  # a program that hangs would do so for each text
    if not world.findings:
        raise NothingToJudge("the connector does not reach the addresses themselves (CONNECT-001, CONNECT-002)")
    usual_ones = {world.peer.plan.address(family) for family in world.families}
    world.shows(lambda wire: attempts_only(wire, world, usual_ones))


def refuses(run: Run, connector: Connect, text: str) -> Finding:
    """Return whether a run with a malformed text ended by itself with an error, and connected to nothing."""
    expected = f"given {text} it reports an error, and connects to nothing"
    if run.reached:
        return Finding(False, expected, f"it connected: {run.reached}")
    if run.how is None or run.how.signal:
        return Finding(False, expected, run.problem)
    silent = run.how.code == 0 and not run.said
    succeeds = not run.fault and (connector.exit_code != "any" or connector.output is not None)
    return Finding(not silent and not succeeds, expected, run.fault or run.problem)


def attempts_only(wire: CaptureData, world: ConnectorWorld, targets: set[str]) -> Finding:
    """Return whether only the runs with these targets made connection attempts."""
    runs = zip(world.connector_runs.done, attempts_by_run(wire, world.connector_runs), strict=True)
    others = [f"given {target}: {item}" for (target, _, _), made in runs if target not in targets for item in made]
    expected = "a run with a malformed text makes no connection attempt"
    return Finding(not others, expected, "; ".join(others[:4]) or "there was none")


@Requirement(
    id="ADDR-007",
    title="Reads ambiguous IPv4 texts as inet_aton does, or refuses them",
    level=Level.OBSERVE,
    role=Role.CONNECTOR,
    statement="IPv4 addresses with leading zeros, as one number, in hexadecimal or with fewer than four parts are "
    "ambiguous. The service refuses them, or reads them as inet_aton(3) and getaddrinfo(3) do, where a leading zero "
    "means octal: a filter and a program that read them differently can be deceived.",
    stimulus="The server listens on its IPv4 address, and on the address that results if a leading zero is ignored. "
    "Run the connector with each ambiguous text of the first address; report what it does.",
    wire="No claim: the evidence is the address at which the server is reached.",
    cites=("RFC 6943 §3.1.1", "inet_aton(3)", "RFC 3986 §7.4"),
    topologies=("dual-stack",),
    causes=("RC-ADDRTEXT",),
    needs=(Need.IPV4, Need.LITERALS, Need.ENDS),
).attach
def test_ambiguous(world: ConnectorWorld) -> None:
    """What is done with an ambiguous text of an IPv4 address is reported."""
    address = world.peer.plan.address(Family.IPV4)
    texts = ambiguous(address)
    decimal = str(ipaddress.IPv4Address(".".join(part.lstrip("0") for part in texts["with a leading zero"].split("."))))
    world.peer.apply(AddAddress(decimal))
    world.note(f"add {decimal} to the server's host, and listen on it too")
    with serve_names(world.peer), serve_connector(world.peer, world.connector, (address, decimal)) as serving:
        for what, text in texts.items():
            world.require(reads(world.connector_runs.run(text, serving), address, f"{text} ({what})"))


def reads(run: Run, address: str, text: str) -> Finding:
    """Return whether a run with an ambiguous text reached this address, or none."""
    others = [item for item in run.dialled if item != address]
    happened = f"it connected to {' and '.join(dict.fromkeys(run.dialled))}" if run.dialled else run.problem
    return Finding(not others, f"given {text} it connects to {address}, or reports an error", happened)
