"""Facts that tests make up."""

from dataclasses import replace
from typing import Any

from dualstack.facts import Exchange, Facts, FamilyFacts, How, signs_of
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.prober.messages import SocketRow

IPV4, IPV6 = BOTH
PORT = 8080
ADDRESS = {IPV4: "198.51.100.1", IPV6: "2001:db8:51:1::101"}
CLIENT = {IPV4: "198.51.100.33", IPV6: "2001:db8:51:1::201"}


def row(address: str, port: int = PORT, transport: str = "tcp", *, v6only: bool | None = None) -> SocketRow:
    """Return a socket that the service has bound."""
    family = "ipv6" if ":" in address else "ipv4"
    state = "LISTEN" if transport == "tcp" else "UNCONN"
    return SocketRow(family, transport, state, address, port, "", v6only, "server(7)")


ZERO, DUAL, ONLY = row("0.0.0.0"), row("::", v6only=False), row("::", v6only=True)


def saw(family: Family, how: How, number: int = 3, **changes: Any) -> FamilyFacts:
    """Return that clients of a family fared so, and nothing else."""
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
    """Return the facts of a listener whose clients fared so, and whose findings say so."""
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
