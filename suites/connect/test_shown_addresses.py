"""How a connector shows the address of its server in its output."""

import ipaddress
from collections.abc import Iterator

from dualstack.errors import NothingToJudge
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ConnectorWorld
from dualstack.world.servers import serve_connector
from dualstack.world.shown_addresses import cut_texts, has_brackets, joined_texts, shown, texts_of

NEEDS = (Need.IPV6, Need.ENDS)

STIMULUS = (
    "A name has one AAAA record. Run the connector towards it while the server listens on that address, and again "
    "while it does not, so that errors are shown too. The same with an address whose text is longer. A connector that "
    "takes no names is given the addresses. A connector whose output does not show {what} is not judged."
)

WIRE = "No claim: the evidence is the output of the connector."


def outputs(world: ConnectorWorld) -> Iterator[tuple[str, str]]:
    """Yield the server's addresses, each with the output of a run that reaches it, and of one that is refused."""
    first, longer = world.peer.plan.configured[Family.IPV6][:2]
    for served in (first, longer):
        with serve_connector(world.peer, world.connector, (served,)) as serving:
            for target in (first, longer):
                if not world.connector.names:
                    yield target, world.connector_runs.run(target, serving).output
                    continue
                with world.names(aaaa="ok", addresses={Family.IPV6: (target,)}) as name:
                    yield target, world.connector_runs.run(name, serving).output


@Requirement(
    id="ADDR-003",
    title="Shows an IPv6 address in the canonical form",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="Where its output shows the IPv6 address of its server, the service writes it in the canonical form: "
    "small letters, no leading zeros, and :: for the longest run of zeros.",
    stimulus=STIMULUS.format(what="the address"),
    wire=WIRE,
    cites=("RFC 5952 §4", "inet_ntop(3)"),
    topologies=("dual-stack",),
    causes=("RC-ADDRFORMAT",),
    needs=NEEDS,
).attach
def test_canonical_text(world: ConnectorWorld) -> None:
    """Every text of the server's address in the output is the canonical one."""
    for address, output in outputs(world):
        texts = texts_of(output, address)
        others = [text for text in texts if text != str(ipaddress.IPv6Address(address))]
        if texts:
            expected = f"its output shows {address} in the canonical form"
            world.require(Finding(not others, expected, shown(output, others or texts)))
    if not world.findings:
        raise NothingToJudge("its output does not show the IPv6 address of its server")


@Requirement(
    id="ADDR-004",
    title="Shows an IPv6 address and a port with brackets",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="Where its output shows the IPv6 address of its server and the port joined by a colon, the address is in "
    "brackets: without them the port is read as a part of the address.",
    stimulus=STIMULUS.format(what="address and port joined"),
    wire=WIRE,
    cites=("RFC 5952 §6", "RFC 3986 §3.2.2"),
    topologies=("dual-stack",),
    causes=("RC-BRACKET",),
    needs=NEEDS,
).attach
def test_brackets(world: ConnectorWorld) -> None:
    """Wherever address and port are joined in the output, the address is in brackets."""
    port = world.connector.port
    for address, output in outputs(world):
        joined = joined_texts(output, address, port)
        if joined or has_brackets(output, address, port):
            expected = f"its output shows {address} and the port as [{address}]:{port}"
            world.require(Finding(not joined, expected, shown(output, joined or (f"[{address}]:{port}",))))
    if not world.findings:
        raise NothingToJudge("its output does not show the IPv6 address and the port of its server joined by a colon")


@Requirement(
    id="ADDR-005",
    title="Shows the whole of a long IPv6 address",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="Where its output shows the IPv6 address of its server, the text is not cut off: an IPv6 address takes "
    "up to 45 characters, an IPv4 address 15.",
    stimulus=STIMULUS.format(what="the address"),
    wire=WIRE,
    cites=("RFC 4291 §2.2", "RFC 4038 §5.1", "inet_ntop(3)"),
    topologies=("dual-stack",),
    causes=("RC-SOCKADDR",),
    needs=NEEDS,
).attach
def test_whole_text(world: ConnectorWorld) -> None:
    """No text in the output is only the beginning of the server's address."""
    for address, output in outputs(world):
        whole, cut = texts_of(output, address), cut_texts(output, address)
        if whole or cut:
            expected = f"its output shows the whole address {address}"
            world.require(Finding(not cut, expected, shown(output, cut or whole)))
    if not world.findings:
        raise NothingToJudge("its output does not show the IPv6 address of its server")
