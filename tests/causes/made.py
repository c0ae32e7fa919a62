"""Made-up facts for tests."""

from dataclasses import replace
from typing import Any

from dualstack.causes import likely
from dualstack.facts import Exchange, Facts, FamilyFacts, Host, How, Start, signs_of
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.prober.messages import SocketRow
from dualstack.suites import requirements

IPV4, IPV6 = BOTH
PORT = 8080
ADDRESS = {IPV4: "198.51.100.1", IPV6: "2001:db8:51:1::101"}
OK, REFUSED, IGNORED, HUNG_UP = How.ANSWERED, How.REFUSED, How.IGNORED, How.HUNG_UP
NO_IPV6 = Host(families=frozenset({IPV4}), loopbacks=frozenset({IPV4}), ipv6_disabled=True)
NO_AF_INET6 = replace(NO_IPV6, ipv6_sockets=False)
NO_IPV4 = Host(families=frozenset({IPV6}), loopbacks=frozenset({IPV6}))
STARTED, DIED = Start(ready=True), Start(ended="exited with code 1", code=1)
IN_USE = "bind: Address already in use"
CLIENT = {IPV4: "198.51.100.33", IPV6: "2001:db8:51:1::201"}


def row(address: str, port: int = PORT, transport: str = "tcp", *, v6only: bool | None = None) -> SocketRow:
    """Return a socket that the service has bound."""
    family = "ipv6" if ":" in address else "ipv4"
    state = "LISTEN" if transport == "tcp" else "UNCONN"
    return SocketRow(family, transport, state, address, port, "", v6only, "server(7)")


ZERO, DUAL, ONLY = row("0.0.0.0"), row("::", v6only=False), row("::", v6only=True)
U4, U6 = row("0.0.0.0", transport="udp"), row("::", transport="udp", v6only=True)
UDP = {"transport": "udp", "protocol": "echo"}


def saw(family: Family, how: How, number: int = 3, **changes: Any) -> FamilyFacts:
    """Return facts of a family in which every client had this result."""
    return FamilyFacts(family, works=how is How.ANSWERED, hows=((how, number),), **changes)


def held(family: Family, how: How, **changes: Any) -> Exchange:
    """Return one exchange."""
    return replace(Exchange(family, ADDRESS[family], PORT, how, source=CLIENT[family]), **changes)


def facts(
    ipv4: How | FamilyFacts = How.ANSWERED,
    ipv6: How | FamilyFacts = How.ANSWERED,
    *sockets: SocketRow,
    output: str = "",
    **changes: Any,
) -> Facts:
    """Return the facts of a listener whose clients had these results, with matching findings."""
    seen = {
        family: how if isinstance(how, FamilyFacts) else saw(family, how)
        for family, how in zip(BOTH, (ipv4, ipv6), strict=True)
    }
    broken = [
        Finding(False, f"an {family.label} client is answered at {ADDRESS[family]}", "it was not")
        for family in BOTH
        if seen[family].works is False
    ]
    base = Facts(
        requirement="LISTEN-001",
        port=PORT,
        ipv4=seen[IPV4],
        ipv6=seen[IPV6],
        sockets=sockets,
        table=sockets,
        signs=signs_of(output),
        silent=not output,
        clients=frozenset(CLIENT.values()),
        broken=tuple(broken),
    )
    return replace(base, **changes)


def first(found: Facts) -> str:
    """Return the first cause that the facts support; empty if none does."""
    item = requirements().get(found.requirement)
    causes = likely(item.causes if item else (), found)
    return causes[0].code if causes else ""
