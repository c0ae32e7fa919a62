"""A client names its server correctly in its requests: an IPv6 address is in brackets."""

import re
from collections.abc import Iterator, Mapping

from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.families import BOTH, endpoint
from dualstack.finding import Finding, Symptom
from dualstack.protocols.application import Trait
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ConnectorWorld
from dualstack.world.request_heads import head_fault, requests_in

DEFAULT_PORTS = frozenset({80, 443, 554, 5060})
"""The ports that requests of HTTP, RTSP and SIP may leave out."""


@Requirement(
    id="CONNECT-017",
    title="An IPv6 address in a request is in brackets",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="Wherever a request names a host with an optional port, an IPv6 address is in brackets and has no zone: "
    "in the Host header, which HTTP/1.1 and the handshake of a WebSocket require once, in :authority, which HTTP/2 and "
    "gRPC send instead, in a target in absolute or authority form, in the URI of RTSP, and in the URIs and the Via "
    "header of SIP. A port that is named after an IPv4 address or a name is also named after an IPv6 one, unless it is "
    "the default.",
    stimulus="The server listens on its address of each family that the connector claims; run the connector with "
    "these addresses (the IPv6 address in brackets if a port follows it) and with a name, as far as it takes them. A "
    "run that does not connect at all is left to the other requirements.",
    wire="No claim: the evidence is the request that reached the server.",
    cites=(
        "RFC 3986 §3.2.2",
        "RFC 9110 §7.2",
        "RFC 9112 §3.2",
        "RFC 9113 §8.3.1",
        "RFC 6874 §4",
        "RFC 7826 §4.2",
        "RFC 6455 §4.1",
        "RFC 3261 §19.1.1, §20.42",
    ),
    topologies=("dual-stack",),
    causes=("RC-BRACKET", "RC-HOSTHEADER"),
    needs=(Need.NAMES_SERVER,),
).attach
def test_request_heads(world: ConnectorWorld) -> None:
    """Every request that reaches the server names it correctly."""
    connector = world.connector
    named: dict[str, str] = {}
    with world.serve(*world.families) as serving:
        if connector.literals:
            for family in world.families:
                address = world.peer.plan.address(family)
                named[address] = require_hosts(world, address, world.connector_runs.run(address, serving).heads)
        if connector.names:
            a, aaaa = ("ok" if family in world.families else "none" for family in BOTH)
            with world.names(a=a, aaaa=aaaa) as name:
                named[name] = require_hosts(world, name, world.connector_runs.run(name, serving).heads)
    if all(finding.ok for finding in world.findings):
        for finding in keeps_port(named, connector.port):
            world.require(finding)
    if world.findings:
        return
    if connector.traits & {Trait.HTTP, Trait.CALLS, Trait.WEBSOCKET}:
        raise Inconclusive("no request of the connector reached the server, so there is nothing to judge")
    raise NothingToJudge("the connector sends no request of HTTP, RTSP or SIP")


def require_hosts(world: ConnectorWorld, asked: str, texts: tuple[str, ...]) -> str:
    """Require that every request of one run names its hosts correctly; return the line in which the first one does.

    A run without requests is not judged, and the line is empty then.
    """
    named = ""
    is_http = bool(world.connector.traits & {Trait.HTTP, Trait.WEBSOCKET})
    heads = [head for text in texts for head in requests_in(text) or [text] * is_http]
    for head in heads[:1]:
        faults = [fault for item in heads if (fault := head_fault(item, asked))]
        line, *fields = head.split("\r\n")
        named = next((field for field in fields if field.lower().startswith(("host:", ":authority:"))), line)
        where = endpoint(asked, world.connector.port)
        encoded = any("%5B" in fault.upper() for fault in faults)
        world.require(
            Finding(
                not faults,
                f"the request to {where} names its hosts correctly",
                "; ".join(faults) or named,
                symptoms=(Symptom.ENCODED_BRACKETS,) if encoded else (),
            )
        )
    return named


def keeps_port(named: Mapping[str, str], port: int) -> Iterator[Finding]:
    """Yield whether the port is named with an IPv6 address, if it is with an IPv4 address or a name.

    Args:
        named: The line that names the host, for each address and name that the connector was given.
        port: The port of all of them; a default port may be left out.
    """
    if port in DEFAULT_PORTS:
        return
    has = {asked: re.search(rf":{port}(?!\d)", line) is not None for asked, line in named.items() if line}
    other = next((named[asked] for asked, there in has.items() if there and ":" not in asked), "")
    for asked, there in has.items():
        if other and ":" in asked:
            expected = f"the request to {endpoint(asked, port)} names the port, as another one does: {other!r}"
            yield Finding(there, expected, named[asked], symptoms=() if there else (Symptom.PORT_LOST,))
